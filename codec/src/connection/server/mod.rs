//! The server's side of a connection.

use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;

use super::{Endpoint, Lane, SendError, ServerConfig, ServerEvent};
use crate::id::{SessionId, UserId};
use crate::payload;
use crate::registry::{ErrorCode, FrameType};
use crate::time::Timestamp;

/// What AUTH_OK says, except what the connection knows itself (outcome and window).
#[derive(Clone, Debug)]
pub struct Accept {
    /// Id of the fresh session; not used when the session goes on.
    pub session_id: SessionId,
    /// The authenticated user.
    pub user_id: UserId,
    /// The name the user logged in with, as stored.
    pub user_name: String,
    /// Last octets of the mechanism.
    pub data: Bytes,
    /// Token to come back with; left out on transports that are not confidential.
    pub resume_token: Option<[u8; 32]>,
    /// How long after a loss the session can go on.
    pub resume: Duration,
    /// Epoch of all logs and timelines; also that of every result.
    pub log_epoch: u64,
    /// Head of the user's timeline.
    pub user_seq: u64,
    /// Unix time in milliseconds.
    pub server_time_ms: u64,
    /// Number of this connection among those of the device.
    pub connection_generation: u64,
}

/// A session without a connection: results not settled, queued pushes, what is half received. Made by
/// [`ServerConnection::into_session`], taken by [`ServerConnection::accept`].
#[derive(Debug)]
pub struct ServerSession {
    id: SessionId,
}

impl ServerSession {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Adds the result of a message that was still being worked on when the connection was lost.
    pub fn result(&mut self, result: payload::Result) {
        let _ = result;
    }

    /// Queues a push while no connection is there.
    ///
    /// # Errors
    /// [`SendError::QueueFull`] and [`SendError::TooLarge`].
    pub fn push(&mut self, frame_type: FrameType, payload: Bytes) -> Result<(), SendError> {
        let _ = (frame_type, payload);
        Err(SendError::QueueFull)
    }

    /// Messages and octets queued.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        (0, 0)
    }
}

/// A server's connection. See [`Endpoint`] for how to drive it.
#[derive(Debug)]
pub struct ServerConnection {
    config: Arc<ServerConfig>,
}

impl ServerConnection {
    /// A connection that waits for HELLO and answers it with WELCOME by itself. `nonce` is random.
    #[must_use]
    pub fn new(config: impl Into<Arc<ServerConfig>>, nonce: [u8; 32], now: Timestamp) -> Self {
        let _ = (nonce, now);
        Self { config: config.into() }
    }

    /// Sends AUTH_CHALLENGE. Does nothing unless an `Auth` or `AuthData` awaits its answer.
    pub fn challenge(&mut self, data: Bytes) {
        let _ = data;
    }

    /// Sends AUTH_OK and opens the connection. With `session`, the one that AUTH names goes on if its
    /// state and the client's fit together (RESUMED), else it is dropped (FRESH). Returns what
    /// became of it. Does nothing unless an `Auth` or `AuthData` awaits its answer.
    pub fn accept(
        &mut self,
        accept: Accept,
        session: Option<ServerSession>,
    ) -> payload::SessionOutcome {
        let _ = (accept, session);
        payload::SessionOutcome::Unspecified
    }

    /// Refuses authentication: ERROR and the end.
    pub fn reject(&mut self, code: ErrorCode, detail: &str) {
        let _ = (code, detail);
    }

    /// The result of the message with `result.ordinal`, in any order. It leaves with others in one
    /// ACK, is kept until the client settles it, and frees the message's credit.
    pub fn result(&mut self, result: payload::Result) {
        let _ = result;
    }

    /// Queues a push (`payload` is the plain octets of a `Push`), or an ENTRY (of a `DetachedEntry`).
    /// It is compressed if that helps, fragmented if it has to be, and numbered when it leaves, under
    /// the client's credit. Pushes leave in the order given.
    ///
    /// # Errors
    /// [`SendError::QueueFull`]: the client is slow; drop what is queued and send LAGGED. Others see
    /// there. Nothing is queued then.
    pub fn push(&mut self, frame_type: FrameType, payload: Bytes) -> Result<(), SendError> {
        let _ = (frame_type, payload);
        Err(SendError::NotOpen)
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
        let _ = (lane, frame_type, payload);
        Err(SendError::NotOpen)
    }

    /// Messages and octets queued but not transmitted.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        (0, 0)
    }

    /// Drops queued pushes that have not begun to leave; say so with [`lagged`](Self::lagged).
    /// Returns how many.
    pub fn drop_queued_pushes(&mut self) -> usize {
        0
    }

    /// Tells the client that pushes were dropped. A later one replaces one that has not left.
    pub fn lagged(&mut self, lagged: payload::Lagged) {
        let _ = lagged;
    }

    /// Answers a request.
    ///
    /// # Errors
    /// [`SendError::TooLarge`] if it exceeds the client's frame limit, even compressed;
    /// [`SendError::NotOpen`].
    pub fn respond(&mut self, response: &payload::Response) -> Result<(), SendError> {
        let _ = response;
        Err(SendError::NotOpen)
    }

    /// Sends an ephemeral event; dropped silently when much is queued already.
    pub fn event(&mut self, event: &payload::Event) {
        let _ = event;
    }

    /// Answers `Ping` with heads; `last_sequence_sent` is filled in when it leaves.
    pub fn pong(&mut self, pong: payload::Pong) {
        let _ = pong;
    }

    /// Sends GOAWAY: frames beyond those received so far will not be processed (`accept_through` is
    /// filled in). The connection closes when everything is settled and flushed, or at
    /// `deadline_ms`.
    pub fn goaway(&mut self, goaway: payload::GoAway) {
        let _ = goaway;
    }

    /// Grants more credit from now on. A window never shrinks.
    pub fn grow_window(&mut self, window: super::WindowSize) {
        let _ = window;
    }

    /// Ends now, with ERROR.
    pub fn close(&mut self, code: ErrorCode, detail: &str) {
        let _ = (code, detail);
    }

    /// Ends now, with ERROR, asking the client to wait before it comes back.
    pub fn close_for(&mut self, code: ErrorCode, detail: &str, retry_after: Duration) {
        let _ = (code, detail, retry_after);
    }

    /// The session, to be resumed on another connection. `None` if there was none yet or it was lost.
    #[must_use]
    pub fn into_session(self) -> Option<ServerSession> {
        None
    }
}

impl Endpoint for ServerConnection {
    type Event = ServerEvent;

    fn receive(&mut self, _now: Timestamp, _octets: Bytes) {}
    fn receive_boundary(&mut self, _now: Timestamp) {}
    fn receive_text(&mut self, _now: Timestamp) {}
    fn transport_closed(&mut self, _now: Timestamp) {}
    fn handle_timeout(&mut self, _now: Timestamp) {}
    fn poll_transmit(&mut self, _now: Timestamp) -> Option<Bytes> {
        None
    }
    fn poll_event(&mut self) -> Option<ServerEvent> {
        None
    }
    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
    fn wants_read(&self) -> bool {
        true
    }
    fn is_closed(&self) -> bool {
        false
    }
    fn linger(&self) -> Duration {
        self.config.linger
    }
}
