//! The form of a file of vectors, format 1. Unknown keys are refused, both ways.
//!
//! `conformance/schema/vectors.v1.schema.json` says the same for other languages; a test compares
//! the two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod frame;
mod story;

pub use frame::{
    Code, Encode, Encoded, Frame, FrameToSend, Part, PartHex, PartRepeat, PartU8, PartU32, Payload,
    Repeat,
};
pub use story::{Credit, Grant, Outcome, Start, Step, Story};

use super::wire_form::Flat;

/// The version of the form.
pub const FORMAT: u32 = 1;

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Path of the schema, from the folder of the file.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// [`FORMAT`].
    pub format: u32,
    /// Name of the folder.
    pub area: String,
    /// What wrote the file; absent when it is written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Generator>,
    /// Kinds of faults that cases aim at, by name.
    pub flags: BTreeMap<String, Flag>,
    /// At least one.
    pub cases: Vec<Case>,
}

/// What wrote a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generator {
    /// Name of the family, as `vectors generate --family` takes it.
    pub family: String,
    /// Raised when the family writes other cases than before.
    pub version: u32,
    /// Where pseudo-random octets begin; absent when there are none. A decimal number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
}

/// A kind of fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// What an implementation with the fault does to its users.
    pub effect: String,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct Case {
    /// Unique in the suite, never given to another case.
    pub id: String,
    /// Requirements the case tests, the one it is about first.
    pub req: Vec<String>,
    /// The level of the first requirement.
    pub level: Level,
    /// The release of the specification that the case holds from.
    pub since: String,
    /// What sort of case it is.
    pub kind: Kind,
    /// What it is about, for people.
    pub desc: String,
    /// What it is about, for counting.
    pub about: About,
    /// Features a testee may lack, declared.
    pub requires: Vec<String>,
    /// Kinds of faults it aims at.
    pub flags: Vec<String>,
    /// The case without the fault.
    pub near: Option<String>,
    /// The receiver, or the side whose story it is.
    pub config: Config,
    /// What is done, and what has to come of it.
    pub test: Test,
}

/// What a case varies: the same field with the same class is tested once for a requirement and stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// `length`, `Ping.token`, `descriptor`, …
    pub field: String,
    /// Boundary class: `zero`, `limit+1`, `truncated`, …; the schema lists them.
    pub class: String,
}

/// Level of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// MUST, MUST NOT.
    Must,
    /// SHOULD, SHOULD NOT.
    Should,
    /// MAY.
    May,
}

/// What sort of case it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nothing is wrong.
    Valid,
    /// One fault, which `near` does not have.
    Invalid,
    /// The octets end early.
    Boundary,
    /// Several faults, of which the first in order decides.
    Order,
    /// A bomb: little to send, much to work on.
    Limit,
}

/// What is done, and what has to come of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Octets to frames.
    Decode(Decode),
    /// A frame to octets.
    Encode(Encode),
    /// Steps over one side of an open connection.
    Story(Story),
    /// A function of the specification.
    Derive(Derive),
}

/// How far a receiver goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Octets to frames.
    Decode,
    /// Then decompress.
    Open,
    /// Then parse as Protobuf.
    Message,
    /// Open, with FRAGMENT frames put together.
    Reassemble,
}

/// Octets to frames.
#[derive(Clone, Debug, PartialEq)]
pub struct Decode {
    /// How far.
    pub depth: Depth,
    /// Encoding the expected frames gives the input again.
    pub canonical: bool,
    /// The octets, field by field.
    pub input: Vec<Part>,
    /// The octets again; absent when they are more than 4,096.
    pub input_hex: Option<String>,
    /// The verdict.
    pub expect: Verdict,
}

/// Frames, then at most one of incomplete and reject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Frames that were whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<Frame>>,
    /// Octets are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Incomplete>,
    /// The connection ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<Reject>,
    /// The rejection is due when so many octets are there, and not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decide_by: Option<u32>,
}

impl Verdict {
    /// Frames that were whole; none when the key is absent.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        self.frames.as_deref().unwrap_or_default()
    }
}

/// Octets are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Incomplete {
    /// So many, before the next step of the decision.
    pub need_at_least: u32,
}

/// The connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// Where.
    pub stage: Stage,
    /// Name of an error code.
    pub code: String,
}

/// Where a frame was rejected; follows from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Version, type, direction and phase, sequence, credit.
    Header,
    /// Length.
    Length,
    /// The compression octet, and decompression.
    Compression,
    /// Not the encoding it should be.
    Payload,
    /// Well-formed, with a value that may not be.
    Semantic,
}

/// The receiver, or the side whose story it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which side receives.
    #[serde(skip_serializing_if = "is_default")]
    pub role: Role,
    /// Before or after AUTH_OK.
    #[serde(skip_serializing_if = "is_default")]
    pub phase: Phase,
    /// The selected version.
    #[serde(skip_serializing_if = "is_1")]
    pub version: u8,
    /// Largest payload on the wire.
    #[serde(skip_serializing_if = "is_64_kib")]
    pub max_payload: u32,
    /// Negotiated algorithms; 0 need not be listed.
    #[serde(skip_serializing_if = "is_123")]
    pub compressions: Vec<u8>,
    /// Types of the extension and private ranges that were negotiated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub negotiated_types: Vec<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            role: Role::Server,
            phase: Phase::Open,
            version: 1,
            max_payload: 65_536,
            compressions: vec![1, 2, 3],
            negotiated_types: Vec::new(),
        }
    }
}

/// Which side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The server.
    #[default]
    Server,
    /// The client.
    Client,
}

/// Before or after AUTH_OK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before.
    Handshake,
    /// After.
    #[default]
    Open,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_1(version: &u8) -> bool {
    *version == 1
}

fn is_64_kib(octets: &u32) -> bool {
    *octets == 65_536
}

fn is_123(list: &[u8]) -> bool {
    list == [1, 2, 3]
}

/// A function of the specification.
#[derive(Clone, Debug, PartialEq)]
pub struct Derive {
    /// Its name, as the testee protocol has it.
    pub function: String,
    /// Its arguments, as the testee protocol has them.
    pub arguments: Map<String, Value>,
    /// What it yields.
    pub expect: Derived,
}

/// What a function yields: exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The arguments are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<Code>,
}

impl Case {
    /// Name of the operation in the testee protocol.
    #[must_use]
    pub const fn op(&self) -> &'static str {
        match &self.test {
            Test::Decode(test) => match test.depth {
                Depth::Decode => "decode",
                Depth::Open => "open",
                Depth::Message => "message",
                Depth::Reassemble => "reassemble",
            },
            Test::Encode(_) => "encode",
            Test::Story(_) => "story",
            Test::Derive(_) => "derive",
        }
    }
}
