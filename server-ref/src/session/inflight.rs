//! Batches that are on their way through the store.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use eim_codec::id::ConversationId;

use crate::store::{Append, Appended, Origin, Refused, Store, StoreError};

type Outcome = Result<Vec<Result<Appended, Refused>>, StoreError>;
type Work = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// A message that was handed to the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) ordinal: u64,
    pub(super) conversation: ConversationId,
}

/// A batch with its outcome.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) sent: Vec<Sent>,
    pub(super) outcome: Outcome,
}

/// One batch.
struct Batch {
    sent: Vec<Sent>,
    work: Work,
    /// The store has seen it.
    queued: bool,
    outcome: Option<Outcome>,
}

/// The batches of one session, in the order they were read. Several are on their way at once; the
/// store is given them, and the session their results, in that order.
#[derive(Default)]
pub(super) struct InFlight(VecDeque<Batch>);

impl InFlight {
    /// Adds a batch.
    // impl[EIM-MSG-017]
    pub(super) fn push(
        &mut self,
        store: &Arc<dyn Store>,
        origin: Origin,
        sent: Vec<Sent>,
        batch: Vec<Append>,
    ) {
        let store = Arc::clone(store);
        let work = Box::pin(async move { store.append(origin, batch).await });
        self.0.push_back(Batch {
            sent,
            work,
            queued: false,
            outcome: None,
        });
    }

    /// The next batch that is done. Pending when none is on its way.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Committed> {
        for (index, batch) in self.0.iter_mut().enumerate() {
            // Later batches only need their first poll, which queues them at the store.
            let due = index == 0 || !batch.queued;
            if due && batch.outcome.is_none() {
                batch.queued = true;
                if let Poll::Ready(outcome) = batch.work.as_mut().poll(cx) {
                    batch.outcome = Some(outcome);
                }
            }
        }
        if let Some(outcome) = self.0.front_mut().and_then(|batch| batch.outcome.take()) {
            let sent = self
                .0
                .pop_front()
                .map(|batch| batch.sent)
                .unwrap_or_default();
            if self.0.is_empty() {
                // An idle session holds no queue.
                self.0 = VecDeque::new();
            }
            return Poll::Ready(Committed { sent, outcome });
        }
        Poll::Pending
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
