//! The messages of `spec/proto`, read line by line from the files of the specification.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::registry::TYPES;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Uint32,
    Uint64,
    Bool,
    Enum,
    Double,
    String,
    Bytes,
    /// By its name.
    Message(&'static str),
}

impl Kind {
    /// The wire type of one value.
    pub(crate) const fn wire(self) -> u8 {
        match self {
            Self::Uint32 | Self::Uint64 | Self::Bool | Self::Enum => 0,
            Self::Double => 1,
            Self::String | Self::Bytes | Self::Message(_) => 2,
        }
    }
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) kind: Kind,
    pub(crate) repeated: bool,
    /// Name of the oneof that it is a member of.
    pub(crate) oneof: Option<&'static str>,
}

/// The fields of a message by number.
pub(crate) type Message = BTreeMap<u32, Field>;

const FILES: [&str; 15] = [
    include_str!("../../../../spec/proto/eim/v1/calls.proto"),
    include_str!("../../../../spec/proto/eim/v1/blobs.proto"),
    include_str!("../../../../spec/proto/eim/v1/contacts.proto"),
    include_str!("../../../../spec/proto/eim/v1/connection.proto"),
    include_str!("../../../../spec/proto/eim/v1/content.proto"),
    include_str!("../../../../spec/proto/eim/v1/devices.proto"),
    include_str!("../../../../spec/proto/eim/v1/directory.proto"),
    include_str!("../../../../spec/proto/eim/v1/marks.proto"),
    include_str!("../../../../spec/proto/eim/v1/groups.proto"),
    include_str!("../../../../spec/proto/eim/v1/message.proto"),
    include_str!("../../../../spec/proto/eim/v1/notifications.proto"),
    include_str!("../../../../spec/proto/eim/v1/request.proto"),
    include_str!("../../../../spec/proto/eim/v1/operations.proto"),
    include_str!("../../../../spec/proto/eim/v1/presence.proto"),
    include_str!("../../../../spec/proto/eim/v1/state.proto"),
];

static MESSAGES: LazyLock<BTreeMap<&'static str, Message>> = LazyLock::new(|| {
    let enums: Vec<&str> = lines()
        .filter_map(|line| line.strip_prefix("enum "))
        .map(|rest| rest.trim_end_matches(" {"))
        .collect();
    let mut messages = BTreeMap::<&str, Message>::new();
    let (mut message, mut oneof) = (None, None);
    for line in lines() {
        if let Some(name) = line.strip_prefix("message ") {
            let name = name.trim_end_matches(['}', ' ']).trim_end_matches(" {");
            message = Some(name);
            messages.insert(name, Message::new());
        } else if let Some(name) = line.strip_prefix("oneof ") {
            oneof = Some(name.trim_end_matches(" {"));
        } else if line == "}" {
            // The end of a oneof, or else of the message.
            if oneof.take().is_none() {
                message = None;
            }
        } else if let (Some(name), Some((left, number))) = (message, line.split_once(" = ")) {
            let number = number
                .trim_end_matches(';')
                .parse()
                .expect("a field number");
            let fields = messages.get_mut(name).expect("a message that began");
            fields.insert(number, field(left, oneof, &enums));
        }
    }
    messages
});

/// All lines without comments and space around them; what enumerations hold is left out.
fn lines() -> impl Iterator<Item = &'static str> {
    let mut inside_enum = false;
    FILES
        .iter()
        .flat_map(|file| file.lines())
        .map(|line| line.split("//").next().unwrap_or_default().trim())
        .filter(move |line| {
            let inside = inside_enum;
            inside_enum = line.starts_with("enum ") || (inside && *line != "}");
            !inside
        })
}

/// A field, of what stands left of its number.
fn field(left: &'static str, oneof: Option<&'static str>, enums: &[&str]) -> Field {
    let words: Vec<&str> = left.split_whitespace().collect();
    let (repeated, kind, oneof) = match words[..] {
        ["repeated", kind, _] => (true, kind, oneof),
        // There or not, as the only member of a oneof.
        ["optional", kind, name] => (false, kind, Some(name)),
        [kind, _] => (false, kind, oneof),
        _ => panic!("no field: {left}"),
    };
    let kind = match kind {
        "uint32" => Kind::Uint32,
        "uint64" => Kind::Uint64,
        "bool" => Kind::Bool,
        "double" => Kind::Double,
        "string" => Kind::String,
        "bytes" => Kind::Bytes,
        other if enums.contains(&other) => Kind::Enum,
        other => Kind::Message(other),
    };
    Field {
        kind,
        repeated,
        oneof,
    }
}

/// The message of that name, with or without its package.
pub(crate) fn message(name: &str) -> &'static Message {
    let name = name.trim_start_matches("eim.v1.");
    MESSAGES.get(name).expect("a message of the specification")
}

/// Name of the message that a frame of this type carries; `None` when it carries none or is unknown.
pub(crate) fn payload(frame_type: u8, to_client: bool) -> Option<&'static str> {
    let payload = TYPES.get(&frame_type)?.payload;
    match payload.split_once('|') {
        _ if payload.starts_with("binary:") => None,
        Some((from_client, from_server)) => Some(if to_client { from_server } else { from_client }),
        None => Some(payload),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_read_as_it_is_written() {
        assert_eq!(message("eim.v1.Send").len(), 9);
        assert_eq!(message("Send")[&2].oneof, Some("target"));
        assert_eq!(message("Send")[&3].oneof, None);
        assert_eq!(
            message("Request")[&37].kind,
            Kind::Message("GroupMembersRequest")
        );
        assert_eq!(message("Auth")[&5].kind, Kind::Enum);
        assert!(message("GroupLeaveRequest")[&1].kind == Kind::Bytes);
        assert!(message("Welcome")[&5].repeated);
        for (name, fields) in MESSAGES.iter() {
            let begin = format!("message {name} {{");
            let empty = FILES.iter().any(|file| {
                let body = file.split_once(&begin).map(|(_, body)| body);
                body.is_some_and(|body| body.trim_start().starts_with('}'))
            });
            assert_eq!(fields.is_empty(), empty, "{name}");
            for field in fields.values() {
                if let Kind::Message(inner) = field.kind {
                    assert!(MESSAGES.contains_key(inner), "{inner} in {name}");
                }
            }
        }
    }
}
