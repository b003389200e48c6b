//! The server's side of a connection.

mod auth;
mod endpoint;
mod hello;
mod open;
mod requests;
mod results;
mod session;
mod transfers;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::mem;
use core::time::Duration;

use bytes::Bytes;

pub use auth::Accept;
pub use session::ServerSession;

use super::close::{error_frame, reason_of};
use super::gate::{admit, unexpected};
use super::line::Line;
use super::live::decode;
use super::violation::Violation;
use super::{
    CloseReason, ClosedBy, Endpoint, Lane, SendError, ServerConfig, ServerEvent, WindowSize,
};
use crate::frame::Frame;
use crate::payload;
use crate::registry::{Capability, Direction, ErrorCode, FrameType, Phase, limits};
use crate::time::Timestamp;
use auth::AwaitAuth;
use hello::AwaitHello;
use open::Open;

/// A server's connection. See [`Endpoint`] for how to drive it.
#[derive(Debug)]
pub struct ServerConnection {
    config: Arc<ServerConfig>,
    line: Line,
    state: State,
    events: VecDeque<ServerEvent>,
    linger: Duration,
}

/// What exists only in one phase lives only there.
#[derive(Debug)]
enum State {
    Hello(Box<AwaitHello>),
    Auth(Box<AwaitAuth>),
    Open(Box<Open>),
    Closed(Option<ServerSession>),
}

impl ServerConnection {
    /// A connection that waits for HELLO and answers it with WELCOME by itself. `nonce` is random.
    #[must_use]
    pub fn new(config: impl Into<Arc<ServerConfig>>, nonce: [u8; 32], now: Timestamp) -> Self {
        let config = config.into();
        let deadline = now.saturating_add(config.handshake);
        let state = State::Hello(Box::new(AwaitHello {
            nonce,
            deadline,
            frames: 0,
        }));
        let linger = config.linger;
        Self {
            config,
            line: Line::new(now),
            state,
            events: VecDeque::new(),
            linger,
        }
    }

    /// The first that is known of the time after [`accept`](Self::accept) is when the phase open
    /// began: how long the application took is no silence of the client.
    // impl[EIM-HBT-007, EIM-HBT-008]
    fn tick(&mut self, now: Timestamp) {
        self.line.tick(now);
        if let State::Open(open) = &mut self.state
            && mem::take(&mut open.opening)
        {
            open.live.heartbeat.open_at(self.line.now);
        }
    }

    /// Sends AUTH_CHALLENGE. Does nothing unless an `Auth` or `AuthData` awaits its answer.
    pub fn challenge(&mut self, data: Bytes) {
        if let State::Auth(auth) = &mut self.state
            && let Err(error) = auth.challenge(data, &mut self.line)
        {
            self.local(ErrorCode::INTERNAL, &alloc::format!("{error}"), None);
        }
    }

    /// Sends AUTH_OK and opens the connection. With `session`, the one that AUTH names goes on if its
    /// state and the client's fit together (RESUMED), else it is dropped (FRESH). Returns what
    /// became of it; `Unspecified`, and nothing is done, unless an `Auth` or `AuthData` awaits its
    /// answer.
    pub fn accept(
        &mut self,
        accept: Accept,
        session: Option<ServerSession>,
    ) -> payload::SessionOutcome {
        match mem::replace(&mut self.state, State::Closed(None)) {
            State::Auth(auth) if auth.is_applications_turn() => {
                match auth.accept(accept, session, &self.config, &mut self.line) {
                    Ok((open, outcome)) => {
                        self.state = State::Open(open);
                        self.events = VecDeque::new();
                        outcome
                    }
                    Err(violation) => {
                        self.refuse(ClosedBy::Local, violation);
                        payload::SessionOutcome::Unspecified
                    }
                }
            }
            state => {
                self.state = state;
                payload::SessionOutcome::Unspecified
            }
        }
    }

    /// Refuses authentication: ERROR and the end.
    // impl[EIM-AUT-009]
    pub fn reject(&mut self, code: ErrorCode, detail: &str) {
        self.close(code, detail);
    }

    /// The result of the message with `result.ordinal`, in any order. It leaves with others in one
    /// ACK, is kept until the client settles it, and frees the message's credit. A second result for
    /// the same message is ignored.
    pub fn result(&mut self, result: payload::Result) {
        match &mut self.state {
            State::Open(open) => open.session.result(result),
            // Accepted before the end: still worth keeping for a resume.
            // impl[EIM-CON-022]
            State::Closed(Some(session)) => session.result(result),
            _ => {}
        }
    }

