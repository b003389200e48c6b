//! What the suite knows about one connection: inboxes, numbers, what was negotiated.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

pub use super::numbers::{Numbers, Window};
use super::rules;
use crate::wire::frame::Frame;
use crate::wire::json::{encode, number, show};
use crate::wire::link::End;
use crate::wire::protocol::Protocol;
use crate::wire::{Side, compress};

/// A frame of the testee.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As it arrived, or as a fault has made it.
    pub frame: Frame,
    /// Its payload.
    pub view: Value,
    /// When.
    pub at: Instant,
    /// Its place among everything that arrived on this connection.
    pub index: u64,
}

/// What a connection does by itself.
#[derive(Clone, Copy, Debug)]
pub struct Auto {
    /// Answers PING.
    pub pong: bool,
    /// Grants credit.
    pub window: bool,
}

/// Answers a control frame by itself: `None` leaves it to the script.
pub type Responder = Box<dyn FnMut(&Seen) -> Option<Vec<Bytes>> + Send>;

/// What the client under test has to send before other frames after AUTH_OK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// WINDOW, before anything else (EIM-RSM-024).
    Window,
    /// CURSOR, before sequenced frames (EIM-RSM-017).
    Cursor,
}

/// A rule for every frame that the testee has broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The requirement.
    pub requirement: &'static str,
    /// What happened.
    pub text: String,
}

/// What is known about one connection.
pub struct State {
    /// Which side the suite is.
    pub side: Side,
    /// The protocol.
    pub protocol: Arc<Protocol>,
    /// Results, taken out of ACK.
    pub results: VecDeque<Seen>,
    /// ACK whole, for steps that want it so.
    pub acks: VecDeque<Seen>,
    /// Sequenced frames.
    pub pushes: VecDeque<Seen>,
    /// All others but ERROR.
    pub control: VecDeque<Seen>,
    /// ERROR.
    pub error: Option<Seen>,
    /// A step has expected it.
    pub error_read: bool,
    /// How the transport ended.
    pub end: Option<(End, Instant)>,
    /// The first rule broken.
    pub violation: Option<Violation>,
    /// HELLO and WELCOME as exchanged.
    pub handshake: (Option<Bytes>, Option<Bytes>),
    /// Version of all later frames.
    pub version: u8,
    /// Algorithms of WELCOME.
    pub compressions: Vec<u64>,
    /// Capabilities of WELCOME.
    pub capabilities: Vec<u64>,
    /// Largest payload the suite accepts.
    pub own_max: u64,
    /// Fields of HELLO.
    pub hello: Value,
    /// Fields of WELCOME.
    pub welcome: Value,
    /// Fields of AUTH_OK.
    pub auth_ok: Value,
    /// Whether the first AUTH is gone.
    pub authenticating: bool,
    /// Whether AUTH_OK has come or gone.
    pub open: bool,
    /// `accept_through` of the testee's GOAWAY.
    pub leaving: Option<u64>,
    /// Numbers of the session.
    pub numbers: Numbers,
    /// The session asked for with EIM-RESUME.
    pub resuming: Option<Numbers>,
    /// Limit `unsettled_results` of the server, where it is known.
    pub unsettled: Option<u64>,
    /// What a client has to send first.
    pub due: Option<Due>,
    /// What it does by itself.
    pub auto: Auto,
    /// Nothing that arrives is seen.
    pub deaf: bool,
    /// The suite has sent ERROR: how the testee ends the transport is up to it (EIM-CON-024).
    pub erred: bool,
    /// What the script wants to leave in one write.
    pub corked: Option<BytesMut>,
    /// Everything that arrived, counted.
    pub arrived: u64,
    /// When the last frame of a step was sent.
    pub last_sent: Option<Instant>,
    /// When the last octet arrived.
    pub last_arrival: Option<Instant>,
    /// Payloads of WebSocket pongs.
    pub websocket_pongs: VecDeque<Bytes>,
    /// Answers control frames before they reach the inbox.
    pub responder: Option<Responder>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

impl State {
    /// A connection on which nothing has happened.
    #[must_use]
    pub fn new(side: Side, protocol: Arc<Protocol>, auto: Auto) -> Self {
        Self {
            side,
            protocol,
            results: VecDeque::new(),
            acks: VecDeque::new(),
            pushes: VecDeque::new(),
            control: VecDeque::new(),
            error: None,
            error_read: false,
            end: None,
            violation: None,
            handshake: (None, None),
            version: 1,
            compressions: Vec::new(),
            capabilities: Vec::new(),
            own_max: 16384,
            hello: Value::Null,
            welcome: Value::Null,
            auth_ok: Value::Null,
            authenticating: false,
            open: false,
            leaving: None,
            numbers: Numbers::default(),
            resuming: None,
            unsettled: None,
            due: None,
            auto,
            deaf: false,
            erred: false,
            corked: None,
            arrived: 0,
            last_sent: None,
            last_arrival: None,
            websocket_pongs: VecDeque::new(),
            responder: None,
        }
    }

