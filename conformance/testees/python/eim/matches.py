"""Repetitions in octets: what the encoders of LZ4 and Snappy have in common."""

from collections.abc import Iterator

MIN_MATCH = 4
MAX_OFFSET = 65535


def find_matches(data: bytes, last_start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yields (position, offset, length) of repetitions from left to right, without overlap.

    None begins behind `last_start` and none reaches beyond `end`. The first candidate is taken: simple, not small.
    """
    seen: dict[bytes, int] = {}
    position = 0
    while position <= last_start and position + MIN_MATCH <= end:
        key = data[position : position + MIN_MATCH]
        candidate = seen.get(key)
        seen[key] = position
        if candidate is None or position - candidate > MAX_OFFSET:
            position += 1
            continue
        length = MIN_MATCH
        while position + length < end and data[candidate + length] == data[position + length]:
            length += 1
        yield position, position - candidate, length
        position += length


def copy_match(out: bytearray, offset: int, length: int) -> None:
    """Appends `length` octets that begin `offset` before the end, which may overlap what is being written."""
    start = len(out) - offset
    if offset >= length:
        out += out[start : start + length]
    else:
        pattern = bytes(out[start:])
        out += (pattern * (length // offset + 1))[:length]
