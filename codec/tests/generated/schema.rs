//! The form of the registries; unknown keys are refused.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameTypes {
    pub(crate) range: Vec<Range>,
    pub(crate) frame: Vec<Frame>,
    pub(crate) grease: Grease,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Range {
    pub(crate) first: u8,
    pub(crate) last: u8,
    pub(crate) name: String,
    pub(crate) unknown: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Frame {
    pub(crate) value: u8,
    pub(crate) name: String,
    pub(crate) direction: String,
    pub(crate) sequenced: bool,
    pub(crate) compression: bool,
    pub(crate) phases: Vec<String>,
    pub(crate) max_octets: u32,
    pub(crate) payload: String,
    pub(crate) status: Status,
    #[serde(rename = "since")]
    pub(crate) _since: String,
    pub(crate) doc: String,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Active,
    Reserved,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grease {
    pub(crate) values: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrivateUse {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Compressions {
    pub(crate) algorithm: Vec<Named>,
    pub(crate) grease: Grease,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Capabilities {
    pub(crate) capability: Vec<Named>,
    pub(crate) private_use: PrivateUse,
    pub(crate) grease: Grease,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operations {
    pub(crate) operation: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Events {
    pub(crate) event: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    pub(crate) value: u32,
    pub(crate) name: String,
    #[serde(rename = "payload")]
    pub(crate) _payload: String,
    pub(crate) status: Status,
    pub(crate) doc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    pub(crate) value: u32,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) doc: String,
    pub(crate) mutating: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    pub(crate) class: Vec<Class>,
    pub(crate) error: Vec<Error>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    pub(crate) value: u8,
    pub(crate) name: String,
    pub(crate) blame: String,
    pub(crate) doc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Error {
    pub(crate) value: u16,
    pub(crate) name: String,
    pub(crate) scope: String,
    pub(crate) retryable: bool,
    pub(crate) closes: bool,
    #[serde(rename = "since")]
    pub(crate) _since: String,
    pub(crate) doc: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    pub(crate) limit: Vec<Limit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) default: u64,
    pub(crate) minimum: u64,
    pub(crate) maximum: u64,
    pub(crate) unit: String,
    pub(crate) doc: String,
}
