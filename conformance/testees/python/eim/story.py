"""One side of an open connection: ordinals, sequences and credit (24.1, 24.2)."""

from dataclasses import dataclass

from .errors import Reject
from .frame import HEADER_OCTETS, Header
from .registry import FRAME_TYPES

_SEQUENCES = (1 << 32) - 1


def sequence(ordinal: int) -> int:
    """The 32-bit form of an ordinal; 0 stays free (EIM-SEQ-002)."""
    return 1 + (ordinal - 1) % _SEQUENCES


def frame_octets(length: int) -> int:
    """What a frame costs in credit (EIM-WIN-002)."""
    return HEADER_OCTETS + length


@dataclass
class Window:
    """Credit: absolute, since the beginning of the session."""

    received_through: int = 0
    frames: int = 0
    octets: int = 0


@dataclass
class Direction:
    """The sequenced frames of one direction so far, and the credit for them."""

    frames: int = 0
    octets: int = 0
    credit: Window | None = None

    def fits(self, length: int) -> bool:
        """EIM-WIN-001: whether the next frame, of this length, is within the credit."""
        if self.credit is None:
            return False
        octets = self.octets + frame_octets(length)
        return self.frames + 1 <= self.credit.frames and octets <= self.credit.octets

    def count(self, length: int) -> int:
        """Gives the next frame its ordinal."""
        self.frames += 1
        self.octets += frame_octets(length)
        return self.frames


class Flow:
    """What one side remembers about both directions."""

    def __init__(self, sent: Direction, received: Direction) -> None:
        self.sent = sent
        self.received = received

    def grant(self, frames: int, octets: int) -> None:
        """We have sent WINDOW; credit only rises (EIM-WIN-008)."""
        old = self.received.credit or Window()
        self.received.credit = Window(0, max(old.frames, frames), max(old.octets, octets))

    def take_credit(self, new: Window) -> None:
        """The peer has sent WINDOW (EIM-WIN-009 to EIM-WIN-011)."""
        old = self.sent.credit or Window()
        lower = new.received_through < old.received_through or new.frames < old.frames or new.octets < old.octets
        if lower or new.received_through > self.sent.frames:
            raise Reject("semantic", "CREDIT_REDUCED")  # a value of the payload, check 11 of 10.5
        self.sent.credit = new

    def admit(self, header: Header) -> None:
        """Judges a header of the peer: sequence first, then credit (EIM-FRM-026, EIM-SEQ-004, EIM-WIN-003)."""
        if not is_sequenced(header.type):
            return
        if header.sequence != sequence(self.received.frames + 1):
            raise Reject("header", "BAD_SEQUENCE")
        if not self.received.fits(header.length):
            raise Reject("header", "CREDIT_EXCEEDED")


def is_sequenced(type_: int) -> bool:
    """Whether frames of a type are numbered (EIM-SEQ-003, EIM-SEQ-006)."""
    return bool(FRAME_TYPES[type_].sequenced)
