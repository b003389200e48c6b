//! Batches that are on their way through the store.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use eim_codec::payload;

use crate::limits::Waiting;
use crate::service::Refusal;
use crate::store::{Append, Appended, Origin, Outcomes, Refused, SenderOrder, Store, StoreError};

type Outcome = Result<Vec<Result<Appended, Refused>>, StoreError>;
type Queueing = Pin<Box<dyn Future<Output = Result<Outcomes, StoreError>> + Send>>;

/// A batch with its outcome.
#[derive(Debug)]
pub(super) struct Committed {
    /// Ordinals of its messages.
    pub(super) sent: Vec<u64>,
    pub(super) outcome: Outcome,
}

/// What the client is told about a message.
// impl[EIM-RES-003, EIM-TML-008]
pub(super) fn result(ordinal: u64, outcome: Result<Appended, Refused>) -> payload::Result {
    match outcome {
        Ok(appended) => payload::Result {
            ordinal,
            conv_seq: appended.conv_seq,
            time_ms: appended.time_ms,
            user_seq: appended.user_seq,
            error: None,
        },
        Err(refused) => payload::Result {
            ordinal,
            error: Some(Refusal::from(refused).into()),
            ..payload::Result::default()
        },
    }
}

/// How far a batch is.
enum Stage {
    /// It has no place at the store yet; neither may a later one have.
    Queueing(Queueing),
    /// It has its place.
    Queued(Outcomes),
    /// It never got a place.
    Failed(StoreError),
}

/// One batch.
struct Batch {
    sent: Vec<u64>,
    stage: Stage,
    /// Until it is done. One whose session ends first is not counted on: the queue of the store bounds
    /// those.
    _waiting: Option<Box<Waiting>>,
}

/// The batches of one session, in the order they were read. Several are on their way at once; the
/// store is given them, and the session their results, in that order.
#[derive(Default)]
pub(super) struct InFlight(VecDeque<Batch>);

impl InFlight {
    /// Adds a batch.
    pub(super) fn push(
        &mut self,
        store: &Arc<dyn Store>,
        origin: Origin,
        order: &SenderOrder,
        waiting: Option<Box<Waiting>>,
        sent: Vec<u64>,
        batch: Vec<Append>,
    ) {
        let (store, order) = (Arc::clone(store), order.clone());
        let queueing = Box::pin(async move { store.queue(origin, &order, batch).await });
        self.0.push_back(Batch {
            sent,
            stage: Stage::Queueing(queueing),
            _waiting: waiting,
        });
    }

