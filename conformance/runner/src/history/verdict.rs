//! The verdict on a history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::Event;

/// What is taken for granted about a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Others send too, from devices that wrote no history: what they sent is no phantom.
    pub open: bool,
}

/// What people would call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A message that was acked, or that a device had, is not there.
    Lost,
    /// A message is there twice.
    Duplicated,
    /// Messages stand in another order than they must.
    Reordered,
    /// A message that nobody sent.
    Phantom,
    /// A number is missing.
    Gap,
    /// Two statements cannot both be true.
    Contradiction,
}

impl Kind {
    /// All of them, in the order in which reports have them.
    pub const ALL: [Self; 6] = [
        Self::Lost,
        Self::Duplicated,
        Self::Reordered,
        Self::Phantom,
        Self::Gap,
        Self::Contradiction,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Reordered => "reordered",
            Self::Phantom => "phantom",
            Self::Gap => "gap",
            Self::Contradiction => "contradiction",
        }
    }
}

/// The rule that a finding breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// An acked message is in every complete reading that covers its place.
    AckedIsThere,
    /// What was delivered to a device is in its later complete reading.
    DeliveredStays,
    /// One key, one place.
    OnePlace,
    /// An entry is delivered to a device once.
    DeliveredOnce,
    /// The messages of one outbox stand in the order in which they were sent.
    SenderOrder,
    /// A message stands after what its process had been delivered before.
    AnswerAfter,
    /// Deliveries in their turn never go back.
    NeverBack,
    /// A reading shows entries in the order of their numbers, each once.
    ReadInOrder,
    /// All devices have the same order.
    SameOrder,
    /// Somebody sent it.
    WasSent,
    /// A complete reading has every number.
    NoHole,
    /// Deliveries in their turn skip nothing.
    NothingSkipped,
    /// A complete reading reaches as far as others do.
    NotBehind,
    /// A message has one result.
    OneResult,
    /// An ack names the place where the message is.
    AckNamesPlace,
    /// A message that was refused for good is not there.
    RefusedIsAbsent,
    /// Only what was sent has a result.
    ResultOfSent,
    /// One key, one content.
    OneContent,
    /// An entry is what was sent, and the same for all.
    Unaltered,
    /// One place, one message.
    OneMessage,
    /// A message is in the conversation that it was sent to.
    RightConversation,
    /// A new epoch goes on from the surviving head, and what is beyond it is dropped.
    EpochsAscend,
    /// What somebody has read stays read.
    MarkStays,
    /// As many messages are unread as there are behind the mark.
    UnreadCounts,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::AckedIsThere,
        Self::DeliveredStays,
        Self::OnePlace,
        Self::DeliveredOnce,
        Self::SenderOrder,
        Self::AnswerAfter,
        Self::NeverBack,
        Self::ReadInOrder,
        Self::SameOrder,
        Self::WasSent,
        Self::NoHole,
        Self::NothingSkipped,
        Self::NotBehind,
        Self::OneResult,
        Self::AckNamesPlace,
        Self::RefusedIsAbsent,
        Self::ResultOfSent,
        Self::OneContent,
        Self::Unaltered,
        Self::OneMessage,
        Self::RightConversation,
        Self::EpochsAscend,
        Self::MarkStays,
        Self::UnreadCounts,
    ];

    /// What people would call a breach.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::AckedIsThere | Self::DeliveredStays | Self::MarkStays => Kind::Lost,
            Self::OnePlace | Self::DeliveredOnce => Kind::Duplicated,
            Self::SenderOrder
            | Self::AnswerAfter
            | Self::NeverBack
            | Self::ReadInOrder
            | Self::SameOrder => Kind::Reordered,
            Self::WasSent => Kind::Phantom,
            Self::NoHole | Self::NothingSkipped | Self::NotBehind => Kind::Gap,
            Self::OneResult
            | Self::AckNamesPlace
            | Self::RefusedIsAbsent
            | Self::ResultOfSent
            | Self::OneContent
            | Self::Unaltered
            | Self::OneMessage
            | Self::RightConversation
            | Self::EpochsAscend
            | Self::UnreadCounts => Kind::Contradiction,
        }
    }

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AckedIsThere => "acked-is-there",
            Self::DeliveredStays => "delivered-stays",
            Self::OnePlace => "one-place",
            Self::DeliveredOnce => "delivered-once",
            Self::SenderOrder => "sender-order",
            Self::AnswerAfter => "answer-after",
            Self::NeverBack => "never-back",
            Self::ReadInOrder => "read-in-order",
            Self::SameOrder => "same-order",
            Self::WasSent => "was-sent",
            Self::NoHole => "no-hole",
            Self::NothingSkipped => "nothing-skipped",
            Self::NotBehind => "not-behind",
            Self::OneResult => "one-result",
            Self::AckNamesPlace => "ack-names-place",
            Self::RefusedIsAbsent => "refused-is-absent",
            Self::ResultOfSent => "result-of-sent",
            Self::OneContent => "one-content",
            Self::Unaltered => "unaltered",
            Self::OneMessage => "one-message",
            Self::RightConversation => "right-conversation",
            Self::EpochsAscend => "epochs-ascend",
            Self::MarkStays => "mark-stays",
            Self::UnreadCounts => "unread-counts",
        }
    }

    /// The requirement of the specification behind it, where one says just this.
    #[must_use]
    pub const fn requirement(self) -> Option<&'static str> {
        Some(match self {
            Self::AckedIsThere => "EIM-MSG-001",
            Self::DeliveredStays => "EIM-SYN-014",
            Self::OnePlace => "EIM-MSG-043",
            Self::DeliveredOnce => "EIM-MSG-062",
            Self::SenderOrder => "EIM-MSG-017",
            Self::AnswerAfter | Self::NoHole => "EIM-MSG-015",
            Self::NeverBack => "EIM-MSG-058",
            Self::ReadInOrder => "EIM-MSG-063",
            Self::SameOrder | Self::OneMessage => "EIM-MSG-016",
            Self::WasSent => "EIM-MSG-007",
            Self::NothingSkipped => "EIM-SYN-015",
            Self::NotBehind => "EIM-SYN-012",
            Self::OneResult | Self::AckNamesPlace => "EIM-MSG-038",
            Self::OneContent => "EIM-MSG-045",
            Self::Unaltered => "EIM-MSG-020",
            Self::EpochsAscend => "EIM-MSG-023",
            Self::MarkStays => "EIM-MRK-002",
            Self::UnreadCounts => "EIM-MRK-008",
            Self::RefusedIsAbsent | Self::ResultOfSent | Self::RightConversation => return None,
        })
    }
}