    /// Queues a push (`payload` is the plain octets of a `Push`), or an ENTRY (of a `DetachedEntry`).
    /// It is compressed if that helps, fragmented if it has to be, and numbered when it leaves, under
    /// the client's credit. Pushes leave in the order given.
    ///
    /// # Errors
    /// [`SendError::QueueFull`]: the client is slow; drop what is queued and send LAGGED. Others see
    /// there. Nothing is queued then.
    pub fn push(&mut self, frame_type: FrameType, payload: Bytes) -> Result<(), SendError> {
        let open = self.open().ok_or(SendError::NotOpen)?;
        open.session.push(None, frame_type, payload)
    }

    /// As [`push`](Self::push), but single-frame pushes of other lanes may pass this one while it
    /// leaves in fragments.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_in(
        &mut self,
        lane: Lane,
        frame_type: FrameType,
        payload: Bytes,
    ) -> Result<(), SendError> {
        let open = self.open().ok_or(SendError::NotOpen)?;
        open.session.push(Some(lane), frame_type, payload)
    }

    /// Messages and octets queued but not transmitted.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        match &self.state {
            State::Open(open) => open.session.outbound.queued(),
            _ => (0, 0),
        }
    }

    /// Drops queued pushes that have not begun to leave; say so with [`lagged`](Self::lagged).
    /// Returns how many.
    pub fn drop_queued_pushes(&mut self) -> usize {
        self.open()
            .map_or(0, |open| open.session.drop_queued_pushes())
    }

    /// Tells the client that pushes were dropped. A later one replaces one that has not left.
    pub fn lagged(&mut self, lagged: payload::Lagged) {
        if let Some(open) = self.open() {
            open.lagged(lagged);
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`SendError::TooLarge`] if it exceeds the client's frame limit: answer with an error or a
    /// smaller page instead. [`SendError::RequestId`] if no such request is in flight, or
    /// [`SendError::NotOpen`].
    pub fn respond(&mut self, response: &payload::Response) -> Result<(), SendError> {
        match &mut self.state {
            State::Open(open) => open.respond(response, &mut self.line),
            _ => Err(SendError::NotOpen),
        }
    }

    /// Sends an ephemeral event; dropped silently when much is queued already.
    pub fn event(&mut self, event: &payload::Event) {
        self.try_event(event);
    }

    /// As [`event`](Self::event), and says whether it was not dropped.
    pub fn try_event(&mut self, event: &payload::Event) -> bool {
        match &mut self.state {
            State::Open(open) => open.event(event, &mut self.line),
            _ => false,
        }
    }

    /// Answers `Ping` with heads; `last_sequence_sent` is filled in when it leaves.
    pub fn pong(&mut self, pong: payload::Pong) {
        if let Some(open) = self.open() {
            open.pong(pong);
        }
    }

    /// Sends GOAWAY: frames beyond those received so far will not be processed (`accept_through` is
    /// filled in). Results and responses still leave; the client closes when it has them, or this
    /// side does at `deadline_ms`.
    pub fn goaway(&mut self, goaway: payload::GoAway) {
        if let State::Open(open) = &mut self.state {
            open.goaway(goaway, &mut self.line);
        }
    }

    /// Grants more credit from now on. A window never shrinks.
    pub fn grow_window(&mut self, window: WindowSize) {
        if let Some(open) = self.open() {
            open.session.inbound.grant.grow(window);
        }
    }

    /// Ends now, with ERROR. The session stays, unless the code's scope is the session.
    pub fn close(&mut self, code: ErrorCode, detail: &str) {
        if !self.is_closed() {
            self.local(code, detail, None);
        }
    }

    /// As [`close`](Self::close), asking the client to wait before it comes back.
    pub fn close_for(&mut self, code: ErrorCode, detail: &str, retry_after: Duration) {
        if !self.is_closed() {
            self.local(code, detail, Some(retry_after));
        }
    }

    /// The largest payload the client accepts, in octets: a RESPONSE has to fit. `None` before HELLO
    /// and after the end.
    #[must_use]
    pub fn peer_max_frame_octets(&self) -> Option<u32> {
        match &self.state {
            State::Open(open) => Some(open.session.agreed.peer_max),
            _ => None,
        }
    }

    /// Whether a capability was selected. `false` before HELLO and after the end.
    #[must_use]
    pub fn has(&self, capability: Capability) -> bool {
        match &self.state {
            State::Open(open) => open.session.agreed.capabilities.contains(capability),
            _ => false,
        }
    }

    /// The session, to be resumed on another connection. `None` if there was none yet or it was lost.
    #[must_use]
    pub fn into_session(self) -> Option<ServerSession> {
        match self.state {
            State::Open(open) => Some(ServerSession(open.session)),
            State::Closed(session) => session,
            State::Hello(_) | State::Auth(_) => None,
        }
    }

    /// As [`into_session`](Self::into_session), of a connection that is closed: it can be resumed at
    /// once, while this one still sends its last octets. `None` before the end too.
    // impl[EIM-CON-021, EIM-CON-028]
    #[must_use]
    pub const fn take_session(&mut self) -> Option<ServerSession> {
        match &mut self.state {
            State::Closed(session) => session.take(),
            State::Hello(_) | State::Auth(_) | State::Open(_) => None,
        }
    }

    const fn open(&mut self) -> Option<&mut Open> {
        match &mut self.state {
            State::Open(open) => Some(open),
            _ => None,
        }
    }

    fn on_frame(&mut self, frame: Frame) -> Result<Option<ServerEvent>, Violation> {
        if let State::Open(open) = &mut self.state
            && frame.frame_type != FrameType::ERROR
        {
            return open.frame(frame, &self.config, self.line.now);
        }
        let phase = match &self.state {
            State::Hello(_) => Phase::Hello,
            State::Open(open) => open.live.phase(),
            _ => Phase::Auth,
        };
        admit(
            frame.frame_type,
            frame.sequence,
            Direction::Client,
            phase,
            false,
        )?;
        if frame.frame_type == FrameType::ERROR {
            self.end(reason_of(decode(&frame)?));
            return Ok(None);
        }
        self.on_handshake(&frame)
    }

    // impl[EIM-CON-004, EIM-CON-012]
    fn on_handshake(&mut self, frame: &Frame) -> Result<Option<ServerEvent>, Violation> {
        let frames = match &mut self.state {
            State::Hello(state) => &mut state.frames,
            State::Auth(state) => &mut state.frames,
            State::Open(_) | State::Closed(_) => return Err(unexpected(frame.frame_type)),
        };
        *frames = frames.saturating_add(1);
        if *frames > limits::HANDSHAKE_FRAMES.default {
            let detail = "too many frames before AUTH_OK";
            return Err(Violation::new(ErrorCode::CONTROL_FLOOD, detail));
        }
        let state = mem::replace(&mut self.state, State::Closed(None));
        match (state, frame.frame_type) {
            (State::Hello(hello), FrameType::HELLO) => {
                let auth = hello.hello(frame, &self.config, &mut self.line)?;
                self.state = State::Auth(Box::new(auth));
                Ok(None)
            }
            (State::Auth(mut auth), FrameType::AUTH) => {
                let event = auth.auth(frame, &self.config)?;
                self.state = State::Auth(auth);
                Ok(Some(event))
            }
            (state, other) => {
                self.state = state;
                Err(unexpected(other))
            }
        }
    }

    /// Ends because of the peer.
    // impl[EIM-ERR-001]
    fn refuse(&mut self, by: ClosedBy, violation: Violation) {
        let Violation {
            code,
            detail,
            ordinal,
        } = violation;
        self.end_with(by, code, &detail, ordinal, None);
    }

    /// Ends because this side wants to.
    fn local(&mut self, code: ErrorCode, detail: &str, retry_after: Option<Duration>) {
        self.end_with(ClosedBy::Local, code, detail, 0, retry_after);
    }

    fn end_with(
        &mut self,
        by: ClosedBy,
        code: ErrorCode,
        detail: &str,
        ordinal: u64,
        retry_after: Option<Duration>,
    ) {
        let error = error_frame(code, detail, ordinal, retry_after);
        // An ERROR of 256 octets of text is smaller than any frame limit.
        let _ = self.line.put(FrameType::ERROR, &error);
        self.end(CloseReason::error(by, code, detail));
    }

    fn end(&mut self, reason: CloseReason) {
        let session = match mem::replace(&mut self.state, State::Closed(None)) {
            State::Open(open) => Some(ServerSession(open.session)),
            State::Closed(session) => session,
            State::Hello(_) | State::Auth(_) => None,
        };
        // impl[EIM-CON-029]
        self.state = State::Closed(session.filter(|_| !reason.session_lost));
        // impl[EIM-CON-023, EIM-CON-024, EIM-CON-025, EIM-ERR-004, EIM-ERR-005]
        if self.line.gone || reason.by == ClosedBy::Peer {
            self.line.hang_up();
            self.linger = Duration::ZERO;
        }
        self.events.push_back(ServerEvent::Closed(reason));
    }

    fn is_paused(&self) -> bool {
        matches!(&self.state, State::Open(open) if open.is_paused(self.line.gone))
    }
}

/// Octets of an open connection.
#[cfg(test)]
pub(super) const fn open_octets() -> usize {
    size_of::<ServerConnection>() + size_of::<Open>() + size_of::<session::Session>()
}
