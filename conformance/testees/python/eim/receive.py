"""From a frame to its meaning (10.5): how far a receiver goes with a frame that is whole.

`reader` gives a function that takes a Frame and returns a Received, or None where a frame is only a part of
something; it raises Reject where the payload is at fault.
"""

from collections.abc import Callable
from typing import NamedTuple

from .compression import decompress
from .fragments import CANCEL, FRAGMENT, Reassembler
from .frame import Frame, Header, Receiver
from .protobuf import encode, parse
from .registry import FRAME_TYPES


class Received(NamedTuple):
    """A frame as its receiver sees it. `canonical` is its message encoded again, if it was parsed."""

    header: Header
    content: bytes
    canonical: bytes | None = None


Reader = Callable[[Frame], Received | None]


def reader(depth: str, receiver: Receiver) -> Reader:
    """`depth` is "decode", "open", "message" or "reassemble"."""
    if depth == "decode":
        return lambda frame: Received(frame.header, frame.payload)
    if depth == "open":
        return _open
    if depth == "message":
        return lambda frame: _message(receiver, _open(frame))
    return _reassembling(receiver)


def _open(frame: Frame) -> Received:
    header, payload = frame
    return Received(header, decompress(FRAME_TYPES[header.type], header.compression, payload))


def _message(receiver: Receiver, received: Received) -> Received:
    """EIM-CMP-024, EIM-FRM-029: the content has to be the message of its type; unknown types are left alone."""
    name = FRAME_TYPES[received.header.type].message(receiver.sender)
    if name is None:
        return received
    name = name.removeprefix("eim.v1.")
    return received._replace(canonical=encode(name, parse(name, received.content)))


def _reassembling(receiver: Receiver) -> Reader:
    reassembler = Reassembler(receiver)

    def read(frame: Frame) -> Received | None:
        header = frame.header
        if header.type == FRAGMENT:
            whole = reassembler.add(frame)
            if whole is None:
                return None
            return Received(header._replace(type=whole.type, compression=whole.compression), whole.content)
        if header.type == CANCEL:
            reassembler.cancel(frame)
        return _open(frame)

    return read
