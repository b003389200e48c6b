//! What a testee has sent in a session, and what that binds it to.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::wire::fragment::{Fragment, Start};
use crate::wire::frame::Frame;

/// Fragmented messages that may be open at once (limit fragmented_messages).
const OPEN: usize = 4;

/// The sequenced frames of a testee in one session.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// By ordinal, from 1.
    frames: Vec<Bytes>,
    /// Messages of which fragments are missing: octets so far, and in all.
    open: BTreeMap<u32, (usize, usize)>,
}

impl Past {
    /// Takes a frame in; one that comes again changes nothing.
    pub fn note(&mut self, ordinal: u64, frame: &Frame) {
        if self.sent_before(ordinal).is_some() {
            return;
        }
        self.frames.push(frame.encode());
        match frame.kind {
            0x10 => self.fragment(frame),
            0x11 => {
                let id = frame.payload.get(1..).and_then(varint).unwrap_or(0);
                self.open.remove(&id);
            }
            _ => {}
        }
    }

    fn fragment(&mut self, frame: &Frame) {
        let Some(part) = Fragment::decode(frame.payload.clone()) else {
            return;
        };
        let total = |start: Start| (0, start.total as usize);
        let (so_far, total) = match (part.start, self.open.get(&part.id)) {
            (Some(start), _) => total(start),
            (None, Some(open)) => *open,
            (None, None) => return,
        };
        let so_far = so_far + part.data.len();
        if so_far >= total {
            self.open.remove(&part.id);
        } else {
            self.open.insert(part.id, (so_far, total));
        }
    }

    fn sent_before(&self, ordinal: u64) -> Option<&Bytes> {
        let index = usize::try_from(ordinal).ok()?.checked_sub(1)?;
        self.frames.get(index)
    }

    /// Octets of the frames through an ordinal.
    #[must_use]
    pub fn octets(&self, through: u64) -> u64 {
        let through = usize::try_from(through).unwrap_or(usize::MAX);
        self.frames
            .iter()
            .take(through)
            .map(|frame| frame.len() as u64)
            .sum()
    }

    /// What is wrong with the next frame, given what came before.
    ///
    /// # Errors
    /// The requirement, and why.
    pub fn check(&self, ordinal: u64, frame: &Frame) -> Result<(), (&'static str, String)> {
        if let Some(before) = self.sent_before(ordinal) {
            return if *before == frame.encode() {
                Ok(())
            } else {
                Err((
                    "EIM-RSM-015",
                    format!("ordinal {ordinal} is not what it was before"),
                ))
            };
        }
        if frame.kind != 0x10 {
            return Ok(());
        }
        let Some(part) = Fragment::decode(frame.payload.clone()) else {
            return Err(("EIM-FRG-001", "too short".into()));
        };
        let known = self.open.get(&part.id);
        match (part.start, known) {
            (Some(_), Some(_)) => Err(("EIM-FRG-004", format!("id {} is open", part.id))),
            (Some(_), None) if self.open.len() >= OPEN => {
                Err(("EIM-FRG-024", format!("{OPEN} messages are open already")))
            }
            (None, None) => Err(("EIM-FRG-003", format!("id {} is not open", part.id))),
            (None, Some((so_far, _))) if part.offset as usize != *so_far => Err((
                "EIM-FRG-003",
                format!("offset {} after {so_far} octets", part.offset),
            )),
            _ if part.data.is_empty() => Err(("EIM-FRG-003", "no data".into())),
            _ => Ok(()),
        }
    }
}

fn varint(octets: &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for (index, octet) in octets.iter().take(5).enumerate() {
        let shift = 7 * u32::try_from(index).ok()?;
        value |= u32::from(octet & 0x7F).checked_shl(shift)?;
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(id: u32, offset: u32, total: u32, data: usize) -> Frame {
        let start = (offset == 0).then_some(Start {
            inner_type: 0x20,
            compression: 0,
            total,
            uncompressed: total,
        });
        let data = vec![0; data].into();
        Frame::new(
            0x10,
            Fragment {
                id,
                offset,
                start,
                data,
            }
            .encode(),
        )
    }

    fn wrong(past: &Past, ordinal: u64, frame: &Frame) -> &'static str {
        past.check(ordinal, frame).expect_err("a rule is broken").0
    }

    #[test]
    fn fragments_follow_each_other() {
        let mut past = Past::default();
        for id in 1..=4 {
            let first = fragment(id, 0, 10, 4);
            assert_eq!(past.check(id.into(), &first), Ok(()));
            past.note(id.into(), &first);
        }
        assert_eq!(wrong(&past, 5, &fragment(5, 0, 10, 4)), "EIM-FRG-024");
        assert_eq!(wrong(&past, 5, &fragment(1, 0, 10, 4)), "EIM-FRG-004");
        assert_eq!(wrong(&past, 5, &fragment(1, 5, 10, 4)), "EIM-FRG-003");
        assert_eq!(wrong(&past, 5, &fragment(9, 5, 10, 4)), "EIM-FRG-003");
        past.note(5, &fragment(1, 4, 10, 6));
        past.note(6, &Frame::new(0x11, vec![0x08, 2]));
        for id in 5..=6 {
            assert_eq!(past.check(7, &fragment(id, 0, 10, 4)), Ok(()));
        }
    }

    #[test]
    fn what_comes_again_is_what_it_was() {
        let mut past = Past::default();
        let frame = Frame::new(0x20, vec![1, 2, 3]);
        past.note(1, &frame);
        assert_eq!(past.check(1, &frame), Ok(()));
        assert_eq!(
            wrong(&past, 1, &Frame::new(0x20, vec![1, 2, 4])),
            "EIM-RSM-015"
        );
        assert_eq!(past.octets(1), 14);
    }
}
