"""The payload definitions: a reader of the .proto files in `data/` (copies of spec/proto), as far as those go."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .registry import DATA

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = range(6)
_WIRE = {"uint32": VARINT, "uint64": VARINT, "bool": VARINT, "enum": VARINT, "double": FIXED64}
_TOKEN = re.compile(r'"[^"]*"|[\w.]+|[{}=;]')
_COMMENT = re.compile(r"//[^\n]*")


@dataclass(slots=True)
class Field:
    """A field of a message. `type` is that of the .proto file, with "enum" for every enumeration."""

    number: int
    name: str
    type: str
    repeated: bool
    oneof: str | None
    message: "Message | None" = None

    @property
    def wire(self) -> int:
        return _WIRE.get(self.type, LENGTH)

    @property
    def packable(self) -> bool:
        """Numbers may be repeated in one field of octets."""
        return self.repeated and self.wire != LENGTH


@dataclass(slots=True)
class Message:
    """A message: its fields by number, in ascending order, and the names of the members of each oneof."""

    name: str
    fields: dict[int, Field] = field(default_factory=dict)
    oneofs: dict[str, list[str]] = field(default_factory=dict)


MESSAGES: dict[str, Message] = {}
ENUMS: dict[str, dict[int, str]] = {}


def _read(text: str) -> None:
    """Adds the messages and enumerations of one file."""
    tokens = iter(_TOKEN.findall(_COMMENT.sub("", text)))
    for token in tokens:
        if token == "message":
            _read_message(next(tokens), tokens)
        elif token == "enum":
            _read_enum(next(tokens), tokens)


def _read_enum(name: str, tokens: Iterator[str]) -> None:
    next(tokens)  # {
    ENUMS[name] = values = {}
    while (token := next(tokens)) != "}":
        next(tokens)  # =
        values[int(next(tokens))] = token
        next(tokens)  # ;


def _read_message(name: str, tokens: Iterator[str]) -> None:
    next(tokens)  # {
    MESSAGES[name] = message = Message(name)
    oneof: str | None = None
    while True:
        token = next(tokens)
        if token == "}":
            if oneof is None:
                break
            oneof = None
        elif token == "oneof":
            oneof = next(tokens)
            message.oneofs[oneof] = []
            next(tokens)  # {
        else:
            repeated, optional = token == "repeated", token == "optional"
            type_ = next(tokens) if repeated or optional else token
            field_name, _, number, _ = (next(tokens) for _ in range(4))
            member_of = f"_{field_name}" if optional else oneof  # an optional field is alone in its oneof
            message.fields[int(number)] = Field(int(number), field_name, type_, repeated, member_of)
            if member_of is not None:
                message.oneofs.setdefault(member_of, []).append(field_name)
    message.fields = dict(sorted(message.fields.items()))


def _link() -> None:
    """Resolves the names of types, which may be used before they are defined."""
    for message in MESSAGES.values():
        for field_ in message.fields.values():
            if field_.type in ENUMS:
                field_.type = "enum"
            else:
                field_.message = MESSAGES.get(field_.type)


for _file in sorted(DATA.glob("*.proto")):
    _read(_file.read_text(encoding="utf-8"))
_link()
