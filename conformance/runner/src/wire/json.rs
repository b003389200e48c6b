//! JSON as scripts write it, and Protobuf messages by reflection.
//!
//! Octets are hexadecimal, enumerations names or numbers, `body` the message of its frame type.

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value as Field,
};
use serde_json::{Map, Value, json};

use super::Side;
use super::fragment::{Fragment, Start};
use super::hex;
use super::protocol::{Payload, Protocol};

/// The key under which the octets of a body are shown beside its meaning; left out on encoding.
pub const BODY_OCTETS: &str = "body_octets";

/// The key of an object that stands for octets where octets stand, and for their text where text
/// stands.
pub const OCTETS: &str = "$octets";

/// The octets of a payload given as JSON.
///
/// # Errors
/// A field the message does not have, or a value that does not fit it.
pub fn encode(protocol: &Protocol, kind: u8, sender: Side, value: &Value) -> Result<Bytes, String> {
    match protocol.payload(kind, sender) {
        Payload::Message(descriptor) => {
            let message = message(protocol, &descriptor, value, kind)?;
            Ok(message.encode_to_vec().into())
        }
        Payload::Fragment => Ok(fragment(value)?.encode()),
        Payload::Opaque => octets(value),
    }
}

/// A payload as JSON, every field of the message with its value. `Err` says why it does not parse.
///
/// # Errors
/// The octets are not the payload of this type.
pub fn show(protocol: &Protocol, kind: u8, sender: Side, payload: &Bytes) -> Result<Value, String> {
    match protocol.payload(kind, sender) {
        Payload::Message(descriptor) => {
            let message = DynamicMessage::decode(descriptor, payload.clone())
                .map_err(|error| error.to_string())?;
            Ok(view(protocol, &message, kind))
        }
        Payload::Fragment => Fragment::decode(payload.clone())
            .map(|fragment| fragment_view(protocol, &fragment))
            .ok_or_else(|| "too short for FRAGMENT".to_owned()),
        Payload::Opaque => Ok(json!({ "octets": hex::encode(payload) })),
    }
}

/// The octets that a hexadecimal string stands for.
///
/// # Errors
/// Not a string, or not hexadecimal.
pub fn octets(value: &Value) -> Result<Bytes, String> {
    let text = value.get(OCTETS).unwrap_or(value).as_str();
    let text = text.ok_or_else(|| format!("{value} is not a hexadecimal string"))?;
    hex::decode(text).map(Bytes::from)
}

/// The text that a string, or octets, stand for.
///
/// # Errors
/// Neither, or octets that are no text.
pub fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => String::from_utf8(octets(other)?.to_vec()).map_err(|error| error.to_string()),
    }
}

/// A number, as such or in decimal digits.
#[must_use]
pub fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn message(
    protocol: &Protocol,
    descriptor: &MessageDescriptor,
    value: &Value,
    kind: u8,
) -> Result<DynamicMessage, String> {
    let name = descriptor.name();
    let fields = value
        .as_object()
        .ok_or_else(|| format!("{value} is not an object of the fields of {name}"))?;
    let own = if name == "Entry" {
        fields.get("type")
    } else {
        None
    };
    let kind = own.map_or(Ok(kind), |own| protocol.frame_number(own))?;
    let mut message = DynamicMessage::new(descriptor.clone());
    for (key, value) in fields {
        if key == BODY_OCTETS || value.is_null() {
            continue;
        }
        let field = descriptor
            .get_field_by_name(key)
            .ok_or_else(|| format!("{name} has no field {key}"))?;
        if name == "Event" && key == "body" && value.is_object() && value.get(OCTETS).is_none() {
            let number = fields
                .get("event")
                .and_then(|event| event_number(protocol, event));
            let descriptor = number
                .and_then(|number| protocol.event_body(number))
                .ok_or("the body of this event is octets")?;
            let body = self::message(protocol, &descriptor, value, kind)?;
            message.set_field(&field, Field::Bytes(body.encode_to_vec().into()));
            continue;
        }
        let value = field_value(protocol, &field, value, kind)
            .map_err(|error| format!("{name}.{key}: {error}"))?;
        message
            .try_set_field(&field, value)
            .map_err(|error| format!("{name}.{key}: {error}"))?;
    }
    Ok(message)
}

fn field_value(
    protocol: &Protocol,
    field: &FieldDescriptor,
    value: &Value,
    kind: u8,
) -> Result<Field, String> {
    if !field.is_list() {
        return scalar(protocol, field, value, kind);
    }
    let elements = value.as_array().ok_or("not a list")?;
    let elements = elements
        .iter()
        .map(|element| scalar(protocol, field, element, kind));
    Ok(Field::List(elements.collect::<Result<_, _>>()?))
}

