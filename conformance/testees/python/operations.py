"""The operations of the testee protocol (codec.md): JSON in, the codec in `eim`, JSON out."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from eim.compression import AVAILABLE, compress
from eim.derive import FUNCTIONS, Refused
from eim.errors import Reject, Unsupported
from eim.frame import HEADER_OCTETS, Decoder, Frame, Header, Receiver
from eim.receive import Reader, Received, reader
from eim.registry import ALGORITHMS, FRAME_TYPES
from eim.story import Direction, Flow, Window, is_sequenced, sequence

Json = dict[str, Any]

_DIGEST_FROM = 4096
_PIECE = 65536

FEATURES = [*(f"compression.{ALGORITHMS[n]}" for n in sorted(ALGORITHMS) if ALGORITHMS[n] in AVAILABLE), "extensions"]


def receiver_of(request: Json) -> Receiver:
    """The receiver that `config` describes; what it leaves out has the values of Receiver."""
    config = dict(request.get("config", {}))
    for key in ("compressions", "negotiated_types"):
        if key in config:
            config[key] = frozenset(config[key])
    return Receiver(**config)


def pieces(chunks: Iterable[str | Json]) -> Iterator[bytes]:
    """The octets of the chunks, the long repetitions in several pieces: a rejected stream is not produced whole."""
    for chunk in chunks:
        if isinstance(chunk, str):
            yield bytes.fromhex(chunk)
            continue
        unit, count = bytes.fromhex(chunk["repeat"]), chunk["count"]
        while unit and count:
            now = min(count, max(1, _PIECE // len(unit)))
            yield unit * now
            count -= now


def _octets(octets: bytes) -> str | Json:
    if len(octets) < _DIGEST_FROM:
        return octets.hex()
    return {"length": len(octets), "sha256": hashlib.sha256(octets).hexdigest()}


def _frame(received: Received, content_key: str) -> Json:
    version, type_, number, compression, _ = received.header
    frame: Json = {"version": version, "type": type_, "sequence": number, "compression": compression}
    frame[content_key] = _octets(received.content)
    if received.canonical is not None:
        frame["canonical_hex"] = _octets(received.canonical)
    return frame


def _receive(decoder: Decoder, chunks: Iterable[str | Json], read: Reader, content_key: str) -> Json:
    """Feeds the chunks and describes what came of them, up to the first fault (EIM-FRM-030, EIM-ERR-005)."""
    frames: list[Json] = []
    reply: Json = {"frames": frames}
    try:
        for piece in pieces(chunks):
            for frame in decoder.feed(piece):
                received = read(frame)
                if received is not None:
                    frames.append(_frame(received, content_key))
    except Reject as fault:
        reply["reject"] = {"stage": fault.stage, "code": fault.code}
        return reply
    if decoder.missing is not None:
        reply["incomplete"] = {"need_at_least": decoder.missing}
    return reply


def decode(request: Json) -> Json:
    """decode, open, message and reassemble."""
    depth = request["op"]
    receiver = receiver_of(request)
    content_key = "payload_hex" if depth == "decode" else "content_hex"
    return _receive(Decoder(receiver), request["chunks"], reader(depth, receiver), content_key)


def _transmit(receiver: Receiver, frame: Json, number: int) -> bytes:
    """The octets of a frame; Reject, as `receiver` would, if it may not be sent (EIM-FRM-001, EIM-FRM-002)."""
    type_, compression = frame["type"], frame.get("compression", 0)
    kind = FRAME_TYPES[type_]
    header = Header(frame.get("version", receiver.version_of(type_)), type_, number, compression, 0)
    if "content_hex" in frame:
        content = bytes.fromhex(frame["content_hex"])
        usable = receiver.accepts_compression(kind, compression)
        payload = compress(compression, content) if usable else content
    else:
        content, payload = b"", bytes.fromhex(frame["payload_hex"])
    header = header._replace(length=len(payload))
    receiver.check(header)
    if compression and kind.content_cap is not None and len(content) > kind.content_cap:  # EIM-FRM-020
        raise Reject("compression", "DECOMPRESSED_TOO_LARGE")
    return header.octets() + payload


def encode(request: Json) -> Json:
    """A frame to octets."""
    frame = request["frame"]
    try:
        return {"octets": _transmit(receiver_of(request), frame, frame.get("sequence", 0)).hex()}
    except Reject as fault:
        return {"refuse": {"code": fault.code}}


class _Story:
    """The steps of a story, over one side of a connection."""

    def __init__(self, request: Json) -> None:
        here = receiver_of(request)
        self._there = Receiver(
            here.sender, here.phase, here.version, here.max_payload, here.compressions, here.negotiated_types
        )
        start = {key: int(value) for key, value in request.get("start", {}).items()}
        self._flow = Flow(
            sent=Direction(start.get("sent", 0), start.get("sent_octets", 0)),
            received=Direction(start.get("received", 0), start.get("received_octets", 0)),
        )
        self._decoder = Decoder(here, self._flow.admit)
        self._closed = False

    def step(self, step: Json) -> Json:
        if self._closed:
            return {"closed": True}
        ((name, argument),) = step.items()
        outcome: Json = getattr(self, f"_{name}")(argument)
        self._closed = "reject" in outcome
        return outcome

    def _grant(self, window: Json) -> Json:
        self._flow.grant(int(window.get("frames", 0)), int(window.get("octets", 0)))
        return {}

    def _credit(self, window: Json) -> Json:
        try:
            self._flow.take_credit(Window(**{key: int(value) for key, value in window.items()}))
        except Reject as fault:
            return {"reject": {"stage": fault.stage, "code": fault.code}}
        return {}

    def _receive(self, chunks: list[str | Json]) -> Json:
        ordinals: list[int | None] = []

        def read(frame: Frame) -> Received:
            header = frame.header
            ordinals.append(self._flow.received.count(header.length) if is_sequenced(header.type) else None)
            return Received(header, frame.payload)

        outcome = _receive(self._decoder, chunks, read, "payload_hex")
        for frame, ordinal in zip(outcome["frames"], ordinals, strict=True):
            if ordinal is not None:
                frame["ordinal"] = str(ordinal)
        return outcome

    def _send(self, frame: Json) -> Json:
        numbered = is_sequenced(frame["type"])
        number = sequence(self._flow.sent.frames + 1) if numbered else 0
        try:
            octets = _transmit(self._there, frame, number)
        except Reject as fault:
            return {"refuse": {"code": fault.code}}
        if numbered:
            length = len(octets) - HEADER_OCTETS
            if not self._flow.sent.fits(length):
                return {"blocked": True}  # EIM-WIN-001, EIM-SEQ-008: it gets no ordinal
            self._flow.sent.count(length)
        return {"octets": octets.hex()}


def story(request: Json) -> Json:
    """A sequence of steps."""
    run = _Story(request)
    return {"steps": [run.step(step) for step in request["steps"]]}


def derive(request: Json) -> Json:
    """A function of the specification."""
    function = FUNCTIONS.get(request["function"])
    if function is None:
        raise Unsupported(request["function"])
    try:
        return {"value": function(**request["arguments"])}
    except Refused as refused:
        return {"reject": {"code": refused.code}}


OPERATIONS = {
    "decode": decode,
    "open": decode,
    "message": decode,
    "reassemble": decode,
    "encode": encode,
    "story": story,
    "derive": derive,
}
