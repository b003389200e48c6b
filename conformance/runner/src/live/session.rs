//! What was agreed upon a connection, and the numbers of its session.

use bytes::Bytes;
use serde_json::Value;

use super::state::{State, Violation, Window};
use crate::wire::frame::{Frame, sequence};
use crate::wire::json::number;
use crate::wire::scram::hash;

impl State {
    /// SHA-256 of HELLO and WELCOME (EIM-AUT-010), once both are there.
    #[must_use]
    pub fn binding(&self) -> Option<[u8; 32]> {
        match &self.handshake {
            (Some(hello), Some(welcome)) => Some(hash(&[&hello[..], &welcome[..]].concat())),
            _ => None,
        }
    }

    /// Notes HELLO or WELCOME as it was before any fault, for the binding.
    pub fn note_handshake(&mut self, frame: &Frame) {
        match self.protocol.frame_name(frame.kind).as_str() {
            "HELLO" => self.handshake.0.get_or_insert_with(|| frame.encode()),
            "WELCOME" => self.handshake.1.get_or_insert_with(|| frame.encode()),
            _ => return,
        };
    }

    /// Takes over the values of a WELCOME, sent or received.
    pub fn negotiate(&mut self, welcome: &Value) {
        let list = |name: &str| -> Vec<u64> {
            let elements = welcome.get(name).and_then(Value::as_array);
            elements.into_iter().flatten().filter_map(number).collect()
        };
        let version = welcome.get("version").and_then(number).unwrap_or(1);
        self.version = u8::try_from(version).unwrap_or(1);
        self.compressions = list("compressions");
        self.capabilities = list("capabilities");
        self.welcome = welcome.clone();
    }

    pub(super) fn leaves(&mut self, goaway: &Value) {
        let through = goaway.get("accept_through").and_then(number).unwrap_or(0);
        let first = *self.leaving.get_or_insert(through);
        if first != through {
            let text = format!("GOAWAY through {through} after one through {first}");
            let requirement = "EIM-CON-041";
            self.violation
                .get_or_insert(Violation { requirement, text });
        }
    }

    pub(super) fn credited(&mut self, window: &Window) {
        let settled = self.numbers.settled;
        if let Some(limit) = self
            .unsettled
            .filter(|limit| window.frames > settled + limit)
        {
            let text = format!("{window:?} with {settled} settled and {limit} unsettled allowed");
            let requirement = "EIM-WIN-019";
            self.violation
                .get_or_insert(Violation { requirement, text });
        }
        let credit = &mut self.numbers.credit;
        let lowered = window.received_through < credit.received_through
            || window.frames < credit.frames
            || window.octets < credit.octets;
        if lowered {
            let (requirement, text) = ("EIM-WIN-008", format!("WINDOW lowered: {window:?}"));
            self.violation
                .get_or_insert(Violation { requirement, text });
        } else if window.received_through > self.numbers.sent {
            let text = format!("{window:?} after {} frames", self.numbers.sent);
            let requirement = "EIM-WIN-012";
            self.violation
                .get_or_insert(Violation { requirement, text });
        } else {
            *credit = *window;
            self.forget(window.received_through);
        }
    }

    /// Drops the frames that the peer has received.
    pub fn forget(&mut self, through: u64) {
        while self
            .numbers
            .kept
            .front()
            .is_some_and(|(n, _)| *n <= through)
        {
            self.numbers.kept.pop_front();
        }
    }

    /// AUTH_OK begins or continues the session.
    pub(super) fn opened(&mut self, auth_ok: &Value) -> Vec<Bytes> {
        self.open = true;
        self.auth_ok = auth_ok.clone();
        let window = Window::of(auth_ok.get("window").unwrap_or(&Value::Null));
        let outcome = auth_ok.get("outcome").and_then(Value::as_str);
        let resumed = outcome == Some("SESSION_OUTCOME_RESUMED");
        let asked = self.resuming.is_some();
        if let Some(old) = self.resuming.take().filter(|_| resumed) {
            let granted = self.numbers.granted;
            self.numbers = old;
            self.numbers.granted = granted;
            self.numbers.credit = window;
            return Vec::new();
        }
        self.numbers.credit = window;
        if !asked {
            return Vec::new();
        }
        self.numbers.granted = Window::default();
        if !self.auto.window {
            return Vec::new();
        }
        // What AUTH said was about the session that is over.
        let first = &mut self.numbers.first;
        first.received_through = 0;
        if first.frames == 0 {
            (first.frames, first.octets) = (64, (self.own_max + 11).max(1 << 20));
        }
        self.numbers.granted = self.numbers.first;
        let first = self.numbers.first.view();
        self.control_frame("WINDOW", &first).into_iter().collect()
    }

    /// Counts a sequenced frame of the suite and gives its sequence.
    pub fn next_sequence(&mut self) -> u32 {
        self.numbers.sent += 1;
        sequence(self.numbers.sent)
    }
}
