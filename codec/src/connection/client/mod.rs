//! The client's side of a connection.

use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;

use super::{
    Cancelled, ClientConfig, ClientEvent, CloseReason, ClosedBy, Endpoint, Lane, SendError, SendId,
};
use crate::id::SessionId;
use crate::payload;
use crate::registry::{ErrorCode, FrameType};
use crate::time::Timestamp;

/// What the first AUTH says.
#[derive(Debug)]
pub struct AuthStart {
    /// One of WELCOME's mechanisms.
    pub mechanism: String,
    /// First octets of the mechanism.
    pub data: Bytes,
    /// The device.
    pub device: payload::Device,
    /// Full or send-only.
    pub mode: payload::AttachMode,
    /// Epoch of `user_seq`.
    pub log_epoch: u64,
    /// The device has stored its timeline through here.
    pub user_seq: u64,
    /// The session to go on with, when the mechanism is EIM-RESUME and its token belongs to it.
    pub resume: Resume,
}

/// What a client can say about an earlier session.
#[derive(Debug, Default)]
pub enum Resume {
    /// Nothing: the session will be fresh.
    #[default]
    No,
    /// The token's session, but its state is gone (the process restarted): authenticates with the
    /// token, the session will be fresh.
    TokenOnly(SessionId),
    /// The token's session with its state: it may go on.
    Session(ClientSession),
}

/// A session without a connection: what is unsettled, queued and half received. Made by
/// [`ClientConnection::into_session`], taken by [`AuthStart::resume`].
#[derive(Debug)]
pub struct ClientSession {
    id: SessionId,
}

impl ClientSession {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }
}

/// A client's connection. See [`Endpoint`] for how to drive it.
#[derive(Debug)]
pub struct ClientConnection {
    config: Arc<ClientConfig>,
}

impl ClientConnection {
    /// A connection whose HELLO is ready to be transmitted. `nonce` is random.
    #[must_use]
    pub fn new(config: impl Into<Arc<ClientConfig>>, nonce: [u8; 32], now: Timestamp) -> Self {
        let _ = (nonce, now);
        Self { config: config.into() }
    }

    /// SHA-256 of the HELLO frame and the WELCOME frame, once WELCOME was received. Channel bindings
    /// are derived from it.
    #[must_use]
    pub fn transcript(&self) -> Option<[u8; 32]> {
        None
    }

    /// Sends the first AUTH. Does nothing unless `Welcome` was the last event.
    pub fn authenticate(&mut self, start: AuthStart) {
        let _ = start;
    }

    /// Answers a `Challenge`. Does nothing unless one is open.
    pub fn respond(&mut self, data: Bytes) {
        let _ = data;
    }

    /// Queues a message: `payload` is the plain octets of a `Send`. It is compressed if that helps,
    /// fragmented if it has to be, and numbered when it leaves, under the server's credit. Messages
    /// leave in the order given.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is queued then.
    pub fn send(&mut self, frame_type: FrameType, payload: Bytes) -> Result<SendId, SendError> {
        self.enqueue(None, frame_type, payload)
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
        self.enqueue(Some(lane), frame_type, payload)
    }

    fn enqueue(
        &mut self,
        lane: Option<Lane>,
        frame_type: FrameType,
        payload: Bytes,
    ) -> Result<SendId, SendError> {
        let _ = (lane, frame_type, payload);
        Err(SendError::NotOpen)
    }

    /// Cancels a message that has not left entirely.
    pub fn cancel(&mut self, send: SendId) -> Cancelled {
        let _ = send;
        Cancelled::TooLate
    }

    /// Queues a request. More than `requests_in_flight` wait for their turn.
    ///
    /// # Errors
    /// See [`SendError`]; nothing is queued then.
    pub fn request(&mut self, request: &payload::Request) -> Result<(), SendError> {
        let _ = request;
        Err(SendError::NotOpen)
    }

    /// Says that the device has stored its timeline through `user_seq`. Coalesced.
    pub fn cursor(&mut self, log_epoch: u64, user_seq: u64) {
        let _ = (log_epoch, user_seq);
    }

    /// Says that the result of `send` is stored: the server may forget it. In any order; coalesced.
    pub fn settle(&mut self, send: SendId) {
        let _ = send;
    }

    /// Says that the application is done with a push: its credit returns. In any order.
    pub fn consumed(&mut self, ordinal: u64) {
        let _ = ordinal;
    }

    /// Announces silence of up to `next_contact_ms` (a phone in the background), or the return to the
    /// foreground (0).
    pub fn background(&mut self, next_contact_ms: u64) {
        let _ = next_contact_ms;
    }

    /// Ends in order: nothing new is sent, outstanding results are awaited and settled, then the
    /// connection closes; after `deadline` it closes anyway.
    pub fn goaway(&mut self, deadline: Duration) {
        let _ = deadline;
    }

    /// Ends now, with ERROR. `detail` is for people.
    pub fn close(&mut self, code: ErrorCode, detail: &str) {
        let _ = CloseReason::error(ClosedBy::Local, code, detail);
    }

    /// Bytes and messages queued but not transmitted.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        (0, 0)
    }

    /// The session, to be resumed on another connection. `None` if there was none yet or it was lost.
    #[must_use]
    pub fn into_session(self) -> Option<ClientSession> {
        None
    }
}

impl Endpoint for ClientConnection {
    type Event = ClientEvent;

    fn receive(&mut self, _now: Timestamp, _octets: Bytes) {}
    fn receive_boundary(&mut self, _now: Timestamp) {}
    fn receive_text(&mut self, _now: Timestamp) {}
    fn transport_closed(&mut self, _now: Timestamp) {}
    fn handle_timeout(&mut self, _now: Timestamp) {}
    fn poll_transmit(&mut self, _now: Timestamp) -> Option<Bytes> {
        None
    }
    fn poll_event(&mut self) -> Option<ClientEvent> {
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
