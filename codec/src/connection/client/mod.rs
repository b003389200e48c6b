//! The client's side of a connection.

mod auth;
mod hello;
mod open;
mod progress;
mod requests;
mod sends;
mod session;
mod transfers;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use core::mem;
use core::time::Duration;

use bytes::Bytes;

pub use auth::{AuthStart, Resume};
pub use session::ClientSession;

use super::close::{error_frame, reason_of};
use super::gate::{admit, unexpected};
use super::line::Line;
use super::live::decode;
use super::violation::Violation;
use super::{
    Cancelled, ClientConfig, ClientEvent, CloseReason, ClosedBy, Endpoint, Lane, SendError, SendId,
};
use crate::frame::Frame;
use crate::payload;
use crate::registry::{Direction, ErrorCode, FrameType, Phase};
use crate::time::Timestamp;
use auth::{Authenticating, Refused, Welcomed};
use hello::AwaitWelcome;
use open::Open;

/// A client's connection. See [`Endpoint`] for how to drive it.
#[derive(Debug)]
pub struct ClientConnection {
    config: Arc<ClientConfig>,
    line: Line,
    state: State,
    events: VecDeque<ClientEvent>,
    transcript: Option<Box<[u8; 32]>>,
    linger: Duration,
}

/// What exists only in one phase lives only there.
#[derive(Debug)]
enum State {
    Hello(Box<AwaitWelcome>),
    Welcomed(Box<Welcomed>),
    Authenticating(Box<Authenticating>),
    Open(Box<Open>),
    Closed(Option<ClientSession>),
}

impl ClientConnection {
    /// A connection whose HELLO is ready to be transmitted. `nonce` is random.
    #[must_use]
    pub fn new(config: impl Into<Arc<ClientConfig>>, nonce: [u8; 32], now: Timestamp) -> Self {
        let config = config.into();
        let mut line = Line::new(now);
        let state = State::Hello(Box::new(AwaitWelcome::start(&config, nonce, &mut line)));
        let linger = config.linger;
        Self {
            config,
            line,
            state,
            events: VecDeque::new(),
            transcript: None,
            linger,
        }
    }

    /// SHA-256 of the HELLO frame and the WELCOME frame, once WELCOME was received. Channel bindings
    /// are derived from it.
    #[must_use]
    pub fn transcript(&self) -> Option<[u8; 32]> {
        self.transcript.as_deref().copied()
    }

    /// Sends the first AUTH. Does nothing unless WELCOME was received and none was sent yet.
    pub fn authenticate(&mut self, start: AuthStart) {
        match mem::replace(&mut self.state, State::Closed(None)) {
            State::Welcomed(welcomed) => {
                match welcomed.authenticate(start, &self.config, &mut self.line) {
                    Ok(authenticating) => {
                        self.state = State::Authenticating(Box::new(authenticating));
                    }
                    Err(error) => self.local(ErrorCode::AUTH_FAILED, &alloc::format!("{error}")),
                }
            }
            state => self.state = state,
        }
    }

    /// Answers a `Challenge`. Does nothing unless one is open.
    pub fn respond(&mut self, data: Bytes) {
        if let State::Authenticating(authenticating) = &mut self.state
            && let Err(error) = authenticating.respond(data, &mut self.line)
        {
            self.local(ErrorCode::AUTH_FAILED, &alloc::format!("{error}"));
        }
    }

    /// Queues a message: `payload` is the plain octets of a `Send`. It is compressed if that helps,
    /// fragmented if it has to be, and numbered when it leaves, under the server's credit. Messages
    /// leave in the order given.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is queued then.
    pub fn send(&mut self, frame_type: FrameType, payload: Bytes) -> Result<SendId, SendError> {
        self.open()?.send(None, frame_type, payload)
    }

    /// As [`send`](Self::send), but single-frame messages of other lanes may pass this one while it
    /// leaves in fragments. Use the conversation as the lane.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is queued then.
    pub fn send_in(
        &mut self,
        lane: Lane,
        frame_type: FrameType,
        payload: Bytes,
    ) -> Result<SendId, SendError> {
        self.open()?.send(Some(lane), frame_type, payload)
    }

    /// Cancels a message that has not left entirely.
    pub fn cancel(&mut self, send: SendId) -> Cancelled {
        let open = self.open();
        open.map_or(Cancelled::TooLate, |open| {
            open.open.session.outbound.cancel(send.0)
        })
    }

    /// Queues a request. More than `requests_in_flight` wait for their turn.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is queued then.
    pub fn request(&mut self, request: &payload::Request) -> Result<(), SendError> {
        let Opened { open, config, .. } = self.open()?;
        open.request(config, request)
    }

    /// Says that the device has stored its timeline through `user_seq`. Coalesced.
    pub fn cursor(&mut self, log_epoch: u64, user_seq: u64) {
        if let Ok(Opened { open, .. }) = self.open() {
            open.cursor(log_epoch, user_seq);
        }
    }

