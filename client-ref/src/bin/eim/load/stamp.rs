//! What each message carries: its sender, its number, its time.

use bytes::{Bytes, BytesMut};
use eim_codec::payload::{self, TextBody, send};
use prost::Message as _;

/// Characters of a stamp: eight digits of sender, sixteen of number, sixteen of microseconds.
pub(crate) const STAMP: usize = 40;

/// The mark that finds the place of the id in the template.
const ID_MARK: [u8; 16] = *b"\xF5id of a message";

/// Makes the octets of `Send`s: one template, patched for each message.
pub(crate) struct Template {
    octets: Vec<u8>,
    id_at: usize,
    stamp_at: usize,
    sender: u32,
    prefix: [u8; 8],
}

impl Template {
    /// A text of `size` characters, at least a stamp. `prefix` makes ids unique.
    pub(crate) fn new(target: send::Target, sender: u32, size: usize, prefix: [u8; 8]) -> Self {
        let text = "x".repeat(size.max(STAMP));
        let characters = text.len();
        let body = TextBody::new(text).encode_to_vec();
        let octets = payload::Send {
            target: Some(target),
            client_msg_id: Bytes::from_static(&ID_MARK),
            body: body.into(),
            ..payload::Send::default()
        }
        .encode_to_vec();
        let id_at = octets
            .windows(ID_MARK.len())
            .position(|window| window == ID_MARK)
            .unwrap_or(0);
        // The text is the end of the body, and the body that of the message.
        let stamp_at = octets.len() - characters;
        Self {
            id_at,
            stamp_at,
            octets,
            sender,
            prefix,
        }
    }

    /// The octets of a message; `after_failed` says that its sender knows of a refusal.
    pub(crate) fn make(&self, number: u64, micros: u64, after_failed: bool) -> Bytes {
        let mut octets = BytesMut::from(&self.octets[..]);
        if after_failed {
            let mark = payload::Send {
                after_failed,
                ..payload::Send::default()
            };
            // Fields of a message may stand in any order.
            octets.extend_from_slice(&mark.encode_to_vec());
        }
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.prefix);
        id[8..].copy_from_slice(&number.to_be_bytes());
        octets[self.id_at..self.id_at + 16].copy_from_slice(&id);
        let stamp = &mut octets[self.stamp_at..self.stamp_at + STAMP];
        digits(&mut stamp[..8], u64::from(self.sender));
        digits(&mut stamp[8..24], number);
        digits(&mut stamp[24..], micros);
        octets.freeze()
    }
}

fn digits(to: &mut [u8], mut value: u64) {
    for digit in to.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

/// A stamp that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sender: u32,
    pub(crate) number: u64,
    pub(crate) micros: u64,
}

impl Stamp {
    /// Reads the stamp of a text body; `None` for a message of somebody else.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        // Field 1, length-delimited, one or two octets of length: the text is at the end.
        let text = match body {
            [0x0A, short, text @ ..] if *short < 0x80 => text,
            [0x0A, _, long, text @ ..] if *long < 0x80 => text,
            [0x0A, _, _, _, text @ ..] => text,
            _ => return None,
        };
        Some(Self {
            sender: u32::try_from(value(text.get(..8)?)?).ok()?,
            number: value(text.get(8..24)?)?,
            micros: value(text.get(24..STAMP)?)?,
        })
    }
}

fn value(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((value << 4) | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_read() {
        for size in [0, 40, 100, 200, 5000, 30_000] {
            let target = send::Target::DirectTo(Bytes::from_static(&[1; 16]));
            let template = Template::new(target, 0xABC, size, [7; 8]);
            let octets = template.make(u64::MAX - 3, 0x1234_5678_9ABC, true);
            let send = payload::Send::decode(octets).unwrap();
            assert!(send.after_failed);
            assert_eq!(send.client_msg_id[..8], [7; 8]);
            assert_eq!(send.client_msg_id[8..], (u64::MAX - 3).to_be_bytes());
            let text = TextBody::decode(send.body.clone()).unwrap().text;
            assert_eq!(text.len(), size.max(STAMP));
            assert_eq!(
                Stamp::read(&send.body),
                Some(Stamp {
                    sender: 0xABC,
                    number: u64::MAX - 3,
                    micros: 0x1234_5678_9ABC
                })
            );
        }
        assert_eq!(Stamp::read(b"\x0A\x02hi"), None);
    }
}