    /// Takes in a frame of the testee, and gives the frames that the suite answers by itself.
    pub fn ingest(&mut self, frame: Frame, now: Instant) -> Vec<Bytes> {
        if self.deaf {
            return Vec::new();
        }
        self.arrived += 1;
        if let Err(violation) = rules::check(self, &frame) {
            self.violation.get_or_insert(violation);
        }
        let view = match self.plain(&frame) {
            Ok(view) => view,
            Err(text) => {
                let requirement = "EIM-FRM-001";
                let name = self.protocol.frame_name(frame.kind);
                let text = format!("{name}: {text}");
                self.violation
                    .get_or_insert(Violation { requirement, text });
                Value::Null
            }
        };
        let seen = Seen {
            frame,
            view,
            at: now,
            index: self.arrived,
        };
        if self.protocol.sequenced(seen.frame.kind) {
            return self.sequenced(seen);
        }
        match self.protocol.frame_name(seen.frame.kind).as_str() {
            "ERROR" => {
                self.error.get_or_insert(seen);
                Vec::new()
            }
            "ACK" => {
                self.ack(&seen);
                Vec::new()
            }
            _ => self.controlled(seen),
        }
    }

    /// The payload of a frame, decompressed.
    fn plain(&self, frame: &Frame) -> Result<Value, String> {
        let payload = if frame.compression == 0 {
            frame.payload.clone()
        } else {
            let row = self.protocol.frame(frame.kind);
            let cap = row.map_or(1 << 20, |row| row.max_octets);
            compress::decompress(frame.compression, &frame.payload, cap)?
        };
        show(&self.protocol, frame.kind, self.side.other(), &payload)
    }

    fn sequenced(&mut self, seen: Seen) -> Vec<Bytes> {
        let numbers = &mut self.numbers;
        numbers.past.note(numbers.received + 1, &seen.frame);
        numbers.received += 1;
        numbers.received_octets += seen.frame.octets();
        self.pushes.push_back(seen);
        let numbers = &mut self.numbers;
        let half = |granted: u64, used: u64, first: u64| granted.saturating_sub(used) <= first / 2;
        let due = half(
            numbers.granted.frames,
            numbers.received,
            numbers.first.frames,
        ) || half(
            numbers.granted.octets,
            numbers.received_octets,
            numbers.first.octets,
        );
        if !due || !self.auto.window || numbers.first.frames == 0 {
            return Vec::new();
        }
        let window = Window {
            received_through: numbers.received,
            frames: numbers.received + numbers.first.frames,
            octets: numbers.received_octets + numbers.first.octets,
        };
        numbers.granted = window;
        self.control_frame("WINDOW", &window.view())
            .into_iter()
            .collect()
    }

    fn ack(&mut self, seen: &Seen) {
        self.acks.push_back(seen.clone());
        let epoch = seen.view.get("log_epoch").cloned().unwrap_or_default();
        let results = seen.view.get("results").and_then(Value::as_array);
        for result in results.into_iter().flatten() {
            if let Err(violation) = rules::result(result, self.numbers.sent) {
                self.violation.get_or_insert(violation);
            }
            let mut result = result.clone();
            if let Some(fields) = result.as_object_mut() {
                fields.insert("log_epoch".into(), epoch.clone());
            }
            self.results.push_back(Seen {
                view: result,
                ..seen.clone()
            });
        }
    }

