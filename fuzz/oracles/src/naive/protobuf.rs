//! The binary format of proto3 by 00.5, as a tree that keeps what it read.

use std::collections::BTreeMap;

use super::schema::{self, Field, Kind, Message};

/// A message: the values of each field that occurred, in the order in which they came.
type Tree = BTreeMap<u32, Vec<Value>>;

/// A message that was read, for those who look at single fields.
pub(crate) struct Values(Tree);

/// Reads a message of this name; `None` when the octets are none.
pub(crate) fn read(name: &str, octets: &[u8]) -> Option<Values> {
    let mut tree = Tree::new();
    merge(schema::message(name), octets, &mut tree, 0)?;
    Some(Values(tree))
}

impl Values {
    /// Whether the field occurred, in whatever form; an empty list does not count.
    pub(crate) fn is_there(&self, number: u32) -> bool {
        self.0.get(&number).is_some_and(|values| !values.is_empty())
    }

    /// The octets of a string or of bytes; `None` when the field did not occur.
    pub(crate) fn octets(&self, number: u32) -> Option<Vec<u8>> {
        match self.0.get(&number)?.last()? {
            Value::Octets(octets) => Some(octets.clone()),
            _ => None,
        }
    }

    /// All octets of a list of strings or of bytes.
    pub(crate) fn list(&self, number: u32) -> Vec<&[u8]> {
        let values = self.0.get(&number).map(Vec::as_slice).unwrap_or_default();
        let octets = values.iter().filter_map(|value| match value {
            Value::Octets(octets) => Some(octets.as_slice()),
            _ => None,
        });
        octets.collect()
    }

    /// The number, or 0; negative ones are extended by their sign.
    pub(crate) fn number(&self, number: u32) -> u64 {
        match self.0.get(&number).and_then(|values| values.last()) {
            Some(Value::Number(value)) => *value,
            _ => 0,
        }
    }

    /// The number, or 0.
    pub(crate) fn double(&self, number: u32) -> f64 {
        match self.0.get(&number).and_then(|values| values.last()) {
            Some(Value::Double(octets)) => f64::from_le_bytes(*octets),
            _ => 0.0,
        }
    }
}

#[derive(Clone, Debug)]
enum Value {
    /// Integers, booleans, enumerations: the number that counts.
    Number(u64),
    Double([u8; 8]),
    Octets(Vec<u8>),
    Message(Tree),
}

const DEEPEST: usize = 100;

/// The message of this name encoded again: known fields only, in the order of their numbers, numbers
/// packed, defaults left out. `None` when the octets are none.
pub(crate) fn canonical(name: &str, octets: &[u8]) -> Option<Vec<u8>> {
    let Values(tree) = read(name, octets)?;
    Some(encode(schema::message(name), &tree))
}

fn merge(message: &Message, mut left: &[u8], tree: &mut Tree, depth: usize) -> Option<()> {
    if depth > DEEPEST {
        return None;
    }
    while !left.is_empty() {
        let (number, wire) = tag(&mut left)?;
        let Some(field) = message.get(&number) else {
            skip(&mut left, number, wire, depth)?;
            continue;
        };
        let own = field.kind.wire();
        if wire == own && own != 2 {
            let value = scalar(field.kind, &mut left)?;
            put(message, number, value, tree);
        } else if wire == 2 && own == 2 {
            let octets = piece(&mut left)?;
            let before = tree.get(&number).filter(|_| !field.repeated);
            let value = whole(field, before, octets, depth)?;
            put(message, number, value, tree);
        } else if wire == 2 && field.repeated {
            let mut packed = piece(&mut left)?;
            while !packed.is_empty() {
                let value = scalar(field.kind, &mut packed)?;
                put(message, number, value, tree);
            }
        } else {
            return None;
        }
    }
    Some(())
}

/// The value of a field with a length; occurrences of an embedded message are merged.
fn whole(field: &Field, before: Option<&Vec<Value>>, octets: &[u8], depth: usize) -> Option<Value> {
    let inner = match field.kind {
        Kind::Message(inner) => schema::message(inner),
        Kind::String => {
            let text = std::str::from_utf8(octets).ok()?;
            return Some(Value::Octets(text.as_bytes().to_vec()));
        }
        _ => return Some(Value::Octets(octets.to_vec())),
    };
    let mut tree = match before.and_then(|values| values.last()) {
        Some(Value::Message(before)) => before.clone(),
        _ => Tree::new(),
    };
    merge(inner, octets, &mut tree, depth + 1)?;
    Some(Value::Message(tree))
}

