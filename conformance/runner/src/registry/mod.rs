//! The registries: `spec/registry/*.toml`.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::data::Data;

pub mod markers;
pub mod tables;

/// All registries.
#[derive(Clone, Debug)]
pub struct Registries {
    /// `frame-types.toml`.
    pub frames: FrameTypes,
    /// `error-codes.toml`.
    pub errors: ErrorCodes,
    /// `compression.toml`.
    pub compression: Compression,
    /// `capabilities.toml`.
    pub capabilities: Capabilities,
    /// `operations.toml`.
    pub operations: Operations,
    /// `events.toml`.
    pub events: Events,
    /// `limits.toml`.
    pub limits: Limits,
}

impl Registries {
    /// Reads the registries of the folder `spec/registry`.
    ///
    /// # Errors
    /// Which file cannot be read, and why. Unknown keys are errors: a typing mistake in a registry
    /// would otherwise be silent.
    pub fn read(folder: &Path) -> Result<Self, String> {
        Self::parse(|name| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
        })
    }

    /// The registries of the suite's own data.
    ///
    /// # Errors
    /// As [`Registries::read`].
    pub fn load(data: &Data) -> Result<Self, String> {
        Self::parse(|name| Ok(data.read(&format!("spec/registry/{name}"))?.into_owned()))
    }

    fn parse(read: impl Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        Ok(Self {
            frames: file(&read, "frame-types.toml")?,
            errors: file(&read, "error-codes.toml")?,
            compression: file(&read, "compression.toml")?,
            capabilities: file(&read, "capabilities.toml")?,
            operations: file(&read, "operations.toml")?,
            events: file(&read, "events.toml")?,
            limits: file(&read, "limits.toml")?,
        })
    }
}

fn file<T: DeserializeOwned>(
    read: impl Fn(&str) -> Result<String, String>,
    name: &str,
) -> Result<T, String> {
    toml::from_str(&read(name)?).map_err(|e| format!("{name}: {e}"))
}

/// `frame-types.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameTypes {
    /// Ranges of the type octet.
    pub range: Vec<FrameRange>,
    /// Frame types.
    pub frame: Vec<FrameType>,
    /// Values without meaning.
    pub grease: Grease,
}

/// A range of frame types.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameRange {
    /// First value.
    pub first: u8,
    /// Last value.
    pub last: u8,
    /// Its name.
    pub name: String,
    /// What happens to unknown types in it: `close`, `unsupported` or `ignore`.
    pub unknown: String,
}

/// A frame type.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameType {
    /// Value of the type octet.
    pub value: u8,
    /// Its name.
    pub name: String,
    /// `client`, `server` or `both`.
    pub direction: String,
    /// Whether it carries a sequence and consumes credit.
    pub sequenced: bool,
    /// Whether it may be compressed.
    pub compression: bool,
    /// Phases that allow it.
    pub phases: Vec<String>,
    /// Cap on the payload, in octets.
    pub max_octets: u64,
    /// Its payload.
    pub payload: String,
    /// `active` or `reserved`.
    pub status: String,
    /// Version that introduced it.
    pub since: String,
    /// What it is for.
    pub doc: String,
}

/// `error-codes.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorCodes {
    /// Classes.
    pub class: Vec<ErrorClass>,
    /// Codes.
    pub error: Vec<ErrorCode>,
}

/// A class of errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorClass {
    /// Upper octet of its codes.
    pub value: u8,
    /// Its name.
    pub name: String,
    /// Who is at fault.
    pub blame: String,
    /// What it means.
    pub doc: String,
}

/// An error code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorCode {
    /// Class octet and detail octet.
    pub value: u16,
    /// Its name.
    pub name: String,
    /// What it ends.
    pub scope: String,
    /// Whether the same act can succeed later.
    pub retryable: bool,
    /// Whether the connection ends.
    pub closes: bool,
    /// Version that introduced it.
    pub since: String,
    /// What it means.
    pub doc: String,
}

/// `compression.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compression {
    /// Algorithms.
    pub algorithm: Vec<Number>,
    /// Values without meaning.
    pub grease: Grease,
}

/// `capabilities.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Capabilities.
    pub capability: Vec<Number>,
    /// Values for private use.
    pub private_use: PrivateUse,
    /// Values without meaning.
    pub grease: Grease,
}

/// A number with a name, a status and a meaning.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// The number.
    pub value: u32,
    /// Its name.
    pub name: String,
    /// `active` or `reserved`.
    pub status: String,
    /// What it means.
    pub doc: String,
}

/// `operations.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operations {
    /// Operations.
    pub operation: Vec<Operation>,
}

/// An operation of REQUEST.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its number.
    pub value: u32,
    /// Its name.
    pub name: String,
    /// Whether `request_id` is an idempotency key.
    pub mutating: bool,
    /// `active` or `reserved`.
    pub status: String,
    /// What it does.
    pub doc: String,
}

/// `events.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Events.
    pub event: Vec<Event>,
}

/// An event of EVENT.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Its number.
    pub value: u32,
    /// Its name.
    pub name: String,
    /// The Protobuf message in `body`; empty when there is none.
    pub payload: String,
    /// `active` or `reserved`.
    pub status: String,
    /// What it tells.
    pub doc: String,
}

/// `limits.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Limits.
    pub limit: Vec<Limit>,
}

/// A limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Its name.
    pub name: String,
    /// Value without configuration.
    pub default: u64,
    /// Least value.
    pub minimum: u64,
    /// Hard cap.
    pub maximum: u64,
    /// Unit of the values.
    pub unit: String,
    /// What it limits.
    pub doc: String,
}

/// Values without meaning.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grease {
    /// The values.
    pub values: Vec<u32>,
}

/// A range for private use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateUse {
    /// First value.
    pub first: u32,
    /// Last value.
    pub last: u32,
}
