//! Values of scripts: JSON with variables and a little arithmetic, and paths into it.

use serde_json::{Map, Number, Value, json};

use crate::wire::hex;
use crate::wire::json::OCTETS;

/// Where variables come from.
pub trait Scope {
    /// The value of a variable, without its `$`.
    ///
    /// # Errors
    /// There is none, or it has no value yet.
    fn lookup(&mut self, name: &str) -> Result<Value, String>;
}

/// The value of an expression.
///
/// # Errors
/// An unknown variable; arithmetic with something that is no number.
pub fn evaluate(value: &Value, scope: &mut dyn Scope) -> Result<Value, String> {
    match value {
        Value::String(text) => match text.strip_prefix('$') {
            None => Ok(value.clone()),
            Some(rest) if rest.starts_with('$') => Ok(rest.into()),
            Some(name) => scope.lookup(name),
        },
        Value::Array(elements) => elements.iter().map(|e| evaluate(e, scope)).collect(),
        Value::Object(fields) => match computed(fields, scope)? {
            Some(value) => Ok(value),
            None => object(fields, scope).map(Value::Object),
        },
        other => Ok(other.clone()),
    }
}

/// The values of all fields.
///
/// # Errors
/// As [`evaluate`].
pub fn object(
    fields: &Map<String, Value>,
    scope: &mut dyn Scope,
) -> Result<Map<String, Value>, String> {
    let evaluated = fields
        .iter()
        .map(|(key, value)| Ok((key.clone(), evaluate(value, scope)?)));
    evaluated.collect()
}

fn computed(fields: &Map<String, Value>, scope: &mut dyn Scope) -> Result<Option<Value>, String> {
    if let (Some(unit), Some(count), 2) = (fields.get("repeat"), fields.get("count"), fields.len())
    {
        let unit = evaluate(unit, scope)?;
        let unit = unit.as_str().ok_or("`repeat` is not a string")?;
        let count = integer(&evaluate(count, scope)?)?;
        let count = usize::try_from(count).map_err(|error| error.to_string())?;
        let whole = unit.repeat(count);
        let octets = hex::decode(unit).is_ok();
        return Ok(Some(if octets {
            json!({ OCTETS: whole })
        } else {
            whole.into()
        }));
    }
    let mut entries = fields.iter();
    let (Some((key, arguments)), None) = (entries.next(), entries.next()) else {
        return Ok(None);
    };
    if !matches!(key.as_str(), "add" | "sub" | "mul" | "concat") {
        return Ok(None);
    }
    let arguments = evaluate(arguments, scope)?;
    let arguments = arguments
        .as_array()
        .ok_or_else(|| format!("`{key}` of no list"))?;
    if key == "concat" {
        return concat(arguments).map(Some);
    }
    let mut numbers = arguments.iter().map(integer);
    let first = numbers
        .next()
        .ok_or_else(|| format!("`{key}` of nothing"))??;
    let result = numbers.try_fold(first, |sum, next| {
        let next = next?;
        let result = match key.as_str() {
            "add" => sum.checked_add(next),
            "sub" => sum.checked_sub(next),
            _ => sum.checked_mul(next),
        };
        result.ok_or_else(|| format!("`{key}` overflows"))
    })?;
    let number = u64::try_from(result).map(Number::from);
    let number = number.or_else(|_| i64::try_from(result).map(Number::from));
    Ok(Some(Value::Number(number.map_err(|e| e.to_string())?)))
}

/// Joins strings. With octets among them it is octets, if all parts can be, and else text.
fn concat(parts: &[Value]) -> Result<Value, String> {
    let mut digits = String::new();
    let mut texts = String::new();
    let (mut octets, mut text) = (true, true);
    for part in parts {
        let hexadecimal = part.get(OCTETS).and_then(Value::as_str);
        let plain = match part {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => hexadecimal
                .ok_or_else(|| format!("`concat` of {part}"))?
                .to_owned(),
        };
        octets &= hex::decode(&plain).is_ok();
        digits.push_str(&plain);
        match hexadecimal {
            None => texts.push_str(&plain),
            Some(digits) => match String::from_utf8(hex::decode(digits)?) {
                Ok(decoded) => texts.push_str(&decoded),
                Err(_) => text = false,
            },
        }
    }
    match (octets, text) {
        (true, _) if digits != texts => Ok(json!({ OCTETS: digits })),
        (_, true) => Ok(texts.into()),
        _ => Err("`concat` of octets that are no text, and text".into()),
    }
}

