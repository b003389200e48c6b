"""The LZ4 block format: sequences of literals and matches, no frame around them (EIM-CMP-003)."""

from .matches import MIN_MATCH, copy_match, find_matches

# The format lets no match begin in the last 12 octets or reach into the last 5.
_LAST_START = 12
_LAST_LITERALS = 5
_MORE = 15


def decompress(data: bytes, size: int) -> bytes:
    """The octets of one block; ValueError if it is corrupt or yields more than `size` octets (EIM-CMP-017)."""
    out = bytearray()
    position, end = 0, len(data)
    while True:
        if position >= end:
            raise ValueError("block ends without a last sequence of literals")
        token = data[position]
        length, position = _length(data, position + 1, token >> 4)
        if position + length > end or len(out) + length > size:
            raise ValueError("literals beyond the end")
        out += data[position : position + length]
        position += length
        if position == end:
            return bytes(out)
        if position + 2 > end:
            raise ValueError("block ends inside an offset")
        offset = int.from_bytes(data[position : position + 2], "little")
        if offset == 0 or offset > len(out):
            raise ValueError("offset outside the output")
        length, position = _length(data, position + 2, token & _MORE)
        if len(out) + length + MIN_MATCH > size:
            raise ValueError("match beyond the end")
        copy_match(out, offset, length + MIN_MATCH)


def _length(data: bytes, position: int, length: int) -> tuple[int, int]:
    """A length of four bits, continued in further octets if they are all set."""
    if length < _MORE:
        return length, position
    while True:
        if position >= len(data):
            raise ValueError("block ends inside a length")
        octet = data[position]
        position += 1
        length += octet
        if octet != 255:
            return length, position


def compress(data: bytes) -> bytes:
    """One block that yields `data`."""
    out = bytearray()
    done = 0
    for position, offset, length in find_matches(data, len(data) - _LAST_START, len(data) - _LAST_LITERALS):
        literals, rest = data[done:position], length - MIN_MATCH
        out.append(min(len(literals), _MORE) << 4 | min(rest, _MORE))
        out += _continued(len(literals)) + literals + offset.to_bytes(2, "little") + _continued(rest)
        done = position + length
    literals = data[done:]
    out.append(min(len(literals), _MORE) << 4)
    return bytes(out + _continued(len(literals)) + literals)


def _continued(length: int) -> bytes:
    """What of a length does not fit into four bits."""
    if length < _MORE:
        return b""
    full, last = divmod(length - _MORE, 255)
    return b"\xff" * full + bytes([last])