    fn controlled(&mut self, seen: Seen) -> Vec<Bytes> {
        let mut answers = Vec::new();
        match self.protocol.frame_name(seen.frame.kind).as_str() {
            "WELCOME" => {
                self.negotiate(&seen.view);
                if let Err(violation) = rules::welcome(&self.hello, &seen.view) {
                    self.violation.get_or_insert(violation);
                }
            }
            "RESPONSE" => {
                if let Err(violation) = rules::response(&seen.view) {
                    self.violation.get_or_insert(violation);
                }
            }
            "AUTH_OK" if self.side == Side::Client => answers = self.opened(&seen.view),
            "WINDOW" => {
                self.due.take_if(|due| *due == Due::Window);
                self.credited(&Window::of(&seen.view));
            }
            "CURSOR" if self.side == Side::Server => {
                self.due.take_if(|due| *due == Due::Cursor);
                let field = |name: &str| seen.view.get(name).and_then(number).unwrap_or(0);
                let (user_seq, settled) = self.numbers.cursor;
                self.numbers.cursor = (
                    user_seq.max(field("user_seq")),
                    settled.max(field("settled_through")),
                );
            }
            "GOAWAY" => self.leaves(&seen.view),
            "PING" if self.auto.pong => {
                let token = seen.view.get("token").cloned().unwrap_or_default();
                let pong = self.pong(token);
                answers.extend(self.control_frame("PONG", &pong));
            }
            _ => {}
        }
        if let Some(responder) = &mut self.responder
            && let Some(frames) = responder(&seen)
        {
            answers.extend(frames);
            return answers;
        }
        self.control.push_back(seen);
        answers
    }

    /// The fields of a PONG: a client sets the token alone (EIM-HBT-011).
    fn pong(&self, token: Value) -> Value {
        if self.side == Side::Client {
            return json!({ "token": token });
        }
        let field = |name: &str| self.auth_ok.get(name).cloned().unwrap_or_default();
        json!({"token": token, "log_epoch": field("log_epoch"), "user_seq": field("user_seq"),
            "last_sequence_sent": self.numbers.sent, "server_time_ms": field("server_time_ms")})
    }

    /// A control frame of the suite.
    pub(super) fn control_frame(&self, name: &str, fields: &Value) -> Option<Bytes> {
        let kind = self.protocol.frame_number(&name.into()).ok()?;
        let payload = encode(&self.protocol, kind, self.side, fields).ok()?;
        let mut frame = Frame::new(kind, payload);
        frame.version = self.version;
        Some(frame.encode())
    }

    /// The transport ended.
    pub fn ended(&mut self, end: End, now: Instant) {
        if !self.deaf {
            self.arrived += 1;
            self.end.get_or_insert((end, now));
        }
    }

    /// From now on nothing is seen, and nothing of what no step has read yet.
    pub fn deafen(&mut self) {
        self.deaf = true;
        for inbox in [
            &mut self.results,
            &mut self.acks,
            &mut self.pushes,
            &mut self.control,
        ] {
            inbox.clear();
        }
        self.error = None;
        self.end = None;
    }

    /// Whether a control frame does not disturb a silence: credit may be granted at any time.
    #[must_use]
    pub fn quiet(&self, kind: u8) -> bool {
        self.passes(kind) && self.protocol.frame_name(kind) != "PING"
    }

    /// Whether a control frame is passed over by a step that expects another type. A testee that was slow may ask
    /// twice for signs of life.
    #[must_use]
    pub fn overlooks(&self, kind: u8) -> bool {
        self.passes(kind) || self.protocol.frame_name(kind) == "PING"
    }

    /// Whether a control frame is no surprise.
    #[must_use]
    pub fn passes(&self, kind: u8) -> bool {
        match self.protocol.frame_name(kind).as_str() {
            "WINDOW" => self.auto.window,
            "PING" => self.auto.pong,
            "CURSOR" => true,
            _ => self.protocol.range(kind) == "ignorable",
        }
    }
}