    /// Says that the result of `send` is stored: the server may forget it. In any order; coalesced.
    /// Without an open connection the session is told, and the server when it goes on.
    pub fn settle(&mut self, send: SendId) {
        if let State::Open(open) = &mut self.state {
            open.settle(send);
        } else if let Some(session) = self.session() {
            session.settle(send);
        }
    }

    /// Says that the application is done with a push: its credit returns. In any order. Without an
    /// open connection the session is told.
    pub fn consumed(&mut self, ordinal: u64) {
        if let State::Open(open) = &mut self.state {
            open.session.inbound.consume(ordinal);
        } else if let Some(session) = self.session() {
            session.consumed(ordinal);
        }
    }

    /// Announces silence of up to `next_contact_ms` (a phone in the background), or the return to the
    /// foreground (0).
    pub fn background(&mut self, next_contact_ms: u64) {
        if let Ok(Opened { open, line, .. }) = self.open() {
            open.background(next_contact_ms, line);
        }
    }

    /// Ends in order: nothing new is taken, what was given leaves, outstanding results are awaited and
    /// settled, then the connection closes; after `deadline` it closes anyway.
    pub fn goaway(&mut self, deadline: Duration) {
        if let Ok(Opened { open, line, .. }) = self.open() {
            open.goaway(deadline, line);
        }
    }

    /// Ends now, with ERROR. `detail` is for people. The session stays.
    pub fn close(&mut self, code: ErrorCode, detail: &str) {
        if !self.is_closed() {
            self.local(code, detail);
        }
    }

    /// Messages and octets queued but not transmitted.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        match &self.state {
            State::Open(open) => open.session.outbound.queued(),
            _ => (0, 0),
        }
    }

    /// The session, to be resumed on another connection. `None` if there was none yet or it was lost.
    #[must_use]
    pub fn into_session(self) -> Option<ClientSession> {
        match self.state {
            State::Open(open) => Some(ClientSession(open.session)),
            State::Authenticating(authenticating) => authenticating.into_earlier(),
            State::Closed(session) => session,
            State::Hello(_) | State::Welcomed(_) => None,
        }
    }

    /// The session that is not open: it was, or it is to go on.
    fn session(&mut self) -> Option<&mut ClientSession> {
        match &mut self.state {
            State::Authenticating(authenticating) => authenticating.earlier(),
            State::Closed(session) => session.as_mut(),
            State::Hello(_) | State::Welcomed(_) | State::Open(_) => None,
        }
    }

    fn open(&mut self) -> Result<Opened<'_>, SendError> {
        match &mut self.state {
            State::Open(open) => Ok(Opened {
                open,
                config: &self.config,
                line: &mut self.line,
            }),
            _ => Err(SendError::NotOpen),
        }
    }

    fn on_frame(&mut self, frame: Frame) -> Result<Option<ClientEvent>, Refused> {
        if let State::Open(open) = &mut self.state
            && frame.frame_type != FrameType::ERROR
        {
            return Ok(open.frame(frame, &mut self.line, &mut self.events)?);
        }
        let phase = match &self.state {
            State::Hello(_) => Phase::Hello,
            State::Open(open) => open.live.phase(),
            _ => Phase::Auth,
        };
        admit(
            frame.frame_type,
            frame.sequence,
            Direction::Server,
            phase,
            false,
        )
        .map_err(Violation::from)?;
        if frame.frame_type == FrameType::ERROR {
            self.end(reason_of(decode(&frame)?));
            return Ok(None);
        }
        self.on_handshake(&frame).map(Some)
    }

    // impl[EIM-CON-002, EIM-CON-010]
    fn on_handshake(&mut self, frame: &Frame) -> Result<ClientEvent, Refused> {
        let state = mem::replace(&mut self.state, State::Closed(None));
        match (state, frame.frame_type) {
            (State::Hello(hello), FrameType::WELCOME) => {
                let (welcomed, welcome) = hello.welcome(frame, &self.config, &mut self.line)?;
                self.transcript = Some(Box::new(welcomed.transcript));
                self.state = State::Welcomed(Box::new(welcomed));
                Ok(ClientEvent::Welcome(Box::new(welcome)))
            }
            (State::Authenticating(mut authenticating), FrameType::AUTH_CHALLENGE) => {
                let data = authenticating.challenge(frame);
                self.state = State::Authenticating(authenticating);
                Ok(ClientEvent::Challenge(data?))
            }
            (State::Authenticating(authenticating), FrameType::AUTH_OK) => {
                let opened = authenticating.open(frame, &self.config, &mut self.line);
                let (open, ok, forgotten) = opened.map_err(|(refused, earlier)| {
                    self.state = State::Closed(earlier);
                    refused
                })?;
                self.state = State::Open(open);
                self.events = VecDeque::new();
                if !forgotten.is_empty() {
                    self.events.push_back(ClientEvent::Forgotten(forgotten));
                }
                Ok(ClientEvent::Open(Box::new(ok)))
            }
            (state, other) => {
                self.state = state;
                Err(unexpected(other).into())
            }
        }
    }

    /// Ends because of the peer.
    // impl[EIM-ERR-001]
    fn refuse(&mut self, by: ClosedBy, refused: Refused) {
        let Refused {
            violation,
            session_lost,
        } = refused;
        let Violation {
            code,
            detail,
            ordinal,
        } = violation;
        // An ERROR of 256 octets of text is smaller than any frame limit.
        let error = error_frame(code, &detail, ordinal, None);
        let _ = self.line.put(FrameType::ERROR, &error);
        let mut reason = CloseReason::error(by, code, detail);
        reason.session_lost |= session_lost;
        self.end(reason);
    }

    /// Ends because this side wants to.
    fn local(&mut self, code: ErrorCode, detail: &str) {
        let violation = Violation::new(code, String::from(detail));
        self.refuse(ClosedBy::Local, violation.into());
    }

    fn end(&mut self, reason: CloseReason) {
        let session = match mem::replace(&mut self.state, State::Closed(None)) {
            State::Open(open) => Some(ClientSession(open.session)),
            State::Authenticating(authenticating) => authenticating.into_earlier(),
            State::Closed(session) => session,
            State::Hello(_) | State::Welcomed(_) => None,
        };
        self.state = State::Closed(session.filter(|_| !reason.session_lost));
        // impl[EIM-CON-023, EIM-CON-024, EIM-CON-025, EIM-ERR-004, EIM-ERR-005]
        if self.line.gone || reason.by == ClosedBy::Peer {
            self.line.hang_up();
            self.linger = Duration::ZERO;
        }
        self.events.push_back(ClientEvent::Closed(reason));
    }
}

