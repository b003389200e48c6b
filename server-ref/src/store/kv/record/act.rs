//! What became of something a user did once: the value of an idempotency key.

use eim_codec::id::ConversationId;

use crate::store::StoreError;
use crate::store::kv::keys::ActKey;
use crate::store::kv::octets::{Octets, put_varint};

const VERSION: u8 = 1;

/// Keyed hash of the content of a message or request.
pub(in crate::store::kv) type ContentHash = [u8; 16];

/// The first outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct Outcome {
    pub(in crate::store::kv) conversation: ConversationId,
    pub(in crate::store::kv) conv_seq: u64,
    pub(in crate::store::kv) time_ms: u64,
    /// Number in the actor's timeline.
    pub(in crate::store::kv) user_seq: u64,
    pub(in crate::store::kv) hash: ContentHash,
}

pub(in crate::store::kv) fn encode(out: &mut Vec<u8>, outcome: &Outcome) {
    out.push(VERSION);
    out.extend_from_slice(outcome.conversation.as_bytes());
    out.extend_from_slice(&outcome.hash);
    put_varint(out, outcome.conv_seq);
    put_varint(out, outcome.time_ms);
    put_varint(out, outcome.user_seq);
}

pub(in crate::store::kv) fn decode(record: &[u8]) -> Result<Outcome, StoreError> {
    let mut octets = Octets::new("idempotency key", VERSION, record)?;
    Ok(Outcome {
        conversation: octets.id()?,
        hash: octets.array()?,
        conv_seq: octets.varint()?,
        time_ms: octets.varint()?,
        user_seq: octets.varint()?,
    })
}

/// Appends one item of an expiry list: an idempotency key without its tenant.
pub(in crate::store::kv) fn put_expiring(out: &mut Vec<u8>, tail: &[u8; ActKey::TAIL]) {
    if out.is_empty() {
        out.push(VERSION);
    }
    out.extend_from_slice(tail);
}

/// Reads an expiry list.
pub(in crate::store::kv) fn expiring(record: &[u8]) -> Result<Vec<[u8; ActKey::TAIL]>, StoreError> {
    let mut octets = Octets::new("expiry list", VERSION, record)?;
    let mut tails = Vec::new();
    while !octets.is_empty() {
        tails.push(octets.array()?);
    }
    Ok(tails)
}
