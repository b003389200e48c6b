//! What applications ask the server for, and what it says.

use bytes::Bytes;
use eim_client::group_policy::{GroupInfo, MemberChanges};
use eim_client::store::{Message, Target};
use eim_client::{Contact, Presence, Unread};
use eim_codec::id::{BlobId, CallId, ConversationId, DeviceId, UserId};
use eim_codec::payload::CallSignalKind;
use eim_codec::registry::ErrorCode;
use eim_server::store::Policy;

use crate::plan::Doing;

/// What an application asked the server for, beside sending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A new group.
    CreateGroup {
        /// Members beside the one who asks.
        members: Vec<UserId>,
    },
    /// More members.
    AddMembers {
        /// The group.
        group: ConversationId,
        /// Who.
        members: Vec<UserId>,
    },
    /// Fewer members.
    RemoveMembers {
        /// The group.
        group: ConversationId,
        /// Who.
        members: Vec<UserId>,
    },
    /// Leaves.
    Leave {
        /// The group.
        group: ConversationId,
    },
    /// A new name.
    Rename {
        /// The group.
        group: ConversationId,
    },
    /// A role of a member.
    SetRole {
        /// The group.
        group: ConversationId,
        /// Whose.
        member: UserId,
    },
    /// All members.
    Members {
        /// The group.
        group: ConversationId,
    },
    /// Something between the caller and another user.
    Contact {
        /// The personal log of the caller.
        log: ConversationId,
        /// The other.
        user: UserId,
        /// What.
        doing: Doing,
    },
    /// All contacts.
    Contacts {
        /// The personal log of the caller.
        log: ConversationId,
    },
    /// One conversation.
    Conversation {
        /// Which.
        target: Target,
    },
    /// Users.
    Users {
        /// Whom.
        users: Vec<UserId>,
        /// By name, or by id.
        by_name: bool,
    },
    /// All conversations.
    Heads,
    /// All devices of the user.
    Devices,
    /// One of them is to be logged out.
    LogOut {
        /// Which.
        device: DeviceId,
    },
    /// A conversation is to be read once more, or not any longer.
    Flag {
        /// Which.
        conversation: ConversationId,
        /// Once more.
        set: bool,
    },
    /// A group ends.
    Dissolve {
        /// The group.
        group: ConversationId,
    },
    /// A member, or all plain members, may not send for a while.
    Mute {
        /// The group.
        group: ConversationId,
        /// Whom; all without one.
        member: Option<UserId>,
        /// How long, in milliseconds; 0 ends it.
        for_ms: u64,
    },
    /// An announcement.
    Announce {
        /// The group.
        group: ConversationId,
        /// What; empty takes it away.
        text: String,
    },
    /// What a group permits.
    SetPolicy {
        /// The group.
        group: ConversationId,
        /// It.
        policy: Policy,
    },
    /// An invitation.
    Invite {
        /// The group.
        group: ConversationId,
        /// How long it is good, in milliseconds.
        lifetime_ms: u64,
        /// How many may use it.
        uses: u32,
    },
    /// All invitations of a group are taken back.
    Revoke {
        /// The group.
        group: ConversationId,
    },
    /// Joins by an invitation.
    Join {
        /// The group.
        group: ConversationId,
        /// The invitation.
        token: Bytes,
    },
    /// Who waits to join.
    Waiting {
        /// The group.
        group: ConversationId,
    },
    /// Decides about a user who waits.
    Decide {
        /// The group.
        group: ConversationId,
        /// Who.
        user: UserId,
        /// Becomes a member.
        accept: bool,
    },
    /// What has changed among the members of a group.
    MembersSince {
        /// The group.
        group: ConversationId,
        /// After this entry.
        since: u64,
    },
    /// What is decided about a group.
    Info {
        /// The group.
        group: ConversationId,
    },
    /// Wants to know when users come and go, or does not any longer.
    Watch {
        /// Whom.
        users: Vec<UserId>,
        /// Wants to.
        watch: bool,
    },
    /// How users are.
    Look {
        /// Whom.
        users: Vec<UserId>,
    },
    /// Says something about being there.
    Say {
        /// Is away.
        away: bool,
        /// In words.
        status: String,
    },
    /// Types, or ceases to.
    Type {
        /// Where.
        conversation: ConversationId,
        /// Types.
        typing: bool,
    },
    /// Another phone number in the own profile.
    SetProfile {
        /// It.
        phone: String,
    },
    /// The profiles that have changed.
    Profiles,
    /// What is unread.
    Unread,
    /// Who has read a conversation.
    Readers {
        /// Which.
        conversation: ConversationId,
        /// Through this number.
        conv_seq: u64,
        /// Or rather who has not.
        missing: bool,
    },
    /// A call to the other members.
    Call {
        /// The conversation.
        conversation: ConversationId,
    },
    /// A signal of a call.
    Signal {
        /// The call.
        call: CallId,
        /// What it says.
        kind: CallSignalKind,
    },
    /// The octets of a file.
    Fetch {
        /// Which.
        blob: BlobId,
        /// SHA-256 of its octets, as its uploader has told.
        sha256: [u8; 32],
        /// A conversation to which it was sent.
        conversation: Option<ConversationId>,
    },
    /// A part of a log.
    History {
        /// The conversation.
        conversation: ConversationId,
        /// First number; 0 for the newest entries.
        first: u64,
        /// Last number; 0 for the head.
        last: u64,
        /// Most entries.
        limit: usize,
    },
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The new group.
    Created(ConversationId),
    /// The place of the change; number 0 when nothing had to change.
    Changed {
        /// Epoch of the log.
        log_epoch: u64,
        /// Number.
        conv_seq: u64,
    },
    /// Members.
    Members(Vec<UserId>),
    /// Contacts.
    Contacts(Vec<Contact>),
    /// Users.
    Users(Vec<UserId>),
    /// Conversations with head and the range that may be read.
    Heads(Vec<(ConversationId, u64)>),
    /// Devices.
    Devices(Vec<DeviceId>),
    /// The device is logged out.
    LoggedOut,
    /// The flag is set.
    Flagged(bool),
    /// Conversations with something unread.
    Unread(Vec<Unread>),
    /// Members with their read marks.
    Readers(Vec<(UserId, u64)>),
    /// The call.
    Called(CallId),
    /// Number of the signal.
    Signalled(u64),
    /// The file, with so many octets of the right hash.
    Fetched(u64),
    /// Entries in order; numbers that cannot be read are left out.
    Entries(Vec<Message>),
    /// The token of an invitation.
    Invited(Bytes),
    /// Joined, or waits to.
    Joined {
        /// Number of the entry; 0 for none.
        conv_seq: u64,
        /// Waits.
        waiting: bool,
    },
    /// Who waits, and who has invited them.
    Waiting(Vec<(UserId, UserId)>),
    /// What has changed among members.
    MembersSince(MemberChanges),
    /// What is decided about a group.
    Info(Box<GroupInfo>),
    /// How users are.
    Presences(Vec<Presence>),
    /// Version of the own profile; 0 when nothing had to change.
    ProfileSet(u64),
    /// All profiles that the device knows now: user, phone number, version.
    Profiles(Vec<(UserId, String, u64)>),
    /// Done.
    Done,
    /// An error.
    Refused(ErrorCode),
    /// The client ended or its store failed before the answer.
    None,
}

