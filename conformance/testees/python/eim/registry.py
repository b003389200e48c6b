"""The numbers of chapter 90, read once from the registry files in `data/` (copies of spec/registry)."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
CLIENT, SERVER = "client", "server"


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class FrameType:
    """What the registry says about one value of the type octet, listed there or not."""

    value: int
    name: str
    range: str
    known: bool
    senders: frozenset[str]
    phases: frozenset[str]
    sequenced: bool
    compressible: bool
    wire_cap: int | None
    """Most payload octets on the wire, None where only max_frame_octets bounds them (10.3)."""
    content_cap: int | None
    """Most payload octets after decompression or reassembly (12.3)."""
    payload: tuple[str, ...]
    """Names of Protobuf messages, that of the client first; or one that begins with `binary:`."""

    def message(self, sender: str) -> str | None:
        """Name of the Protobuf message that `sender` puts into this type, if it is known and is one."""
        if not self.known or self.payload[0].startswith("binary:"):
            return None
        return self.payload[0 if sender == CLIENT else -1]


def _frame_types() -> tuple[FrameType, ...]:
    registry = _load("frame-types")
    ranges = {n: r for r in registry["range"] for n in range(r["first"], r["last"] + 1)}
    # EIM-FRM-021, EIM-REG-002: a reserved row is no row yet.
    rows = {row["value"]: row for row in registry["frame"] if row["status"] == "active"}
    return tuple(_known(rows[n], ranges[n]) if n in rows else _unknown(n, ranges[n]) for n in range(256))


def _known(row: dict[str, Any], range_: dict[str, Any]) -> FrameType:
    return FrameType(
        value=row["value"],
        name=row["name"],
        range=range_["name"],
        known=True,
        senders=frozenset({CLIENT, SERVER} if row["direction"] == "both" else {row["direction"]}),
        phases=frozenset(row["phases"]),
        sequenced=row["sequenced"],
        compressible=row["compression"],
        wire_cap=row["max_octets"],
        content_cap=row["max_octets"],
        payload=tuple(row["payload"].split("|")),
    )


def _unknown(value: int, range_: dict[str, Any]) -> FrameType:
    """A type nobody has defined has the nature of its range (10.4)."""
    logged = range_["unknown"] == "unsupported"
    ignorable = range_["unknown"] == "ignore"
    return FrameType(
        value=value,
        name=f"0x{value:02X}",
        range=range_["name"],
        known=False,
        senders=frozenset({CLIENT, SERVER}),
        phases=frozenset({"open", "draining"}),
        sequenced=logged,  # EIM-SEQ-005, EIM-SEQ-006; one that was negotiated is not, as the testee protocol has it
        compressible=logged,  # EIM-FRM-022, EIM-FRM-024
        wire_cap=LIMITS["ignorable_octets"] if ignorable else None,  # EIM-FRM-015
        content_cap=LIMITS["message_octets"] if logged else None,  # EIM-CMP-015
        payload=("binary:unknown",),
    )


LIMITS: dict[str, int] = {row["name"]: row["default"] for row in _load("limits")["limit"]}
FRAME_TYPES = _frame_types()
TYPE_NUMBERS = {t.name: t.value for t in FRAME_TYPES if t.known}
ALGORITHMS: dict[int, str] = {
    row["value"]: row["name"] for row in _load("compression")["algorithm"] if row["status"] == "active"
}
ERROR_CLASSES: dict[int, dict[str, Any]] = {row["value"]: row for row in _load("error-codes")["class"]}
ERRORS: dict[int, dict[str, Any]] = {row["value"]: row for row in _load("error-codes")["error"]}