/// What a finding is about. Two findings of one rule differ in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The user who sent the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Key of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Epoch of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_epoch: Option<u64>,
    /// Number of the place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conv_seq: Option<u64>,
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What people would call it.
    pub kind: Kind,
    /// The rule that is broken.
    pub rule: Rule,
    /// What it is about.
    pub subject: Subject,
    /// One sentence for people.
    pub text: String,
    /// The shortest history that shows it: without any one of these events it does not. Of
    /// readings only the parts that matter. Empty beyond [`WITNESSED`] findings of a kind.
    pub witness: Vec<Event>,
}

/// Findings of each kind that are given; the others are counted.
pub const GIVEN: usize = 100;

/// Findings of each kind that get a witness.
pub const WITNESSED: usize = 20;

/// How much was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Lines that were events.
    pub events: u64,
    /// Incarnations of clients.
    pub processes: u64,
    /// Those that crashed or were killed.
    pub crashes: u64,
    /// Devices.
    pub devices: u64,
    /// Conversations.
    pub conversations: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages acked.
    pub acked: u64,
    /// Acked messages whose place at least one complete reading covers. Of the others it is not
    /// known whether they are lost.
    pub proven: u64,
    /// Messages refused for good.
    pub refused: u64,
    /// Messages of which nobody knows what became of them.
    pub unknown: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Readings that claim to be complete.
    pub readings: u64,
    /// Entries in readings.
    pub read: u64,
    /// Acked messages that a restored store no longer has, as it said by a new epoch.
    pub discarded: u64,
    /// Faults, by kind.
    pub faults: BTreeMap<String, u64>,
}

/// The verdict on a history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How much was looked at.
    pub counts: Counts,
    /// How many findings there are of each kind; kinds without any are absent.
    pub found: BTreeMap<Kind, u64>,
    /// The first of each kind, at most [`GIVEN`].
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// How many findings there are of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.found.get(&kind).copied().unwrap_or(0)
    }
}
