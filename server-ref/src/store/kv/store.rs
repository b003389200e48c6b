//! The store as callers see it: writes wait for the commit loop, reads go to the engine.
//!
//! Reads run on the caller's thread. They are a few lookups or one bounded page, mostly from
//! memory; long pages give way to other tasks in between.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use eim_codec::id::{ConversationId, DeviceId, SessionId, UserId};
use eim_codec::payload::Modifier;
use tokio::sync::{mpsc, oneshot};

use super::append::conversation_of;
use super::command::{Command, Prepared, Reply};
use super::committer::Committing;
use super::content;
use super::cursors::Cursors;
use super::meta::Meta;
use super::options::{Environment, Options};
use super::record::entry::Seal;
use super::record::state::CursorRow;
use crate::store::engine::{Engine, Reader};
use crate::store::{
    Append, Change, Changed, CommitSink, ContactPage, ContactView, ConversationView, DepartmentId,
    DepartmentMember, DepartmentRecord, DevicePage, DeviceRecord, Directory, DirectoryChange,
    HistoryPage, LogOut, LoggedIn, Login, MarkChange, MarkView, MemberPage, Origin, Outcomes,
    PinPage, ProfilePage, ProfileView, ReactionPage, ReaderPage, Refused, Room, SenderOrder,
    SessionRecord, Store, StoreError, Swept, TenantId, TimelinePage, UnreadPage, UserRecord,
};

/// The store over one engine. Dropping it closes it after what is queued; [`Store::close`] waits
/// for that.
pub struct KvStore {
    engine: RwLock<Option<Arc<dyn Engine>>>,
    queue: mpsc::Sender<Command>,
    cursors: Arc<Cursors>,
    environment: Environment,
    meta: Meta,
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
    async fn submit<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, outcome) = oneshot::channel();
        self.queue
            .send(command(reply))
            .await
            .map_err(|_| StoreError::Closed)?;
        outcome.await.map_err(|_| StoreError::Closed)?
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
            Prepared {
                append,
                conversation,
                hash,
                seal,
                modifier,
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

    async fn contacts(
        &self,
        tenant: TenantId,
        user: UserId,
        version: u64,
        limit: usize,
    ) -> Result<ContactPage, StoreError> {
        super::contact_list::page(&*self.reader()?, tenant, user, version, limit)
    }

    async fn contact(
        &self,
        tenant: TenantId,
        owner: UserId,
        user: UserId,
    ) -> Result<Option<ContactView>, StoreError> {
        super::contact_list::contact(&*self.reader()?, tenant, owner, user)
    }

    async fn profiles(
        &self,
        tenant: TenantId,
        version: u64,
        limit: usize,
    ) -> Result<ProfilePage, StoreError> {
        super::profiles::page(&*self.reader()?, tenant, version, limit)
    }

    async fn profile(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<ProfileView>, StoreError> {
        super::profiles::profile(&*self.reader()?, tenant, user)
    }

    async fn department(
        &self,
        tenant: TenantId,
        department: DepartmentId,
    ) -> Result<Option<DepartmentRecord>, StoreError> {
        super::directory::department(&*self.reader()?, tenant, department)
    }

    async fn departments(
        &self,
        tenant: TenantId,
        after: Option<DepartmentId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentRecord>, bool), StoreError> {
        super::directory::departments_of_tenant(&*self.reader()?, tenant, after, limit)
    }

    async fn department_members(
        &self,
        tenant: TenantId,
        department: DepartmentId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentMember>, bool), StoreError> {
        super::directory::members(&*self.reader()?, tenant, department, after, limit)
    }

    async fn departments_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<DepartmentId>, StoreError> {
        super::directory::departments_of_user(&*self.reader()?, tenant, user)
    }

    async fn import_directory(
        &self,
        tenant: TenantId,
        directory: Directory,
        dry_run: bool,
    ) -> Result<DirectoryChange, StoreError> {
        self.submit(|reply| Command::ImportDirectory {
            tenant,
            directory,
            dry_run,
            reply,
        })
        .await
    }

    async fn create_users(
        &self,
        tenant: TenantId,
        users: Vec<UserRecord>,
    ) -> Result<Vec<Result<(), Refused>>, StoreError> {
        self.submit(|reply| Command::CreateUsers {
            tenant,
            users,
            reply,
        })
        .await
    }

    async fn set_disabled(
        &self,
        tenant: TenantId,
        user: UserId,
        disabled: bool,
    ) -> Result<bool, StoreError> {
        self.submit(|reply| Command::SetDisabled {
            tenant,
            user,
            disabled,
            reply,
        })
        .await
    }

    async fn user_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<UserRecord>, StoreError> {
        super::users::by_name(&*self.reader()?, tenant, name)
    }

    async fn user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        super::users::by_id(&*self.reader()?, tenant, user)
    }

    async fn users(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<UserRecord>, bool), StoreError> {
        super::users::page(&*self.reader()?, tenant, after, limit)
    }

    async fn log_in(
        &self,
        tenant: TenantId,
        user: UserId,
        login: Login,
    ) -> Result<Result<LoggedIn, Refused>, StoreError> {
        self.submit(|reply| Command::LogIn {
            tenant,
            user,
            login,
            reply,
        })
        .await
    }

    async fn log_out(
        &self,
        tenant: TenantId,
        user: UserId,
        log_out: LogOut,
    ) -> Result<Result<(), Refused>, StoreError> {
        let hash = content::of_log_out(&self.meta.content_secret(), log_out.device);
        self.submit(|reply| Command::LogOut {
            tenant,
            user,
            log_out,
            hash,
            reply,
        })
        .await
    }

    async fn devices(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<DevicePage, StoreError> {
        super::devices::page(&*self.reader()?, tenant, user, after, limit)
    }

    async fn device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError> {
        super::devices::device(&*self.reader()?, tenant, user, device)
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

    async fn put_session(&self, tenant: TenantId, record: SessionRecord) -> Result<(), StoreError> {
        self.submit(|reply| Command::PutSession {
            tenant,
            record,
            reply,
        })
        .await
    }

    async fn session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<SessionRecord>, StoreError> {
        super::devices::session(&*self.reader()?, tenant, session)
    }

    async fn sessions_of_device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Vec<SessionId>, StoreError> {
        super::devices::sessions_of_device(&*self.reader()?, tenant, user, device)
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
