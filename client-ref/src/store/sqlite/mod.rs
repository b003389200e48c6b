//! The store on disk: one SQLite file, one thread.
//!
//! WAL and `synchronous=FULL`: a batch is on the disk when its commit returns. Batches that wait
//! together share one transaction. Other processes of the same device may have the file open;
//! each owns the outbox items it wrote, and an owner's lock file tells whether it lives.

mod apply;
mod backlog;
mod cut;
mod modifier;
mod outbox;
mod read;
mod schema;
mod worker;

use std::path::Path;

use async_trait::async_trait;
use eim_codec::id::{ConversationId, UserId};
use rusqlite::Connection;
use tokio::sync::oneshot;

use self::outbox::Owner;
use self::worker::{Job, Reply, Worker};
use super::{
    Applied, Batch, ConversationRecord, Loaded, MarkRecord, Message, Modifier, ResumeCredential,
    Store, StoreError, UserRecord,
};
use crate::environment::Environment;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    worker: Worker,
}

impl SqliteStore {
    /// Opens or creates `messages.sqlite` in `folder`, which is created for this user alone.
    ///
    /// # Errors
    /// [`StoreError`] when the folder or file cannot be used, or is of an unknown format.
    pub fn open(folder: &Path, environment: &Environment) -> Result<Self, StoreError> {
        schema::private_folder(folder)?;
        let owner = Owner::register(folder, environment)?;
        let connection = schema::open(&folder.join("messages.sqlite"))?;
        Ok(Self {
            worker: Worker::start(connection, owner)?,
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.run(false, move |connection, _| read(connection)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        writes: bool,
        job: impl FnOnce(&Connection, &Owner) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let work = Box::new(move |connection: &Connection, owner: &Owner| {
            let outcome = job(connection, owner);
            let failed = outcome.as_ref().err().cloned();
            let reply: Reply = Box::new(move |committed: Result<(), StoreError>| {
                // The asker may have gone away; the work is done all the same.
                let _ = answer.send(committed.and(outcome));
            });
            (failed, reply)
        });
        self.worker.submit(Job { writes, work })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, adopt: bool) -> Result<Loaded, StoreError> {
        self.run(adopt, move |connection, owner| {
            if adopt {
                owner.adopt(connection)?;
            }
            read::load(connection, owner)
        })
        .await
    }

    async fn commit(&self, batch: Batch) -> Result<Applied, StoreError> {
        self.run(true, move |connection, owner| {
            apply::apply(connection, owner, batch)
        })
        .await
    }

    async fn resume(&self) -> Result<Option<ResumeCredential>, StoreError> {
        self.read(read::credential).await
    }

    async fn conversations(&self) -> Result<Vec<ConversationRecord>, StoreError> {
        self.read(read::conversations).await
    }

    async fn message_conversations(&self) -> Result<Vec<ConversationId>, StoreError> {
        self.read(read::message_conversations).await
    }

    async fn messages(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.read(move |connection| read::messages(connection, conversation, first, last, limit))
            .await
    }

    async fn modifiers(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
    ) -> Result<Vec<Modifier>, StoreError> {
        self.read(move |connection| modifier::modifiers(connection, conversation, first, last))
            .await
    }

    async fn latest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.read(move |connection| read::latest(connection, conversation, limit))
            .await
    }

    async fn missing(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StoreError> {
        self.read(move |connection| read::missing(connection, conversation, first, last, limit))
            .await
    }

    async fn checkpoint(&self, source: &str) -> Result<Option<u64>, StoreError> {
        let source = source.to_owned();
        self.read(move |connection| read::checkpoint(connection, &source))
            .await
    }

    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| read::user_by_name(connection, &name))
            .await
    }

    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.read(move |connection| read::user(connection, user))
            .await
    }

    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError> {
        self.read(read::marks).await
    }

    async fn outbox_len(&self) -> Result<usize, StoreError> {
        self.read(read::outbox_len).await
    }
}