fn scalar(
    protocol: &Protocol,
    field: &FieldDescriptor,
    value: &Value,
    kind: u8,
) -> Result<Field, String> {
    let wrong = || format!("{value} does not fit");
    Ok(match field.kind() {
        Kind::Message(descriptor) => Field::Message(message(protocol, &descriptor, value, kind)?),
        Kind::Enum(descriptor) => {
            let named = value
                .as_str()
                .and_then(|name| descriptor.get_value_by_name(name));
            let number = named.map(|named| named.number()).or_else(|| {
                let number = value.as_i64()?;
                i32::try_from(number).ok()
            });
            Field::EnumNumber(number.ok_or_else(wrong)?)
        }
        Kind::Bytes
            if field.name() == "body" && value.is_object() && value.get(OCTETS).is_none() =>
        {
            let descriptor = protocol
                .body(kind)
                .ok_or("the body of this type is octets")?;
            let body = message(protocol, &descriptor, value, kind)?;
            Field::Bytes(body.encode_to_vec().into())
        }
        Kind::Bytes => Field::Bytes(octets(value)?),
        Kind::String => Field::String(text(value)?),
        Kind::Bool => Field::Bool(value.as_bool().ok_or_else(wrong)?),
        Kind::Double => Field::F64(value.as_f64().ok_or_else(wrong)?),
        Kind::Uint64 => Field::U64(symbolic(protocol, field, value).ok_or_else(wrong)?),
        Kind::Uint32 => {
            let number = symbolic(protocol, field, value).ok_or_else(wrong)?;
            Field::U32(u32::try_from(number).map_err(|_| wrong())?)
        }
        other => return Err(format!("fields of {other:?} are not used")),
    })
}

/// A number, or the name of one in the fields whose numbers have names.
fn symbolic(protocol: &Protocol, field: &FieldDescriptor, value: &Value) -> Option<u64> {
    // Events and operations have names in common.
    if field.name() == "event" {
        return event_number(protocol, value).map(u64::from);
    }
    number(value).or_else(|| {
        let named = matches!(
            field.name(),
            "code" | "type" | "operation" | "compressions" | "capabilities"
        );
        value
            .as_str()
            .filter(|_| named)
            .and_then(|name| protocol.symbol(name))
    })
}

fn view(protocol: &Protocol, message: &DynamicMessage, kind: u8) -> Value {
    let descriptor = message.descriptor();
    let own = (descriptor.name() == "Entry")
        .then(|| message.get_field_by_name("type")?.as_u32())
        .flatten()
        .and_then(|number| u8::try_from(number).ok());
    let kind = own.unwrap_or(kind);
    let event = (descriptor.name() == "Event")
        .then(|| message.get_field_by_name("event")?.as_u32())
        .flatten();
    let mut fields = Map::new();
    for field in descriptor.fields() {
        let optional = field.containing_oneof().is_some()
            || (!field.is_list() && matches!(field.kind(), Kind::Message(_)));
        if optional && !message.has_field(&field) {
            continue;
        }
        let value = message.get_field(&field);
        let shown = match value.as_ref() {
            Field::Bytes(octets) if field.name() == "body" && event.is_some() => {
                let descriptor = event.and_then(|number| protocol.event_body(number));
                body_of(protocol, descriptor, octets, kind)
            }
            Field::List(elements) => {
                let show = |element| show_field(protocol, &field, element, kind);
                elements.iter().map(show).collect()
            }
            other => show_field(protocol, &field, other, kind),
        };
        if field.name() == "body"
            && let Field::Bytes(octets) = value.as_ref()
        {
            fields.insert(BODY_OCTETS.into(), hex::encode(octets).into());
        }
        fields.insert(field.name().to_owned(), shown);
    }
    Value::Object(fields)
}

fn show_field(protocol: &Protocol, field: &FieldDescriptor, value: &Field, kind: u8) -> Value {
    match value {
        Field::Bool(value) => json!(value),
        Field::U32(number) => named(protocol, field, *number),
        Field::U64(number) => json!(number),
        Field::F64(number) => json!(number),
        Field::String(text) => json!(text),
        Field::Bytes(octets) if field.name() == "body" => body(protocol, octets, kind),
        Field::Bytes(octets) => json!(hex::encode(octets)),
        Field::EnumNumber(number) => match field.kind() {
            Kind::Enum(descriptor) => descriptor
                .get_value(*number)
                .map_or_else(|| json!(number), |value| json!(value.name())),
            _ => json!(number),
        },
        Field::Message(message) => view(protocol, message, kind),
        other => json!(format!("{other:?}")),
    }
}

