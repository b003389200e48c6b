//! The records of a store.

use std::fmt;

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, SessionId, UserId};
use eim_codec::payload::{ConversationKind, FanOut, Role};
use eim_codec::registry::FrameType;

use super::Modifier;

/// One entry of a conversation log, as this device holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its conversation.
    pub conversation: ConversationId,
    /// Epoch of the log it was committed in.
    pub log_epoch: u64,
    /// Its number in the conversation, from 1.
    pub conv_seq: u64,
    /// What it is.
    pub frame_type: FrameType,
    /// Who sent it; `None` for the server itself.
    pub sender: Option<UserId>,
    /// Which device sent it; `None` for the server itself.
    pub sender_device: Option<DeviceId>,
    /// Key its sender gave it; `None` for entries of the server.
    pub client_msg_id: Option<ClientMsgId>,
    /// Server time of the commit, Unix milliseconds.
    pub time_ms: u64,
    /// Place in the timeline of this user; 0 when not known or not in it.
    pub user_seq: u64,
    /// Body as sent; empty when erased.
    pub body: Bytes,
    /// Text for clients that do not know the type.
    pub fallback_text: String,
    /// The body was erased.
    pub tombstone: bool,
}

impl Message {
    /// Takes the content away, as when it was recalled.
    pub fn erase(&mut self) {
        self.body = Bytes::new();
        self.fallback_text = String::new();
        self.tombstone = true;
    }
}

/// An entry that arrived from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The entry.
    pub message: Message,
    /// The body was left out, because this device sent it.
    pub echo: bool,
    /// The application is about to see it: it came through the timeline or a snapshot, not from
    /// a look into history.
    pub presented: bool,
}

/// What became of an arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArrivalOutcome {
    /// Stored now, or known only from its result or from history: the application has not seen
    /// it yet. Echoes carry their body here.
    New(Message),
    /// Seen before; dropped.
    Duplicate,
    /// An echo whose body this device no longer has: to be fetched from history.
    Hollow(ConversationId, u64),
}

/// The place in the timeline up to which this device has stored everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Epoch of the timeline; 0 before the first login.
    pub log_epoch: u64,
    /// Number of the last stored timeline entry.
    pub user_seq: u64,
}

/// What a batch does to the cursor, which all programs of a device share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CursorChange {
    /// The program goes on: it stored the entries through here, in its first epoch from number 1
    /// on. Another program of the device may be further, or have begun another epoch meanwhile;
    /// then nothing changes.
    Advance(Cursor),
    /// The program begins anew from here, be it at a lower number or in another epoch.
    Reset(Cursor),
}

impl CursorChange {
    /// Where the program wants the cursor.
    #[must_use]
    pub const fn wanted(self) -> Cursor {
        match self {
            Self::Advance(cursor) | Self::Reset(cursor) => cursor,
        }
    }

    /// The cursor of a store that held `held` before.
    #[must_use]
    pub fn over(self, held: Cursor) -> Cursor {
        match self {
            Self::Reset(cursor) => cursor,
            Self::Advance(cursor) if held.log_epoch == 0 => cursor,
            Self::Advance(cursor) if cursor.log_epoch == held.log_epoch => cursor.max(held),
            Self::Advance(_) => held,
        }
    }
}

/// Who this device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The device; random, kept for the lifetime of the profile.
    pub device: DeviceId,
    /// The user, once logged in.
    pub user: Option<UserId>,
    /// Name of the user as the server stores it; empty before the first login.
    pub user_name: String,
}

/// What lets a session resume.
#[derive(Clone, PartialEq, Eq)]
pub struct ResumeCredential {
    /// The session.
    pub session: SessionId,
    /// 32 secret octets.
    pub token: Bytes,
    /// The server that gave it, and the only one that may see it.
    pub server: String,
}

impl fmt::Debug for ResumeCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResumeCredential")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A conversation this user is a member of.
    Conversation(ConversationId),
    /// The direct conversation with this user.
    User(UserId),
}

/// A message that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxItem {
    /// Its place in the outbox: messages leave in this order. Given by the store.
    pub position: u64,
    /// Key of the message; the same on every retry.
    pub client_msg_id: ClientMsgId,
    /// Where it goes.
    pub target: Target,
    /// What it is.
    pub frame_type: FrameType,
    /// Its body.
    pub body: Bytes,
    /// Text for clients that do not know the type.
    pub fallback_text: String,
    /// Server time of the first attempt, Unix milliseconds; 0 before it.
    pub first_sent_at_ms: u64,
}

/// The durable end of an outbox item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The item.
    pub client_msg_id: ClientMsgId,
    /// The log entry it became; `None` when it was refused.
    pub message: Option<Message>,
}

/// The place in an input up to which everything is in the outbox or beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Names the input.
    pub source: String,
    /// The place, counted by whoever reads the input.
    pub place: u64,
}

