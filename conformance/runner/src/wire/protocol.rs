//! Names and numbers of the protocol: the registries and the Protobuf descriptors.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, MessageDescriptor};
use protox::Compiler;
use protox::file::{File, FileResolver};
use serde_json::Value;

use super::Side;
use crate::data::Data;
use crate::registry::{ErrorCode, FrameType, Registries};

/// Everything the specification says in data.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// The registries.
    pub registries: Registries,
    pool: DescriptorPool,
    symbols: BTreeMap<String, u64>,
}

/// What the payload of a frame is.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A Protobuf message.
    Message(MessageDescriptor),
    /// The fixed layout of FRAGMENT.
    Fragment,
    /// Octets without a known meaning.
    Opaque,
}

impl Protocol {
    /// Reads registries and Protobuf files.
    ///
    /// # Errors
    /// Which file is wrong, and why.
    pub fn load(data: &Data) -> Result<Self, String> {
        let registries = Registries::load(data)?;
        let pool = pool(data)?;
        let symbols = symbols(&registries, &pool);
        Ok(Self {
            registries,
            pool,
            symbols,
        })
    }

    /// The message with a name inside `eim.v1`.
    ///
    /// # Errors
    /// There is none.
    pub fn message(&self, name: &str) -> Result<MessageDescriptor, String> {
        let full = format!("eim.v1.{name}");
        let found = self.pool.get_message_by_name(&full);
        found.ok_or_else(|| format!("no message {full}"))
    }

    /// The number that any name stands for: enumeration values, errors, frame types, operations,
    /// compressions, capabilities.
    #[must_use]
    pub fn symbol(&self, name: &str) -> Option<u64> {
        self.symbols.get(name).copied()
    }

    /// The row of a frame type that is known in this release.
    #[must_use]
    pub fn frame(&self, kind: u8) -> Option<&FrameType> {
        let frames = &self.registries.frames.frame;
        let active = |frame: &&FrameType| frame.value == kind && frame.status == "active";
        frames.iter().find(active)
    }

    /// The name of a frame type, or its number.
    #[must_use]
    pub fn frame_name(&self, kind: u8) -> String {
        let frames = &self.registries.frames.frame;
        let found = frames.iter().find(|frame| frame.value == kind);
        found.map_or_else(|| format!("0x{kind:02X}"), |frame| frame.name.clone())
    }

    /// The number of a frame type, given by name or number.
    ///
    /// # Errors
    /// Neither a name nor an octet.
    pub fn frame_number(&self, value: &Value) -> Result<u8, String> {
        let frames = &self.registries.frames.frame;
        let named = value
            .as_str()
            .and_then(|name| frames.iter().find(|frame| frame.name == name));
        if let Some(frame) = named {
            return Ok(frame.value);
        }
        let number = match value {
            Value::String(text) => text.strip_prefix("0x").map_or_else(
                || text.parse().ok(),
                |digits| u8::from_str_radix(digits, 16).ok(),
            ),
            other => other.as_u64().and_then(|number| u8::try_from(number).ok()),
        };
        number.ok_or_else(|| format!("{value} is no frame type"))
    }

    /// Name of the range of a frame type.
    #[must_use]
    pub fn range(&self, kind: u8) -> &str {
        let ranges = &self.registries.frames.range;
        let found = ranges
            .iter()
            .find(|range| (range.first..=range.last).contains(&kind));
        found.map_or("", |range| range.name.as_str())
    }

    /// Whether frames of this type carry a sequence: unknown messages and operations do.
    #[must_use]
    pub fn sequenced(&self, kind: u8) -> bool {
        self.frame(kind).map_or_else(
            || matches!(self.range(kind), "message" | "operation"),
            |frame| frame.sequenced,
        )
    }

