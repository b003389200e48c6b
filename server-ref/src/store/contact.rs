//! Contacts: what two users are to each other.

use eim_codec::id::UserId;
use eim_codec::payload::ContactState;

/// What a user wants of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactAct {
    /// Asks, or agrees with one who has asked.
    Request {
        /// Shown to the other.
        message: String,
    },
    /// Answers one who has asked.
    Answer {
        /// Agrees.
        accept: bool,
    },
    /// Ends a contact, takes a request back, or refuses one.
    Remove,
    /// Blocks, or ends that.
    Block {
        /// Blocks.
        blocked: bool,
    },
}

/// One user on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactView {
    /// The user.
    pub user: UserId,
    /// What the user is to the owner of the list.
    pub state: ContactState,
    /// The owner has blocked the user.
    pub blocked: bool,
    /// What was said with a request that waits.
    pub message: String,
    /// Number of the entry of the personal log after which this is so.
    pub version: u64,
    /// Its time in Unix milliseconds.
    pub time_ms: u64,
}

/// A page of a list, in the order in which it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactPage {
    /// Users whose version is above the one asked for, in its order.
    pub contacts: Vec<ContactView>,
    /// More follow.
    pub more: bool,
    /// Number of the last entry of the personal log; 0 when there is none.
    pub head: u64,
}
