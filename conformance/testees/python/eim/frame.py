"""Frames: the 11-octet header, the verdict on it, and the way from a stream of octets to frames (chapter 10)."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from .errors import Reject
from .registry import ALGORITHMS, CLIENT, FRAME_TYPES, LIMITS, SERVER, TYPE_NUMBERS, FrameType

# EIM-FRM-001, EIM-FRM-002: version, type, sequence, compression, length; network byte order.
_LAYOUT = struct.Struct(">BBIBI")
HEADER_OCTETS = _LAYOUT.size

# EIM-VER-001: these three carry version octet 1 whatever was selected.
_VERSION_ONE = frozenset(TYPE_NUMBERS[name] for name in ("HELLO", "WELCOME", "ERROR"))
_PHASES = {"handshake": frozenset({"hello", "auth"}), "open": frozenset({"open"})}
_NEGOTIABLE = frozenset({"extension", "private"})


class Header(NamedTuple):
    """The five fields, in the order of the wire."""

    version: int
    type: int
    sequence: int
    compression: int
    length: int

    def octets(self) -> bytes:
        return _LAYOUT.pack(*self)


class Frame(NamedTuple):
    """A header and its payload as on the wire."""

    header: Header
    payload: bytes


@dataclass(frozen=True)
class Receiver:
    """What was agreed on for one direction of a connection, from the view of the side that receives."""

    role: str = SERVER
    phase: str = "open"
    version: int = 1
    max_payload: int = LIMITS["frame_octets"]
    compressions: frozenset[int] = field(default=frozenset((0, 1, 2, 3)))
    negotiated_types: frozenset[int] = frozenset()

    @property
    def sender(self) -> str:
        return CLIENT if self.role == SERVER else SERVER

    def version_of(self, type_: int) -> int:
        """The version octet that a frame of this type has to carry (EIM-VER-001 to EIM-VER-004)."""
        return 1 if type_ in _VERSION_ONE else self.version

    def accepts_compression(self, kind: FrameType, compression: int) -> bool:
        """EIM-CMP-006, EIM-CMP-007; before AUTH_OK no algorithm is in use (12.2)."""
        if compression == 0:
            return True
        negotiated = compression in ALGORITHMS and compression in self.compressions
        return negotiated and kind.compressible and self.phase == "open"

    def most_payload(self, kind: FrameType) -> int:
        """Most octets on the wire, the table of 10.3 (EIM-FRM-012 to EIM-FRM-016)."""
        limit = self.max_payload if self.phase == "open" else LIMITS["handshake_frame_octets"]
        return limit if kind.wire_cap is None else min(limit, kind.wire_cap)

    def check(self, header: Header) -> None:
        """All that one header can be judged by, without memory of earlier frames (10.2, 10.5)."""
        kind = FRAME_TYPES[header.type]
        # EIM-FRM-008: version, type, compression, length, in this order.
        if header.version != self.version_of(header.type):
            raise Reject("header", "UNSUPPORTED_VERSION")
        if not kind.known:
            self._check_unknown(kind)
        if not self.accepts_compression(kind, header.compression):
            raise Reject("compression", "UNKNOWN_COMPRESSION")
        if header.length > self.most_payload(kind):
            raise Reject("length", "PAYLOAD_TOO_LARGE")
        # EIM-FRM-026: then phase and direction, then the sequence. They need no payload, so they are due now.
        if self.sender not in kind.senders or not kind.phases & _PHASES[self.phase]:
            raise Reject("header", "UNEXPECTED_FRAME")  # EIM-FRM-027, EIM-FRM-028
        if kind.sequenced is not None and kind.sequenced != (header.sequence != 0):
            raise Reject("header", "BAD_SEQUENCE")  # EIM-SEQ-004, EIM-SEQ-005

    def _check_unknown(self, kind: FrameType) -> None:
        if kind.range in _NEGOTIABLE:
            if kind.value not in self.negotiated_types:  # EIM-FRM-011
                raise Reject("header", "EXTENSION_NOT_NEGOTIATED")
        elif kind.content_cap is None and kind.wire_cap is None:  # EIM-FRM-009, EIM-FRM-010: a range that closes
            raise Reject("header", "INVALID_TYPE")


class Decoder:
    """Octets to frames, however they are divided into reads (EIM-FRM-004).

    `admit` is called with each accepted header: the place for checks that remember earlier frames.
    """

    def __init__(self, receiver: Receiver, admit: Callable[[Header], None] | None = None) -> None:
        self._receiver = receiver
        self._admit = admit
        self._buffer = bytearray()
        self._header: Header | None = None
        self._needed = HEADER_OCTETS
        self._frames = 0

    def feed(self, octets: bytes) -> Iterator[Frame]:
        """Yields the frames that are whole now; raises Reject at the octet that makes a verdict due.

        Nothing behind a frame is looked at before the caller asks for the next one, so a caller that gives up
        because of a payload has not interpreted any further octet (EIM-FRM-030).
        """
        self._buffer += octets
        while len(self._buffer) >= self._needed:
            if self._header is None:
                header = Header._make(_LAYOUT.unpack_from(self._buffer))
                self._receiver.check(header)  # EIM-FRM-005, EIM-FRM-007: at the eleventh octet
                if self._admit is not None:
                    self._admit(header)
                self._header = header
                self._needed = HEADER_OCTETS + header.length
            else:
                frame = Frame(self._header, bytes(self._buffer[HEADER_OCTETS : self._needed]))
                del self._buffer[: self._needed]
                self._header = None
                self._needed = HEADER_OCTETS
                self._frames += 1
                yield frame

    @property
    def missing(self) -> int | None:
        """Octets up to the next decision (EIM-FRM-005, EIM-FRM-006), or None behind the end of a frame."""
        if self._frames and not self._buffer:
            return None
        return self._needed - len(self._buffer)
