//! What is said about the store holds only what it would hold after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use eim_client::store::{
    Applied, Batch, ConversationRecord, Loaded, MarkRecord, MemoryStore, Message, Modifier,
    ResumeCredential, Store, StoreError, UserRecord,
};
use eim_client::{Client, ConnectionState, End};
use eim_codec::connection::ServerEvent;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::ErrorCode;

use crate::peer::{EPOCH, World, entry, group, text};

/// How long a message takes to be durable.
const SLOW: Duration = Duration::from_secs(5);

/// A store in which messages that arrive, and answers to own ones, take their time.
struct SlowStore {
    real: Arc<MemoryStore>,
    /// The first batch with messages fails.
    fails: AtomicBool,
}

impl SlowStore {
    fn new(real: &Arc<MemoryStore>, fails: bool) -> Arc<Self> {
        Arc::new(Self {
            real: Arc::clone(real),
            fails: AtomicBool::new(fails),
        })
    }
}

#[async_trait]
impl Store for SlowStore {
    async fn load(&self, adopt: bool) -> Result<Loaded, StoreError> {
        self.real.load(adopt).await
    }

    async fn commit(&self, batch: Batch) -> Result<Applied, StoreError> {
        if !batch.arrivals.is_empty() || !batch.settlements.is_empty() {
            tokio::time::sleep(SLOW).await;
            if self.fails.swap(false, Ordering::Relaxed) {
                return Err(StoreError::Engine("no room".to_owned()));
            }
        }
        self.real.commit(batch).await
    }

    async fn resume(&self) -> Result<Option<ResumeCredential>, StoreError> {
        self.real.resume().await
    }

    async fn conversations(&self) -> Result<Vec<ConversationRecord>, StoreError> {
        self.real.conversations().await
    }

    async fn message_conversations(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.real.message_conversations().await
    }

    async fn messages(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.real.messages(conversation, first, last, limit).await
    }

    async fn modifiers(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
    ) -> Result<Vec<Modifier>, StoreError> {
        self.real.modifiers(conversation, first, last).await
    }

    async fn latest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.real.latest(conversation, limit).await
    }

    async fn missing(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        self.real.missing(conversation, first, last, limit).await
    }

    async fn checkpoint(&self, source: &str) -> Result<Option<u64>, StoreError> {
        self.real.checkpoint(source).await
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.real.user_by_name(name).await
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.real.user(user).await
    }

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        self.real.marks().await
    }

    async fn outbox_len(&self) -> Result<usize, StoreError> {
        self.real.outbox_len().await
    }
}

// Found by the simulation: AUTH and the CURSOR after it told what was still being written.
// test[EIM-CUR-001] test[EIM-CUR-005]
#[tokio::test(start_paused = true)]
async fn a_cursor_that_is_being_written_is_not_told_on_the_next_connection() {
    let mut world = World::at(0).await;
    let mut options = world.options();
    options.store = SlowStore::new(&world.store, false);
    let _client = Client::start(options).await.unwrap();
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    peer.push(1, entry(1));
    peer.quiet().await;
    drop(peer);
    let mut peer = world.dialled().await;
    let auth = peer.auth().await;
    assert_eq!(
        (auth.log_epoch, auth.user_seq),
        (EPOCH, 0),
        "not stored yet"
    );
    peer.opened(EPOCH, 1);
    // The session of the push is over; what became of it is told all the same.
    loop {
        if let ServerEvent::Cursor { user_seq, .. } = peer.next().await {
            assert_eq!(user_seq, 1);
            break;
        }
    }
    assert_eq!(world.store.load(false).await.unwrap().cursor.user_seq, 1);
}

// Found by the simulation: the batch after one that failed was committed, with a cursor over the
// messages of the one that failed. Nothing would ever have asked for them again.
// test[EIM-CUR-001] test[EIM-SYN-014]
#[tokio::test(start_paused = true)]
async fn nothing_is_committed_after_a_commit_that_failed() {
    let mut world = World::at(0).await;
    let mut options = world.options();
    options.store = SlowStore::new(&world.store, true);
    let client = Client::start(options).await.unwrap();
    let mut events = client.events().unwrap();
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    peer.push(1, entry(1));
    peer.quiet().await;
    // It waits while the first one is being written.
    peer.push(2, entry(2));
    peer.quiet().await;
    while events.next().await.is_some() {}
    assert!(matches!(
        client.state(),
        ConnectionState::Closed(End::Store(_))
    ));
    let left = world.store.load(false).await.unwrap();
    assert_eq!(left.cursor.user_seq, 0, "the first message is not stored");
}

// test[EIM-MSG-073]
#[tokio::test(start_paused = true)]
async fn what_follows_a_refusal_waits_until_it_is_stored() {
    let mut world = World::at(0).await;
    let mut options = world.options();
    options.store = SlowStore::new(&world.store, false);
    let client = Client::start(options).await.unwrap();
    let mut peer = world.accept(0).await;
    let refused = client.send_text(group(), "no").await.unwrap();
    let _behind = client.send_text(group(), "yes").await.unwrap();
    let (first, second) = (peer.message().await.0, peer.message().await.0);
    peer.failed(first, ErrorCode::FORBIDDEN, false, 0);
    peer.failed(second, ErrorCode::PREDECESSOR_FAILED, true, 0);
    peer.quiet_for(SLOW - Duration::from_secs(1)).await;
    assert_eq!(world.store.outbox_len().await.unwrap(), 2, "not stored yet");
    let (_, send) = peer.message().await;
    assert_eq!((send.body, send.after_failed), (text("yes"), true));
    assert_eq!(world.store.outbox_len().await.unwrap(), 1);
    assert!(refused.await.is_err());
}