/// A conversation as this user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationRecord {
    /// Its id.
    pub conversation: ConversationId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// Name of a group.
    pub name: String,
    /// Head of the log when last heard of.
    pub conv_seq: u64,
    /// First number this user may read.
    pub visible_from: u64,
    /// Last number this former member may read; 0 while a member.
    pub visible_through: u64,
    /// Role of this user.
    pub role: Role,
    /// Peer of a direct conversation.
    pub peer: Option<UserId>,
    /// Server time of the head, Unix milliseconds.
    pub time_ms: u64,
    /// Number of members.
    pub members: u32,
    /// How its entries reach this user.
    pub fan_out: FanOut,
    /// What is left to be read, through `conv_seq`. Storing a record never lowers it;
    /// `Batch::completed` does.
    pub backlog: Backlog,
}

/// What a snapshot left to be read of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backlog {
    /// Nothing.
    #[default]
    None,
    /// Missing entries.
    Holes,
    /// Missing entries, and stored ones of an older epoch that may have been replaced.
    Replaced,
}

/// Marks of a user in a conversation, as this device knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkRecord {
    /// The conversation.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// Epoch of the numbers.
    pub log_epoch: u64,
    /// Everything through this number is read.
    pub read: u64,
    /// Everything through this number is on a device of the user; in direct conversations.
    pub delivered: u64,
    /// Own marks: what the server is known to know of `read`.
    pub told: u64,
    /// Own marks: one wants to come back.
    pub marked_unread: bool,
}

impl MarkRecord {
    /// Marks of somebody who has read nothing.
    #[must_use]
    pub const fn new(conversation: ConversationId, user: UserId, log_epoch: u64) -> Self {
        Self {
            conversation,
            user,
            log_epoch,
            read: 0,
            delivered: 0,
            told: 0,
            marked_unread: false,
        }
    }

    /// Takes over what is newer in `other`, marks of the same user and conversation: numbers of a
    /// newer epoch, or higher ones of the same. The flag has no order: the later word counts.
    // impl[EIM-MRK-022]
    pub fn merge(&mut self, other: &Self) {
        if other.log_epoch > self.log_epoch {
            *self = *other;
        } else if other.log_epoch == self.log_epoch {
            self.read = self.read.max(other.read);
            self.delivered = self.delivered.max(other.delivered);
            self.told = self.told.max(other.told);
            self.marked_unread = other.marked_unread;
        }
    }
}

/// A user seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Its id.
    pub user: UserId,
    /// Login name.
    pub name: String,
    /// Shown to people.
    pub display_name: String,
}

/// Changes that become durable together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Who this device is.
    pub identity: Option<Identity>,
    /// Conversations to cut: numbers beyond are removed.
    pub truncate: Vec<(ConversationId, u64)>,
    /// Conversations that `truncate` does not name are removed whole.
    pub truncate_others: bool,
    /// New messages to send, in order; `position` is given by the store.
    pub outbox: Vec<OutboxItem>,
    /// Items whose first attempt begins, with its server time.
    pub attempted: Vec<(ClientMsgId, u64)>,
    /// Places reached in inputs.
    pub checkpoints: Vec<Checkpoint>,
    /// Entries from the server, in order.
    pub arrivals: Vec<Arrival>,
    /// Operations that states in history told of.
    pub modifiers: Vec<Modifier>,
    /// Ends of outbox items, in order.
    pub settlements: Vec<Settlement>,
    /// Conversations as last heard of.
    pub conversations: Vec<ConversationRecord>,
    /// Conversations whose backlog is read, and through which number: one whose backlog reaches
    /// further, because another program of this device has heard more of it, keeps its mark.
    pub completed: Vec<(ConversationId, u64)>,
    /// Users as last heard of.
    pub users: Vec<UserRecord>,
    /// Marks, to be merged with those that are known.
    pub marks: Vec<MarkRecord>,
    /// Where the cursor goes.
    pub cursor: Option<CursorChange>,
    /// The new credential; `Some(None)` forgets it.
    pub resume: Option<Option<ResumeCredential>>,
}

impl Batch {
    /// Whether there is nothing to commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.identity.is_none()
            && self.truncate.is_empty()
            && !self.truncate_others
            && self.outbox.is_empty()
            && self.attempted.is_empty()
            && self.checkpoints.is_empty()
            && self.arrivals.is_empty()
            && self.modifiers.is_empty()
            && self.settlements.is_empty()
            && self.conversations.is_empty()
            && self.completed.is_empty()
            && self.users.is_empty()
            && self.marks.is_empty()
            && self.cursor.is_none()
            && self.resume.is_none()
    }
}

/// What a committed batch changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One for each item of `outbox`: the position it got.
    pub positions: Vec<u64>,
    /// One for each arrival.
    pub arrivals: Vec<ArrivalOutcome>,
    /// Own messages that a new log_epoch removed, back in the outbox.
    pub requeued: Vec<OutboxItem>,
    /// The cursor as it is stored now, which may not be what the batch wanted; `None` when the
    /// batch had none.
    pub cursor: Option<Cursor>,
}

/// What a store knows at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Who this device is; `None` for a new store.
    pub identity: Option<Identity>,
    /// Cursor; zero for a new store.
    pub cursor: Cursor,
    /// Credential of the last session.
    pub resume: Option<ResumeCredential>,
    /// Unsettled messages of this process, in order.
    pub outbox: Vec<OutboxItem>,
    /// Echoes whose body is still to be fetched.
    pub hollow: Vec<(ConversationId, u64)>,
}
