//! What the driver needs of a transport.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;

/// What a transport delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Octets of a stream, split anywhere.
    Octets(Bytes),
    /// A whole binary message of a message-based transport.
    Message(Bytes),
    /// A text message, which the protocol forbids.
    Text,
    /// The peer will send nothing more.
    End,
}

/// A transport, polled by the driver. All methods may be called again after `Pending`; none loses
/// octets when the caller is cancelled.
pub trait Link {
    /// What arrived next.
    ///
    /// # Errors
    /// The transport broke; nothing more will arrive.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>>;

    /// Writes from the front of `chunk` (whole frames when it is first handed over) and advances it;
    /// `Ready` when it is empty. The same chunk is handed in again after `Pending`.
    ///
    /// # Errors
    /// The transport broke.
    fn poll_send(&mut self, cx: &mut Context<'_>, chunk: &mut Bytes) -> Poll<io::Result<()>>;

    /// Flushes what was sent.
    ///
    /// # Errors
    /// The transport broke.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Flushes and ends this side's direction.
    ///
    /// # Errors
    /// The transport broke.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
