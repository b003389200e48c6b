//! What owner and admins decide about a group, and who waits to join it.

use eim_codec::id::UserId;
use eim_codec::payload::{GroupPolicy, Role};

/// What is decided about a group, beside its name and members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupAct {
    /// Nobody sends or joins any more.
    Dissolve,
    /// Keeps members from sending for a while.
    Mute {
        /// Whom; `None`: all plain members.
        user: Option<UserId>,
        /// How long, in milliseconds; 0 ends it.
        for_ms: u64,
    },
    /// Sets the announcement; an empty one takes it away.
    Announce {
        /// The announcement.
        text: String,
    },
    /// Sets what the group permits.
    SetPolicy {
        /// It.
        policy: Policy,
    },
    /// Makes an invitation.
    Invite {
        /// What whoever joins has to know.
        secret: [u8; 16],
        /// How long it is good, in milliseconds.
        lifetime_ms: u64,
        /// How many may use it; 0 for any number.
        uses: u32,
    },
    /// Takes all invitations back.
    Revoke,
    /// The caller joins, or asks to.
    Join {
        /// Secret of an invitation.
        secret: [u8; 16],
    },
    /// Decides about a user who waits to join.
    Answer {
        /// Who.
        user: UserId,
        /// The user becomes a member.
        accept: bool,
    },
}

/// What a group permits its members.
// impl[EIM-GPO-017]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Least role that may send.
    pub post: Role,
    /// Least role that may invite.
    pub invite: Role,
    /// Who comes by an invitation waits for owner or admin.
    pub approval: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            post: Role::Member,
            invite: Role::Admin,
            approval: false,
        }
    }
}

impl From<Policy> for GroupPolicy {
    fn from(policy: Policy) -> Self {
        Self {
            post: policy.post.into(),
            invite: policy.invite.into(),
            approval: policy.approval,
        }
    }
}

/// A group as one of its members sees it, beside what every conversation has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    /// Nobody sends or joins any more.
    pub dissolved: bool,
    /// What it permits.
    pub policy: Policy,
    /// Until when the member may not send, in Unix milliseconds; 0 for not.
    pub muted_until_ms: u64,
    /// The same for all plain members.
    pub all_muted_until_ms: u64,
    /// conv_seq of the announcement; 0 when there is none.
    pub announced: u64,
    /// Users who wait to join; 0 for plain members.
    pub waiting: u32,
    /// The members follow a department.
    pub follows_department: bool,
}

/// An announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnouncementView {
    /// What it says.
    pub text: String,
    /// The entry that made it.
    pub conv_seq: u64,
    /// Who made it.
    pub user: UserId,
    /// When, in Unix milliseconds.
    pub time_ms: u64,
}

/// A user who waits to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingView {
    /// The user.
    pub user: UserId,
    /// Who made the invitation.
    pub invited_by: UserId,
    /// Since when, in Unix milliseconds.
    pub time_ms: u64,
}
