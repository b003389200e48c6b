//! The store as callers see it: writes wait for the commit loop, reads go to the engine.
//!
//! Reads run on the caller's thread. They are a few lookups or one bounded page, mostly from
//! memory; long pages give way to other tasks in between.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::Modifier;
use tokio::sync::{mpsc, oneshot};

use super::append::conversation_of;
use super::command::{AccountCommand, Command, Prepared, Reply};
use super::committer::Committing;
use super::content;
use super::cursors::Cursors;
use super::guarded::GuardedEngine;
use super::member_index::Changes;
use super::mentions::Mentions;
use super::meta::Meta;
use super::options::{Environment, Options};
use super::record::entry::Seal;
use super::record::state::CursorRow;
use crate::limits::Guard;
use crate::store::engine::{Engine, Reader};
use crate::store::{
    Append, Change, Changed, CommitSink, ConversationView, HistoryPage, MarkChange, MarkView,
    MemberPage, Origin, Outcomes, PinPage, ReactionPage, ReaderPage, Refused, Room, SenderOrder,
    Store, StoreError, Swept, TenantId, TimelinePage, UnreadPage,
};

/// The store over one engine. Dropping it closes it after what is queued; [`Store::close`] waits
/// for that.
pub struct KvStore {
    engine: RwLock<Option<Arc<dyn Engine>>>,
    queue: mpsc::Sender<Command>,
    cursors: Arc<Cursors>,
    pub(super) environment: Environment,
    meta: Meta,
    /// Held by the import under way.
    pub(super) importing: tokio::sync::Mutex<()>,
}

impl fmt::Debug for KvStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvStore")
            .field("log_epoch", &self.meta.log_epoch)
            .finish_non_exhaustive()
    }
}

impl KvStore {
    /// Opens the store on an engine. It answers once the commit loop runs.
    ///
    /// # Errors
    /// [`StoreError`] when the engine cannot be read or a new store cannot be written.
    pub async fn open(
        engine: Arc<dyn Engine>,
        options: Options,
        environment: Environment,
        sink: Arc<dyn CommitSink>,
    ) -> Result<(Self, Committing), StoreError> {
        let meta = Meta::open(&*engine, &environment).await?;
        let guard = Guard::new("store", options.breaker, Arc::clone(&environment.clock));
        let engine: Arc<dyn Engine> = Arc::new(GuardedEngine::new(engine, guard));
        let cursors = Arc::new(Cursors::default());
        let (queue, commands) = mpsc::channel(options.queue);
        let committing = Committing::new(
            Arc::clone(&engine),
            options,
            environment.clone(),
            sink,
            meta,
            Arc::clone(&cursors),
            commands,
        );
        let engine = RwLock::new(Some(engine));
        Ok((
            Self {
                engine,
                queue,
                cursors,
                environment,
                meta,
                importing: tokio::sync::Mutex::default(),
            },
            committing,
        ))
    }

    /// A view of what is committed, all that was answered before included.
    // impl[EIM-TML-009] impl[EIM-SYN-059]
    pub(super) fn reader(&self) -> Result<Box<dyn Reader>, StoreError> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine
            .as_ref()
            .map(|engine| engine.reader())
            .ok_or(StoreError::Closed)
    }

    /// Queues a command and waits for its outcome. When the caller goes away after it was queued,
    /// it is carried out all the same.
    pub(super) async fn submit<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, StoreError> {
        let (reply, outcome) = oneshot::channel();
        self.queue
            .send(command(reply))
            .await
            .map_err(|_| StoreError::Closed)?;
        outcome.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn index_members(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        changes: Changes,
    ) -> Result<(), StoreError> {
        self.submit(|reply| Command::IndexMembers {
            tenant,
            conversation,
            changes,
            reply,
        })
        .await
    }

    pub(super) async fn submit_account<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> AccountCommand,
    ) -> Result<T, StoreError> {
        self.submit(|reply| Command::Account(command(reply))).await
    }

    pub(super) const fn meta(&self) -> &Meta {
        &self.meta
    }

    fn prepare(&self, origin: &Origin, batch: Vec<Append>) -> Vec<Prepared> {
        let secret = self.meta.content_secret();
        let mut salts = vec![0; batch.len() * 16];
        self.environment.random.fill(&mut salts);
        let (salts, _) = salts.as_chunks::<16>();
        let prepare = |(append, salt): (Append, &[u8; 16])| {
            let conversation = conversation_of(origin.user, append.target);
            let hash = content::of_message(&secret, conversation, &append);
            let seal = Seal::new(*salt, &append.fallback_text, &append.body);
            let modifier = Modifier::of(append.frame_type, &append.body);
            let mentions = Mentions::of(append.frame_type, &append.body);
            Prepared {
                append,
                conversation,
                hash,
                seal,
                modifier,
                mentions,
            }
        };
        batch.into_iter().zip(salts).map(prepare).collect()
    }
}

