//! One fault a case: the case without it differs in one field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::case::refuses;
use crate::vectors::model::{Case, Decode, Kind, Part, Test};

const HEADER: [&str; 5] = ["version", "type", "sequence", "compression", "length"];

/// What is wrong with the case that this one is near to.
pub(super) fn check(case: &Case, all: &BTreeMap<&str, &Case>) -> Option<String> {
    let Some(id) = &case.near else {
        return (case.kind == Kind::Invalid).then(|| "names no case without its fault".into());
    };
    if case.kind != Kind::Invalid {
        return Some("names a case without its fault, but has not one fault".into());
    }
    let Some(near) = all.get(id.as_str()) else {
        return Some(format!("there is no case {id}"));
    };
    if refuses(near) {
        return Some(format!("{id} has a fault itself"));
    }
    let differences = match (&case.test, &near.test) {
        (Test::Decode(one), Test::Decode(other)) => {
            let mut differences = fields(one, other);
            if one.depth != other.depth {
                differences.insert("op".into());
            }
            differences
        }
        (Test::Encode(_), Test::Encode(_))
        | (Test::Story(_), Test::Story(_))
        | (Test::Derive(_), Test::Derive(_)) => values(&left(case), &left(near)),
        _ => return Some(format!("{id} is of another operation")),
    };
    let mut differences = differences;
    if case.config != near.config {
        differences.insert("config".into());
    }
    (differences.len() != 1).then(|| format!("differs from {id} in {differences:?}"))
}

/// What is done, without what is expected.
fn left(case: &Case) -> Value {
    match &case.test {
        Test::Encode(test) => {
            let mut frame = serde_json::to_value(&test.frame).unwrap_or_default();
            // However it is written, it is one field.
            if let (Some(frame), Ok(octets)) = (frame.as_object_mut(), test.frame.octets()) {
                for key in ["payload", "payload_hex", "content", "content_hex"] {
                    frame.remove(key);
                }
                frame.insert(
                    "octets".into(),
                    crate::vectors::octets::to_hex(&octets).into(),
                );
                frame.insert("compress".into(), test.frame.is_content().into());
            }
            frame
        }
        Test::Story(test) => serde_json::json!([test.start, test.steps]),
        Test::Derive(test) => serde_json::json!([test.function, wrapped(&test.arguments)]),
        Test::Decode(_) => Value::Null,
    }
}

/// Each argument is one field, whatever is in it.
fn wrapped(arguments: &serde_json::Map<String, Value>) -> Value {
    arguments
        .iter()
        .map(|(name, value)| (name.clone(), Value::String(value.to_string())))
        .collect()
}

/// Places at which two values differ.
fn values(one: &Value, other: &Value) -> BTreeSet<String> {
    let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
    leaves(one, "", &mut left);
    leaves(other, "", &mut right);
    let places: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    let differs = |place: &&&String| left.get(**place) != right.get(**place);
    places
        .iter()
        .filter(differs)
        .map(|place| (**place).clone())
        .collect()
}

fn leaves(value: &Value, place: &str, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{place}/{index}"), out);
            }
        }
        Value::Object(items) => {
            for (key, item) in items {
                leaves(item, &format!("{place}/{key}"), out);
            }
        }
        leaf => {
            out.insert(place.to_owned(), leaf.to_string());
        }
    }
}

type Fields<'a> = BTreeMap<(usize, &'a str), Vec<u8>>;

/// Octets by frame, counted by version octets, and field.
fn by_field(input: &[Part]) -> Fields<'_> {
    let (mut fields, mut frame) = (Fields::new(), 0);
    for part in input {
        frame += usize::from(part.field() == "version");
        let octets = part.octets().unwrap_or_default();
        fields
            .entry((frame, part.field()))
            .or_default()
            .extend(octets);
    }
    fields
}

/// Fields in which two inputs differ. A length that says the truth in both follows from others.
fn fields(one: &Decode, other: &Decode) -> BTreeSet<String> {
    let (left, right) = (by_field(&one.input), by_field(&other.input));
    let places: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let truthful = |fields: &Fields<'_>, frame: usize| {
        let payload: usize = fields
            .iter()
            .filter(|((at, field), _)| *at == frame && !HEADER.contains(field))
            .map(|(_, octets)| octets.len())
            .sum();
        let payload = u32::try_from(payload).unwrap_or(u32::MAX).to_be_bytes();
        fields
            .get(&(frame, "length"))
            .is_some_and(|octets| *octets == payload)
    };
    let differs = |place: &&&(usize, &str)| {
        let (frame, field) = **place;
        let octets = |fields: &Fields<'_>| fields.get(**place).cloned().unwrap_or_default();
        let follows = *field == "length" && truthful(&left, *frame) && truthful(&right, *frame);
        octets(&left) != octets(&right) && !follows
    };
    places
        .iter()
        .filter(differs)
        .map(|(frame, field)| format!("{field} of frame {frame}"))
        .collect()
}
