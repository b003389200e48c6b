"""FRAGMENT frames: messages larger than a frame, put together again (chapter 14)."""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from .compression import decompress, stated_size
from .errors import Reject
from .frame import Frame, Receiver
from .protobuf import parse
from .registry import FRAME_TYPES, LIMITS, TYPE_NUMBERS, FrameType

FRAGMENT, CANCEL, ENTRY = (TYPE_NUMBERS[name] for name in ("FRAGMENT", "CANCEL", "ENTRY"))

_LATER = struct.Struct(">II")
_FIRST = struct.Struct(">IIBBII")


class Fragment(NamedTuple):
    """One FRAGMENT payload; the four fields in the middle only count where offset is 0."""

    id: int
    offset: int
    inner_type: int
    compression: int
    total: int
    uncompressed: int
    data: bytes

    @classmethod
    def parse(cls, payload: bytes) -> "Fragment":
        """EIM-FRG-001, EIM-FRG-008: the layout, with at least one octet of data."""
        if len(payload) > _LATER.size:
            id_, offset = _LATER.unpack_from(payload)
            if offset:
                return cls(id_, offset, 0, 0, 0, 0, payload[_LATER.size :])
            if len(payload) > _FIRST.size:
                return cls(*_FIRST.unpack_from(payload), payload[_FIRST.size :])
        raise Reject("payload", "MALFORMED_FRAGMENT")


@dataclass
class _Open:
    """A message between its first fragment and its last."""

    kind: FrameType
    first: Fragment
    reserved: int
    failed: bool
    received: int = 0
    data: bytearray = field(default_factory=bytearray)


class Whole(NamedTuple):
    """What a frame of the inner type would have been, at the place of the last fragment (EIM-FRG-029)."""

    type: int
    compression: int
    content: bytes


class Reassembler:
    """The open fragmented messages of one direction of a session."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._open: dict[int, _Open] = {}

    def cancel(self, frame: Frame) -> None:
        """CANCEL: forgets the message it names (EIM-FRG-033, EIM-FRG-035)."""
        fragment_id = parse("Cancel", frame.payload).get("fragment_id", 0)
        if self._open.pop(fragment_id, None) is None:
            raise Reject("payload", "MALFORMED_FRAGMENT")

    def add(self, frame: Frame) -> Whole | None:
        """Takes a FRAGMENT; returns the message if this was its last one and there was room for it."""
        fragment = Fragment.parse(frame.payload)
        message = self._open.get(fragment.id)
        if message is None:
            if fragment.offset:  # EIM-FRG-010
                raise Reject("payload", "MALFORMED_FRAGMENT")
            message = self._begin(fragment)
        elif fragment.offset != message.received:  # EIM-FRG-009, EIM-FRG-011
            raise Reject("payload", "MALFORMED_FRAGMENT")
        if fragment.offset + len(fragment.data) > message.first.total:  # EIM-FRG-012
            raise Reject("payload", "MALFORMED_FRAGMENT")
        self._check_number(fragment)
        self._open[fragment.id] = message
        message.received += len(fragment.data)
        if not message.failed:  # EIM-FRG-023: the fragments of a failed message are checked and thrown away
            message.data += fragment.data
        if message.received < message.first.total:
            return None
        del self._open[fragment.id]
        return None if message.failed else _whole(message)

    def _begin(self, first: Fragment) -> _Open:
        """Judges the fields of a first fragment in the order of their octets (EIM-ERR-005)."""
        kind = FRAME_TYPES[first.inner_type]
        if kind.range not in ("message", "operation") and first.inner_type != ENTRY:  # EIM-FRG-013
            raise Reject("payload", "MALFORMED_FRAGMENT")
        if self._receiver.sender not in kind.senders:  # EIM-FRG-014
            raise Reject("header", "UNEXPECTED_FRAME")
        if not self._receiver.accepts_compression(kind, first.compression):  # EIM-FRG-015
            raise Reject("compression", "UNKNOWN_COMPRESSION")
        if first.compression == 0 and first.total != first.uncompressed:  # EIM-FRG-016
            raise Reject("payload", "MALFORMED_FRAGMENT")
        # 14.3: all or nothing. What exceeds the caps or the room fails by itself, without an ERROR.
        wanted = first.total + (first.uncompressed if first.compression else 0)
        reserved = sum(message.reserved for message in self._open.values())
        failed = (
            max(first.total, first.uncompressed) > kind.content_cap  # EIM-FRG-020
            or reserved + wanted > LIMITS["reassembly_octets"]  # EIM-FRG-019, EIM-FRG-021, EIM-FRG-022
        )
        return _Open(kind, first, reserved=0 if failed else wanted, failed=failed)

    def _check_number(self, fragment: Fragment) -> None:
        if fragment.id not in self._open and len(self._open) >= LIMITS["fragmented_messages"]:  # EIM-FRG-025
            raise Reject("semantic", "TOO_MANY_FRAGMENTS")


def _whole(message: _Open) -> Whole:
    first, payload = message.first, bytes(message.data)
    if first.compression and len(payload) >= 4 and stated_size(payload) != first.uncompressed:  # EIM-FRG-017
        raise Reject("compression", "DECOMPRESSION_FAILED")
    return Whole(first.inner_type, first.compression, decompress(message.kind, first.compression, payload))
