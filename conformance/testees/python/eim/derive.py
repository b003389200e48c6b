"""Functions of the specification that yield octets or a choice: one function for each row of the testee protocol.

Each takes the arguments of the request by name and returns the value, or raises Refused.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from . import story
from .content import check, custom_namespace, location, shown_spans
from .errors import Refused
from .frame import HEADER_OCTETS
from .protobuf import encode
from .registry import ERROR_CLASSES, ERRORS, FRAME_TYPES, LIMITS, TYPE_NUMBERS
from .saslprep import saslprep
from .schema import ENUMS

EXPORTER_LABEL = "EXPORTER-EIM-v1"
_FEWEST_ITERATIONS, _MOST_ITERATIONS = 4096, 1_000_000
_PUSH_MARGIN = 256  # EIM-MSG-068

# Classes in which a retry can help, if `retryable` of the error says so (chapter 75).
_MAYBE_RETRYABLE = frozenset({"session", "capacity", "server"})


def conversation_id(a: str, b: str) -> str:
    """EIM-MSG-010."""
    smaller, larger = sorted((bytes.fromhex(a), bytes.fromhex(b)))
    return hashlib.sha256(b"eim/1 direct" + smaller + larger).digest()[:16].hex()


def binding(hello: str, welcome: str) -> str:
    """EIM-AUT-010: over both frames whole."""
    return hashlib.sha256(bytes.fromhex(hello) + bytes.fromhex(welcome)).hexdigest()


def channel_binding(binding: str, exporter: str | None = None) -> str:
    """EIM-AUT-015 with TLS, EIM-AUT-016 without."""
    return binding if exporter is None else exporter


def exporter_context(binding: str) -> dict[str, str]:
    """EIM-AUT-015: what goes into the exporter of TLS."""
    return {"label": EXPORTER_LABEL, "context": binding}


def sequence(ordinal: str) -> int:
    """EIM-SEQ-002."""
    return story.sequence(int(ordinal))


def frame_octets(length: int) -> int:
    """EIM-WIN-002."""
    return story.frame_octets(int(length))


def prepare(text: str) -> str:
    """EIM-AUT-020."""
    try:
        return saslprep(text)
    except ValueError as fault:
        raise Refused("AUTH_FAILED") from fault


def iterations(count: int) -> bool:
    """EIM-AUT-022."""
    if not _FEWEST_ITERATIONS <= count <= _MOST_ITERATIONS:
        raise Refused("AUTH_FAILED")
    return True


def error_rule(code: int, retryable: bool = False) -> dict[str, Any]:
    """EIM-ERR-013: what is listed counts as listed; of the rest the class decides, with `retryable` as received."""
    class_ = ERROR_CLASSES.get(code >> 8)
    if class_ is None:
        return {"class": "unknown", "retryable": False}
    known = ERRORS.get(code)
    unlisted = retryable and class_["name"] in _MAYBE_RETRYABLE
    return {"class": class_["name"], "retryable": known["retryable"] if known else unlisted}


def content(type: int, body: str) -> bool:
    """EIM-CNT-001 and those beside it: the bodies that a client may send."""
    check(type, bytes.fromhex(body))
    return True


def spans(body: str) -> list[list[int]]:
    """EIM-OPS-004."""
    return shown_spans(bytes.fromhex(body))


def enum(enum: str, number: int) -> int:
    """EIM-REG-005, and the requirements that say otherwise."""
    name = enum.rpartition(".")[2]
    known = number in ENUMS[name]
    if name == "ErrorScope":  # EIM-CON-027
        return 2 if number == 2 else 1
    if name == "AttachMode" and not known:  # EIM-AUT-002
        raise Refused("INVALID_VALUE")
    return number if known else 0


def message_limit(type: int, text: str) -> bool:
    """EIM-LIM-006: the limits of chapter 40 for a body that is a TextBody, counted in octets of UTF-8."""
    try:
        octets = text.encode("utf-8")
    except UnicodeEncodeError as fault:  # half of a surrogate pair: EIM-MSG-029
        raise Refused("INVALID_MESSAGE") from fault
    body = len(encode("TextBody", {"text": text}))
    cap = FRAME_TYPES[type].wire_cap
    if (
        (type == TYPE_NUMBERS["TEXT"] and len(octets) > LIMITS["text_octets"])  # EIM-MSG-030
        or body > LIMITS["message_octets"]  # EIM-MSG-032
        or (cap is not None and body > cap - _PUSH_MARGIN)  # EIM-MSG-068
    ):
        raise Refused("MESSAGE_TOO_LARGE")
    return True


def websocket(messages: list[dict[str, str]]) -> list[int]:
    """EIM-TRN-023: whole frames in each binary message, found by their length alone."""
    counts = []
    for message in messages:
        if "binary" not in message:
            raise Refused("SPLIT_FRAME")
        octets = bytes.fromhex(message["binary"])
        frames = position = 0
        while position < len(octets):
            length = int.from_bytes(octets[position + HEADER_OCTETS - 4 : position + HEADER_OCTETS], "big")
            position += HEADER_OCTETS + length
            frames += 1
        if position != len(octets):
            raise Refused("SPLIT_FRAME")
        counts.append(frames)
    return counts


FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        conversation_id, binding, channel_binding, exporter_context, sequence, frame_octets, prepare, iterations,
        error_rule, location, custom_namespace, content, spans, enum, message_limit, websocket,
    )
}  # fmt: skip
