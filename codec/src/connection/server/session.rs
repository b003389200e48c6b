//! What a server keeps when a connection is lost.

use alloc::boxed::Box;

use bytes::Bytes;

use super::results::Results;
use crate::connection::agreed::Agreed;
use crate::connection::inbound::Inbound;
use crate::connection::outbound::Outbound;
use crate::connection::policy::CompressionPolicy;
use crate::connection::{Lane, SendError};
use crate::id::SessionId;
use crate::payload::{self, Window};
use crate::registry::{Direction, FrameType};

/// A session without a connection: results not settled, queued pushes, what is half received. Made by
/// [`ServerConnection::into_session`](super::ServerConnection::into_session), taken by
/// [`ServerConnection::accept`](super::ServerConnection::accept).
#[derive(Debug)]
pub struct ServerSession(pub(super) Box<Session>);

impl ServerSession {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Adds the result of a message that was still being worked on when the connection was lost.
    pub fn result(&mut self, result: payload::Result) {
        self.0.result(result);
    }

    /// Queues a push while no connection is there.
    ///
    /// # Errors
    /// As [`ServerConnection::push`](super::ServerConnection::push).
    pub fn push(&mut self, frame_type: FrameType, payload: Bytes) -> Result<(), SendError> {
        self.0.push(None, frame_type, payload)
    }

    /// Drops queued pushes that have not begun to leave; after RESUMED say so with
    /// [`lagged`](super::ServerConnection::lagged). Returns how many.
    pub fn drop_queued_pushes(&mut self) -> usize {
        self.0.drop_queued_pushes()
    }

    /// Messages and octets queued.
    #[must_use]
    pub fn queued(&self) -> (usize, usize) {
        self.0.outbound.queued()
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) agreed: Agreed,
    pub(super) outbound: Outbound,
    pub(super) inbound: Inbound,
    pub(super) results: Results,
    pub(super) log_epoch: u64,
    pub(super) compression: CompressionPolicy,
}

impl Session {
    // impl[EIM-RES-001, EIM-RES-006]
    pub(super) fn result(&mut self, result: payload::Result) {
        // A second result for the same frame, or one for no frame, would be a fault of the program
        // that the peer must not see.
        if self.inbound.consume(result.ordinal) {
            self.results.push(result);
        }
    }

    // impl[EIM-CON-018]
    pub(super) fn push(
        &mut self,
        lane: Option<Lane>,
        frame_type: FrameType,
        payload: Bytes,
    ) -> Result<(), SendError> {
        if self.agreed.send_only && frame_type != FrameType::ENTRY {
            return Err(SendError::SendOnly);
        }
        let message = (0, lane, frame_type, payload);
        self.outbound
            .enqueue(&self.agreed, Direction::Server, &self.compression, message)
    }

    pub(super) fn drop_queued_pushes(&mut self) -> usize {
        // An ENTRY belongs to a response that was given.
        self.outbound
            .queue
            .retain(|message| message.frame_type == FrameType::ENTRY)
    }

    /// Ordinals beyond it are not granted.
    // impl[EIM-WIN-019]
    pub(super) fn most(&self, unsettled_results: u32) -> u64 {
        self.results
            .settled_through()
            .saturating_add(unsettled_results.into())
    }

    pub(super) fn window(&mut self, unsettled_results: u32) -> Window {
        let most = self.most(unsettled_results);
        self.inbound.window(most)
    }
}
