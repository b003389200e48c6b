//! The store: everything that must survive.
//!
//! Services know this trait, never an engine. All writes go through one group commit: they are
//! checked, numbered and made durable together, and their outcomes return only after the sync.
//! One contract suite runs against every implementation.

mod account;
mod accounts;
mod blobs;
mod bot;
mod commit;
mod contact;
mod device;
mod directory;
pub mod embedded;
pub mod engine;
mod group;
mod groups;
pub mod kv;
mod marks;
pub mod memory;
mod notify;
mod order;
mod people;
mod room;
mod view;
mod write;

use std::pin::Pin;

use async_trait::async_trait;
use eim_codec::id::{ConversationId, DeviceId, UserId};

pub use self::account::{DeviceRecord, ScramVerifier, SessionRecord, UserRecord};
pub use self::accounts::Accounts;
pub use self::blobs::{
    BlobPage, BlobRecords, BlobReference, BlobView, BlobsWanted, Garbage, NewBlob,
};
pub use self::bot::{BOT_TOKENS, BotRecord, BotToken, BotWebhook, Bots, TokenId};
pub use self::commit::{CommitSink, Committed, Entry};
pub use self::contact::{ContactAct, ContactPage, ContactView};
pub use self::device::{
    ClassLimits, DevicePage, LogOut, LoggedIn, LoggedOut, Login, LogoutReason, Proof,
};
pub use self::directory::{
    DepartmentGroup, DepartmentId, DepartmentMember, DepartmentRecord, Directory, DirectoryChange,
    ProfileChange, ProfilePage, ProfileView,
};
pub use self::group::{AnnouncementView, GroupAct, GroupState, Policy, WaitingView};
pub use self::groups::Groups;
pub use self::marks::{
    FlagChange, MarkChange, MarkNote, MarkView, Marked, ReaderPage, UnreadPage, UnreadView,
};
pub use self::notify::{
    Fate, Notifications, NotifyChange, NotifyKey, NotifyMute, NotifySettings, NotifyState,
    NotifyTarget, Owed, QuietHours, Service,
};
pub use self::order::SenderOrder;
pub use self::people::People;
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
pub trait Store: Accounts + Bots + Groups + Notifications + People + BlobRecords {
    /// Gives the store the messages of one session, in order. When this returns they have their
    /// place: what is queued afterwards comes after them. Before it returns they have none, however
    /// often it was polled. The caller bounds the batch by the session's window.
    ///
    /// `order` is that of the session, the same for all its batches: what follows a failure
    /// is refused with `ErrorCode::PREDECESSOR_FAILED`.
    async fn queue(
        &self,
        origin: Origin,
        order: &SenderOrder,
        batch: Vec<Append>,
    ) -> Result<Outcomes, StoreError>;

    /// Appends messages in order, as all that a session has to say. Each outcome stands for itself,
    /// but for the order after a failure; all are durable when this returns.
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
    async fn readers(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        conv_seq: u64,
        missing: bool,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<ReaderPage, StoreError>;

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