    /// What the payload of a frame is that this side sends.
    #[must_use]
    pub fn payload(&self, kind: u8, sender: Side) -> Payload {
        let unknown = if sender == Side::Client {
            "Send"
        } else {
            "Push"
        };
        let name = match self.frame(kind) {
            None if matches!(self.range(kind), "message" | "operation") => unknown,
            None => return Payload::Opaque,
            Some(frame) if frame.payload == "binary:fragment" => return Payload::Fragment,
            Some(frame) => {
                let both = frame.payload.contains("eim.v1.Send") || frame.payload == "eim.v1.Push";
                if both {
                    unknown
                } else {
                    frame.payload.trim_start_matches("eim.v1.")
                }
            }
        };
        self.message(name).map_or(Payload::Opaque, Payload::Message)
    }

    /// The message that the body of a message type is, where one is defined.
    #[must_use]
    pub fn body(&self, kind: u8) -> Option<MessageDescriptor> {
        let name = match self.frame(kind)?.name.as_str() {
            "TEXT" => "TextBody",
            "IMAGE" | "FILE" | "VOICE" | "VIDEO" => "MediaBody",
            "CARD" => "CardBody",
            "FORWARD" => "ForwardBody",
            "NOTICE" => "NoticeBody",
            "CUSTOM" => "CustomBody",
            "LOCATION" => "LocationBody",
            "EDIT" => "EditBody",
            "RECALL" => "RecallBody",
            "REACTION" => "ReactionBody",
            "PIN" => "PinBody",
            "MEMBERSHIP" => "MembershipBody",
            "SETTINGS" => "SettingsBody",
            "CONTACT" => "ContactBody",
            "MODE" => "ModeBody",
            _ => return None,
        };
        self.message(name).ok()
    }

    /// The message in the body of an event; `None` when it has none or is not known.
    #[must_use]
    pub fn event_body(&self, number: u32) -> Option<MessageDescriptor> {
        let rows = &self.registries.events.event;
        let row = rows.iter().find(|row| row.value == number)?;
        self.message(&row.payload).ok()
    }

    /// The row of an error code.
    #[must_use]
    pub fn error(&self, code: u64) -> Option<&ErrorCode> {
        let errors = &self.registries.errors.error;
        errors.iter().find(|error| u64::from(error.value) == code)
    }

    /// The name of an error code, or its number.
    #[must_use]
    pub fn error_name(&self, code: u64) -> String {
        self.error(code)
            .map_or_else(|| format!("0x{code:04X}"), |error| error.name.clone())
    }

    /// The default of a limit.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<u64> {
        let limits = &self.registries.limits.limit;
        let found = limits.iter().find(|limit| limit.name == name);
        found.map(|limit| limit.default)
    }
}

fn symbols(registries: &Registries, pool: &DescriptorPool) -> BTreeMap<String, u64> {
    let mut symbols = BTreeMap::new();
    for value in pool
        .all_enums()
        .flat_map(|e| e.values().collect::<Vec<_>>())
    {
        if let Ok(number) = u64::try_from(value.number()) {
            symbols.insert(value.name().to_owned(), number);
        }
    }
    for row in registries
        .capabilities
        .capability
        .iter()
        .chain(&registries.compression.algorithm)
    {
        symbols.insert(row.name.clone(), u64::from(row.value));
    }
    for row in &registries.operations.operation {
        symbols.insert(row.name.clone(), u64::from(row.value));
    }
    for row in &registries.frames.frame {
        symbols.insert(row.name.clone(), u64::from(row.value));
    }
    for row in &registries.errors.error {
        symbols.insert(row.name.clone(), u64::from(row.value));
    }
    symbols
}

/// Finds the Protobuf files among the suite's data.
struct Files(BTreeMap<String, String>);

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = self.0.get(name);
        let source = source.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

/// The descriptors of the suite's Protobuf files.
///
/// # Errors
/// Which file is wrong, and why.
pub fn pool(data: &Data) -> Result<DescriptorPool, String> {
    let mut files = BTreeMap::new();
    for path in data.files("spec/proto", "proto")? {
        let name = path.trim_start_matches("spec/proto/").to_owned();
        files.insert(name, data.read(&path)?.into_owned());
    }
    let names: Vec<String> = files.keys().cloned().collect();
    let mut compiler = Compiler::with_file_resolver(Files(files));
    for name in &names {
        compiler
            .open_file(name)
            .map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(compiler.descriptor_pool())
}
