//! What is read: conversations, members and timelines.

use std::sync::Arc;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, EntryState, FanOut, Pin, Role, UserReactions};

use super::{Entry, GroupState, MarkView};

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
    /// The member's own marks.
    pub marks: MarkView,
    /// How its entries reach members.
    pub fan_out: FanOut,
    /// Of a group, for its members; the default for others.
    pub group: GroupState,
}

/// A part of a log.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// Entries as they are in the log.
    pub entries: Vec<Arc<Entry>>,
    /// One for each entry: what operations have made of it.
    pub states: Vec<Option<EntryState>>,
    /// The states are as of this conv_seq.
    pub as_of: u64,
}

/// Pinned messages.
#[derive(Clone, Debug, PartialEq)]
pub struct PinPage {
    /// By number.
    pub pins: Vec<Pin>,
    /// More follow.
    pub more: bool,
    /// conv_seq the page is as of.
    pub as_of: u64,
}

/// Who reacts to a message.
#[derive(Clone, Debug, PartialEq)]
pub struct ReactionPage {
    /// By user.
    pub users: Vec<UserReactions>,
    /// More follow.
    pub more: bool,
    /// conv_seq the page is as of.
    pub as_of: u64,
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
    Entries {
        /// Entries, each with its number.
        items: Vec<TimelineItem>,
        /// Head of the timeline; not below the last item.
        head: u64,
        /// The page ends below the head.
        more: bool,
    },
    /// The cursor is below the floor, beyond the head or of another epoch: take a snapshot.
    TooOld {
        /// Lowest cursor that can be continued.
        floor: u64,
        /// Head of the timeline.
        head: u64,
    },
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
    /// Until when it may not send, in Unix milliseconds; 0 for not.
    pub muted_until_ms: u64,
    /// conv_seq of the entry after which this is so.
    pub changed_at: u64,
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
