//! Entries as PUSH payloads.
//!
//! This is the hottest encoding of the server, so it writes the octets in one allocation instead of
//! building `payload::Push` first; a test holds both equal.

use bytes::{BufMut, Bytes, BytesMut};
use eim_codec::payload;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::store::Entry;

/// Which parts of an entry a push carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// All.
    Whole,
    /// To the device that sent it: marked, without body and fallback text.
    Echo,
    /// Without the body, because the client cannot take it.
    Header,
}

impl Parts {
    /// An echo, or all.
    #[must_use]
    pub const fn of(echo: bool) -> Self {
        if echo { Self::Echo } else { Self::Whole }
    }
}

/// The payload of a push of `entry` to a user in whose timeline it has `user_seq`.
#[must_use]
pub fn encode(entry: &Entry, user_seq: u64, parts: Parts) -> Bytes {
    let inner = entry_octets(entry, parts);
    let capacity = 1 + encoded_len_varint(inner as u64) + inner + 1 + 10 + 2;
    let mut out = BytesMut::with_capacity(capacity);
    encode_key(1, WireType::LengthDelimited, &mut out);
    encode_varint(inner as u64, &mut out);
    put_entry(entry, parts, &mut out);
    put_number(2, user_seq, &mut out);
    put_number(3, u64::from(parts == Parts::Echo), &mut out);
    out.freeze()
}

/// The entry as a Protobuf message, for responses.
#[must_use]
pub fn to_payload(entry: &Entry, with_body: bool) -> payload::Entry {
    let id = |id: &[u8]| Bytes::copy_from_slice(id);
    payload::Entry {
        conversation: entry.conversation.to_bytes(),
        log_epoch: entry.log_epoch,
        conv_seq: entry.conv_seq,
        r#type: u32::from(entry.frame_type.0),
        sender: entry
            .sender
            .map_or_else(Bytes::new, |sender| id(sender.as_bytes())),
        sender_device: entry
            .sender_device
            .map_or_else(Bytes::new, |device| id(device.as_bytes())),
        client_msg_id: entry
            .client_msg_id
            .map_or_else(Bytes::new, |key| id(key.as_bytes())),
        time_ms: entry.time_ms,
        countable: entry.countable,
        body: if with_body {
            entry.body.clone()
        } else {
            Bytes::new()
        },
        fallback_text: if with_body {
            entry.fallback_text.clone()
        } else {
            String::new()
        },
        tombstone: entry.tombstone,
    }
}

/// Fields of an entry in order: number, octets or number.
enum Field<'a> {
    Octets(u32, &'a [u8]),
    Number(u32, u64),
}

fn fields(entry: &Entry, parts: Parts) -> [Field<'_>; 12] {
    let fallback = entry.fallback_text.as_bytes();
    let (body, fallback): (&[u8], &[u8]) = match parts {
        Parts::Whole => (&entry.body, fallback),
        Parts::Echo => (&[], &[]),
        Parts::Header => (&[], fallback),
    };
    [
        Field::Octets(1, entry.conversation.as_bytes()),
        Field::Number(2, entry.log_epoch),
        Field::Number(3, entry.conv_seq),
        Field::Number(4, u64::from(entry.frame_type.0)),
        Field::Octets(5, entry.sender.as_ref().map_or(&[], |id| id.as_bytes())),
        Field::Octets(
            6,
            entry.sender_device.as_ref().map_or(&[], |id| id.as_bytes()),
        ),
        Field::Octets(
            7,
            entry.client_msg_id.as_ref().map_or(&[], |id| id.as_bytes()),
        ),
        Field::Number(8, entry.time_ms),
        Field::Number(9, entry.countable),
        Field::Octets(10, body),
        Field::Octets(11, fallback),
        Field::Number(12, u64::from(entry.tombstone)),
    ]
}

/// Octets that [`put_entry`] writes. All field numbers are below 16: keys take one octet.
fn entry_octets(entry: &Entry, parts: Parts) -> usize {
    fields(entry, parts)
        .iter()
        .map(|field| match field {
            Field::Octets(_, []) | Field::Number(_, 0) => 0,
            Field::Octets(_, octets) => 1 + encoded_len_varint(octets.len() as u64) + octets.len(),
            Field::Number(_, number) => 1 + encoded_len_varint(*number),
        })
        .sum()
}

fn put_entry(entry: &Entry, parts: Parts, out: &mut BytesMut) {
    for field in fields(entry, parts) {
        match field {
            Field::Octets(_, []) => {}
            Field::Octets(number, octets) => {
                encode_key(number, WireType::LengthDelimited, out);
                encode_varint(octets.len() as u64, out);
                out.put_slice(octets);
            }
            Field::Number(number, value) => put_number(number, value, out),
        }
    }
}

/// Protobuf leaves zeros out.
fn put_number(number: u32, value: u64, out: &mut BytesMut) {
    if value != 0 {
        encode_key(number, WireType::Varint, out);
        encode_varint(value, out);
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, UserId};
    use eim_codec::registry::FrameType;
    use prost::Message as _;

    use super::*;

    fn entry(body: usize) -> Entry {
        Entry {
            conversation: ConversationId::from([1; 16]),
            log_epoch: 1,
            conv_seq: 300,
            frame_type: FrameType::TEXT,
            sender: Some(UserId::from([2; 16])),
            sender_device: Some(DeviceId::from([3; 16])),
            client_msg_id: Some(ClientMsgId::from([4; 16])),
            time_ms: 1_700_000_000_000,
            countable: 299,
            body: vec![7; body].into(),
            fallback_text: "text".repeat(body % 3),
            tombstone: body == 5,
        }
    }

    #[test]
    fn hand_written_octets_equal_those_of_prost() {
        for body in [0, 1, 5, 127, 128, 70_000] {
            for (user_seq, echo) in [(0, false), (7, true), (u64::MAX, false)] {
                let mut entry = entry(body);
                if body == 1 {
                    (entry.sender, entry.sender_device, entry.client_msg_id) = (None, None, None);
                }
                let push = payload::Push {
                    entry: Some(to_payload(&entry, !echo)),
                    user_seq,
                    echo,
                };
                assert_eq!(
                    encode(&entry, user_seq, Parts::of(echo)),
                    push.encode_to_vec(),
                    "body {body}"
                );
            }
        }
    }
}
