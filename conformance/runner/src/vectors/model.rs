//! The form of a file of vectors, format 1. Unknown keys are refused, both ways.
//!
//! `conformance/schema/vectors.v1.schema.json` says the same for other languages; a test compares
//! the two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

/// Octets of one field. A frame begins at each `version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Part {
    /// One octet.
    U8(PartU8),
    /// Four octets, in network order.
    U32(PartU32),
    /// Octets.
    Hex(PartHex),
    /// Octets repeated.
    Repeat(PartRepeat),
}

/// One octet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartU8 {
    /// Its value.
    pub u8: u8,
    /// Name of the field.
    pub f: String,
}

/// Four octets, in network order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartU32 {
    /// Their value.
    pub u32: u32,
    /// Name of the field.
    pub f: String,
}

/// Octets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartHex {
    /// Lower-case hexadecimal.
    pub hex: String,
    /// Name of the field.
    pub f: String,
}

/// Octets repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartRepeat {
    /// Lower-case hexadecimal.
    pub repeat: String,
    /// How often.
    pub count: u32,
    /// Name of the field.
    pub f: String,
}

/// Octets repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// Lower-case hexadecimal.
    pub repeat: String,
    /// How often.
    pub count: u32,
}

/// Octets of a payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Payload {
    /// Lower-case hexadecimal.
    Hex(String),
    /// Repetitions, one behind the other.
    Repeats(Vec<Repeat>),
}

/// A frame that is expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Version octet.
    pub version: u8,
    /// Type octet.
    pub r#type: u8,
    /// Sequence.
    pub sequence: u32,
    /// Compression octet.
    pub compression: u8,
    /// In a story: the ordinal of a sequenced frame, a decimal number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<String>,
    /// Payload on the wire, hexadecimal (`decode`, `story`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_hex: Option<String>,
    /// Payload on the wire, when it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Vec<Repeat>>,
    /// Payload after decompression, hexadecimal (`open`, `message`, `reassemble`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hex: Option<String>,
    /// Payload after decompression, when it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<Repeat>>,
    /// The message encoded again: fields in order, repeated numbers packed, defaults left out. Not
    /// compared when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical_hex: Option<String>,
}

impl Frame {
    /// Payload or content, whichever is stated.
    ///
    /// # Errors
    /// Not hexadecimal, or neither is stated.
    pub fn octets(&self) -> Result<Vec<u8>, String> {
        stated(
            [&self.payload_hex, &self.content_hex],
            [&self.payload, &self.content],
        )
    }
}

/// A frame to octets.
#[derive(Clone, Debug, PartialEq)]
pub struct Encode {
    /// The frame.
    pub frame: FrameToSend,
    /// The octets, or the refusal.
    pub expect: Encoded,
}

/// A frame that a testee is asked to encode or to send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameToSend {
    /// Type octet.
    pub r#type: u8,
    /// Sequence; absent in a story, where the side numbers its frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u32>,
    /// Compression octet; absent in a story, where it is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<u8>,
    /// Payload on the wire, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_hex: Option<String>,
    /// Payload on the wire, when it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Vec<Repeat>>,
    /// What the testee has to compress, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hex: Option<String>,
    /// What the testee has to compress, when it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<Repeat>>,
}

impl FrameToSend {
    /// Payload or content, whichever is stated.
    ///
    /// # Errors
    /// Not hexadecimal, or neither is stated.
    pub fn octets(&self) -> Result<Vec<u8>, String> {
        stated(
            [&self.payload_hex, &self.content_hex],
            [&self.payload, &self.content],
        )
    }

    /// Whether the testee has to compress the octets itself.
    #[must_use]
    pub fn is_content(&self) -> bool {
        self.content_hex.is_some() || self.content.is_some()
    }
}

fn stated(
    hex: [&Option<String>; 2],
    repeats: [&Option<Vec<Repeat>>; 2],
) -> Result<Vec<u8>, String> {
    let hex = hex.into_iter().flatten().cloned().map(Payload::Hex);
    let repeats = repeats.into_iter().flatten().cloned();
    let mut all = hex.chain(repeats.map(Payload::Repeats));
    match (all.next(), all.next()) {
        (Some(payload), None) => payload.octets(),
        _ => Err("not exactly one of payload_hex, payload, content_hex, content".into()),
    }
}

/// What comes of encoding: exactly one of the three.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoded {
    /// Exactly these octets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub octets: Option<Payload>,
    /// Octets of one frame that a receiver opens to this one; how well they are compressed does not
    /// matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens: Option<Frame>,
    /// The receiver would have to refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse: Option<Code>,
}

/// An error code alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// Its name.
    pub code: String,
}

/// Steps over one side of an open connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// What was before.
    pub start: Start,
    /// What happens; one expected outcome each.
    pub steps: Vec<Step>,
    /// Outcomes.
    pub expect: Vec<Outcome>,
}

/// Sequenced frames before the story. Decimal numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Start {
    /// Frames sent.
    #[serde(skip_serializing_if = "is_0")]
    pub sent: String,
    /// Frames received.
    #[serde(skip_serializing_if = "is_0")]
    pub received: String,
    /// Octets sent.
    #[serde(skip_serializing_if = "is_0")]
    pub sent_octets: String,
    /// Octets received.
    #[serde(skip_serializing_if = "is_0")]
    pub received_octets: String,
}

impl Default for Start {
    fn default() -> Self {
        let zero = || String::from("0");
        Self {
            sent: zero(),
            received: zero(),
            sent_octets: zero(),
            received_octets: zero(),
        }
    }
}

fn is_0(number: &str) -> bool {
    number == "0"
}

/// One step: exactly one of these keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// We have sent WINDOW with these numbers.
    Grant(Grant),
    /// The peer has sent WINDOW with these fields.
    Credit(Credit),
    /// Octets of the peer, field by field.
    Receive(Vec<Part>),
    /// We want to send this frame.
    Send(FrameToSend),
}

/// Our peer's credit. Decimal numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Frames with an ordinal up to this.
    pub frames: String,
    /// Octets of all frames.
    pub octets: String,
}

/// Our credit. Decimal numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credit {
    /// Our frames through this ordinal were received.
    pub received_through: String,
    /// Frames with an ordinal up to this.
    pub frames: String,
    /// Octets of all frames.
    pub octets: String,
}

/// What comes of a step; nothing for `grant` and an accepted `credit`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Frames that were whole (`receive`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Vec<Frame>>,
    /// Octets are missing (`receive`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Incomplete>,
    /// The connection ends (`receive`, `credit`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reject: Option<Reject>,
    /// What is transmitted (`send`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub octets: Option<Payload>,
    /// No credit (`send`).
    #[serde(default, skip_serializing_if = "is_default")]
    pub blocked: bool,
    /// The connection is over.
    #[serde(default, skip_serializing_if = "is_default")]
    pub closed: bool,
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
