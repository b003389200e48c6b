//! The replies of testees: JSON to verdicts, strictly. What has another form is garbage, not a verdict.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::vectors::octets::{from_hex, to_hex};

/// Octet strings of so many octets may be given as length and digest.
const SUMMARISED: usize = 4096;

/// Octets in a reply.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Octets {
    /// Hexadecimal.
    Hex(String),
    /// Long ones.
    Digest(Summary),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Summary {
    length: u64,
    sha256: String,
}

impl Octets {
    /// Whether these are the octets.
    pub(super) fn is(&self, expected: &[u8]) -> bool {
        match self {
            Self::Hex(hex) => *hex == to_hex(expected),
            Self::Digest(summary) => {
                u64::try_from(expected.len()) == Ok(summary.length)
                    && summary.sha256 == to_hex(&Sha256::digest(expected))
            }
        }
    }

    /// The same text for the same octets, in whichever of the two forms they came.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Hex(hex) if hex.len() < 2 * SUMMARISED => hex.clone(),
            Self::Hex(hex) => match from_hex(hex) {
                Ok(octets) => {
                    let digest = to_hex(&Sha256::digest(&octets));
                    format!("{} octets, SHA-256 {digest}", octets.len())
                }
                Err(why) => why,
            },
            Self::Digest(Summary { length, sha256 }) => {
                format!("{length} octets, SHA-256 {sha256}")
            }
        }
    }
}

/// A frame of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frame {
    pub(super) version: u8,
    pub(super) r#type: u8,
    pub(super) sequence: u32,
    pub(super) compression: u8,
    pub(super) ordinal: Option<String>,
    pub(super) payload_hex: Option<Octets>,
    pub(super) content_hex: Option<Octets>,
    pub(super) canonical_hex: Option<Octets>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Incomplete {
    pub(super) need_at_least: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reject {
    pub(super) stage: String,
    pub(super) code: Option<String>,
}

/// The reply to decode, open, message, reassemble, and the outcome of a step of a story.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    #[serde(rename = "id")]
    _id: Option<u64>,
    pub(super) frames: Option<Vec<Frame>>,
    pub(super) incomplete: Option<Incomplete>,
    pub(super) reject: Option<Reject>,
    pub(super) octets: Option<String>,
    #[serde(default)]
    pub(super) blocked: bool,
    #[serde(default)]
    pub(super) closed: bool,
}

/// The reply to `encode`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encoded {
    #[serde(rename = "id")]
    _id: u64,
    pub(super) octets: Option<String>,
    pub(super) refuse: Option<Code>,
}

/// The reply to `story`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    #[serde(rename = "id")]
    _id: u64,
    pub(super) steps: Vec<Verdict>,
}

/// The reply to `derive`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Derived {
    #[serde(rename = "id")]
    _id: u64,
    pub(super) value: Option<Value>,
    pub(super) reject: Option<Code>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Code {
    pub(super) code: Option<String>,
}

/// A reply of the form that its request calls for.
pub(super) fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| format!("not a reply to this request: {error}"))
}

impl Verdict {
    /// As the reply to a decoding request: frames, then at most one of incomplete and reject.
    pub(super) fn read(value: Value) -> Result<Self, String> {
        let verdict: Self = read(value)?;
        let story = verdict.octets.is_some() || verdict.blocked || verdict.closed;
        if story || verdict.frames.is_none() {
            return Err(
                "not a reply to this request: it needs frames and no step of a story".into(),
            );
        }
        if verdict.incomplete.is_some() && verdict.reject.is_some() {
            return Err("not a reply to this request: both incomplete and reject".into());
        }
        Ok(verdict)
    }

    pub(super) fn frames(&self) -> &[Frame] {
        self.frames.as_deref().unwrap_or_default()
    }
}
