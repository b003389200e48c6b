//! Matchers: what a field has to be.

use std::cmp::Ordering;

use prost_reflect::{Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::value::{Segment, at, integer, segments};
use crate::wire::json::{BODY_OCTETS, OCTETS, is_default, text};
use crate::wire::protocol::Protocol;

const OPERATORS: [&str; 15] = [
    "gt", "ge", "lt", "le", "ne", "any", "absent", "len", "contains", "excludes", "any_of",
    "between", "all", "in_order", "uuid",
];

/// Compares all paths; the text says which differ.
///
/// # Errors
/// One line for each path that does not match.
pub fn check_all(
    protocol: &Protocol,
    matching: &Map<String, Value>,
    view: &Value,
) -> Result<(), String> {
    let mut wrong = Vec::new();
    for (path, matcher) in matching {
        let actual = match path.as_str() {
            "" => Some(view),
            path => at(view, &octets_of_body(path, matcher)),
        };
        if let Err(why) = check(protocol, matcher, actual) {
            wrong.push(format!("{path}: {why}"));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("; "))
    }
}

/// A body is compared by its octets, unless the script says which fields its message has.
fn octets_of_body(path: &str, matcher: &Value) -> String {
    let fields = |fields: &Map<String, Value>| {
        let operator = |key: &String| OPERATORS.contains(&key.as_str()) || key == OCTETS;
        !fields.keys().all(operator)
    };
    let body = path == "body" || path.ends_with(".body");
    if body && !matcher.as_object().is_some_and(fields) {
        return format!("{path}_octets");
    }
    path.to_owned()
}

/// Compares one value, which may be absent.
///
/// # Errors
/// How it differs.
pub fn check(protocol: &Protocol, matcher: &Value, actual: Option<&Value>) -> Result<(), String> {
    let shown = || {
        actual.map_or_else(
            || "nothing".to_owned(),
            |value| super::log::shorten(&value.to_string()),
        )
    };
    let operators = matcher.as_object().filter(|fields| {
        !fields.is_empty() && fields.keys().all(|k| OPERATORS.contains(&k.as_str()))
    });
    let Some(operators) = operators else {
        if equal(protocol, matcher, actual) {
            return Ok(());
        }
        return Err(format!(
            "{} is not {}",
            shown(),
            super::log::shorten(&matcher.to_string())
        ));
    };
    for (operator, argument) in operators {
        let holds = operation(protocol, operator, argument, actual)?;
        if !holds {
            return Err(format!(
                "{} does not match {}",
                shown(),
                super::log::shorten(&matcher.to_string())
            ));
        }
    }
    Ok(())
}

fn operation(
    protocol: &Protocol,
    operator: &str,
    argument: &Value,
    actual: Option<&Value>,
) -> Result<bool, String> {
    let list = || {
        argument
            .as_array()
            .ok_or_else(|| format!("`{operator}` needs a list"))
    };
    let order = |other: &Value| {
        // Octets of one length, which may look like decimal digits.
        if let (Some(Value::String(value)), Value::String(other)) = (actual, other)
            && value.len() == other.len()
        {
            return Ok::<_, String>(Some(value.cmp(other)));
        }
        let other = number(protocol, other).ok_or_else(|| format!("{other} is no number"))?;
        let value = actual.map_or(Some(0), |value| number(protocol, value));
        Ok(value.map(|value| value.cmp(&other)))
    };
    let default = actual.is_none_or(is_default);
    Ok(match operator {
        "gt" => order(argument)? == Some(Ordering::Greater),
        "ge" => matches!(order(argument)?, Some(Ordering::Greater | Ordering::Equal)),
        "lt" => order(argument)? == Some(Ordering::Less),
        "le" => matches!(order(argument)?, Some(Ordering::Less | Ordering::Equal)),
        "ne" => !equal(protocol, argument, actual),
        "any" => default != argument.as_bool().unwrap_or(true),
        "absent" => default == argument.as_bool().unwrap_or(true),
        "len" => check(protocol, argument, Some(&length(actual).into())).is_ok(),
        "contains" => contains(protocol, argument, actual),
        "excludes" => !contains(protocol, argument, actual),
        "any_of" => list()?.iter().any(|m| check(protocol, m, actual).is_ok()),
        "in_order" => in_order(protocol, list()?, actual),
        "uuid" => uuid(argument, actual),
        "all" => list()?.iter().all(|m| check(protocol, m, actual).is_ok()),
        _ => match list()?.as_slice() {
            [low, high] => {
                matches!(order(low)?, Some(Ordering::Greater | Ordering::Equal))
                    && matches!(order(high)?, Some(Ordering::Less | Ordering::Equal))
            }
            _ => return Err("`between` needs two numbers".into()),
        },
    })
}

/// Length of a list in elements, of octets in octets, of text in octets of UTF-8.
fn length(value: Option<&Value>) -> usize {
    match value {
        Some(Value::Array(elements)) => elements.len(),
        Some(Value::String(text)) => {
            let octets = text.len().is_multiple_of(2)
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
            if octets { text.len() / 2 } else { text.len() }
        }
        Some(Value::Object(fields)) => fields.len(),
        _ => 0,
    }
}

fn contains(protocol: &Protocol, wanted: &Value, actual: Option<&Value>) -> bool {
    match actual {
        Some(Value::Array(elements)) => elements
            .iter()
            .any(|element| check(protocol, wanted, Some(element)).is_ok()),
        Some(Value::String(text)) => wanted.as_str().is_some_and(|wanted| text.contains(wanted)),
        _ => false,
    }
}

/// Whether a list has these elements in this order, whatever stands between them.
fn in_order(protocol: &Protocol, wanted: &[Value], actual: Option<&Value>) -> bool {
    let mut elements = actual.and_then(Value::as_array).into_iter().flatten();
    wanted
        .iter()
        .all(|matcher| elements.any(|element| check(protocol, matcher, Some(element)).is_ok()))
}

/// Whether 16 octets are a UUID of this version (RFC 9562).
fn uuid(version: &Value, actual: Option<&Value>) -> bool {
    let text = actual.and_then(Value::as_str).unwrap_or_default();
    let version = version.to_string();
    text.len() == 32
        && text.get(12..13) == Some(&*version)
        && text
            .get(16..17)
            .is_some_and(|variant| matches!(variant, "8" | "9" | "a" | "b"))
}

/// Equality: names and numbers of the registries are the same, fields left out have the default,
/// and an object has to have the fields given, not only them.
fn equal(protocol: &Protocol, wanted: &Value, actual: Option<&Value>) -> bool {
    let Some(actual) = actual else {
        return is_default(wanted);
    };
    if let Some(octets) = wanted.get(OCTETS) {
        return octets == actual || text(wanted).is_ok_and(|text| *actual == text);
    }
    match (wanted, actual) {
        (Value::Object(wanted), Value::Object(fields)) => wanted
            .iter()
            .all(|(key, matcher)| check(protocol, matcher, fields.get(key)).is_ok()),
        (Value::Array(wanted), Value::Array(elements)) => {
            wanted.len() == elements.len()
                && wanted
                    .iter()
                    .zip(elements)
                    .all(|(matcher, element)| check(protocol, matcher, Some(element)).is_ok())
        }
        (Value::Bool(_), _) | (_, Value::Bool(_)) => wanted == actual,
        _ if wanted == actual => true,
        _ => match (number(protocol, wanted), number(protocol, actual)) {
            (Some(wanted), Some(actual)) => wanted == actual,
            _ => false,
        },
    }
}

fn number(protocol: &Protocol, value: &Value) -> Option<i128> {
    let symbol = || value.as_str().and_then(|name| protocol.symbol(name));
    integer(value).ok().or_else(|| symbol().map(i128::from))
}

/// Whether a path can exist in a message of this type; a mistake in a path would otherwise match
/// every absent field.
///
/// # Errors
/// Which part does not exist.
pub fn known_path(
    protocol: &Protocol,
    descriptor: &MessageDescriptor,
    path: &str,
) -> Result<(), String> {
    let mut descriptor = Some(descriptor.clone());
    for segment in segments(path) {
        let Segment::Field(name) = segment else {
            continue;
        };
        let Some(message) = &descriptor else {
            return Err(format!("{path}: {name} is in no message"));
        };
        if name == BODY_OCTETS {
            return Ok(());
        }
        let field = message
            .get_field_by_name(name)
            .ok_or_else(|| format!("{path}: {} has no field {name}", message.name()))?;
        if name == "body" && matches!(field.kind(), Kind::Bytes) {
            return body_path(protocol, path);
        }
        descriptor = match field.kind() {
            Kind::Message(message) => Some(message),
            _ => None,
        };
    }
    Ok(())
}

/// The part behind `body` has to exist in one of the bodies.
fn body_path(protocol: &Protocol, path: &str) -> Result<(), String> {
    let Some((_, rest)) = path.split_once("body.") else {
        return Ok(());
    };
    let bodies = [
        "TextBody",
        "CustomBody",
        "LocationBody",
        "EditBody",
        "RecallBody",
        "ReactionBody",
        "PinBody",
        "MembershipBody",
        "SettingsBody",
        "MarksEvent",
        "ReadersEvent",
        "PresenceEvent",
        "TypingEvent",
        "WaitingEvent",
        "CallEvent",
        "ContactBody",
        "ModeBody",
    ];
    let known = bodies.iter().any(|name| {
        protocol
            .message(name)
            .is_ok_and(|body| known_path(protocol, &body, rest).is_ok())
    });
    if known {
        Ok(())
    } else {
        Err(format!("{path}: no body has {rest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Data;
    use serde_json::json;

    #[test]
    fn matchers_match_what_they_say() {
        let protocol = Protocol::load(&Data::Embedded).unwrap();
        let view = json!({"a": 5, "name": "INVALID_VALUE", "list": [1, 2], "octets": "0102", "no": 0,
            "o": {"x": 1, "y": 2}, "id": "0192d3c4e5f671238abc0123456789ab"});
        for (path, matcher, expected) in [
            ("a", json!(5), true),
            ("a", json!("5"), true),
            ("a", json!({"gt": 4, "lt": 6}), true),
            ("a", json!({"gt": 5}), false),
            ("a", json!({"between": [5, 5]}), true),
            ("name", json!(0x0205), true),
            (
                "name",
                json!({"any_of": ["BAD_SEQUENCE", "INVALID_VALUE"]}),
                true,
            ),
            ("list", json!({"contains": 2}), true),
            ("list", json!({"excludes": 2}), false),
            ("list", json!([1, {"gt": 1}]), true),
            ("list", json!({"in_order": [1, 2]}), true),
            ("list", json!({"in_order": [2, 1]}), false),
            ("octets", json!({"gt": "0101"}), true),
            ("octets", json!({"gt": "01ff"}), false),
            ("octets", json!({"len": 2}), true),
            ("octets", json!({"len": {"ge": 3}}), false),
            ("no", json!({"absent": true}), true),
            ("missing", json!(0), true),
            ("missing", json!({"any": true}), false),
            ("missing", json!({"ne": 0}), false),
            ("id", json!({"uuid": 7}), true),
            ("id", json!({"uuid": 4}), false),
            ("octets", json!({"uuid": 7}), false),
            ("o", json!({"x": 1}), true),
            ("o", json!({"x": 1, "z": 1}), false),
        ] {
            let verdict = check(&protocol, &matcher, at(&view, path));
            assert_eq!(verdict.is_ok(), expected, "{path} {matcher}: {verdict:?}");
        }
    }

    #[test]
    fn paths_that_cannot_exist_are_found() {
        let protocol = Protocol::load(&Data::Embedded).unwrap();
        let push = protocol.message("Push").unwrap();
        for path in [
            "entry.body.text",
            "entry.conv_seq",
            "user_seq",
            "entry.body_octets",
        ] {
            assert_eq!(known_path(&protocol, &push, path), Ok(()), "{path}");
        }
        for path in ["entry.body.txt", "entry.seq", "entries[0]", "user_seq.x"] {
            assert!(known_path(&protocol, &push, path).is_err(), "{path}");
        }
    }
}
