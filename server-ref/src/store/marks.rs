//! Marks: how far users have received and read conversations.

use eim_codec::id::{ConversationId, DeviceId, UserId};

use super::TenantId;

/// What a user wants of its mark in one conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkChange {
    /// The conversation.
    pub conversation: ConversationId,
    /// Everything through this number is read; 0 leaves the mark.
    pub read: u64,
    /// The flag, after that.
    pub flag: FlagChange,
}

/// What becomes of the flag "marked unread".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlagChange {
    /// It stays, unless the mark rises.
    #[default]
    Leave,
    /// It is set.
    Set,
    /// It is taken away.
    Clear,
}

/// Marks of a user in a conversation. The last three are 0 where others look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkView {
    /// The conversation.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// Everything through this number is read.
    pub read: u64,
    /// Everything through this number is on a device; in direct conversations.
    pub delivered: u64,
    /// The user wants to come back.
    pub marked_unread: bool,
    /// Countable entries that are not read.
    pub unread: u64,
    /// Of those, the ones that mention the user.
    pub mentions: u64,
}

/// A conversation with something unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadView {
    /// The conversation.
    pub conversation: ConversationId,
    /// Countable entries that are not read.
    pub unread: u64,
    /// Of those, the ones that mention the user.
    pub mentions: u64,
    /// Everything through this number is read.
    pub read: u64,
    /// The user wants to come back.
    pub marked_unread: bool,
}

/// A page of unread conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadPage {
    /// In id order.
    pub conversations: Vec<UnreadView>,
    /// The last conversation that was looked at.
    pub through: Option<ConversationId>,
    /// There are others behind it.
    pub more: bool,
}

/// A page of readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderPage {
    /// Members with their read marks, in id order.
    pub readers: Vec<(UserId, u64)>,
    /// The last member that was looked at.
    pub through: Option<UserId>,
    /// There are others behind it.
    pub more: bool,
}

/// What a change of marks tells a user, after it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// Tenant.
    pub tenant: TenantId,
    /// Whose devices are told.
    pub to: UserId,
    /// The device that knows already.
    pub except: Option<DeviceId>,
    /// Epoch of the marks.
    pub log_epoch: u64,
    /// What they are told.
    pub note: MarkNote,
}

/// What a device is told about marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkNote {
    /// The marks of a user.
    Mark(MarkView),
    /// Somebody has read through an entry of the user who is told.
    Readers {
        /// The group.
        conversation: ConversationId,
        /// The entry.
        through: u64,
    },
    /// So many wait to join a group that the user rules.
    Waiting {
        /// The group.
        conversation: ConversationId,
        /// How many.
        waiting: u32,
    },
}