fn named(protocol: &Protocol, field: &FieldDescriptor, number: u32) -> Value {
    let wide = u64::from(number);
    match field.name() {
        "code" => protocol
            .error(wide)
            .map_or_else(|| json!(number), |row| json!(row.name)),
        "operation" => {
            let rows = &protocol.registries.operations.operation;
            let found = rows.iter().find(|row| row.value == number);
            found.map_or_else(|| json!(number), |row| json!(row.name))
        }
        "event" => {
            let rows = &protocol.registries.events.event;
            let found = rows.iter().find(|row| row.value == number);
            found.map_or_else(|| json!(number), |row| json!(row.name))
        }
        "type" => u8::try_from(number)
            .ok()
            .and_then(|kind| protocol.frame(kind))
            .map_or_else(|| json!(number), |row| json!(row.name)),
        _ => json!(number),
    }
}

/// A body as its message where it is one and nothing gets lost on the way, else its octets.
fn body(protocol: &Protocol, octets: &Bytes, kind: u8) -> Value {
    body_of(protocol, protocol.body(kind), octets, kind)
}

fn body_of(
    protocol: &Protocol,
    descriptor: Option<MessageDescriptor>,
    octets: &Bytes,
    kind: u8,
) -> Value {
    let parsed = descriptor
        .filter(|_| !octets.is_empty())
        .and_then(|descriptor| DynamicMessage::decode(descriptor, octets.clone()).ok());
    match parsed {
        Some(message) if message.encode_to_vec() == octets[..] => view(protocol, &message, kind),
        _ => json!(hex::encode(octets)),
    }
}

/// The number of an event, given as such or by its name.
fn event_number(protocol: &Protocol, value: &Value) -> Option<u32> {
    let rows = &protocol.registries.events.event;
    let named = value
        .as_str()
        .and_then(|name| rows.iter().find(|row| row.name == name));
    let number = named.map(|row| row.value);
    number.or_else(|| u32::try_from(self::number(value)?).ok())
}

fn fragment(value: &Value) -> Result<Fragment, String> {
    let fields = value.as_object().ok_or("FRAGMENT is not an object")?;
    let known = [
        "id",
        "offset",
        "inner_type",
        "compression",
        "total",
        "uncompressed",
        "data",
    ];
    if let Some(unknown) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("FRAGMENT has no field {unknown}"));
    }
    let number = |name: &str| {
        let value = fields.get(name).map_or(Some(0), number);
        value
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| format!("FRAGMENT.{name} is not a number"))
    };
    let octet = |name: &str| u8::try_from(number(name)?).map_err(|error| error.to_string());
    let start = Start {
        inner_type: octet("inner_type")?,
        compression: octet("compression")?,
        total: number("total")?,
        uncompressed: number("uncompressed")?,
    };
    Ok(Fragment {
        id: number("id")?,
        offset: number("offset")?,
        start: fields.contains_key("inner_type").then_some(start),
        data: fields
            .get("data")
            .map(octets)
            .transpose()?
            .unwrap_or_default(),
    })
}

fn fragment_view(protocol: &Protocol, fragment: &Fragment) -> Value {
    let mut view = json!({ "id": fragment.id, "offset": fragment.offset });
    if let (Some(start), Some(view)) = (fragment.start, view.as_object_mut()) {
        let name = protocol
            .frame(start.inner_type)
            .map_or_else(|| json!(start.inner_type), |row| json!(row.name));
        view.insert("inner_type".into(), name);
        view.insert("compression".into(), json!(start.compression));
        view.insert("total".into(), json!(start.total));
        view.insert("uncompressed".into(), json!(start.uncompressed));
    }
    if let Some(view) = view.as_object_mut() {
        view.insert("data".into(), json!(hex::encode(&fragment.data)));
    }
    view
}

/// The same without what is at its default, for people.
#[must_use]
pub fn prune(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| *key != BODY_OCTETS);
            let kept = kept.map(|(key, value)| (key.clone(), prune(value)));
            kept.filter(|(_, value)| !is_default(value)).collect()
        }
        Value::Array(elements) => elements.iter().map(prune).collect(),
        other => other.clone(),
    }
}

/// Whether a value is what Protobuf leaves out: 0, false, empty, the unspecified enumeration value.
#[must_use]
pub fn is_default(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => {
            text.is_empty() || text.ends_with("_UNSPECIFIED") || text == "ATTACH_MODE_FULL"
        }
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}
