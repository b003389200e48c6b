//! The sans-IO connection, both roles: octets and the time in, octets and events out.
//!
//! Nothing here opens a socket, reads a clock or draws a random number. Whoever drives an
//! [`Endpoint`] does it in one fixed order (the driver of the module `tokio` does):
//!
//! 1. hand in what happened: [`receive`](Endpoint::receive),
//!    [`handle_timeout`](Endpoint::handle_timeout), [`transport_closed`](Endpoint::transport_closed)
//!    or a call of the application;
//! 2. [`poll_event`](Endpoint::poll_event) until it returns `None`;
//! 3. [`poll_transmit`](Endpoint::poll_transmit) until it returns `None`, writing what it returns;
//! 4. [`poll_timeout`](Endpoint::poll_timeout), and wait for the next thing to happen; read more
//!    only while [`wants_read`](Endpoint::wants_read).
//!
//! Received octets are decoded one frame at a time by `poll_event`, so a burst of small compressed
//! frames is never inflated all at once; the application's pace is the connection's pace.
//!
//! Misbehaviour of the peer is never an `Err`: it queues ERROR for the peer and ends in a `Closed`
//! event with a [`CloseReason`].

mod agreed;
mod blobs;
mod close;
mod config;
mod event;
mod flood;
mod heartbeat;
mod inbound;
mod line;
mod live;
mod outbound;
mod policy;
mod queue;
mod retained;
#[cfg(test)]
mod tests;
mod violation;
mod window;

pub mod binding;
pub mod client;
pub mod flow;
pub mod gate;
pub mod server;

use core::fmt;
use core::time::Duration;

use bytes::Bytes;

pub use blobs::{BlobEvent, CHUNK_HEADER_OCTETS};
pub use close::{CloseReason, ClosedBy};
pub use config::{ClientConfig, Queue, Reassembly, ServerConfig, WindowSize};
pub use event::{AuthAttempt, ClientEvent, ServerEvent};
pub use policy::CompressionPolicy;

use crate::time::Timestamp;

/// One side of a connection, without IO. See the module for the order of calls.
pub trait Endpoint {
    /// What the connection tells its application.
    type Event;

    /// Takes octets that arrived, split anywhere. They are looked at by
    /// [`poll_event`](Self::poll_event).
    fn receive(&mut self, now: Timestamp, octets: Bytes);

    /// Says that a message of a message-based transport ended after the octets received so far. It
    /// has to be a frame boundary, or the connection closes with SPLIT_FRAME.
    fn receive_boundary(&mut self, now: Timestamp);

    /// Says that the message-based transport delivered a text message, which closes the connection
    /// with SPLIT_FRAME.
    fn receive_text(&mut self, now: Timestamp);

    /// Says that the transport ended: no octet will arrive any more, none can be sent.
    fn transport_closed(&mut self, now: Timestamp);

    /// Says that the time of [`poll_timeout`](Self::poll_timeout) may have come. Calling it early
    /// does nothing.
    fn handle_timeout(&mut self, now: Timestamp);

    /// Octets to write: whole frames, coalesced up to about 64 KiB. `None` when nothing is due; more
    /// may become due after any other call. While the write side is blocked, do not call it: what is
    /// not transmitted stays in bounded queues.
    #[must_use]
    fn poll_transmit(&mut self, now: Timestamp) -> Option<Bytes>;

    /// The next event. `None` until something else happens. After `Closed` nothing follows.
    #[must_use]
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When to call [`handle_timeout`](Self::handle_timeout). The value may change after every other
    /// call; a later value than before needs no re-arming, because an early call does nothing.
    #[must_use]
    fn poll_timeout(&self) -> Option<Timestamp>;

    /// Whether reading should go on. `false` while the application holds too many unconsumed octets
    /// and after the end.
    #[must_use]
    fn wants_read(&self) -> bool;

    /// Whether the connection ended: write what `poll_transmit` still has, half-close, read and
    /// discard for [`linger`](Self::linger), then close the transport.
    #[must_use]
    fn is_closed(&self) -> bool;

    /// How long to read on after the end so that a reset cannot destroy a sent ERROR; zero if the
    /// transport is gone.
    #[must_use]
    fn linger(&self) -> Duration;
}

/// Names a message given to [`send`](client::ClientConnection::send): local, increasing, never
/// on the wire. It survives reconnecting together with the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub u64);

impl fmt::Display for SendId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send {}", self.0)
    }
}

/// The order a message belongs to, such as a hash of its conversation.
///
/// Messages of one lane arrive in the order they were given. Messages of different lanes do too,
/// except that single-frame messages may pass a fragmented message of another lane. A message
/// without a lane neither overtakes nor is overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane(pub u64);

/// Why a message or request was not taken. Local misuse or back-pressure, never the peer's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The bounded queue is full; try again after `Writable`.
    #[error("the outbound queue is full")]
    QueueFull,
    /// The connection is not open (yet, or any more), or drains.
    #[error("the connection is not open")]
    NotOpen,
    /// The payload exceeds the cap of its type, or the peer's frame limit without fragments.
    #[error("{got} octets exceed the limit of {max}")]
    TooLarge {
        /// Octets of the payload.
        got: usize,
        /// Most octets that can be sent.
        max: usize,
    },
    /// A request id that is not 16 octets, or a response to a request that is not in flight.
    #[error("no request has this id")]
    RequestId,
    /// The client attached beside a running connection and gets no pushes.
    #[error("the connection is send-only")]
    SendOnly,
    /// The type is not one that this side sends sequenced.
    #[error("this side does not send frames of this type")]
    WrongType,
}

/// What became of a cancelled message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It had not begun to leave: it is gone, no result will come.
    Removed,
    /// Part of it had left: CANCEL follows and the result will be CANCELLED.
    Underway,
    /// It had left entirely, or is unknown: its result will come as for any other.
    TooLate,
}
