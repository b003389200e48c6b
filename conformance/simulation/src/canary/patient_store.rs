//! A store that answers when what it answers is durable, over an engine that said so earlier: what
//! is early then is the announcements only.

use std::sync::Arc;

use async_trait::async_trait;
use eim_codec::id::{ConversationId, DeviceId, SessionId, UserId};
use eim_server::store::{
    Append, Change, Changed, ContactPage, ContactView, ConversationView, DepartmentId,
    DepartmentMember, DepartmentRecord, DevicePage, DeviceRecord, Directory, DirectoryChange,
    HistoryPage, LogOut, LoggedIn, Login, MarkChange, MarkView, MemberPage, Origin, Outcomes,
    PinPage, ProfilePage, ProfileView, ReactionPage, ReaderPage, Refused, Room, SenderOrder,
    SessionRecord, Store, StoreError, Swept, TenantId, TimelinePage, UnreadPage, UserRecord,
};

use super::early::Early;

pub(super) struct PatientStore {
    real: Arc<dyn Store>,
    early: Arc<Early>,
}

impl PatientStore {
    pub(super) fn new(real: Arc<dyn Store>, early: Arc<Early>) -> Self {
        Self { real, early }
    }

    async fn settle(&self) {
        self.early.durable(self.early.said()).await;
    }
}

#[async_trait]
impl Store for PatientStore {
    async fn queue(
        &self,
        origin: Origin,
        order: &SenderOrder,
        batch: Vec<Append>,
    ) -> Result<Outcomes, StoreError> {
        let outcomes = self.real.queue(origin, order, batch).await?;
        let early = Arc::clone(&self.early);
        Ok(Box::pin(async move {
            let outcomes = outcomes.await;
            early.durable(early.said()).await;
            outcomes
        }))
    }

    async fn change(&self, change: Change) -> Result<Result<Changed, Refused>, StoreError> {
        let outcome = self.real.change(change).await?;
        self.settle().await;
        Ok(outcome)
    }

    fn log_epoch(&self) -> u64 {
        self.real.log_epoch()
    }

    fn derive_secret(&self, purpose: &str) -> [u8; 32] {
        self.real.derive_secret(purpose)
    }

