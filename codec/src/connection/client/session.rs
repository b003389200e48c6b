//! What a client keeps when its connection is lost.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::sends::Sends;
use crate::connection::SendId;
use crate::connection::agreed::Agreed;
use crate::connection::inbound::Inbound;
use crate::connection::outbound::Outbound;
use crate::id::SessionId;

/// A session without a connection: what is unsettled, queued and half received. Made by
/// [`ClientConnection::into_session`](super::ClientConnection::into_session), taken by
/// [`AuthStart::resume`](super::AuthStart::resume).
#[derive(Debug)]
pub struct ClientSession(pub(super) Box<Session>);

impl ClientSession {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.0.id
    }

    /// Messages without a result, in the order they were given.
    #[must_use]
    pub fn unanswered(&self) -> Vec<SendId> {
        self.0.unanswered()
    }

    /// Says that the result of `send` is stored, as
    /// [`ClientConnection::settle`](super::ClientConnection::settle) does.
    pub fn settle(&mut self, send: SendId) {
        self.0.sends.settle(send);
    }

    /// Says that the application is done with a push, as
    /// [`ClientConnection::consumed`](super::ClientConnection::consumed) does.
    pub fn consumed(&mut self, ordinal: u64) {
        self.0.inbound.consume(ordinal);
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) agreed: Agreed,
    pub(super) outbound: Outbound,
    pub(super) inbound: Inbound,
    pub(super) sends: Sends,
}

impl Session {
    pub(super) fn unanswered(&self) -> Vec<SendId> {
        let mut ids: Vec<u64> = self
            .sends
            .waiting()
            .chain(self.outbound.waiting())
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(SendId).collect()
    }
}
