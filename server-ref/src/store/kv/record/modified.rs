//! What operations have made of messages: rows beside the log, so that nobody has to read the log
//! to know the state of a message.

use bytes::Bytes;
use prost::Message;

/// What became of one message.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ModifiedRow {
    /// conv_seq of its EDITs, in order; empty once it is recalled.
    #[prost(uint64, repeated, tag = "1")]
    pub(in crate::store::kv) edits: Vec<u64>,
    /// conv_seq of its RECALL; 0 for none.
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) recall_seq: u64,
    /// Who recalled it.
    #[prost(bytes = "bytes", tag = "3")]
    pub(in crate::store::kv) recalled_by: Bytes,
    /// Different reactions, in the order in which each was given first.
    #[prost(message, repeated, tag = "4")]
    pub(in crate::store::kv) reactions: Vec<ReactionRow>,
    /// conv_seq of the PIN in force; 0 for none.
    #[prost(uint64, tag = "5")]
    pub(in crate::store::kv) pin_seq: u64,
}

/// How many users react in one way; never 0.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ReactionRow {
    #[prost(string, tag = "1")]
    pub(in crate::store::kv) reaction: String,
    #[prost(uint32, tag = "2")]
    pub(in crate::store::kv) count: u32,
}

/// Reactions of one user to one message, in the order in which they were given; never empty.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct UserReactionsRow {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::store::kv) reactions: Vec<String>,
}

/// Pinned messages of one conversation, by number.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct PinsRow {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::store::kv) pins: Vec<PinRow>,
}

/// One pin.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct PinRow {
    /// The message.
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) target: u64,
    /// conv_seq of the PIN.
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) pin_seq: u64,
    #[prost(bytes = "bytes", tag = "3")]
    pub(in crate::store::kv) user: Bytes,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) time_ms: u64,
}
