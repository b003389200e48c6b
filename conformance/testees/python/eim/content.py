"""Bodies of messages: what a client may send in them (chapters 40, 41, 42), and which spans of a text it shows.

`check` is given the number of the type and the octets of the body; Refused names the code.
"""

import re
from typing import Any

from .errors import Reject, Refused
from .protobuf import Values, parse
from .registry import LIMITS, TYPE_NUMBERS
from .schema import ENUMS

_ID_OCTETS, _HASH_OCTETS = 16, 32
_MESSAGES = range(0x20, 0x40)

# Restricted names (RFC 6838, 4.2), in lower case.
_RESTRICTED = r"[a-z0-9][a-z0-9!#$&\-^_.+]{0,126}"
_MEDIA_TYPE = re.compile(f"({_RESTRICTED})/{_RESTRICTED}")
_KIND = {"IMAGE": "image", "VOICE": "audio", "VIDEO": "video"}
_UNFIT_IN_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")
_ADDRESS = re.compile(r"https?://[!-~]+")

# Reversed: the top level first, which is never all digits (RFC 1123, 2.1); then labels of letters, digits and hyphens.
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_LONGEST_NAME = 253

_NAMES = {number: name for name, number in TYPE_NUMBERS.items()}


def check(type_: int, body: bytes) -> None:
    """Refused unless a client may send this body in a message of this type."""
    name = _NAMES.get(type_)
    if name not in _BODIES:
        return
    message, rules = _BODIES[name]
    rules(name, _parsed(message, body))


def shown_spans(body: bytes) -> list[list[int]]:
    """EIM-OPS-004: kind, start and length of each span that is shown."""
    text = parse("TextBody", body)
    octets = text.get("text", "").encode("utf-8")
    # Where a character begins, and the end.
    borders = {at for at, octet in enumerate(octets) if octet & 0xC0 != 0x80} | {len(octets)}
    shown = []
    for span in text.get("spans", []):
        start, length, kind = (span.get(key, 0) for key in ("start", "length", "kind"))
        known = kind != 0 and kind in ENUMS["SpanKind"]
        if known and length > 0 and start in borders and start + length in borders:
            shown.append([kind, start, length])
    return shown


def location(latitude: float, longitude: float) -> bool:
    """EIM-MSG-034."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Refused("INVALID_MESSAGE")
    return True


def custom_namespace(namespace: str) -> bool:
    """EIM-MSG-035: two labels at least, since nobody controls a top-level domain by itself."""
    labels = namespace.split(".")
    well_formed = all(_LABEL.fullmatch(label) for label in labels) and not labels[0].isdigit()
    if len(labels) < 2 or len(namespace) > _LONGEST_NAME or not well_formed:
        raise Refused("INVALID_MESSAGE")
    return True


def _parsed(message: str, body: bytes) -> Values:
    try:
        return parse(message, body)
    except Reject as fault:  # EIM-CNT-001, EIM-MSG-029
        raise Refused("INVALID_MESSAGE") from fault


def _require(fits: bool) -> None:
    if not fits:
        raise Refused("INVALID_MESSAGE")


def _short(value: str | bytes, limit: str) -> None:
    octets = value.encode("utf-8") if isinstance(value, str) else value
    if len(octets) > LIMITS[limit]:
        raise Refused("MESSAGE_TOO_LARGE")


def _words(values: Values, *fields: str) -> None:
    """EIM-CNT-008."""
    for field in fields:
        _short(values.get(field, ""), "caption_octets")


def _text(_type: str, values: Values) -> None:
    _short(values.get("text", ""), "text_octets")  # EIM-MSG-030
    mentions = values.get("mentions", [])
    _require(len(mentions) <= LIMITS["text_mentions"])  # EIM-OPS-002
    _require(len(values.get("spans", [])) <= LIMITS["text_spans"])  # EIM-OPS-002
    _require(all(len(user) == _ID_OCTETS for user in mentions))  # EIM-OPS-001


def _blob(type_: str, blob: Values) -> None:
    name = blob.get("name", "")
    _require(len(blob.get("blob", b"")) > 0)  # EIM-CNT-002
    _short(blob.get("blob", b""), "blob_id_octets")  # EIM-CNT-002
    _require(len(blob.get("sha256", b"")) == _HASH_OCTETS)  # EIM-CNT-002
    media_type = _MEDIA_TYPE.fullmatch(blob.get("media_type", ""))
    _require(media_type is not None)  # EIM-CNT-003
    _require(media_type[1] == _KIND.get(type_, media_type[1]))  # EIM-CNT-003
    _short(name, "file_name_octets")  # EIM-CNT-004
    _require(_UNFIT_IN_NAME.search(name) is None and name not in (".", ".."))  # EIM-CNT-004
    _require(name != "" or type_ != "FILE")  # EIM-CNT-005


def _media(type_: str, values: Values) -> None:
    _blob(type_, values.get("blob", {}))
    _require((values.get("width", 0) > 0) == (values.get("height", 0) > 0))  # EIM-CNT-006
    _require(type_ != "VOICE" or values.get("duration_ms", 0) > 0)  # EIM-CNT-016
    _short(values.get("thumbnail", b""), "thumbnail_octets")  # EIM-CNT-007
    _short(values.get("waveform", b""), "waveform_octets")  # EIM-CNT-007
    _words(values, "caption")


def _location(_type: str, values: Values) -> None:
    location(values.get("latitude", 0.0), values.get("longitude", 0.0))
    _words(values, "label")


def _card(_type: str, values: Values) -> None:
    contact, link = values.get("contact"), values.get("link")
    if contact is not None:
        _require(len(contact.get("user", b"")) == _ID_OCTETS)  # EIM-CNT-009
        _words(contact, "name")
    elif link is not None:
        url = link.get("url", "")
        _short(url, "url_octets")  # EIM-CNT-010
        _require(_ADDRESS.fullmatch(url) is not None)  # EIM-CNT-010
        _short(link.get("thumbnail", b""), "thumbnail_octets")  # EIM-CNT-007
        _words(link, "title", "text")
    else:
        raise Refused("INVALID_MESSAGE")  # EIM-CNT-009


def _custom(_type: str, values: Values) -> None:
    custom_namespace(values.get("namespace", ""))


def _notice(_type: str, values: Values) -> None:
    _words(values, "text")


def _forward(_type: str, values: Values) -> None:
    messages = values.get("messages", [])
    _words(values, "title")
    _require(1 <= len(messages) <= LIMITS["forward_messages"])  # EIM-CNT-011
    for message in messages:  # EIM-CNT-012
        type_ = message.get("type", 0)
        _require(type_ in _MESSAGES and type_ != TYPE_NUMBERS["FORWARD"])
        _require(len(message.get("sender", b"")) in (0, _ID_OCTETS))
        _words(message, "name", "fallback_text")
        check(type_, message.get("body", b""))


_BODIES: dict[str, tuple[str, Any]] = {
    "TEXT": ("TextBody", _text),
    "IMAGE": ("MediaBody", _media),
    "FILE": ("MediaBody", _media),
    "VOICE": ("MediaBody", _media),
    "VIDEO": ("MediaBody", _media),
    "LOCATION": ("LocationBody", _location),
    "CARD": ("CardBody", _card),
    "CUSTOM": ("CustomBody", _custom),
    "FORWARD": ("ForwardBody", _forward),
    "NOTICE": ("NoticeBody", _notice),
}
