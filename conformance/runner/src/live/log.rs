//! What was exchanged in a case, in order.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use super::clock;
use crate::results::{Direction, Field, LogLine};
use crate::wire::frame::Frame;
use crate::wire::json::prune;
use crate::wire::protocol::Protocol;
use crate::wire::{Side, hex, json};

/// Octets of one frame that the log keeps.
const KEPT: usize = 4096;
/// Characters of the description of one frame.
const DESCRIBED: usize = 400;

/// The log of a case; clones write to the same one.
#[derive(Clone, Debug)]
pub struct Log {
    lines: Arc<Mutex<Vec<LogLine>>>,
    began: Instant,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lines: Arc::default(),
            began: clock::now(),
        }
    }

    /// Adds a line.
    pub fn push(&self, place: &str, direction: Direction, text: String, octets: Vec<Field>) {
        let line = LogLine {
            at_ms: clock::ms(clock::now().saturating_duration_since(self.began)),
            place: place.to_owned(),
            direction,
            text,
            octets,
        };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line);
    }

    /// Adds a remark.
    pub fn note(&self, place: &str, text: impl Into<String>) {
        self.push(place, Direction::Note, text.into(), Vec::new());
    }

    /// Adds a frame.
    pub fn frame(&self, place: &str, direction: Direction, text: String, frame: &Frame) {
        self.push(place, direction, text, fields(frame));
    }

    /// Adds octets that are no frame.
    pub fn octets(&self, place: &str, direction: Direction, text: &str, octets: &Bytes) {
        let field = field("octets", octets);
        self.push(place, direction, text.to_owned(), vec![field]);
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

/// The octets of a frame by its fields.
#[must_use]
pub fn fields(frame: &Frame) -> Vec<Field> {
    let mut fields = vec![
        field("version", &[frame.version]),
        field("type", &[frame.kind]),
        field("sequence", &frame.sequence.to_be_bytes()),
        field("compression", &[frame.compression]),
        field("length", &frame.length.to_be_bytes()),
    ];
    if !frame.payload.is_empty() {
        fields.push(field("payload", &frame.payload));
    }
    fields
}

fn field(name: &str, octets: &[u8]) -> Field {
    let kept = octets.get(..KEPT).unwrap_or(octets);
    Field {
        name: name.to_owned(),
        hex: hex::encode(kept),
    }
}

/// A frame in words: its name, its header where it is not plain, its fields.
#[must_use]
pub fn describe(protocol: &Protocol, frame: &Frame, sender: Side) -> String {
    let view = json::show(protocol, frame.kind, sender, &frame.payload);
    let shown = if frame.compression == 0 {
        view.unwrap_or_else(|why| format!("payload does not parse: {why}").into())
    } else {
        Value::String(format!("{} octets", frame.payload.len()))
    };
    described(protocol, frame, &shown)
}

/// The same with a view of the payload that is known already.
#[must_use]
pub fn described(protocol: &Protocol, frame: &Frame, view: &Value) -> String {
    let mut text = protocol.frame_name(frame.kind);
    if frame.sequence != 0 {
        text.push_str(&format!(" #{}", frame.sequence));
    }
    if frame.version != 1 {
        text.push_str(&format!(" version {}", frame.version));
    }
    if frame.compression != 0 {
        text.push_str(&format!(" compression {}", frame.compression));
    }
    if frame.length as usize != frame.payload.len() {
        text.push_str(&format!(" length {}", frame.length));
    }
    text.push(' ');
    text.push_str(&shorten(&prune(view).to_string()));
    text
}

/// At most a few hundred characters of a text.
#[must_use]
pub fn shorten(text: &str) -> String {
    match text.char_indices().nth(DESCRIBED) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
