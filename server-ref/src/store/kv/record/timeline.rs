//! A timeline chunk: the references one commit added to one timeline.
//!
//! Its key carries the number of the last reference, so the first chunk at or after `cursor + 1`
//! is the one that continues the cursor, and the last chunk tells the head.

use eim_codec::id::ConversationId;

use crate::store::StoreError;
use crate::store::kv::octets::{Octets, put_varint};

const VERSION: u8 = 1;

/// Most references in one chunk.
pub(in crate::store::kv) const CHUNK: u64 = 128;

/// One reference into a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::kv) struct Reference {
    pub(in crate::store::kv) conversation: ConversationId,
    pub(in crate::store::kv) conv_seq: u64,
    pub(in crate::store::kv) time_ms: u64,
}

/// Appends the record of `references`, which are not empty.
pub(in crate::store::kv) fn encode(out: &mut Vec<u8>, references: &[Reference]) {
    out.push(VERSION);
    put_varint(out, references.len() as u64);
    let mut before: Option<&Reference> = None;
    for reference in references {
        let same = before.is_some_and(|before| before.conversation == reference.conversation);
        put_varint(out, reference.conv_seq << 1 | u64::from(same));
        if !same {
            out.extend_from_slice(reference.conversation.as_bytes());
        }
        let delta = reference
            .time_ms
            .wrapping_sub(before.map_or(0, |before| before.time_ms));
        put_varint(out, zigzag(delta.cast_signed()));
        before = Some(reference);
    }
}

/// Reads a chunk whose last reference has the number `last`; gives each with its number.
pub(in crate::store::kv) fn decode(
    last: u64,
    record: &[u8],
) -> Result<Vec<(u64, Reference)>, StoreError> {
    let mut octets = Octets::new("timeline chunk", VERSION, record)?;
    let count = octets.varint()?;
    if count > CHUNK || count > last {
        return Err(StoreError::Corrupt(format!(
            "timeline chunk: {count} references"
        )));
    }
    let mut references = Vec::with_capacity(count as usize);
    let mut before: Option<Reference> = None;
    for user_seq in last - count + 1..=last {
        let number = octets.varint()?;
        let conversation = match before {
            Some(before) if number & 1 == 1 => before.conversation,
            _ => octets.id()?,
        };
        let delta = unzigzag(octets.varint()?).cast_unsigned();
        let time_ms = before
            .map_or(0, |before| before.time_ms)
            .wrapping_add(delta);
        let reference = Reference {
            conversation,
            conv_seq: number >> 1,
            time_ms,
        };
        references.push((user_seq, reference));
        before = Some(reference);
    }
    Ok(references)
}

const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_survive_clocks_that_step_back() {
        let references = [
            (1, 5, 1_700_000_000_000),
            (1, 6, 1_700_000_000_000),
            (2, 1, 3),
        ]
        .map(|(conversation, conv_seq, time_ms)| Reference {
            conversation: [conversation; 16].into(),
            conv_seq,
            time_ms,
        });
        let mut record = Vec::new();
        encode(&mut record, &references);
        let numbered: Vec<_> = (8..=10).zip(references).collect();
        assert_eq!(decode(10, &record).unwrap(), numbered);
    }
}
