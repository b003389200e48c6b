//! Words that actions are made of.

use eim_codec::payload::{CallSignalKind, Role};
use serde::{Deserialize, Serialize};

use super::{GroupNumber, UserNumber};

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// The direct conversation with a user.
    User(UserNumber),
    /// A group.
    Group(GroupNumber),
}

/// What a user does about another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Asks to be contacts.
    Request,
    /// Agrees.
    Accept,
    /// Does not agree.
    Refuse,
    /// Ends it, or takes the request back.
    Remove,
    /// Blocks.
    Block,
    /// Ends a block.
    Unblock,
}

/// What a device says in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// It rings.
    Ringing,
    /// The person answers.
    Answer,
    /// A way to reach it.
    Candidate,
    /// Something else is offered.
    Update,
    /// The person does not answer.
    Decline,
    /// The person hangs up.
    Hangup,
}

impl From<Signal> for CallSignalKind {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Ringing => Self::Ringing,
            Signal::Answer => Self::Answer,
            Signal::Candidate => Self::Candidate,
            Signal::Update => Self::Update,
            Signal::Decline => Self::Decline,
            Signal::Hangup => Self::Hangup,
        }
    }
}

/// A role, as policies name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// Everybody.
    Member,
    /// Owner and admins.
    Admin,
    /// The owner.
    Owner,
}

impl From<Rank> for Role {
    fn from(rank: Rank) -> Self {
        match rank {
            Rank::Member => Self::Member,
            Rank::Admin => Self::Admin,
            Rank::Owner => Self::Owner,
        }
    }
}

/// A department as the operator imports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Its number.
    pub number: u8,
    /// The one above, of a lower number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u8>,
    /// Which name it has.
    pub name: u8,
    /// It has a group: of its members, or with `branch` of those below too.
    pub group: bool,
    /// See `group`.
    pub branch: bool,
    /// Its members.
    pub members: Vec<UserNumber>,
}
