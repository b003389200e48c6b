//! A log entry: an immutable header with a salted commitment to the content, then the content.
//!
//! Erasure cuts the content (salt, fallback text and body) off and leaves the header, so that
//! whatever covers headers stays verifiable while nobody can guess the body from it.

use bytes::Bytes;
use eim_codec::id::ConversationId;
use eim_codec::registry::FrameType;
use sha2::{Digest, Sha256};

use crate::store::kv::octets::{Octets, put_varint};
use crate::store::{Entry, StoreError};

const VERSION: u8 = 1;
const SENDER: u8 = 1;
const CLIENT_MSG_ID: u8 = 2;
const TOMBSTONE: u8 = 4;
const SENDER_DEVICE: u8 = 8;
const CALLS: u8 = 16;

/// Salt of one entry and the commitment it makes.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::kv) struct Seal {
    pub(in crate::store::kv) salt: [u8; 16],
    /// SHA-256(salt ‖ fallback text ‖ body).
    pub(in crate::store::kv) commitment: [u8; 32],
}

impl Seal {
    // The commitment outlives the content.
    pub(in crate::store::kv) fn new(salt: [u8; 16], fallback_text: &str, body: &[u8]) -> Self {
        let commitment = Sha256::new()
            .chain_update(salt)
            .chain_update(fallback_text)
            .chain_update(body);
        Self {
            salt,
            commitment: commitment.finalize().into(),
        }
    }
}

/// Appends the record of `entry`; conversation and conv_seq are in the key. `calls` is the number of
/// entries through this one that mention everybody.
// impl[EIM-MSG-020] impl[EIM-MSG-060]
pub(in crate::store::kv) fn encode(out: &mut Vec<u8>, entry: &Entry, calls: u64, seal: &Seal) {
    let mut flags = 0;
    flags |= if entry.sender.is_some() { SENDER } else { 0 };
    flags |= if entry.sender_device.is_some() {
        SENDER_DEVICE
    } else {
        0
    };
    flags |= if entry.client_msg_id.is_some() {
        CLIENT_MSG_ID
    } else {
        0
    };
    flags |= if calls > 0 { CALLS } else { 0 };
    out.reserve(128 + entry.fallback_text.len() + entry.body.len());
    out.extend_from_slice(&[VERSION, flags, entry.frame_type.0]);
    put_varint(out, entry.log_epoch);
    put_varint(out, entry.time_ms);
    put_varint(out, entry.countable);
    if calls > 0 {
        put_varint(out, calls);
    }
    if let Some(user) = &entry.sender {
        out.extend_from_slice(user.as_bytes());
    }
    if let Some(device) = &entry.sender_device {
        out.extend_from_slice(device.as_bytes());
    }
    if let Some(id) = &entry.client_msg_id {
        out.extend_from_slice(id.as_bytes());
    }
    out.extend_from_slice(&seal.commitment);
    put_varint(out, entry.fallback_text.len() as u64);
    put_varint(out, entry.body.len() as u64);
    out.extend_from_slice(&seal.salt);
    out.extend_from_slice(entry.fallback_text.as_bytes());
    out.extend_from_slice(&entry.body);
}

/// The record without its content: the header says that it was erased, and nothing of the content
/// is left but the commitment to it.
pub(in crate::store::kv) fn erase(record: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut octets = Octets::new("log entry", VERSION, record)?;
    let [flags, _frame_type] = octets.array()?;
    for _number in 0..3 {
        octets.varint()?;
    }
    calls_of(flags, &mut octets)?;
    for id in [SENDER, SENDER_DEVICE, CLIENT_MSG_ID] {
        if flags & id != 0 {
            let _id: [u8; 16] = octets.array()?;
        }
    }
    let _commitment: [u8; 32] = octets.array()?;
    let header = record.len().saturating_sub(octets.left());
    let mut erased = Vec::with_capacity(header + 2);
    erased.extend_from_slice(record.get(..header).unwrap_or(record));
    // Nothing is left of the lengths either.
    erased.extend_from_slice(&[0, 0]);
    if let Some(flags) = erased.get_mut(1) {
        *flags |= TOMBSTONE;
    }
    Ok(erased)
}

/// Where a log stands at an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store::kv) struct Head {
    /// Number of the entry; 0 before the first one.
    pub(in crate::store::kv) conv_seq: u64,
    pub(in crate::store::kv) time_ms: u64,
    /// Countable entries through this one.
    pub(in crate::store::kv) countable: u64,
    /// Entries through this one that mention everybody.
    pub(in crate::store::kv) calls: u64,
}

