//! Transfers of blobs, as the application sees them.

use bytes::Bytes;

use super::{ClientConnection, State};
use crate::connection::SendError;
use crate::payload;

impl ClientConnection {
    /// Takes the chunks of a transfer from now on: octets from `offset` up to `end`, at most `window`
    /// of them before they are [consumed](Self::blob_consumed). BLOB_CREDIT follows.
    pub fn blob_receive(&mut self, transfer: u32, offset: u64, end: u64, window: u32) {
        if let State::Open(open) = &mut self.state {
            open.blobs.receive(transfer, offset, end, window);
        }
    }

    /// Says that the application is done with so many octets of a transfer: their credit returns.
    pub fn blob_consumed(&mut self, transfer: u32, octets: usize) {
        if let State::Open(open) = &mut self.state {
            open.blobs.consumed(transfer, octets);
        }
    }

    /// Sends the octets of a transfer from `offset` up to `end` from now on: they are asked for by
    /// [`Room`](crate::connection::BlobEvent::Room) when credit comes. Call it while
    /// the response that has begun the transfer is handled.
    pub fn blob_send(&mut self, transfer: u32, offset: u64, end: u64) {
        if let State::Open(open) = &mut self.state {
            open.blobs.send(transfer, offset, end);
        }
    }

    /// Gives the next octets of a transfer; they leave when nothing else does.
    ///
    /// # Errors
    /// [`SendError::QueueFull`] for more than there was room for, [`SendError::NotOpen`] for a
    /// transfer that is over.
    pub fn blob_push(&mut self, transfer: u32, octets: Bytes) -> Result<(), SendError> {
        match &mut self.state {
            State::Open(open) => open.blobs.push(transfer, octets),
            _ => Err(SendError::NotOpen),
        }
    }

    /// Ends a transfer, and says so to the peer.
    pub fn blob_end(&mut self, transfer: u32, error: Option<payload::ErrorInfo>) {
        if let State::Open(open) = &mut self.state {
            open.blobs.end(transfer, error, &mut self.line);
        }
    }

    /// Forgets a transfer whose octets are all through.
    pub fn blob_close(&mut self, transfer: u32) {
        if let State::Open(open) = &mut self.state {
            open.blobs.close(transfer);
        }
    }
}
