//! Chapter 14, as far as one side of a connection can tell: everything in lists, nothing reserved.

use super::frame::{Frame, may_be_compressed};
use super::registry::{TYPES, limit, range};
use super::{End, frame, protobuf, reject};
use crate::receiver::Receiver;

/// The messages that are open.
#[derive(Default)]
pub(crate) struct Fragments {
    open: Vec<Message>,
}

struct Message {
    id: u64,
    inner_type: u8,
    compression: u8,
    total: u64,
    uncompressed: u64,
    data: Vec<u8>,
    failed: bool,
}

impl Message {
    /// What is set aside for it.
    fn room(&self) -> u64 {
        match (self.failed, self.compression) {
            (true, _) => 0,
            (false, 0) => self.total,
            (false, _) => self.total + self.uncompressed,
        }
    }
}

fn malformed() -> End {
    reject("payload", "MALFORMED_FRAGMENT")
}

impl Fragments {
    /// The frame, the message that it completes, or nothing yet.
    pub(crate) fn take(&mut self, receiver: &Receiver, frame: Frame) -> Result<Option<Frame>, End> {
        match frame.frame_type {
            0x10 => self.fragment(receiver, &frame),
            0x11 => self.cancel(&frame.payload).map(|()| Some(frame)),
            _ => Ok(Some(frame)),
        }
    }

    fn cancel(&mut self, payload: &[u8]) -> Result<(), End> {
        let parsed = protobuf::canonical("eim.v1.Cancel", payload);
        let canonical = parsed.ok_or_else(|| reject("payload", "MALFORMED_PAYLOAD"))?;
        // One field, a number: what is behind its tag, seven bits an octet.
        let id = canonical
            .iter()
            .skip(1)
            .rev()
            .fold(0_u64, |sum, octet| sum << 7 | u64::from(octet & 0x7F));
        let place = self.open.iter().position(|message| message.id == id);
        self.open.remove(place.ok_or_else(malformed)?);
        Ok(())
    }

    fn fragment(&mut self, receiver: &Receiver, frame: &Frame) -> Result<Option<Frame>, End> {
        let payload = &frame.payload;
        let number = |place: usize| {
            payload[place..place + 4]
                .iter()
                .fold(0_u64, |sum, octet| sum * 256 + u64::from(*octet))
        };
        if payload.len() < 9 || (number(4) == 0 && payload.len() < 19) {
            return Err(malformed());
        }
        let (id, offset) = (number(0), number(4));
        let found = self.open.iter().position(|message| message.id == id);
        let (place, data) = match (offset, found) {
            (0, None) => {
                let message = Message {
                    id,
                    inner_type: payload[8],
                    compression: payload[9],
                    total: number(10),
                    uncompressed: number(14),
                    data: Vec::new(),
                    failed: false,
                };
                let data = &payload[18..];
                self.begin(receiver, message, data.len() as u64)?;
                (self.open.len() - 1, data)
            }
            (1.., Some(place)) => (place, &payload[8..]),
            _ => return Err(malformed()),
        };
        let message = &mut self.open[place];
        if message.data.len() as u64 != offset || offset + data.len() as u64 > message.total {
            return Err(malformed());
        }
        message.data.extend(data);
        if (message.data.len() as u64) < message.total {
            return Ok(None);
        }
        let message = self.open.remove(place);
        if message.failed {
            return Ok(None);
        }
        let stated = message.data.get(..4).map(|size| {
            size.iter()
                .fold(0_u64, |sum, octet| sum * 256 + u64::from(*octet))
        });
        if message.compression != 0 && stated != Some(message.uncompressed) {
            return Err(reject("compression", "DECOMPRESSION_FAILED"));
        }
        Ok(Some(Frame {
            version: 1,
            frame_type: message.inner_type,
            sequence: frame.sequence,
            compression: message.compression,
            payload: message.data,
        }))
    }

    /// The table of 14.2 from its third row.
    fn begin(&mut self, receiver: &Receiver, mut message: Message, octets: u64) -> Result<(), End> {
        let inner = message.inner_type;
        if !["message", "operation"].contains(&range(inner)) && inner != 0x50 {
            return Err(malformed());
        }
        let sender = if receiver.client { "server" } else { "client" };
        if TYPES
            .get(&inner)
            .is_some_and(|known| ![sender, "both"].contains(&known.direction))
        {
            return Err(reject("header", "UNEXPECTED_FRAME"));
        }
        let negotiated = receiver.compressions.contains(&message.compression);
        if message.compression != 0 && !(negotiated && may_be_compressed(inner)) {
            return Err(reject("compression", "UNKNOWN_COMPRESSION"));
        }
        if message.compression == 0 && message.total != message.uncompressed {
            return Err(malformed());
        }
        if octets > message.total {
            return Err(malformed());
        }
        if self.open.len() as u64 == limit("fragmented_messages") {
            return Err(reject("semantic", "TOO_MANY_FRAGMENTS"));
        }
        let cap = frame::cap(inner);
        let reserved: u64 = self.open.iter().map(Message::room).sum();
        message.failed = message.total > cap
            || message.uncompressed > cap
            || reserved + message.room() > limit("reassembly_octets");
        self.open.push(message);
        Ok(())
    }
}
