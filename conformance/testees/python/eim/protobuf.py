"""The binary format of proto3, read and written by the rules of 00.5.

A message is a dict from names of fields to values: int, bool, float, str, bytes, dict, or a list of these. A field
that did not occur is not in it.
"""

import struct
from typing import Any

from .errors import Reject
from .schema import END_GROUP, FIXED32, FIXED64, LENGTH, MESSAGES, START_GROUP, VARINT, Field, Message

Values = dict[str, Any]

_DEEPEST = 100  # EIM-CNV-008
_LAST_FIELD = (1 << 29) - 1
_MASK_32 = (1 << 32) - 1
_MASK_64 = (1 << 64) - 1
_DOUBLE = struct.Struct("<d")


def parse(name: str, octets: bytes) -> Values:
    """Reads one message of the schema; Reject with MALFORMED_PAYLOAD if it is not one (EIM-FRM-029)."""
    values: Values = {}
    _merge(MESSAGES[name], octets, values, 0)
    return values


def encode(name: str, values: Values) -> bytes:
    """Writes a message: fields by number, numbers packed, defaults left out."""
    return _encode(MESSAGES[name], values)


def _malformed() -> Reject:
    return Reject("payload", "MALFORMED_PAYLOAD")


def _merge(message: Message, data: bytes, values: Values, depth: int) -> None:
    if depth > _DEEPEST:
        raise _malformed()
    position, end = 0, len(data)
    while position < end:
        number, wire, position = _tag(data, position)
        field = message.fields.get(number)
        if field is None:  # EIM-EXT-001
            position = _skip(data, position, number, wire, depth)
        elif wire == LENGTH:
            octets, position = _octets(data, position)
            _set_octets(message, field, octets, values, depth)
        elif wire == field.wire:
            value, position = _number(field, data, position)
            _set(message, field, value, values)
        else:  # EIM-CNV-006
            raise _malformed()


def _tag(data: bytes, position: int) -> tuple[int, int, int]:
    tag, position = _varint(data, position)
    number, wire = tag >> 3, tag & 7
    if not 1 <= number <= _LAST_FIELD or wire > FIXED32:  # EIM-CNV-005
        raise _malformed()
    return number, wire, position


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Up to ten octets and 64 bits (EIM-CNV-003, EIM-CNV-005)."""
    value = 0
    for shift, octet in zip(range(0, 70, 7), data[position : position + 10], strict=False):
        value |= (octet & 0x7F) << shift
        if octet < 0x80:
            if value > _MASK_64:
                break
            return value, position + shift // 7 + 1
    raise _malformed()


def _octets(data: bytes, position: int) -> tuple[bytes, int]:
    length, position = _varint(data, position)
    if length > len(data) - position:
        raise _malformed()
    return data[position : position + length], position + length


def _number(field: Field, data: bytes, position: int) -> tuple[Any, int]:
    if field.wire == FIXED64:
        if position + 8 > len(data):
            raise _malformed()
        return _DOUBLE.unpack_from(data, position)[0], position + 8
    value, position = _varint(data, position)
    if field.type == "bool":
        return value != 0, position
    if field.type == "uint64":
        return value, position
    value &= _MASK_32
    if field.type == "enum" and value >> 31:  # an int32
        value -= 1 << 32
    return value, position


def _skip(data: bytes, position: int, number: int, wire: int, depth: int) -> int:
    """Passes over an unknown field; a group ends with the number it began with (EIM-CNV-005)."""
    groups: list[int] = []
    while True:
        if wire == VARINT:
            _, position = _varint(data, position)
        elif wire == LENGTH:
            _, position = _octets(data, position)
        elif wire == START_GROUP:
            groups.append(number)
            if depth + len(groups) > _DEEPEST:
                raise _malformed()
        elif wire == END_GROUP:
            if not groups or groups.pop() != number:
                raise _malformed()
        else:
            position += 8 if wire == FIXED64 else 4
            if position > len(data):
                raise _malformed()
        if not groups:
            return position
        number, wire, position = _tag(data, position)


def _set_octets(message: Message, field: Field, octets: bytes, values: Values, depth: int) -> None:
    """Takes a field of octets: a string, bytes, a message, or repeated numbers in one piece."""
    if field.message is not None:
        # EIM-CNV-004: occurrences of an embedded message are merged.
        inner: Values = {} if field.repeated else values.get(field.name, {})
        _merge(field.message, octets, inner, depth + 1)
        _set(message, field, inner, values)
    elif field.packable:
        position = 0
        while position < len(octets):
            value, position = _number(field, octets, position)
            _set(message, field, value, values)
    elif field.type == "bytes":
        _set(message, field, octets, values)
    elif field.type == "string":
        try:
            _set(message, field, octets.decode("utf-8"), values)
        except UnicodeDecodeError as fault:  # EIM-CNV-007
            raise _malformed() from fault
    else:  # EIM-CNV-006
        raise _malformed()


def _set(message: Message, field: Field, value: Any, values: Values) -> None:
    """EIM-CNV-004: the last value counts, and the last member of a oneof."""
    if field.repeated:
        values.setdefault(field.name, []).append(value)
        return
    if field.oneof is not None:
        for other in message.oneofs[field.oneof]:
            if other != field.name:
                values.pop(other, None)
    values[field.name] = value


def _encode(message: Message, values: Values) -> bytes:
    out = bytearray()
    for number, field in message.fields.items():
        value = values.get(field.name)
        if value is None:
            continue
        if field.packable:
            packed = b"".join(_encode_number(field, item) for item in value)
            if packed:
                out += _encode_varint(number << 3 | LENGTH) + _encode_varint(len(packed)) + packed
        elif field.repeated:
            for item in value:
                out += _encode_field(field, item)
        # Members of a oneof and embedded messages are there or not; for others the default is the same as absence.
        elif field.oneof is not None or field.message is not None or not _is_default(value):
            out += _encode_field(field, value)
    return bytes(out)


def _is_default(value: Any) -> bool:
    if isinstance(value, float):
        return _DOUBLE.pack(value) == bytes(8)  # -0.0 is not the default
    return not value


def _encode_field(field: Field, value: Any) -> bytes:
    tag = _encode_varint(field.number << 3 | field.wire)
    if field.wire != LENGTH:
        return tag + _encode_number(field, value)
    if field.message is not None:
        value = _encode(field.message, value)
    elif field.type == "string":
        value = value.encode("utf-8")
    return tag + _encode_varint(len(value)) + value


def _encode_number(field: Field, value: Any) -> bytes:
    return _DOUBLE.pack(value) if field.wire == FIXED64 else _encode_varint(int(value))


def _encode_varint(value: int) -> bytes:
    value &= _MASK_64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
