//! What is written, and what became of it.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::id::{BlobId, ClientMsgId, ConversationId, DeviceId, RequestId, UserId};
use eim_codec::payload::{MembershipChange, Role};
use eim_codec::registry::{ErrorCode, FrameType};

use super::{ContactAct, GroupAct, ProfileChange};

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
    /// The sender knows that an earlier message of the conversation failed.
    pub after_failed: bool,
    /// Body as sent.
    pub body: Bytes,
    /// Fallback text as sent.
    pub fallback_text: String,
    /// Blobs that the message refers to, each once.
    pub blobs: Vec<BlobId>,
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
    /// When another attempt may do better, in milliseconds from now; 0 when nothing is known.
    pub retry_after_ms: u64,
}

impl Refused {
    /// A refusal with a code and a sentence for people.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_ms: 0,
        }
    }

    /// An earlier message of the conversation failed, and the sender did not know yet.
    #[must_use]
    pub fn predecessor_failed() -> Self {
        Self::new(
            ErrorCode::PREDECESSOR_FAILED,
            "an earlier message of this conversation failed",
        )
    }
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
    /// The engine failed again and again, and is left alone for so long.
    #[error("store is left alone for {0:?}")]
    LeftAlone(Duration),
}

/// A change other than a message append: of a group, as entries of its log, or of contacts. `origin` says who
/// asks, and `request` is the idempotency key.
#[derive(Clone, Debug)]
pub enum Change {
    /// Creates a group; the caller becomes its owner.
    CreateGroup {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// Name of the group.
        name: String,
        /// First members; the caller and repetitions are left out.
        members: Vec<UserId>,
    },
    /// Adds members.
    AddMembers {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// The group.
        conversation: ConversationId,
        /// Whom to add; members are left out.
        users: Vec<UserId>,
    },
    /// Removes members.
    RemoveMembers {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// The group.
        conversation: ConversationId,
        /// Whom to remove; with `Left` only the caller leaves, whoever is named.
        users: Vec<UserId>,
        /// `Removed` or `Left`.
        change: MembershipChange,
    },
    /// Changes a role; `Role::Owner` hands the group over.
    SetRole {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// The group.
        conversation: ConversationId,
        /// Whose role.
        user: UserId,
        /// The new role.
        role: Role,
    },
    /// Renames a group.
    Rename {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// The group.
        conversation: ConversationId,
        /// The new name.
        name: String,
    },
    /// Decides something else about a group.
    Group {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// The group.
        conversation: ConversationId,
        /// What.
        act: GroupAct,
    },
    /// Changes what the caller and another user are to each other, as entries of their personal
    /// logs.
    Contact {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// The other user.
        user: UserId,
        /// What is wanted.
        act: ContactAct,
    },
    /// Changes the caller's own profile; it becomes a version, not a log entry.
    Profile {
        /// Who asks.
        origin: Origin,
        /// Idempotency key.
        request: RequestId,
        /// The fields.
        profile: ProfileChange,
    },
}

/// Result of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The conversation; the caller's personal log for contacts.
    pub conversation: ConversationId,
    /// The last log entry it became, or the version of a profile; 0 when nothing had to change.
    pub conv_seq: u64,
    /// Commit time in Unix milliseconds.
    pub time_ms: u64,
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
    /// Blobs.
    pub blobs: u64,
    /// The walk is not through: sweep again soon.
    pub more: bool,
}
