//! The store: everything that must survive.
//!
//! Services know this trait, never an engine. All writes go through one group commit: they are
//! checked, numbered and made durable together, and their outcomes return only after the sync.
//! One contract suite runs against every implementation.

mod account;
mod commit;
mod contact;
mod device;
mod directory;
pub mod embedded;
pub mod engine;
pub mod kv;
mod marks;
pub mod memory;
mod order;
mod room;
mod view;
mod write;

use std::pin::Pin;

use async_trait::async_trait;
use eim_codec::id::{ConversationId, DeviceId, SessionId, UserId};

pub use self::account::{DeviceRecord, ScramVerifier, SessionRecord, UserRecord};
pub use self::commit::{CommitSink, Committed, Entry};
pub use self::contact::{ContactAct, ContactPage, ContactView};
pub use self::device::{
    ClassLimits, DevicePage, LogOut, LoggedIn, LoggedOut, Login, LogoutReason, Proof,
};
pub use self::directory::{
    DepartmentId, DepartmentMember, DepartmentRecord, Directory, DirectoryChange, ProfileChange,
    ProfilePage, ProfileView,
};
pub use self::marks::{
    FlagChange, MarkChange, MarkNote, MarkView, Marked, ReaderPage, UnreadPage, UnreadView,
};
pub use self::order::SenderOrder;
pub use self::room::Room;
pub use self::view::{
    ConversationView, HistoryPage, MemberPage, MemberView, PinPage, ReactionPage, TimelineItem,
    TimelinePage,
};
pub use self::write::{
    Append, Appended, Change, Changed, Origin, Refused, StoreError, Swept, Target, TenantId,
};

/// What becomes of messages that have their place, when they are durable. Each outcome stands for
/// itself, but for the [`SenderOrder`]. They are carried out even if this is dropped.
pub type Outcomes =
    Pin<Box<dyn Future<Output = Result<Vec<Result<Appended, Refused>>, StoreError>> + Send>>;

