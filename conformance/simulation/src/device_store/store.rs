//! The store of one program.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use eim_client::store::{
    Applied, Batch, ConversationRecord, Loaded, MarkRecord, Message, Modifier, ResumeCredential,
    Store, StoreError, UserRecord,
};
use eim_codec::id::{ConversationId, UserId};

use super::DeviceDisk;
use crate::world::{Life, Point};

/// What one program of a device reads and writes. It stands still once the program is over.
pub struct SimStore {
    disk: DeviceDisk,
    life: Life,
    owner: u64,
}

impl fmt::Debug for SimStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStore")
            .field("disk", &self.disk)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl SimStore {
    pub(super) const fn new(disk: DeviceDisk, life: Life, owner: u64) -> Self {
        Self { disk, life, owner }
    }

    async fn alive(&self) {
        if !self.life.is_alive() {
            pending::<()>().await;
        }
    }

    /// Who opens a store sees what a program that ended half way has left behind, or never will.
    async fn recover(&self) {
        let writing = Arc::clone(&self.disk.writing).lock_owned().await;
        let left = self.disk.state().left(None);
        self.disk.resolve(left);
        drop(writing);
    }

    async fn durable(&self) -> &dyn Store {
        self.alive().await;
        &*self.disk.durable
    }
}

#[async_trait]
impl Store for SimStore {
    async fn load(&self, adopt: bool) -> Result<Loaded, StoreError> {
        self.recover().await;
        let mut loaded = self.durable().await.load(adopt).await?;
        self.disk.state().own(self.owner, adopt, &mut loaded.outbox);
        Ok(loaded)
    }

    async fn commit(&self, batch: Batch) -> Result<Applied, StoreError> {
        self.alive().await;
        if batch.is_empty() {
            return Ok(Applied::default());
        }
        let writing = Arc::clone(&self.disk.writing).lock_owned().await;
        self.alive().await;
        // A program that ended half way has left its batch behind, and the lock.
        let left = self.disk.state().left(None);
        self.disk.resolve(left);
        let takes = self.disk.state().takes();
        let written = self.disk.state().write(self.owner, &batch);
        if written.is_ok() {
            self.life.pass(Point::Written).await;
        }
        tokio::time::sleep(takes).await;
        self.alive().await;
        written?;
        let synced = self.disk.state().sync()?;
        let applied = synced.map(|batch| self.disk.apply(self.owner, batch));
        drop(writing);
        self.life.pass(Point::Synced).await;
        Ok(applied.unwrap_or_default())
    }

    async fn resume(&self) -> Result<Option<ResumeCredential>, StoreError> {
        self.durable().await.resume().await
    }

    async fn conversations(&self) -> Result<Vec<ConversationRecord>, StoreError> {
        self.durable().await.conversations().await
    }

    async fn message_conversations(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.durable().await.message_conversations().await
    }

    async fn messages(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let durable = self.durable().await;
        durable.messages(conversation, first, last, limit).await
    }

    async fn modifiers(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
    ) -> Result<Vec<Modifier>, StoreError> {
        let durable = self.durable().await;
        durable.modifiers(conversation, first, last).await
    }

    async fn latest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.durable().await.latest(conversation, limit).await
    }

    async fn missing(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        let durable = self.durable().await;
        durable.missing(conversation, first, last, limit).await
    }

    async fn checkpoint(&self, source: &str) -> Result<Option<u64>, StoreError> {
        self.durable().await.checkpoint(source).await
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        self.durable().await.user_by_name(name).await
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.durable().await.user(user).await
    }

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        self.durable().await.marks().await
    }

    async fn outbox_len(&self) -> Result<usize, StoreError> {
        self.durable().await.outbox_len().await
    }
}