    /// The next batch that is done. Pending when none is on its way.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Committed> {
        self.queue(cx);
        let outcome = match self.0.front_mut().map(|batch| &mut batch.stage) {
            None | Some(Stage::Queueing(_)) => return Poll::Pending,
            Some(Stage::Queued(outcomes)) => ready!(outcomes.as_mut().poll(cx)),
            Some(Stage::Failed(error)) => Err(error.clone()),
        };
        let sent = self
            .0
            .pop_front()
            .map(|batch| batch.sent)
            .unwrap_or_default();
        if self.0.is_empty() {
            // An idle session holds no queue.
            self.0 = VecDeque::new();
        }
        Poll::Ready(Committed { sent, outcome })
    }

    /// Gives the store what has no place yet, one after the other: that a batch was polled says
    /// nothing about its place, a full queue or a used-up turn of the task leaves it without.
    // impl[EIM-MSG-017]
    fn queue(&mut self, cx: &mut Context<'_>) {
        for batch in &mut self.0 {
            let Stage::Queueing(queueing) = &mut batch.stage else {
                continue;
            };
            batch.stage = match queueing.as_mut().poll(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(outcomes)) => Stage::Queued(outcomes),
                Poll::Ready(Err(error)) => Stage::Failed(error),
            };
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use eim_codec::id::{DeviceId, UserId};
    use eim_codec::registry::FrameType;
    use tokio::sync::mpsc;

    use super::*;
    use crate::store::Accounts as _;
    use crate::store::kv::{Environment, KvStore, Options};
    use crate::store::memory::MemoryEngine;
    use crate::store::{
        CommitSink, Committed as Entries, LoggedOut, Marked, ScramVerifier, Target, TenantId,
        UserRecord,
    };

    struct Nobody;

    impl CommitSink for Nobody {
        fn committed(&self, _: &[Entries]) {}

        fn marked(&self, _: &[Marked]) {}

        fn logged_out(&self, _: &[LoggedOut]) {}
    }

    fn user() -> UserId {
        UserId::from([1; 16])
    }

    /// A store with a user and a queue of `queue` commands, and its commit loop, which has to be
    /// polled.
    async fn store(queue: usize) -> (Arc<dyn Store>, tokio::task::JoinHandle<()>) {
        let (options, environment) = (
            Options {
                queue,
                ..Options::default()
            },
            Environment::system(),
        );
        let engine = Arc::new(MemoryEngine::default());
        let opened = KvStore::open(engine, options, environment, Arc::new(Nobody)).await;
        let (store, committing) = opened.unwrap();
        let running = tokio::spawn(async move { committing.run().await.unwrap() });
        let verifier = ScramVerifier {
            iterations: 4096,
            salt: Vec::new(),
            stored_key: Vec::new(),
            server_key: Vec::new(),
        };
        let account = UserRecord {
            user: user(),
            name: "ann".to_owned(),
            display_name: String::new(),
            disabled: false,
            verifier,
            created_ms: 0,
            token_generation: 0,
        };
        let made = store.create_users(TenantId(0), vec![account]).await;
        made.unwrap().remove(0).unwrap();
        (Arc::new(store), running)
    }

    /// A note to oneself.
    fn push(inflight: &mut InFlight, store: &Arc<dyn Store>, number: u8) {
        let origin = Origin {
            tenant: TenantId(0),
            user: user(),
            device: DeviceId::from([2; 16]),
            generation: None,
        };
        let append = Append {
            target: Target::Direct(user()),
            frame_type: FrameType::TEXT,
            client_msg_id: [number; 16].into(),
            first_sent_at_ms: 0,
            after_failed: false,
            body: Bytes::new(),
            fallback_text: String::new(),
            blobs: Vec::new(),
        };
        let order = SenderOrder::default();
        let sent = vec![u64::from(number)];
        inflight.push(store, origin, &order, None, sent, vec![append]);
    }

    /// Polls once.
    async fn poll(inflight: &mut InFlight) -> Option<Committed> {
        poll_fn(|cx| match inflight.poll(cx) {
            Poll::Ready(committed) => Poll::Ready(Some(committed)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// Waits for all; each got the number after the one before it.
    async fn in_order(inflight: &mut InFlight, count: u64) {
        for number in 1..=count {
            let committed = poll_fn(|cx| inflight.poll(cx)).await;
            assert_eq!(committed.sent[0], number);
            let appended = committed.outcome.unwrap().remove(0).unwrap();
            assert_eq!(appended.conv_seq, number, "batch {number}");
        }
        assert!(inflight.is_empty());
    }

    // test[EIM-MSG-017]
    #[tokio::test]
    async fn a_full_queue_lets_nobody_overtake() {
        let (store, _running) = store(2).await;
        let mut inflight = InFlight::default();
        for number in 1..=3 {
            push(&mut inflight, &store, number);
        }
        assert!(
            poll(&mut inflight).await.is_none(),
            "two wait, one has no place"
        );
        // Both are taken, and there is more room than the third needs when the fourth comes.
        tokio::task::yield_now().await;
        push(&mut inflight, &store, 4);
        in_order(&mut inflight, 4).await;
    }

    /// A task that has used up its turn cannot queue anything, which looks like a full queue.
    // test[EIM-MSG-017]
    #[tokio::test]
    async fn a_used_up_turn_lets_nobody_overtake() {
        let (store, _running) = store(64).await;
        let mut inflight = InFlight::default();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        for _ in 0..1000 {
            sender.send(()).unwrap();
        }
        push(&mut inflight, &store, 1);
        poll_fn(|cx| {
            while receiver.poll_recv(cx).is_ready() {}
            assert!(inflight.poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
        push(&mut inflight, &store, 2);
        in_order(&mut inflight, 2).await;
    }
}