/// The parts of an open connection.
struct Opened<'a> {
    open: &'a mut Open,
    config: &'a ClientConfig,
    line: &'a mut Line,
}

impl Opened<'_> {
    fn send(
        self,
        lane: Option<Lane>,
        frame_type: FrameType,
        payload: Bytes,
    ) -> Result<SendId, SendError> {
        self.open.send(self.config, lane, frame_type, payload)
    }
}

impl Endpoint for ClientConnection {
    type Event = ClientEvent;

    fn receive(&mut self, now: Timestamp, octets: Bytes) {
        self.line.tick(now);
        if !self.is_closed() && !octets.is_empty() {
            self.line.feed(octets);
        }
    }

    fn receive_boundary(&mut self, now: Timestamp) {
        self.line.tick(now);
        if !self.is_closed() {
            self.line.boundary();
        }
    }

    fn receive_text(&mut self, now: Timestamp) {
        self.line.tick(now);
        if !self.is_closed() {
            self.line.text();
        }
    }

    fn transport_closed(&mut self, now: Timestamp) {
        self.line.tick(now);
        self.line.gone = true;
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.line.tick(now);
        let deadline = match &mut self.state {
            State::Hello(state) => state.deadline,
            State::Welcomed(state) => state.deadline,
            State::Authenticating(state) => state.welcomed.deadline,
            State::Open(open) => {
                if open.live.is_dead(&mut self.line, &open.session.inbound) {
                    let detail = "nothing was heard for too long";
                    let violation = Violation::new(ErrorCode::IDLE_TIMEOUT, detail);
                    self.refuse(ClosedBy::Timeout, violation.into());
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
        // impl[EIM-CON-014]
        if deadline <= now {
            let detail = "the handshake took too long";
            let violation = Violation::new(ErrorCode::HANDSHAKE_TIMEOUT, detail);
            self.refuse(ClosedBy::Timeout, violation.into());
        }
    }

    fn poll_transmit(&mut self, now: Timestamp) -> Option<Bytes> {
        self.line.tick(now);
        if self.line.gone {
            return None;
        }
        let chunk = match &mut self.state {
            State::Open(open) => {
                let chunk = open.transmit(&self.config, &mut self.line, &mut self.events);
                if open.session.outbound.queue.take_writable() {
                    self.events.push_back(ClientEvent::Writable);
                }
                if chunk.is_none() && open.is_finished() {
                    self.end(CloseReason::orderly(ClosedBy::Local));
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

    fn poll_event(&mut self) -> Option<ClientEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.is_closed() || self.is_paused() {
                return None;
            }
            match self.line.next_frame() {
                Ok(Some(frame)) => match self.on_frame(frame) {
                    // What came before in the same frame goes first.
                    Ok(Some(event)) => return Some(event),
                    Ok(None) => {}
                    Err(refused) => self.refuse(ClosedBy::Local, refused),
                },
                // impl[EIM-CON-030, EIM-FRM-031, EIM-TRN-004]
                Ok(None) if self.line.gone => self.end(CloseReason::orderly(ClosedBy::Transport)),
                Ok(None) => return None,
                Err(violation) => self.refuse(ClosedBy::Local, violation.into()),
            }
        }
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        match &self.state {
            State::Hello(state) => Some(state.deadline),
            State::Welcomed(state) => Some(state.deadline),
            State::Authenticating(state) => Some(state.welcomed.deadline),
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

impl ClientConnection {
    fn is_paused(&self) -> bool {
        matches!(&self.state, State::Open(open) if open.session.inbound.is_paused())
    }
}