/// Everything that must survive. See the module documentation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Gives the store the messages of one session, in order. When this returns they have their
    /// place: what is queued afterwards comes after them. Before it returns they have none, however
    /// often it was polled. The caller bounds the batch by the session's window.
    ///
    /// `order` is that of the session, the same for all its batches: what follows a retryable failure
    /// is refused with `ErrorCode::PREDECESSOR_FAILED`.
    async fn queue(
        &self,
        origin: Origin,
        order: &SenderOrder,
        batch: Vec<Append>,
    ) -> Result<Outcomes, StoreError>;

    /// Appends messages in order, as all that a session has to say. Each outcome stands for itself,
    /// but for the order after a retryable failure; all are durable when this returns.
    async fn append(
        &self,
        origin: Origin,
        batch: Vec<Append>,
    ) -> Result<Vec<Result<Appended, Refused>>, StoreError> {
        self.queue(origin, &SenderOrder::default(), batch)
            .await?
            .await
    }

    /// Applies one change; durable when this returns.
    async fn change(&self, change: Change) -> Result<Result<Changed, Refused>, StoreError>;

    /// Epoch of all logs, timelines and cursors.
    fn log_epoch(&self) -> u64;

    /// A secret for one purpose, derived from a random secret that is made with the store: the
    /// same for every call and every start, different for every store and purpose.
    fn derive_secret(&self, purpose: &str) -> [u8; 32];

    /// Head and floor of a timeline.
    async fn timeline_head(&self, tenant: TenantId, user: UserId)
    -> Result<(u64, u64), StoreError>;

    /// A page of the timeline after `cursor`, at most `max_entries` and about `max_octets` of
    /// bodies, but at least one entry.
    async fn timeline(
        &self,
        tenant: TenantId,
        user: UserId,
        log_epoch: u64,
        cursor: u64,
        max_entries: usize,
        max_octets: usize,
    ) -> Result<TimelinePage, StoreError>;

    /// Entries `first..=last` of a log, in order (or downwards), under the same bounds. The
    /// caller has checked visibility. Each with what operations have made of it, as of the head;
    /// as of
    /// `through` for a former member, who has no part in what came later (0: a member).
    #[expect(clippy::too_many_arguments, reason = "a range and its bounds")]
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
    ) -> Result<HistoryPage, StoreError>;

    /// A page of the pinned messages of a conversation, by number after `after`.
    async fn pins(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: usize,
    ) -> Result<PinPage, StoreError>;

    /// A page of the users who react to a message, in id order after `after`; `None` when there is
    /// no such message, or it was recalled.
    async fn reactions(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        target: u64,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Option<ReactionPage>, StoreError>;

    /// A page of the conversations a user is or was a member of, in id order after `after`.
    async fn conversations(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<(Vec<ConversationView>, bool), StoreError>;

    /// The conversations a user is or was a member of, in descending order of the time of their
    /// last entry and of their ids, after the place `before`; at most `limit`. Looks at all of them.
    async fn recent(
        &self,
        tenant: TenantId,
        user: UserId,
        before: Option<(u64, ConversationId)>,
        limit: usize,
    ) -> Result<(Vec<ConversationView>, bool), StoreError>;

    /// One conversation as `user` sees it; `None` when it is not visible to `user`.
    async fn conversation(
        &self,
        tenant: TenantId,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<ConversationView>, StoreError>;

    /// A page of members in id order after `after`.
    async fn members(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<MemberPage, StoreError>;

    /// Raises marks of a user; durable when this returns. Gives back the marks as they are now, of
    /// the conversations the user is or was a member of. `ErrorCode::TOO_OLD` for another epoch.
    async fn mark(
        &self,
        origin: Origin,
        log_epoch: u64,
        changes: Vec<MarkChange>,
    ) -> Result<Result<Vec<MarkView>, Refused>, StoreError>;

    /// Marks of a user, and of the peers of direct conversations, in the order of `conversations`.
    async fn marks(
        &self,
        tenant: TenantId,
        user: UserId,
        conversations: Vec<ConversationId>,
    ) -> Result<Vec<MarkView>, StoreError>;

    /// The conversations of a user with something unread, in id order after `after`: at most
    /// `limit` of them.
    async fn unread(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<UnreadPage, StoreError>;

    /// A page of the members who have read through `conv_seq`, or with `missing` of those who have
    /// not, in id order after `after`. The caller has checked visibility.
    #[expect(clippy::too_many_arguments, reason = "a page and what it is about")]
    async fn readers(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        conv_seq: u64,
        missing: bool,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<ReaderPage, StoreError>;
    /// A page of the list of contacts of a user: those whose version is above `version`, in its
    /// order.
    async fn contacts(
        &self,
        tenant: TenantId,
        user: UserId,
        version: u64,
        limit: usize,
    ) -> Result<ContactPage, StoreError>;

    /// A user on the list of contacts of `owner`; `None` for one who never was.
    async fn contact(
        &self,
        tenant: TenantId,
        owner: UserId,
        user: UserId,
    ) -> Result<Option<ContactView>, StoreError>;

    /// A page of all profiles: those whose version is above `version`, in its order.
    async fn profiles(
        &self,
        tenant: TenantId,
        version: u64,
        limit: usize,
    ) -> Result<ProfilePage, StoreError>;

    /// The profile of a user.
    async fn profile(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<ProfileView>, StoreError>;

    /// A department.
    async fn department(
        &self,
        tenant: TenantId,
        department: DepartmentId,
    ) -> Result<Option<DepartmentRecord>, StoreError>;

    /// A page of departments, in id order after `after`.
    async fn departments(
        &self,
        tenant: TenantId,
        after: Option<DepartmentId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentRecord>, bool), StoreError>;

    /// A page of the members of a department, in id order after `after`.
    async fn department_members(
        &self,
        tenant: TenantId,
        department: DepartmentId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentMember>, bool), StoreError>;

    /// The departments of a user, in id order.
    async fn departments_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<DepartmentId>, StoreError>;

    /// Makes the directory what is given, in one commit; durable when this returns. A dry run
    /// only tells what would change.
    async fn import_directory(
        &self,
        tenant: TenantId,
        directory: Directory,
        dry_run: bool,
    ) -> Result<DirectoryChange, StoreError>;

    /// Creates users; `ErrorCode::ALREADY_EXISTS` for a name in use.
    async fn create_users(
        &self,
        tenant: TenantId,
        users: Vec<UserRecord>,
    ) -> Result<Vec<Result<(), Refused>>, StoreError>;

    /// Enables or disables a user; `false` when unknown.
    async fn set_disabled(
        &self,
        tenant: TenantId,
        user: UserId,
        disabled: bool,
    ) -> Result<bool, StoreError>;

    /// A user by name.
    async fn user_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<UserRecord>, StoreError>;

    /// A user by id.
    async fn user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRecord>, StoreError>;

    /// A page of users in name order after `after`.
    async fn users(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<UserRecord>, bool), StoreError>;

    /// Registers the device and raises its connection generation; later commits of older
    /// generations are refused with `ErrorCode::REPLACED`. Durable when this returns.
    async fn open_device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        class: i32,
        name: String,
    ) -> Result<DeviceRecord, StoreError> {
        let login = Login {
            device,
            class,
            name,
            proof: Proof::Full,
            limits: ClassLimits::default(),
        };
        let opened = self.log_in(tenant, user, login).await?;
        opened
            .map(|opened| opened.record)
            .map_err(|refused| StoreError::Engine(refused.detail))
    }

    /// As [`open_device`](Self::open_device), under a policy, which also says what is needed for it:
    /// with [`Proof::Token`] the device must be logged in, under the login of the token
    /// (`ErrorCode::LOGGED_OUT` or `ErrorCode::RESUME_REJECTED`); with [`Proof::Full`] it is logged in
    /// now, and those that have to make room are logged out in the same batch, oldest login first.
    async fn log_in(
        &self,
        tenant: TenantId,
        user: UserId,
        login: Login,
    ) -> Result<Result<LoggedIn, Refused>, StoreError>;

    /// Logs a device out: its tokens are worth nothing, and commits of its connections are refused
    /// with `ErrorCode::LOGGED_OUT`. `ErrorCode::NOT_FOUND` when it is not logged in. With a request
    /// id it is an act of the device that asks, carried out once. Durable when this returns.
    async fn log_out(
        &self,
        tenant: TenantId,
        user: UserId,
        log_out: LogOut,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// A page of the devices of a user that are logged in, in id order after `after`.
    async fn devices(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<DevicePage, StoreError>;

    /// A device of a user.
    async fn device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError>;

    /// Moves the cursor of a device forward; lower values change nothing. May be coalesced with
    /// later commits, so it is durable soon, not at once.
    fn move_cursor(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        log_epoch: u64,
        user_seq: u64,
    );

    /// Creates or replaces the resume token of a session. Durable when this returns.
    async fn put_session(&self, tenant: TenantId, record: SessionRecord) -> Result<(), StoreError>;

    /// The resume token of a session.
    async fn session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// All sessions of a device that the store knows, in any order.
    async fn sessions_of_device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// Removes what is older than `now_ms` allows: at most `limit` records a call, so that it
    /// never blocks commits for long. Log entries are never removed.
    async fn sweep(&self, tenant: TenantId, now_ms: u64, limit: usize)
    -> Result<Swept, StoreError>;

    /// How much room there is; `None` where nobody counts. While it is short, messages and changes
    /// are refused with `ErrorCode::OVERLOADED`, unless their first attempt was carried out; all
    /// that is read, logins and cursors go on.
    fn room(&self) -> Option<Room>;

    /// Commits what is queued and closes the engine.
    async fn close(&self);
}