/// An integer, as such or in decimal digits.
///
/// # Errors
/// It is none.
pub fn integer(value: &Value) -> Result<i128, String> {
    let parsed = match value {
        Value::Number(number) => number
            .as_u64()
            .map(i128::from)
            .or_else(|| number.as_i64().map(i128::from)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| format!("{value} is no integer"))
}

/// A number that cannot be negative.
///
/// # Errors
/// It is none.
pub fn unsigned(value: &Value) -> Result<u64, String> {
    u64::try_from(integer(value)?).map_err(|_| format!("{value} is out of range"))
}

/// What stands at a path: field names with dots between, `[n]` for elements.
#[must_use]
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    segments(path).try_fold(value, |value, segment| match segment {
        Segment::Field(name) => value.get(name),
        Segment::Element(index) => value.get(index),
    })
}

/// Replaces what stands at a path; objects on the way are made.
///
/// # Errors
/// An element that is not there, or a field of something that has none.
pub fn replace(value: &mut Value, path: &str, new: Value) -> Result<(), String> {
    let mut place = value;
    for segment in segments(path) {
        place = match segment {
            Segment::Field(name) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                let fields = place.as_object_mut();
                let fields = fields.ok_or_else(|| format!("{path}: nothing to set in"))?;
                fields.entry(name).or_insert(Value::Null)
            }
            Segment::Element(index) => {
                if place.is_null() {
                    *place = Value::Array(Vec::new());
                }
                let elements = place
                    .as_array_mut()
                    .ok_or_else(|| format!("{path}: no list"))?;
                if elements.len() == index {
                    elements.push(Value::Null);
                }
                elements
                    .get_mut(index)
                    .ok_or_else(|| format!("{path}: no element {index}"))?
            }
        };
    }
    *place = new;
    Ok(())
}

/// A part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// A field.
    Field(&'a str),
    /// An element of a list.
    Element(usize),
}

/// The parts of a path.
pub fn segments(path: &str) -> impl Iterator<Item = Segment<'_>> {
    path.split('.').flat_map(|part| {
        let mut pieces = part.split('[');
        let name = pieces
            .next()
            .filter(|name| !name.is_empty())
            .map(Segment::Field);
        let elements = pieces.filter_map(|piece| {
            let index = piece.strip_suffix(']')?.parse().ok()?;
            Some(Segment::Element(index))
        });
        name.into_iter().chain(elements.collect::<Vec<_>>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Scope for Two {
        fn lookup(&mut self, name: &str) -> Result<Value, String> {
            if name == "two" {
                Ok(json!(2))
            } else {
                Err(format!("no {name}"))
            }
        }
    }

    #[test]
    fn expressions_have_values() {
        for (expression, expected) in [
            (json!({"add": ["$two", 3, "4"]}), json!(9)),
            (json!({"sub": [1, "$two"]}), json!(-1)),
            (
                json!({"repeat": "61", "count": {"mul": ["$two", 2]}}),
                json!({ OCTETS: "61616161" }),
            ),
            (
                json!({"concat": ["00", {"repeat": "61", "count": 2}]}),
                json!({ OCTETS: "006161" }),
            ),
            (
                json!({"concat": ["x", {"repeat": "61", "count": 2}]}),
                json!("xaa"),
            ),
            (
                json!({"x": {"concat": ["a", {"repeat": "b", "count": 2}]}}),
                json!({"x": "abb"}),
            ),
            (json!(["$$two"]), json!(["$two"])),
        ] {
            assert_eq!(evaluate(&expression, &mut Two), Ok(expected));
        }
        assert!(evaluate(&json!({"add": ["$three"]}), &mut Two).is_err());
    }

    #[test]
    fn paths_lead_into_lists() {
        let mut value = json!({"results": [{"error": {"code": 7}}]});
        assert_eq!(at(&value, "results[0].error.code"), Some(&json!(7)));
        assert_eq!(at(&value, "results[1].error"), None);
        replace(&mut value, "results[0].error.code", json!(8)).unwrap();
        replace(&mut value, "results[1].ordinal", json!(1)).unwrap();
        assert_eq!(
            value,
            json!({"results": [{"error": {"code": 8}}, {"ordinal": 1}]})
        );
        assert!(replace(&mut value, "results[4].ordinal", json!(1)).is_err());
    }
}
