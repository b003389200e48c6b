//! The store: everything that must survive.
//!
//! Services know this trait, never an engine. All writes go through one group commit: they are
//! checked, numbered and made durable together, and their outcomes return only after the sync.
//! One contract suite runs against every implementation.

pub mod embedded;
pub mod engine;
pub mod kv;
pub mod memory;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, RequestId, SessionId, UserId};
use eim_codec::payload::{ConversationKind, MembershipChange, Role};
use eim_codec::registry::{ErrorCode, FrameType};

/// Who writes: the identity of an authenticated connection. The tenant comes from the session,
/// never from a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Tenant of the session.
    pub tenant: TenantId,
    /// Authenticated user.
    pub user: UserId,
    /// Authenticated device.
    pub device: DeviceId,
    /// Generation of the connection; checked inside every commit. `None` for send-only sessions
    /// and for the server itself.
    pub generation: Option<u64>,
}

/// A tenant: every store key begins with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub u32);

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A conversation the sender is a member of.
    Conversation(ConversationId),
    /// The direct conversation with this user, created on demand.
    Direct(UserId),
}

/// One message to append.
#[derive(Clone, Debug)]
pub struct Append {
    /// Where it goes.
    pub target: Target,
    /// Frame type it arrived in.
    pub frame_type: FrameType,
    /// Idempotency key.
    pub client_msg_id: ClientMsgId,
    /// Server time of the first attempt in milliseconds; 0 on a first attempt.
    pub first_sent_at_ms: u64,
    /// Body as sent.
    pub body: Bytes,
    /// Fallback text as sent.
    pub fallback_text: String,
}

/// One committed log entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Conversation of the entry.
    pub conversation: ConversationId,
    /// Store-wide epoch of all logs and timelines.
    pub log_epoch: u64,
    /// Gapless number in the conversation, from 1.
    pub conv_seq: u64,
    /// Frame type it is pushed in.
    pub frame_type: FrameType,
    /// Sender; `None` for the server itself.
    pub sender: Option<UserId>,
    /// Sending device; `None` for the server itself.
    pub sender_device: Option<DeviceId>,
    /// Idempotency key; `None` for entries of the server.
    pub client_msg_id: Option<ClientMsgId>,
    /// Commit time in Unix milliseconds; monotonic in the conversation.
    pub time_ms: u64,
    /// Number of countable entries through this one.
    pub countable: u64,
    /// Body as sent; empty when erased.
    pub body: Bytes,
    /// Fallback text as sent.
    pub fallback_text: String,
    /// Body and salt were erased.
    pub tombstone: bool,
}

/// What a commit tells the hub, after it is durable and in commit order.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Tenant of the entry.
    pub tenant: TenantId,
    /// The entry.
    pub entry: Arc<Entry>,
    /// Whose timelines it entered, with its number there.
    pub recipients: Arc<[(UserId, u64)]>,
}

/// Receives commits. Called by the store after the sync, in commit order, never concurrently;
/// it must not block.
pub trait CommitSink: Send + Sync + 'static {
    /// These commits are durable.
    fn committed(&self, commits: &[Committed]);
}

/// Result of one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Conversation of the entry.
    pub conversation: ConversationId,
    /// Number in the conversation.
    pub conv_seq: u64,
    /// Commit time in Unix milliseconds.
    pub time_ms: u64,
    /// Number in the sender's timeline.
    pub user_seq: u64,
    /// The key was known: this is the result of the first attempt.
    pub duplicate: bool,
}

/// Why one write was refused. Nothing was written for it; the rest of its batch is unaffected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Refused {
    /// Wire code.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
}

/// The engine failed. A failed sync ends the process; reads report it to the caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine reported an error.
    #[error("store engine: {0}")]
    Engine(String),
    /// A record does not decode.
    #[error("store record is corrupt: {0}")]
    Corrupt(String),
    /// The store is closed.
    #[error("store is closed")]
    Closed,
}

/// A change other than a message append. Group changes are log entries; with a `request_id` they
/// are idempotent.
#[derive(Clone, Debug)]
pub enum Change {
    /// Creates a group; the caller becomes its owner.
    CreateGroup { origin: Origin, request: RequestId, name: String, members: Vec<UserId> },
    /// Adds members.
    AddMembers { origin: Origin, request: RequestId, conversation: ConversationId, users: Vec<UserId> },
    /// Removes members; the caller leaving is `MembershipChange::Left`.
    RemoveMembers {
        origin: Origin,
        request: RequestId,
        conversation: ConversationId,
        users: Vec<UserId>,
        change: MembershipChange,
    },
    /// Changes a role.
    SetRole { origin: Origin, request: RequestId, conversation: ConversationId, user: UserId, role: Role },
    /// Renames a group.
    Rename { origin: Origin, request: RequestId, conversation: ConversationId, name: String },
}

/// Result of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The conversation.
    pub conversation: ConversationId,
    /// The last log entry it became; 0 when nothing had to change.
    pub conv_seq: u64,
    /// Commit time in Unix milliseconds.
    pub time_ms: u64,
}

/// A conversation as one member sees it; as a former member sees it, as it was after the entry
/// that ended the membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationView {
    /// Its id.
    pub conversation: ConversationId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// Name of a group.
    pub name: String,
    /// Head of the log.
    pub conv_seq: u64,
    /// First conv_seq the member may read.
    pub visible_from: u64,
    /// Last conv_seq the former member may read; 0 while a member.
    pub visible_through: u64,
    /// Role of the member; `Unspecified` for a former one.
    pub role: Role,
    /// Peer of a direct conversation.
    pub peer: Option<UserId>,
    /// Countable entries through the head.
    pub countable: u64,
    /// Time of the head in Unix milliseconds.
    pub time_ms: u64,
    /// Number of members.
    pub members: u32,
}

