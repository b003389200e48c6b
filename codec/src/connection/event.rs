//! What a connection tells its application.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{BlobEvent, CloseReason, SendId};
use crate::payload;
use crate::registry::{ErrorCode, FrameType};

/// What a client connection tells its application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server answered HELLO. Call
    /// [`authenticate`](super::client::ClientConnection::authenticate).
    Welcome(Box<payload::Welcome>),
    /// The mechanism goes on. Call [`respond`](super::client::ClientConnection::respond).
    Challenge(Bytes),
    /// The connection is open. Verify the mechanism's last octets in `data` first; `outcome` says
    /// whether the session goes on.
    Open(Box<payload::AuthOk>),
    /// The session did not go on: these messages, oldest first, have no result and were forgotten.
    /// Send them again by their `client_msg_id`. Follows `Open`.
    Forgotten(Vec<SendId>),
    /// A message, operation or detached entry, unknown types included. Call
    /// [`consumed`](super::client::ClientConnection::consumed) with the ordinal when done.
    Push {
        /// Number of the frame (of its last fragment).
        ordinal: u64,
        /// Type; `ENTRY` carries a `DetachedEntry`, all others a `Push`.
        frame_type: FrameType,
        /// The plain payload.
        payload: Bytes,
    },
    /// A push that could not be taken: its number leaves a hole that SYNC fills.
    PushLost {
        /// Number of the frame (of its last fragment).
        ordinal: u64,
        /// Type.
        frame_type: FrameType,
        /// Why.
        code: ErrorCode,
    },
    /// The durable result of a message. Once per message; call
    /// [`settle`](super::client::ClientConnection::settle) when it is stored.
    Result {
        /// The message.
        send: SendId,
        /// Number of its (last) frame.
        ordinal: u64,
        /// Place and time, or an error.
        result: payload::Result,
        /// Epoch of the place.
        log_epoch: u64,
    },
    /// The answer to a request.
    Response(Box<payload::Response>),
    /// An ephemeral notification.
    Event(payload::Event),
    /// The server's answer to a PING, with heads. Every push through `last_sequence_sent` was
    /// emitted before.
    Pong(Box<payload::Pong>),
    /// Queued pushes were dropped: pull from the cursor.
    Lagged(payload::Lagged),
    /// The server is going away: nothing new is sent any more, results still come.
    GoAway(Box<payload::GoAway>),
    /// A transfer of a blob goes on, or ends.
    Blob(BlobEvent),
    /// There is room in the queue again after `QueueFull`.
    Writable,
    /// The end; nothing follows.
    Closed(CloseReason),
}

/// A first AUTH whose fields and binding have been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthAttempt {
    /// The frame: a listed mechanism, a device id of 16 octets.
    pub auth: payload::Auth,
    /// SHA-256 of HELLO and WELCOME; channel bindings are derived from it.
    pub transcript: [u8; 32],
}

/// What a server connection tells its application.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// The first AUTH. Answer with `challenge`, `accept` or `reject`.
    Auth(Box<AuthAttempt>),
    /// A later AUTH. Answer as the first.
    AuthData(Bytes),
    /// A message or operation, unknown types included. Answer with
    /// [`result`](super::server::ServerConnection::result), which also frees its credit.
    Message {
        /// Number of the frame (of its last fragment).
        ordinal: u64,
        /// Type; of unknown types, the range says that the answer is UNSUPPORTED.
        frame_type: FrameType,
        /// The plain octets of a `Send`, not parsed yet.
        payload: Bytes,
    },
    /// A request. Answer with [`respond`](super::server::ServerConnection::respond).
    Request(Box<payload::Request>),
    /// The device has stored its timeline through here.
    Cursor {
        /// Epoch of the number.
        log_epoch: u64,
        /// Number in the user's timeline.
        user_seq: u64,
    },
    /// Answer with [`pong`](super::server::ServerConnection::pong), with heads.
    Ping {
        /// To be echoed.
        token: u64,
    },
    /// The device goes to the background until then, or returns (0).
    Background {
        /// Longest silence, in milliseconds.
        next_contact_ms: u64,
    },
    /// The client wants to end: push nothing new. Results still leave.
    GoAway(Box<payload::GoAway>),
    /// A transfer of a blob goes on, or ends.
    Blob(BlobEvent),
    /// There is room in the queue again after `QueueFull`.
    Writable,
    /// The end; nothing follows.
    Closed(CloseReason),
}
