//! Entries of the wire as records of the store.

use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, InvalidId, UserId};
use eim_codec::payload::{self, ConversationKind, Role};
use eim_codec::registry::FrameType;

use crate::store::{Backlog, ConversationRecord, Message};

/// The peer sent an entry that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidEntry {
    /// There is none.
    #[error("a push without an entry")]
    Missing,
    /// An id is not one.
    #[error("entry: {0}")]
    Id(#[from] InvalidId),
    /// A number is 0 where it must not be, or larger than any log can grow.
    #[error("entry: impossible {0}")]
    Number(&'static str),
}

/// Numbers beyond this do not occur in the lifetime of a log, and stores keep them signed.
const LARGEST: u64 = i64::MAX as u64;

fn number(value: u64, name: &'static str) -> Result<u64, InvalidEntry> {
    if value <= LARGEST {
        Ok(value)
    } else {
        Err(InvalidEntry::Number(name))
    }
}

fn optional<T>(
    octets: &[u8],
    read: impl FnOnce(&[u8]) -> Result<T, InvalidId>,
) -> Result<Option<T>, InvalidEntry> {
    if octets.is_empty() {
        Ok(None)
    } else {
        Ok(Some(read(octets)?))
    }
}

/// Reads an entry. Types this client does not know are kept as they are.
// impl[EIM-MSG-064] impl[EIM-MSG-066]
pub(crate) fn message(
    entry: Option<payload::Entry>,
    user_seq: u64,
    pushed_as: Option<FrameType>,
) -> Result<Message, InvalidEntry> {
    let entry = entry.ok_or(InvalidEntry::Missing)?;
    if entry.conv_seq == 0 {
        return Err(InvalidEntry::Number("conv_seq"));
    }
    let stated = u8::try_from(entry.r#type).map_err(|_| InvalidEntry::Number("type"))?;
    let frame_type = match pushed_as {
        Some(pushed_as) if stated == 0 => pushed_as,
        _ => FrameType(stated),
    };
    Ok(Message {
        conversation: ConversationId::from_slice(&entry.conversation)?,
        log_epoch: number(entry.log_epoch, "log_epoch")?,
        conv_seq: number(entry.conv_seq, "conv_seq")?,
        frame_type,
        sender: optional(&entry.sender, UserId::from_slice)?,
        sender_device: optional(&entry.sender_device, DeviceId::from_slice)?,
        client_msg_id: optional(&entry.client_msg_id, ClientMsgId::from_slice)?,
        time_ms: number(entry.time_ms, "time_ms")?,
        user_seq: number(user_seq, "user_seq")?,
        body: entry.body,
        fallback_text: entry.fallback_text,
        tombstone: entry.tombstone,
    })
}

/// Reads a conversation of HEADS.
pub(crate) fn conversation_record(
    conversation: &payload::Conversation,
) -> Result<ConversationRecord, InvalidEntry> {
    Ok(ConversationRecord {
        conversation: ConversationId::from_slice(&conversation.conversation)?,
        kind: ConversationKind::try_from(conversation.kind).unwrap_or_default(),
        name: conversation.name.clone(),
        conv_seq: number(conversation.conv_seq, "conv_seq")?,
        visible_from: number(conversation.visible_from, "visible_from")?,
        visible_through: number(conversation.visible_through, "visible_through")?,
        role: Role::try_from(conversation.role).unwrap_or_default(),
        peer: optional(&conversation.peer, UserId::from_slice)?,
        time_ms: number(conversation.time_ms, "time_ms")?,
        members: conversation.members,
        fan_out: conversation.fan_out(),
        backlog: Backlog::None,
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn entry() -> payload::Entry {
        payload::Entry {
            conversation: Bytes::from_static(&[1; 16]),
            log_epoch: 1,
            conv_seq: 1,
            r#type: 0x3D,
            ..Default::default()
        }
    }

    #[test]
    fn unknown_types_and_server_entries_are_kept() {
        let message = message(Some(entry()), 5, None).unwrap();
        assert_eq!(message.frame_type, FrameType(0x3D));
        assert_eq!((message.sender, message.client_msg_id), (None, None));
        assert_eq!(message.user_seq, 5);
    }

    #[test]
    fn impossible_entries_are_refused() {
        assert_eq!(message(None, 1, None), Err(InvalidEntry::Missing));
        for (broken, why) in [
            (
                payload::Entry {
                    conv_seq: 0,
                    ..entry()
                },
                "conv_seq 0",
            ),
            (
                payload::Entry {
                    conv_seq: u64::MAX,
                    ..entry()
                },
                "conv_seq beyond",
            ),
            (
                payload::Entry {
                    conversation: Bytes::new(),
                    ..entry()
                },
                "no conversation",
            ),
            (
                payload::Entry {
                    sender: Bytes::from_static(&[1]),
                    ..entry()
                },
                "short sender",
            ),
            (
                payload::Entry {
                    r#type: 256,
                    ..entry()
                },
                "type beyond an octet",
            ),
        ] {
            assert!(message(Some(broken), 1, None).is_err(), "{why}");
        }
    }
}
