//! Frames and what they are made of: octets given, frames expected, frames to be sent.

use serde::{Deserialize, Serialize};

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