impl Question {
    /// The group, or personal log, that it is about.
    #[must_use]
    pub const fn group(&self) -> Option<ConversationId> {
        match self {
            Self::AddMembers { group, .. }
            | Self::RemoveMembers { group, .. }
            | Self::Leave { group }
            | Self::Rename { group }
            | Self::SetRole { group, .. }
            | Self::Members { group }
            | Self::Dissolve { group }
            | Self::Mute { group, .. }
            | Self::Announce { group, .. }
            | Self::SetPolicy { group, .. }
            | Self::Invite { group, .. }
            | Self::Revoke { group }
            | Self::Join { group, .. }
            | Self::Waiting { group }
            | Self::Decide { group, .. }
            | Self::MembersSince { group, .. }
            | Self::Info { group } => Some(*group),
            Self::Contact { log, .. } | Self::Contacts { log } => Some(*log),
            Self::Readers { conversation, .. } => Some(*conversation),
            _ => None,
        }
    }

    /// Whether it changes something.
    #[must_use]
    pub const fn is_change(&self) -> bool {
        matches!(
            self,
            Self::CreateGroup { .. }
                | Self::AddMembers { .. }
                | Self::RemoveMembers { .. }
                | Self::Leave { .. }
                | Self::Rename { .. }
                | Self::SetRole { .. }
                | Self::Dissolve { .. }
                | Self::Mute { .. }
                | Self::Announce { .. }
                | Self::SetPolicy { .. }
                | Self::Invite { .. }
                | Self::Revoke { .. }
                | Self::Join { .. }
                | Self::Decide { .. }
                | Self::SetProfile { .. }
                | Self::Contact { .. }
                | Self::LogOut { .. }
        )
    }
}
