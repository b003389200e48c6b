"""The raw Snappy format: a length, then literals and copies (EIM-CMP-004)."""

from .matches import MIN_MATCH, copy_match, find_matches

_LITERAL, _COPY_1, _COPY_2 = 0, 1, 2
_MOST_COPIED = 64
_INLINE_LITERAL = 60


def decompress(data: bytes, size: int) -> bytes:
    """The octets of one Snappy stream; ValueError if it is corrupt or its preamble is not `size` (EIM-CMP-016)."""
    stated, position = _preamble(data)
    if stated != size:
        raise ValueError("preamble differs from the stated size")
    out = bytearray()
    end = len(data)
    while position < end:
        tag = data[position]
        position += 1
        kind = tag & 3
        if kind == _LITERAL:
            length, position = _literal_length(data, position, tag >> 2)
            if position + length > end or len(out) + length > size:
                raise ValueError("literal beyond the end")
            out += data[position : position + length]
            position += length
            continue
        width = 1 if kind == _COPY_1 else 2 if kind == _COPY_2 else 4
        if position + width > end:
            raise ValueError("data ends inside an offset")
        offset = int.from_bytes(data[position : position + width], "little")
        position += width
        if kind == _COPY_1:
            length = (tag >> 2 & 7) + 4
            offset |= tag >> 5 << 8
        else:
            length = (tag >> 2) + 1
        if offset == 0 or offset > len(out) or len(out) + length > size:
            raise ValueError("copy outside the output")
        copy_match(out, offset, length)
    return bytes(out)


def _preamble(data: bytes) -> tuple[int, int]:
    value = 0
    for index, octet in enumerate(data[:5]):
        value |= (octet & 0x7F) << 7 * index
        if octet < 0x80:
            if value > 0xFFFFFFFF:
                break
            return value, index + 1
    raise ValueError("no length of 32 bits")


def _literal_length(data: bytes, position: int, code: int) -> tuple[int, int]:
    if code < _INLINE_LITERAL:
        return code + 1, position
    width = code - _INLINE_LITERAL + 1
    if position + width > len(data):
        raise ValueError("data ends inside a length")
    return int.from_bytes(data[position : position + width], "little") + 1, position + width


def compress(data: bytes) -> bytes:
    """A Snappy stream that yields `data`."""
    out = bytearray(_varint(len(data)))
    done = 0
    for position, offset, length in find_matches(data, len(data) - MIN_MATCH, len(data)):
        out += _literal(data[done:position])
        done = position + length
        while length:
            part = min(length, _MOST_COPIED)
            out.append(part - 1 << 2 | _COPY_2)
            out += offset.to_bytes(2, "little")
            length -= part
    return bytes(out + _literal(data[done:]))


def _literal(octets: bytes) -> bytes:
    if not octets:
        return b""
    length = len(octets) - 1
    if length < _INLINE_LITERAL:
        return bytes([length << 2]) + octets
    width = (length.bit_length() + 7) // 8
    return bytes([_INLINE_LITERAL - 1 + width << 2]) + length.to_bytes(width, "little") + octets


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))
