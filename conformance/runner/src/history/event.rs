//! The lines of a history. `conformance/history.md` says the same for writers in other languages,
//! and `conformance/schema/history.v1.schema.json` for tools.

use serde::{Deserialize, Serialize};

/// The version of the form.
pub const FORMAT: u32 = 1;

/// Kind of a [`Op::Fault`]: the store was set back on purpose (a backup, an asynchronous
/// fail-over). The one loss of acked messages that the protocol allows, if `log_epoch` rises.
pub const RESTORE: &str = "restore";

/// The first line of a file, and of each later writer that appends to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub history: u32,
    /// The program that writes.
    pub writer: String,
    /// Seed of its random choices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Unix time in microseconds at its `at_us` 0, to put several files on one time line. It
    /// never counts for the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_us: Option<u64>,
}

impl Header {
    /// The header of a writer.
    #[must_use]
    pub fn new(writer: impl Into<String>) -> Self {
        Self {
            history: FORMAT,
            writer: writer.into(),
            seed: None,
            started_us: None,
        }
    }
}

/// One line: something that a driver saw or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the writer began; never goes back within a writer.
    pub at_us: u64,
    /// One incarnation of a client, by a name that no other process of the whole history has.
    /// For [`Op::Fault`]: whoever caused it.
    pub process: String,
    /// What happened.
    #[serde(flatten)]
    pub op: Op,
}

/// What happened. Ids are lower hexadecimal; any other text is a name like an id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// The process begins; the first of its events.
    Start(Start),
    /// The process ended in order.
    End,
    /// The process was ended from outside, or died.
    Crash,
    /// A person or program asked for a message to be sent. Written before anything of it leaves
    /// the process, and once: not for retries, not when a later process takes over the outbox.
    Send(Send),
    /// The message is durable, says its result (or the entry that stands for it).
    Ack(Ack),
    /// The message was refused for good.
    Fail(Fail),
    /// The entry is durable in the store of this device, and was not before.
    Deliver(Deliver),
    /// What the device holds of a conversation at the end.
    Read(Read),
    /// A person has read a conversation this far, and was promised that it is remembered.
    Mark(ReadMark),
    /// How far a user has read a conversation at the end, and what is unread, as the server says.
    Unread(Unread),
    /// Something was done to make life hard.
    Fault(Fault),
}

/// See [`Op::Start`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Whose client it is.
    pub user: String,
    /// The device; its store outlives the process.
    pub device: String,
    /// Name of the outbox that the process sends from, if it outlives the process: all that is
    /// sent from it, by one process after another, keeps its order. Without it the process has
    /// one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox: Option<String>,
}

/// See [`Op::Send`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// `client_msg_id`.
    pub key: String,
    /// The conversation; or `to_user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The user at the other end of a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_user: Option<String>,
    /// Frame type.
    #[serde(rename = "type")]
    pub frame_type: u8,
    /// SHA-256 of the body.
    pub sha256: String,
}

/// See [`Op::Ack`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// `client_msg_id`, of a message of this user.
    pub key: String,
    /// The conversation.
    pub conversation: String,
    /// Epoch of the log.
    pub log_epoch: u64,
    /// Number in the log.
    pub conv_seq: u64,
}

/// See [`Op::Fail`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fail {
    /// `client_msg_id`, of a message of this user.
    pub key: String,
    /// Name of the error code in the registry; `0x` and four digits where it has none.
    pub code: String,
}

/// An entry of a log, as a device holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Epoch of the log.
    pub log_epoch: u64,
    /// Number in the log.
    pub conv_seq: u64,
    /// `client_msg_id`; none for entries of the server. Never without `sender`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The user who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// The device that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_device: Option<String>,
    /// Frame type.
    #[serde(rename = "type")]
    pub frame_type: u8,
    /// SHA-256 of the body.
    pub sha256: String,
    /// The body was erased since: `sha256` says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tombstone: bool,
}

/// See [`Op::Deliver`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    /// The conversation.
    pub conversation: String,
    /// The entry.
    #[serde(flatten)]
    pub entry: Entry,
    /// It came as history, not in its turn: it may be older than what was delivered before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub past: bool,
}

/// What a device holds of a conversation between two numbers, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The conversation.
    pub conversation: String,
    /// First number looked at; the user may read from here on.
    pub from: u64,
    /// Last number looked at.
    pub through: u64,
    /// Whether it claims to be all there is: every entry `from..=through`, and nothing beyond
    /// `through` unless `more` or `visible_through` says otherwise. Claim it only when the log
    /// does not grow any more and the device has caught up.
    pub complete: bool,
    /// Another part of the reading follows, with higher numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// The user is no longer a member and may read no further than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_through: Option<u64>,
    /// The entries, in the order in which the device shows them.
    pub entries: Vec<Entry>,
}

/// See [`Op::Mark`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// The conversation.
    pub conversation: String,
    /// Epoch of the log.
    pub log_epoch: u64,
    /// Everything through this number is read.
    pub read: u64,
}

/// See [`Op::Unread`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The conversation; the user is a member of it.
    pub conversation: String,
    /// Epoch of the log.
    pub log_epoch: u64,
    /// First number that the user may read now.
    pub from: u64,
    /// Everything through this number is read; 0 for nothing.
    pub read: u64,
    /// Messages that are not.
    pub unread: u64,
}

/// See [`Op::Fault`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// One word or a few with hyphens, such as `kill`, `stop`, `power-cut`, `disk-full`, `cut`;
    /// [`RESTORE`] has a meaning, the others are for people.
    pub kind: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// How long it lasted, where it did and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_us: Option<u64>,
}
