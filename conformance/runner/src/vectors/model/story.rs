//! Stories: steps over one side of an open connection, and what comes of each.

use serde::{Deserialize, Serialize};

use super::frame::{Frame, FrameToSend, Part, Payload};
use super::{Incomplete, Reject, is_default};

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
