//! What is said about the store holds only what it would hold after a restart.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eim_client::Client;
use eim_client::store::{
    Applied, Batch, ConversationRecord, Loaded, MemoryStore, Message, ResumeCredential, Store,
    StoreError, UserRecord,
};
use eim_codec::connection::ServerEvent;
use eim_codec::id::{ConversationId, UserId};

use crate::peer::{EPOCH, World, entry};

/// How long a message takes to be durable.
const SLOW: Duration = Duration::from_secs(5);

/// A store in which messages take their time.
struct SlowStore(Arc<MemoryStore>);

#[async_trait]
impl Store for SlowStore {
    async fn load(&self, adopt: bool) -> Result<Loaded, StoreError> {
        self.0.load(adopt).await
    }

    async fn commit(&self, batch: Batch) -> Result<Applied, StoreError> {
        if !batch.arrivals.is_empty() {
            tokio::time::sleep(SLOW).await;
        }
        self.0.commit(batch).await
    }

    async fn resume(&self) -> Result<Option<ResumeCredential>, StoreError> {
        self.0.resume().await
    }

    async fn conversations(&self) -> Result<Vec<ConversationRecord>, StoreError> {
        self.0.conversations().await
    }

    async fn message_conversations(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.0.message_conversations().await
    }

    async fn messages(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.0.messages(conversation, first, last, limit).await
    }

    async fn latest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.0.latest(conversation, limit).await
    }

    async fn missing(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        self.0.missing(conversation, first, last, limit).await
    }

    async fn checkpoint(&self, source: &str) -> Result<Option<u64>, StoreError> {
        self.0.checkpoint(source).await
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.0.user_by_name(name).await
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.0.user(user).await
    }

    async fn outbox_len(&self) -> Result<usize, StoreError> {
        self.0.outbox_len().await
    }
}

// Found by the simulation: AUTH and the CURSOR after it told what was still being written.
// test[EIM-CUR-001] test[EIM-CUR-005]
#[tokio::test(start_paused = true)]
async fn a_cursor_that_is_being_written_is_not_told_on_the_next_connection() {
    let mut world = World::at(0).await;
    let mut options = world.options();
    options.store = Arc::new(SlowStore(Arc::clone(&world.store)));
    let _client = Client::start(options).await.unwrap();
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    peer.push(1, entry(1));
    peer.quiet().await;
    drop(peer);
    let mut peer = world.dialled().await;
    let auth = peer.auth().await;
    assert_eq!((auth.log_epoch, auth.user_seq), (EPOCH, 0), "not stored yet");
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
