//! Changes on their way into the store, and what follows when they are durable.

use eim_codec::connection::SendId;
use eim_codec::id::ClientMsgId;
use tokio::sync::oneshot;

use crate::error::SendError;
use crate::event::{Sent, Settled};
use crate::store::{Arrival, Batch, Cursor, CursorChange, OutboxItem, Settlement};

/// Changes that wait for the commit under way to end; then they are the next one.
#[derive(Debug, Default)]
pub(super) struct Staging {
    pub batch: Batch,
    pub follow: FollowUp,
}

/// What happens when a batch is durable.
#[derive(Debug, Default)]
pub(super) struct FollowUp {
    /// Session whose ordinals and sends are named below.
    pub session: u64,
    /// Where each arrival of the batch came from.
    pub sources: Vec<Source>,
    /// New outbox items and who waits for them.
    pub outgoing: Vec<(OutboxItem, Option<Waiter>)>,
    /// Who waits for new outbox items to be durable.
    pub stored: Vec<oneshot::Sender<()>>,
    /// Items whose first attempt is marked, with its time.
    pub timed: Option<(Vec<ClientMsgId>, u64)>,
    /// Settled items.
    pub settled: Vec<Settled>,
    /// Results to be settled towards the server.
    pub sends: Vec<SendId>,
    /// Pushes to be given back as credit.
    pub consumed: Vec<u64>,
    /// A page downwards: the lowest number it answered, and its arrivals within the batch.
    pub went_down: Option<(u64, std::ops::Range<usize>)>,
    /// Conversations changed.
    pub conversations: bool,
    /// The timeline is whole with this batch.
    pub caught_up: bool,
}

/// Who waits for the result of a message.
pub(super) type Waiter = oneshot::Sender<Result<Sent, SendError>>;

/// Where an arrival came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The timeline.
    Timeline,
    /// What a snapshot left to be read.
    Backlog,
    /// The body of an own message.
    Hollow,
    /// A look of the application into history.
    Lookup,
}

impl Staging {
    pub(super) fn arrive(&mut self, arrival: Arrival, source: Source) {
        self.batch.arrivals.push(arrival);
        self.follow.sources.push(source);
    }

    pub(super) fn send(&mut self, item: OutboxItem, waiter: Option<Waiter>) {
        self.batch.outbox.push(item.clone());
        self.follow.outgoing.push((item, waiter));
    }

    pub(super) fn settle(&mut self, settlement: Settlement, settled: Settled) {
        self.batch.settlements.push(settlement);
        self.follow.settled.push(settled);
    }

    /// Everything through the cursor is stored with this batch.
    pub(super) fn advance(&mut self, cursor: Cursor) {
        let anew = matches!(self.batch.cursor, Some(CursorChange::Reset(_)));
        self.batch.cursor = Some(if anew {
            // It goes on from where it begins in the same batch.
            CursorChange::Reset(cursor)
        } else {
            CursorChange::Advance(cursor)
        });
    }

    /// The device begins anew at the cursor.
    pub(super) fn begin_anew(&mut self, cursor: Cursor) {
        self.batch.cursor = Some(CursorChange::Reset(cursor));
    }

    /// Whether there is nothing to commit and nothing that waits for it.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
            && self.follow.consumed.is_empty()
            && self.follow.sends.is_empty()
            && !self.follow.caught_up
            && self.follow.went_down.is_none()
            && !self.follow.conversations
    }

    /// Takes everything, for a commit.
    pub(super) fn take(&mut self, session: u64) -> (Batch, FollowUp) {
        let Self { batch, mut follow } = std::mem::take(self);
        follow.session = session;
        (batch, follow)
    }
}