    async fn timeline_head(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<(u64, u64), StoreError> {
        self.real.timeline_head(tenant, user).await
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
        self.real
            .timeline(tenant, user, log_epoch, cursor, max_entries, max_octets)
            .await
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
        self.real
            .history(
                tenant,
                conversation,
                first,
                last,
                newest_first,
                max_entries,
                max_octets,
                through,
            )
            .await
    }

    async fn pins(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<PinPage, StoreError> {
        self.real.pins(tenant, conversation, after, limit).await
    }

    async fn reactions(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        target: u64,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Option<ReactionPage>, StoreError> {
        self.real
            .reactions(tenant, conversation, target, after, limit)
            .await
    }

    async fn conversations(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<(Vec<ConversationView>, bool), StoreError> {
        self.real.conversations(tenant, user, after, limit).await
    }

    async fn recent(
        &self,
        tenant: TenantId,
        user: UserId,
        before: Option<(u64, ConversationId)>,
        limit: usize,
    ) -> Result<(Vec<ConversationView>, bool), StoreError> {
        self.real.recent(tenant, user, before, limit).await
    }

    async fn conversation(
        &self,
        tenant: TenantId,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<ConversationView>, StoreError> {
        self.real.conversation(tenant, user, conversation).await
    }

    async fn members(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<MemberPage, StoreError> {
        self.real.members(tenant, conversation, after, limit).await
    }

    async fn mark(
        &self,
        origin: Origin,
        log_epoch: u64,
        changes: Vec<MarkChange>,
    ) -> Result<Result<Vec<MarkView>, Refused>, StoreError> {
        let outcome = self.real.mark(origin, log_epoch, changes).await;
        self.settle().await;
        outcome
    }

    async fn marks(
        &self,
        tenant: TenantId,
        user: UserId,
        conversations: Vec<ConversationId>,
    ) -> Result<Vec<MarkView>, StoreError> {
        self.real.marks(tenant, user, conversations).await
    }

    async fn unread(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<UnreadPage, StoreError> {
        self.real.unread(tenant, user, after, limit).await
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
        let real = &self.real;
        real.readers(tenant, conversation, conv_seq, missing, after, limit)
            .await
    }

    async fn contacts(
        &self,
        tenant: TenantId,
        user: UserId,
        version: u64,
        limit: usize,
    ) -> Result<ContactPage, StoreError> {
        self.real.contacts(tenant, user, version, limit).await
    }

    async fn contact(
        &self,
        tenant: TenantId,
        owner: UserId,
        user: UserId,
    ) -> Result<Option<ContactView>, StoreError> {
        self.real.contact(tenant, owner, user).await
    }

    async fn profiles(
        &self,
        tenant: TenantId,
        version: u64,
        limit: usize,
    ) -> Result<ProfilePage, StoreError> {
        self.real.profiles(tenant, version, limit).await
    }

    async fn profile(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<ProfileView>, StoreError> {
        self.real.profile(tenant, user).await
    }

    async fn department(
        &self,
        tenant: TenantId,
        department: DepartmentId,
    ) -> Result<Option<DepartmentRecord>, StoreError> {
        self.real.department(tenant, department).await
    }

    async fn departments(
        &self,
        tenant: TenantId,
        after: Option<DepartmentId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentRecord>, bool), StoreError> {
        self.real.departments(tenant, after, limit).await
    }

    async fn department_members(
        &self,
        tenant: TenantId,
        department: DepartmentId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentMember>, bool), StoreError> {
        self.real
            .department_members(tenant, department, after, limit)
            .await
    }

    async fn departments_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<DepartmentId>, StoreError> {
        self.real.departments_of(tenant, user).await
    }

    async fn import_directory(
        &self,
        tenant: TenantId,
        directory: Directory,
        dry_run: bool,
    ) -> Result<DirectoryChange, StoreError> {
        let outcome = self.real.import_directory(tenant, directory, dry_run).await;
        self.settle().await;
        outcome
    }

    async fn create_users(
        &self,
        tenant: TenantId,
        users: Vec<UserRecord>,
    ) -> Result<Vec<Result<(), Refused>>, StoreError> {
        let outcome = self.real.create_users(tenant, users).await?;
        self.settle().await;
        Ok(outcome)
    }

    async fn set_disabled(
        &self,
        tenant: TenantId,
        user: UserId,
        disabled: bool,
    ) -> Result<bool, StoreError> {
        let outcome = self.real.set_disabled(tenant, user, disabled).await?;
        self.settle().await;
        Ok(outcome)
    }

    async fn user_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<UserRecord>, StoreError> {
        self.real.user_by_name(tenant, name).await
    }

    async fn user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.real.user(tenant, user).await
    }

    async fn users(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<UserRecord>, bool), StoreError> {
        self.real.users(tenant, after, limit).await
    }

    async fn log_in(
        &self,
        tenant: TenantId,
        user: UserId,
        login: Login,
    ) -> Result<Result<LoggedIn, Refused>, StoreError> {
        let outcome = self.real.log_in(tenant, user, login).await?;
        self.settle().await;
        Ok(outcome)
    }

    async fn log_out(
        &self,
        tenant: TenantId,
        user: UserId,
        log_out: LogOut,
    ) -> Result<Result<(), Refused>, StoreError> {
        let outcome = self.real.log_out(tenant, user, log_out).await?;
        self.settle().await;
        Ok(outcome)
    }

    async fn devices(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<DevicePage, StoreError> {
        self.real.devices(tenant, user, after, limit).await
    }

    async fn device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError> {
        self.real.device(tenant, user, device).await
    }

    fn move_cursor(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        log_epoch: u64,
        user_seq: u64,
    ) {
        self.real
            .move_cursor(tenant, user, device, log_epoch, user_seq);
    }

    async fn put_session(&self, tenant: TenantId, record: SessionRecord) -> Result<(), StoreError> {
        self.real.put_session(tenant, record).await?;
        self.settle().await;
        Ok(())
    }

    async fn session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<SessionRecord>, StoreError> {
        self.real.session(tenant, session).await
    }

    async fn sessions_of_device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.real.sessions_of_device(tenant, user, device).await
    }

    async fn sweep(
        &self,
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
    ) -> Result<Swept, StoreError> {
        let outcome = self.real.sweep(tenant, now_ms, limit).await?;
        self.settle().await;
        Ok(outcome)
    }

    fn room(&self) -> Option<Room> {
        self.real.room()
    }

    async fn close(&self) {
        self.real.close().await;
    }
}
