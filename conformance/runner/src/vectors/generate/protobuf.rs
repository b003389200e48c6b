//! Protobuf octets by hand, and what the `.proto` files say about them.

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};

use super::rules::Rules;
use crate::registry::FrameType;
use crate::vectors::model::{Config, Role};

/// Wire types.
pub(super) const VARINT: u32 = 0;
pub(super) const I64: u32 = 1;
pub(super) const LEN: u32 = 2;
pub(super) const GROUP: u32 = 3;
pub(super) const END: u32 = 4;
pub(super) const I32: u32 = 5;

pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or(0));
}

/// A number in exactly so many octets, at least as many as it needs.
pub(super) fn long_varint(value: u64, octets: usize) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, value);
    while out.len() < octets {
        if let Some(last) = out.last_mut() {
            *last |= 0x80;
        }
        out.push(0);
    }
    out
}

pub(super) fn tag(number: u32, wire: u32) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, u64::from(number) << 3 | u64::from(wire));
    out
}

/// A field that is a number.
pub(super) fn number(field: u32, value: u64) -> Vec<u8> {
    let mut out = tag(field, VARINT);
    varint(&mut out, value);
    out
}

/// A field of octets.
pub(super) fn octets(field: u32, value: &[u8]) -> Vec<u8> {
    let mut out = tag(field, LEN);
    varint(&mut out, value.len() as u64);
    out.extend(value);
    out
}

/// What a field holds, as far as its octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// uint32.
    Number32,
    /// uint64.
    Number64,
    Bool,
    Enum,
    Bytes,
    Text,
    Message,
}

/// A field, and where its message is inside the payload.
#[derive(Clone)]
pub(super) struct Place {
    /// `Hello.versions`: the message and the field.
    pub(super) name: String,
    /// Type octet of a frame that carries it.
    pub(super) frame: u8,
    /// A receiver of that frame.
    pub(super) config: Config,
    /// Numbers of the embedded messages around it, outermost first.
    pub(super) around: Vec<u32>,
    pub(super) field: FieldDescriptor,
    pub(super) shape: Shape,
}

impl Place {
    /// The payload that has nothing but these octets in the message of the field.
    pub(super) fn wrap(&self, inside: &[u8]) -> Vec<u8> {
        let around = self.around.iter().rev();
        around.fold(inside.to_vec(), |inner, number| octets(*number, &inner))
    }

    pub(super) fn number(&self) -> u32 {
        self.field.number()
    }

    pub(super) fn is_repeated(&self) -> bool {
        self.field.cardinality() == Cardinality::Repeated
    }

    /// Whether presence shows: the default is not the same as nothing.
    pub(super) fn has_presence(&self) -> bool {
        self.field.supports_presence()
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(
            self.shape,
            Shape::Number32 | Shape::Number64 | Shape::Bool | Shape::Enum
        )
    }

    /// The field with a value that is not the default, as it is encoded canonically.
    pub(super) fn typical(&self) -> Vec<u8> {
        let field = self.number();
        match self.shape {
            Shape::Number32 | Shape::Number64 if self.is_repeated() => octets(field, &[1]),
            Shape::Number32 | Shape::Number64 | Shape::Bool | Shape::Enum => number(field, 1),
            Shape::Bytes => octets(field, &[0xab; 16]),
            Shape::Text => octets(field, b"text"),
            Shape::Message => octets(field, &[]),
        }
    }
}

/// All fields of the payloads of all frames, each once: directly, or inside an embedded message.
pub(super) fn places(rules: &Rules) -> Result<Vec<Place>, String> {
    let mut places: Vec<Place> = Vec::new();
    // First what is a payload itself, then what is only inside of one.
    for nested in [false, true] {
        for row in rules.active() {
            for role in [Role::Server, Role::Client] {
                let Some((message, config)) = payload_of(rules, row, role)? else {
                    continue;
                };
                let root = Root {
                    frame: row.value,
                    config,
                    nested,
                };
                walk(&message, &root, &[], &mut places);
            }
        }
    }
    Ok(places)
}

/// The message that a side receives in a frame of a type.
pub(super) fn payload_of(
    rules: &Rules,
    row: &FrameType,
    role: Role,
) -> Result<Option<(MessageDescriptor, Config)>, String> {
    let mut configs = super::header::receivers().into_iter();
    let arrives = |config: &Config| config.role == role && rules.may_arrive(config, row.value);
    let Some(config) = configs.find(arrives) else {
        return Ok(None);
    };
    let mut names = row.payload.split('|');
    let (first, second) = (names.next().unwrap_or_default(), names.next());
    let name = if role == Role::Client {
        second.unwrap_or(first)
    } else {
        first
    };
    if name.starts_with("binary:") {
        return Ok(None);
    }
    let found = rules.pool.get_message_by_name(name);
    found
        .map(|message| Some((message, config)))
        .ok_or_else(|| format!("no message {name}"))
}

/// Where a walk through messages began.
struct Root {
    frame: u8,
    config: Config,
    nested: bool,
}

fn walk(message: &MessageDescriptor, root: &Root, around: &[u32], places: &mut Vec<Place>) {
    for field in message.fields() {
        let name = format!("{}.{}", message.name(), field.name());
        let known = places.iter().any(|place| place.name == name);
        if !known {
            places.push(Place {
                name,
                frame: root.frame,
                config: root.config.clone(),
                around: around.to_vec(),
                field: field.clone(),
                shape: shape(&field),
            });
        }
        if let (true, Kind::Message(inner)) = (root.nested, field.kind()) {
            let around = [around, &[field.number()]].concat();
            walk(&inner, root, &around, places);
        }
    }
}

pub(super) fn shape(field: &FieldDescriptor) -> Shape {
    match field.kind() {
        Kind::Uint32 => Shape::Number32,
        Kind::Uint64 => Shape::Number64,
        Kind::Bool => Shape::Bool,
        Kind::Enum(_) => Shape::Enum,
        Kind::String => Shape::Text,
        Kind::Message(_) => Shape::Message,
        _ => Shape::Bytes,
    }
}