#[async_trait]
impl Store for KvStore {
    async fn queue(
        &self,
        origin: Origin,
        order: &SenderOrder,
        batch: Vec<Append>,
    ) -> Result<Outcomes, StoreError> {
        let batch = self.prepare(&origin, batch);
        let (reply, outcome) = oneshot::channel();
        let command = Command::Append {
            origin,
            order: order.clone(),
            batch,
            reply,
        };
        let queued = self.queue.send(command).await;
        queued.map_err(|_| StoreError::Closed)?;
        Ok(Box::pin(async move {
            outcome.await.map_err(|_| StoreError::Closed)?
        }))
    }

    async fn change(&self, change: Change) -> Result<Result<Changed, Refused>, StoreError> {
        let hash = content::of_change(&self.meta.content_secret(), &change);
        self.submit(|reply| Command::Change {
            change,
            hash,
            reply,
        })
        .await
    }

    fn log_epoch(&self) -> u64 {
        self.meta.log_epoch
    }

    fn derive_secret(&self, purpose: &str) -> [u8; 32] {
        let purpose = [b"for:", purpose.as_bytes()].concat();
        self.meta.derive(&purpose)
    }

    async fn timeline_head(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<(u64, u64), StoreError> {
        super::load::timeline_bounds(&*self.reader()?, tenant, user)
    }

    async fn timeline(
        &self,
        tenant: TenantId,
        user: UserId,
        log_epoch: u64,
        cursor: u64,
        max_entries: usize,
        max_octets: usize,
    ) -> Result<TimelinePage, StoreError> {
        if log_epoch != self.meta.log_epoch {
            let (head, floor) = self.timeline_head(tenant, user).await?;
            return Ok(TimelinePage::TooOld { floor, head });
        }
        let page = super::timeline::Page {
            cursor,
            max_entries,
            max_octets,
        };
        page.read(&*self.reader()?, tenant, user).await
    }

    async fn history(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        first: u64,
        last: u64,
        newest_first: bool,
        max_entries: usize,
        max_octets: usize,
        through: u64,
    ) -> Result<HistoryPage, StoreError> {
        let page = super::history::Page {
            through,
            first,
            last,
            newest_first,
            max_entries,
            max_octets,
        };
        page.read(&*self.reader()?, tenant, conversation)
    }

    async fn pins(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<PinPage, StoreError> {
        super::modified::pins(&*self.reader()?, tenant, conversation, after, limit)
    }

    async fn reactions(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        target: u64,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Option<ReactionPage>, StoreError> {
        let reader = self.reader()?;
        super::modified::reactions(&*reader, tenant, conversation, target, after, limit)
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<(Vec<ConversationView>, bool), StoreError> {
        let epoch = self.meta.log_epoch;
        super::conversations::page(&*self.reader()?, epoch, tenant, user, after, limit).await
    }

    async fn recent(
        &self,
        tenant: TenantId,
        user: UserId,
        before: Option<(u64, ConversationId)>,
        limit: usize,
    ) -> Result<(Vec<ConversationView>, bool), StoreError> {
        let log_epoch = self.meta.log_epoch;
        super::recent::page(&*self.reader()?, log_epoch, (tenant, user), before, limit).await
    }

    async fn conversation(
        &self,
        tenant: TenantId,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<ConversationView>, StoreError> {
        let epoch = self.meta.log_epoch;
        super::conversations::view(&*self.reader()?, epoch, tenant, user, conversation)
    }

    async fn members(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<MemberPage, StoreError> {
        super::conversations::members(&*self.reader()?, tenant, conversation, after, limit)
    }

    async fn mark(
        &self,
        origin: Origin,
        log_epoch: u64,
        changes: Vec<MarkChange>,
    ) -> Result<Result<Vec<MarkView>, Refused>, StoreError> {
        self.submit(|reply| Command::Mark {
            origin,
            log_epoch,
            changes,
            reply,
        })
        .await
    }

    async fn marks(
        &self,
        tenant: TenantId,
        user: UserId,
        conversations: Vec<ConversationId>,
    ) -> Result<Vec<MarkView>, StoreError> {
        let epoch = self.meta.log_epoch;
        super::unread::marks(&*self.reader()?, epoch, tenant, user, &conversations)
    }

    async fn unread(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<UnreadPage, StoreError> {
        let epoch = self.meta.log_epoch;
        super::unread::page(&*self.reader()?, epoch, tenant, user, after, limit).await
    }

    async fn readers(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        conv_seq: u64,
        missing: bool,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<ReaderPage, StoreError> {
        let asked = super::unread::Readers {
            log_epoch: self.meta.log_epoch,
            conversation,
            conv_seq,
            missing,
            limit,
        };
        asked.page(&*self.reader()?, tenant, after)
    }

    fn move_cursor(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        log_epoch: u64,
        user_seq: u64,
    ) {
        self.cursors.move_to(
            (tenant, user, device),
            CursorRow {
                log_epoch,
                user_seq,
            },
        );
    }

    async fn sweep(
        &self,
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
    ) -> Result<Swept, StoreError> {
        self.submit(|reply| Command::Sweep {
            tenant,
            now_ms,
            limit,
            reply,
        })
        .await
    }

    fn room(&self) -> Option<Room> {
        let engine = self.engine.read().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().and_then(|engine| engine.room())
    }

    async fn close(&self) {
        self.engine
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // Closed already, or failed: nothing is left to wait for.
        _ = self.submit(|reply| Command::Close { reply }).await;
        self.queue.closed().await;
    }
}
