"""Compressed payloads: four octets of size, then the data of one algorithm (chapter 12)."""

from typing import Any

from . import lz4, snappy, zstd
from .errors import Reject, Unsupported
from .registry import ALGORITHMS, FrameType

_SIZE_OCTETS = 4
_ALGORITHMS = {"zstd": zstd.PLAIN, "lz4": lz4, "snappy": snappy, "zstd-dict-1": zstd.DICT_1}

AVAILABLE = frozenset(["lz4", "snappy"] + ["zstd", "zstd-dict-1"] * zstd.AVAILABLE)
"""Names of the algorithms that work in this installation."""


def decompress(kind: FrameType, compression: int, payload: bytes) -> bytes:
    """The content of a payload of this type, whose compression octet has been accepted (12.3)."""
    if compression == 0:
        return payload
    if len(payload) < _SIZE_OCTETS:  # EIM-CMP-013
        raise Reject("compression", "DECOMPRESSION_FAILED")
    size = stated_size(payload)
    if kind.content_cap is not None and size > kind.content_cap:  # EIM-CMP-014, EIM-CMP-015
        raise Reject("compression", "DECOMPRESSED_TOO_LARGE")
    algorithm = _algorithm(compression)
    try:
        content = algorithm.decompress(payload[_SIZE_OCTETS:], size)
    except ValueError as fault:  # EIM-CMP-018 to EIM-CMP-022
        raise Reject("compression", "DECOMPRESSION_FAILED") from fault
    if len(content) != size:  # EIM-CMP-016
        raise Reject("compression", "DECOMPRESSION_FAILED")
    return content


def compress(compression: int, content: bytes) -> bytes:
    """A payload that decompresses to `content` (EIM-CMP-001 to EIM-CMP-004)."""
    if compression == 0:
        return content
    return len(content).to_bytes(_SIZE_OCTETS, "big") + _algorithm(compression).compress(content)


def stated_size(payload: bytes) -> int:
    """Octets after decompression, as a compressed payload states them at its beginning."""
    return int.from_bytes(payload[:_SIZE_OCTETS], "big")


def _algorithm(compression: int) -> Any:
    name = ALGORITHMS[compression]
    if name not in AVAILABLE:
        raise Unsupported(name)
    return _ALGORITHMS[name]