/// The last value counts, and the last member of a oneof.
fn put(message: &Message, number: u32, value: Value, tree: &mut Tree) {
    let field = message[&number];
    if field.repeated {
        tree.entry(number).or_default().push(value);
        return;
    }
    if field.oneof.is_some() {
        tree.retain(|other, _| message[other].oneof != field.oneof);
    }
    tree.insert(number, vec![value]);
}

fn scalar(kind: Kind, left: &mut &[u8]) -> Option<Value> {
    if kind == Kind::Double {
        let (octets, rest) = left.split_first_chunk::<8>()?;
        *left = rest;
        return Some(Value::Double(*octets));
    }
    let value = varint(left)?;
    Some(Value::Number(match kind {
        Kind::Bool => u64::from(value != 0),
        Kind::Uint32 => value & 0xFFFF_FFFF,
        // An int32: encoded again it is extended by its sign.
        Kind::Enum => i64::from(value as u32 as i32) as u64,
        _ => value,
    }))
}

fn varint(left: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u128;
    for place in 0..10 {
        let (octet, rest) = left.split_first()?;
        *left = rest;
        value |= u128::from(octet & 0x7F) << (7 * place);
        if *octet < 0x80 {
            return u64::try_from(value).ok();
        }
    }
    None
}

fn tag(left: &mut &[u8]) -> Option<(u32, u8)> {
    let tag = varint(left)?;
    let number = u32::try_from(tag >> 3).ok()?;
    let wire = (tag & 7) as u8;
    ((1..1 << 29).contains(&number) && wire <= 5).then_some((number, wire))
}

fn piece<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(left)?).ok()?;
    let (octets, rest) = left.split_at_checked(length)?;
    *left = rest;
    Some(octets)
}

/// Passes over a field that is not known.
fn skip(left: &mut &[u8], number: u32, wire: u8, depth: usize) -> Option<()> {
    match wire {
        0 => varint(left).map(drop),
        1 => left.split_at_checked(8).map(|(_, rest)| *left = rest),
        2 => piece(left).map(drop),
        5 => left.split_at_checked(4).map(|(_, rest)| *left = rest),
        3 if depth < DEEPEST => loop {
            let (inner, wire) = tag(left)?;
            if wire == 4 {
                return (inner == number).then_some(());
            }
            skip(left, inner, wire, depth + 1)?;
        },
        _ => None,
    }
}

fn encode(message: &Message, tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, values) in tree {
        let field = message[number];
        let wire = field.kind.wire();
        if field.repeated && wire != 2 {
            let packed: Vec<u8> = values
                .iter()
                .flat_map(|value| plain(field.kind, value))
                .collect();
            if !packed.is_empty() {
                put_varint(u64::from(number << 3 | 2), &mut out);
                put_varint(packed.len() as u64, &mut out);
                out.extend(packed);
            }
            continue;
        }
        let stays =
            field.repeated || field.oneof.is_some() || matches!(field.kind, Kind::Message(_));
        for value in values {
            if !stays && is_default(value) {
                continue;
            }
            put_varint(u64::from(number << 3 | u32::from(wire)), &mut out);
            let octets = plain(field.kind, value);
            if wire == 2 {
                put_varint(octets.len() as u64, &mut out);
            }
            out.extend(octets);
        }
    }
    out
}

/// The octets of a value, without tag and length.
fn plain(kind: Kind, value: &Value) -> Vec<u8> {
    match (value, kind) {
        (Value::Number(number), _) => {
            let mut out = Vec::new();
            put_varint(*number, &mut out);
            out
        }
        (Value::Double(octets), _) => octets.to_vec(),
        (Value::Octets(octets), _) => octets.clone(),
        (Value::Message(tree), Kind::Message(inner)) => encode(schema::message(inner), tree),
        (Value::Message(_), other) => unreachable!("a message in a field of {other:?}"),
    }
}

fn is_default(value: &Value) -> bool {
    match value {
        Value::Number(number) => *number == 0,
        // -0.0 is none.
        Value::Double(octets) => *octets == [0; 8],
        Value::Octets(octets) => octets.is_empty(),
        Value::Message(_) => false,
    }
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7F {
        out.push(value as u8 & 0x7F | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
