//! What a driver calls.

use core::time::Duration;

use bytes::Bytes;

use super::super::violation::Violation;
use super::super::{CloseReason, ClosedBy, Endpoint, ServerEvent};
use super::{ServerConnection, State};
use crate::registry::ErrorCode;
use crate::time::Timestamp;

impl Endpoint for ServerConnection {
    type Event = ServerEvent;

    fn receive(&mut self, now: Timestamp, octets: Bytes) {
        self.tick(now);
        if !self.is_closed() && !octets.is_empty() {
            self.line.feed(octets);
        }
    }

    fn receive_boundary(&mut self, now: Timestamp) {
        self.tick(now);
        if !self.is_closed() {
            self.line.boundary();
        }
    }

    fn receive_text(&mut self, now: Timestamp) {
        self.tick(now);
        if !self.is_closed() {
            self.line.text();
        }
    }

    fn transport_closed(&mut self, now: Timestamp) {
        self.tick(now);
        self.line.gone = true;
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.tick(now);
        let deadline = match &mut self.state {
            State::Hello(state) => state.deadline,
            State::Auth(state) => state.deadline,
            State::Open(open) => {
                if open.live.is_dead(&mut self.line, &open.session.inbound) {
                    let detail = "nothing was heard for too long";
                    let violation = Violation::new(ErrorCode::IDLE_TIMEOUT, detail);
                    self.refuse(ClosedBy::Timeout, violation);
                } else if open.live.leave_at().is_some_and(|at| at <= now) {
                    self.end(CloseReason::orderly(ClosedBy::Local));
                } else {
                    open.beat(&self.config, &mut self.line);
                    self.line.trim();
                }
                return;
            }
            State::Closed(_) => return,
        };
        // impl[EIM-CON-011]
        if deadline <= now {
            let detail = "the handshake took too long";
            let violation = Violation::new(ErrorCode::HANDSHAKE_TIMEOUT, detail);
            self.refuse(ClosedBy::Timeout, violation);
        }
    }

    fn poll_transmit(&mut self, now: Timestamp) -> Option<Bytes> {
        self.tick(now);
        if self.line.gone {
            return None;
        }
        let chunk = match &mut self.state {
            State::Open(open) => {
                let (chunk, event) = open.transmit(&self.config, &mut self.line).unzip();
                self.events.extend(event.flatten().map(ServerEvent::Blob));
                if open.session.outbound.queue.take_writable() {
                    self.events.push_back(ServerEvent::Writable);
                }
                chunk
            }
            _ => self.line.take_handshake(),
        };
        if chunk.is_some() {
            self.line.spoke = self.line.now;
        }
        chunk
    }

    fn poll_event(&mut self) -> Option<ServerEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.is_closed() || self.is_paused() {
                return None;
            }
            match self.line.next_frame() {
                Ok(Some(frame)) => match self.on_frame(frame) {
                    Ok(Some(event)) => return Some(event),
                    Ok(None) => {}
                    Err(violation) => self.refuse(ClosedBy::Local, violation),
                },
                // impl[EIM-CON-030, EIM-FRM-031, EIM-TRN-004]
                Ok(None) if self.line.gone => self.end(CloseReason::orderly(ClosedBy::Transport)),
                Ok(None) => return None,
                Err(violation) => self.refuse(ClosedBy::Local, violation),
            }
        }
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        match &self.state {
            State::Hello(state) => Some(state.deadline),
            State::Auth(state) => Some(state.deadline),
            State::Open(open) => open.timeout(&self.line),
            State::Closed(_) => None,
        }
    }

    fn wants_read(&self) -> bool {
        !self.line.gone && !self.is_closed() && !self.is_paused()
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    fn linger(&self) -> Duration {
        self.linger
    }
}