/// Whether an entry is of one of these types, without reading anything else.
pub(in crate::store::kv) fn is_one_of(record: &[u8], types: &[FrameType]) -> bool {
    let frame_type = record.get(2).copied().map(FrameType);
    frame_type.is_some_and(|it| types.contains(&it))
}

/// The numbers of an entry, without reading the content.
pub(in crate::store::kv) fn head(conv_seq: u64, record: &[u8]) -> Result<Head, StoreError> {
    let mut octets = Octets::new("log entry", VERSION, record)?;
    let [flags, _frame_type] = octets.array()?;
    let _log_epoch = octets.varint()?;
    Ok(Head {
        conv_seq,
        time_ms: octets.varint()?,
        countable: octets.varint()?,
        calls: calls_of(flags, &mut octets)?,
    })
}

fn calls_of(flags: u8, octets: &mut Octets<'_>) -> Result<u64, StoreError> {
    match flags & CALLS {
        0 => Ok(0),
        _ => octets.varint(),
    }
}

/// Reads a record.
pub(in crate::store::kv) fn decode(
    conversation: ConversationId,
    conv_seq: u64,
    record: &[u8],
) -> Result<Entry, StoreError> {
    let mut octets = Octets::new("log entry", VERSION, record)?;
    let [flags, frame_type] = octets.array()?;
    let log_epoch = octets.varint()?;
    let time_ms = octets.varint()?;
    let countable = octets.varint()?;
    let _calls = calls_of(flags, &mut octets)?;
    let sender = if flags & SENDER == 0 {
        None
    } else {
        Some(octets.id()?)
    };
    let sender_device = if flags & SENDER_DEVICE == 0 {
        None
    } else {
        Some(octets.id()?)
    };
    let client_msg_id = if flags & CLIENT_MSG_ID == 0 {
        None
    } else {
        Some(octets.id()?)
    };
    let _commitment: [u8; 32] = octets.array()?;
    let fallback_octets = octets.length()?;
    let body_octets = octets.length()?;
    let tombstone = flags & TOMBSTONE != 0;
    let (fallback_text, body) = if tombstone {
        (String::new(), Bytes::new())
    } else {
        let _salt: [u8; 16] = octets.array()?;
        let text = std::str::from_utf8(octets.slice(fallback_octets)?)
            .map_err(|_| StoreError::Corrupt("log entry: fallback text".to_owned()))?;
        (
            text.to_owned(),
            Bytes::copy_from_slice(octets.slice(body_octets)?),
        )
    };
    Ok(Entry {
        conversation,
        log_epoch,
        conv_seq,
        frame_type: FrameType(frame_type),
        sender,
        sender_device,
        client_msg_id,
        time_ms,
        countable,
        body,
        fallback_text,
        tombstone,
    })
}

#[cfg(test)]
mod tests {
    use eim_codec::id::{ClientMsgId, DeviceId, UserId};

    use super::*;

    // test[EIM-OPS-017]
    #[test]
    fn an_erased_record_has_the_header_and_nothing_of_the_content() {
        let conversation = ConversationId::from([1; 16]);
        for with in [true, false] {
            let entry = Entry {
                conversation,
                log_epoch: 3,
                conv_seq: 300,
                frame_type: FrameType::TEXT,
                sender: with.then(|| UserId::from([2; 16])),
                sender_device: with.then(|| DeviceId::from([3; 16])),
                client_msg_id: with.then(|| ClientMsgId::from([4; 16])),
                time_ms: 1_700_000_000_000,
                countable: 299,
                body: Bytes::from_static(b"secret body"),
                fallback_text: "secret text".to_owned(),
                tombstone: false,
            };
            let seal = Seal::new([0x5A; 16], &entry.fallback_text, &entry.body);
            let mut record = Vec::new();
            let calls = if with { 300 } else { 0 };
            encode(&mut record, &entry, calls, &seal);
            let erased = erase(&record).unwrap();
            let read = decode(conversation, 300, &erased).unwrap();
            let tombstone = Entry {
                body: Bytes::new(),
                fallback_text: String::new(),
                tombstone: true,
                ..entry
            };
            assert_eq!(read, tombstone);
            let numbers = head(300, &record).unwrap();
            assert_eq!((numbers.countable, numbers.calls), (299, calls));
            assert_eq!(head(300, &erased).unwrap(), numbers);
            let holds = |octets: &[u8]| erased.windows(octets.len()).any(|part| part == octets);
            assert!(holds(&seal.commitment));
            assert!(!holds(b"secret") && !holds(&seal.salt));
            assert_eq!(erase(&erased).unwrap(), erased);
        }
    }
}