/// One timeline entry.
#[derive(Clone, Debug)]
pub struct TimelineItem {
    /// Number in the timeline.
    pub user_seq: u64,
    /// The entry it refers to.
    pub entry: Arc<Entry>,
}

/// A page of a timeline.
#[derive(Clone, Debug)]
pub enum TimelinePage {
    /// Entries after the cursor, in order.
    Entries { items: Vec<TimelineItem>, head: u64, more: bool },
    /// The cursor is below the floor, beyond the head or of another epoch: take a snapshot.
    TooOld { floor: u64, head: u64 },
}

/// A member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// The member.
    pub user: UserId,
    /// Its role.
    pub role: Role,
    /// conv_seq of the entry that added it.
    pub joined_at: u64,
}

/// A page of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPage {
    /// Members in id order.
    pub members: Vec<MemberView>,
    /// More follow.
    pub more: bool,
    /// conv_seq whose state the page shows.
    pub as_of: u64,
}

/// A user account. Only SCRAM verifiers are stored, never passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Its id; never reused.
    pub user: UserId,
    /// Login name, unique in the tenant, stored normalised.
    pub name: String,
    /// Shown to people.
    pub display_name: String,
    /// Disabled accounts cannot authenticate.
    pub disabled: bool,
    /// SCRAM-SHA-256 verifier.
    pub verifier: ScramVerifier,
    /// Creation time in Unix milliseconds.
    pub created_ms: u64,
}

/// SCRAM-SHA-256 verifier (RFC 5803 fields).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramVerifier {
    /// PBKDF2 iterations.
    pub iterations: u32,
    /// Salt.
    pub salt: Vec<u8>,
    /// StoredKey, 32 octets.
    pub stored_key: Vec<u8>,
    /// ServerKey, 32 octets.
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for ScramVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramVerifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// A device and what the server keeps for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// The device.
    pub device: DeviceId,
    /// Device class number of the wire.
    pub class: i32,
    /// Shown to the user.
    pub name: String,
    /// Generation of its newest connection.
    pub generation: u64,
    /// Epoch of the cursor.
    pub cursor_epoch: u64,
    /// The device has stored its timeline through this number.
    pub cursor: u64,
    /// When it last connected, Unix milliseconds.
    pub seen_ms: u64,
}

/// A resume token as stored: hashes only, bound to a device, one generation of grace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// Its device.
    pub device: DeviceId,
    /// SHA-256 of the current token.
    pub token_hash: [u8; 32],
    /// SHA-256 of the token before it, accepted once more.
    pub previous_hash: Option<[u8; 32]>,
    /// When the token stops working, Unix milliseconds.
    pub expires_ms: u64,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Timeline references.
    pub timeline: u64,
    /// Idempotency keys.
    pub idempotency: u64,
    /// Resume tokens.
    pub sessions: u64,
    /// The walk is not through: sweep again soon.
    pub more: bool,
}

/// Everything that must survive. See the module documentation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Appends the messages of one session in order. Each outcome stands for itself; all are
    /// durable when this returns. The caller bounds the batch by the session's window.
    async fn append(
        &self,
        origin: Origin,
        batch: Vec<Append>,
    ) -> Result<Vec<Result<Appended, Refused>>, StoreError>;

    /// Applies one change; durable when this returns.
    async fn change(&self, change: Change) -> Result<Result<Changed, Refused>, StoreError>;

    /// Epoch of all logs, timelines and cursors.
    fn log_epoch(&self) -> u64;

    /// A secret for one purpose, derived from a random secret that is made with the store: the
    /// same for every call and every start, different for every store and purpose.
    fn derive_secret(&self, purpose: &str) -> [u8; 32];

    /// Head and floor of a timeline.
    async fn timeline_head(&self, tenant: TenantId, user: UserId) -> Result<(u64, u64), StoreError>;

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
    /// caller has checked visibility.
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
    ) -> Result<Vec<Arc<Entry>>, StoreError>;

    /// A page of the conversations a user is or was a member of, in id order after `after`.
    async fn conversations(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<ConversationId>,
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

    /// Creates users; `ErrorCode::ALREADY_EXISTS` for a name in use.
    async fn create_users(
        &self,
        tenant: TenantId,
        users: Vec<UserRecord>,
    ) -> Result<Vec<Result<(), Refused>>, StoreError>;

    /// Enables or disables a user; `false` when unknown.
    async fn set_disabled(&self, tenant: TenantId, user: UserId, disabled: bool) -> Result<bool, StoreError>;

    /// A user by name.
    async fn user_by_name(&self, tenant: TenantId, name: &str) -> Result<Option<UserRecord>, StoreError>;

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
    ) -> Result<DeviceRecord, StoreError>;

    /// A device of a user.
    async fn device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError>;

    /// Moves the cursor of a device forward; lower values change nothing. May be coalesced with
    /// later commits, so it is durable soon, not at once.
    fn move_cursor(&self, tenant: TenantId, user: UserId, device: DeviceId, log_epoch: u64, user_seq: u64);

    /// Creates or replaces the resume token of a session. Durable when this returns.
    async fn put_session(&self, tenant: TenantId, record: SessionRecord) -> Result<(), StoreError>;

    /// The resume token of a session.
    async fn session(&self, tenant: TenantId, session: SessionId) -> Result<Option<SessionRecord>, StoreError>;

    /// Removes what is older than `now_ms` allows: at most `limit` records a call, so that it
    /// never blocks commits for long. Log entries are never removed.
    async fn sweep(&self, tenant: TenantId, now_ms: u64, limit: usize) -> Result<Swept, StoreError>;

    /// Commits what is queued and closes the engine.
    async fn close(&self);
}
