//! A store of a device that makes the cursor durable in a batch of its own, before the entries.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use eim_client::store::{
    Applied, Batch, ConversationRecord, Loaded, MarkRecord, Message, Modifier, ResumeCredential,
    Store, StoreError, UserRecord,
};
use eim_codec::id::{ConversationId, UserId};

pub(super) struct SplitStore(Arc<dyn Store>);

impl fmt::Debug for SplitStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitStore").finish_non_exhaustive()
    }
}

impl SplitStore {
    pub(super) fn new(real: Arc<dyn Store>) -> Self {
        Self(real)
    }
}

#[async_trait]
impl Store for SplitStore {
    async fn load(&self, adopt: bool) -> Result<Loaded, StoreError> {
        self.0.load(adopt).await
    }

    async fn commit(&self, mut batch: Batch) -> Result<Applied, StoreError> {
        if !batch.arrivals.is_empty()
            && let Some(cursor) = batch.cursor.take()
        {
            let first = Batch {
                cursor: Some(cursor),
                ..Batch::default()
            };
            let cursor = self.0.commit(first).await?.cursor;
            let applied = self.0.commit(batch).await?;
            return Ok(Applied { cursor, ..applied });
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

    async fn modifiers(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
    ) -> Result<Vec<Modifier>, StoreError> {
        self.0.modifiers(conversation, first, last).await
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

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        self.0.marks().await
    }

    async fn outbox_len(&self) -> Result<usize, StoreError> {
        self.0.outbox_len().await
    }
}
