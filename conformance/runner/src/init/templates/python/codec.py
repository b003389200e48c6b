"""The codec: octets to frames. This is the file to replace by your own, or to grow from here.

What is here: the functions `sequence` and `frame_octets`, and the verdict on a header that is not whole. What comes
next stands where it belongs, with the requirement it is about: `eim-conformance explain EIM-FRM-008`.
"""

from dataclasses import dataclass

HEADER_OCTETS = 11


class Reject(Exception):
    """The peer broke a rule: the connection ends with this code. Bugs are other exceptions."""

    def __init__(self, stage: str, code: str) -> None:
        super().__init__(f"{stage}: {code}")
        self.stage, self.code = stage, code


@dataclass
class Frame:
    """A whole frame; the payload is as on the wire."""

    version: int
    type: int
    sequence: int
    compression: int
    payload: bytes


class Decoder:
    """Octets to frames, however they are divided into reads (EIM-FRM-004)."""

    def __init__(self, config: dict) -> None:
        # What the receiver has agreed to: role, phase, version, max_payload, compressions, negotiated_types.
        self.config = config
        self.buffer = bytearray()
        self.frames = 0
        # Octets from the beginning of the buffer up to the next decision.
        self.needed = HEADER_OCTETS

    def feed(self, octets: bytes) -> None:
        """Octets have arrived."""
        self.buffer += octets

    def next(self) -> Frame | None:
        """The next frame that is whole; None when octets are missing; raises Reject when a rule is broken."""
        if len(self.buffer) < self.needed:
            return None  # EIM-FRM-005: fewer than 11 octets are incomplete, whatever they are.
        # Next: take the header apart (EIM-FRM-001, EIM-FRM-002), judge version, type, compression and length in
        # this order (EIM-FRM-008), at once (EIM-FRM-007), for instance
        #     raise Reject("header", "UNSUPPORTED_VERSION")
        # then wait for the payload (self.needed = HEADER_OCTETS + length, EIM-FRM-006) and return the Frame.
        raise NotImplementedError("not written yet: a whole header (codec.py, Decoder.next)")

    def missing(self) -> int:
        """Octets up to the next decision; 0 behind the end of a frame."""
        if self.frames > 0 and not self.buffer:
            return 0
        return self.needed - len(self.buffer)


def sequence(ordinal: int) -> int:
    """The 32-bit form of an ordinal; it is never 0 (EIM-SEQ-002)."""
    return 1 + (ordinal - 1) % (2**32 - 1)


def frame_octets(length: int) -> int:
    """What a frame costs in credit (EIM-WIN-002)."""
    return HEADER_OCTETS + length
