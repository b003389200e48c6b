//! Ordinals, octets and credit of a session (chapter 24), from the suite's side.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::{Value, json};

use super::past::Past;
use crate::wire::json::number;

/// Credit, in absolute numbers (24.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Ordinal of the last frame received.
    pub received_through: u64,
    /// Frames allowed.
    pub frames: u64,
    /// Octets allowed.
    pub octets: u64,
}

impl Window {
    /// Reads the fields of a WINDOW.
    #[must_use]
    pub fn of(view: &Value) -> Self {
        let field = |name: &str| view.get(name).and_then(number).unwrap_or(0);
        Self {
            received_through: field("received_through"),
            frames: field("frames"),
            octets: field("octets"),
        }
    }

    /// The fields of a WINDOW.
    #[must_use]
    pub fn view(&self) -> Value {
        json!({"received_through": self.received_through, "frames": self.frames, "octets": self.octets})
    }
}

/// Ordinals, octets and credit of a session.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// Ordinal of the last frame sent.
    pub sent: u64,
    /// Octets of the frames sent.
    pub sent_octets: u64,
    /// Ordinal of the last frame received.
    pub received: u64,
    /// Octets of the frames received.
    pub received_octets: u64,
    /// Credit granted to the testee.
    pub granted: Window,
    /// First credit granted: half of it is when more is granted.
    pub first: Window,
    /// Credit of the suite.
    pub credit: Window,
    /// Sequenced frames sent, for a resume.
    pub kept: VecDeque<(u64, Bytes)>,
    /// Last CURSOR: `user_seq` and `settled_through`.
    pub cursor: (u64, u64),
    /// The highest `settled_through` of a CURSOR.
    pub settled: u64,
    /// What the testee has sent under each ordinal.
    pub past: Past,
}
