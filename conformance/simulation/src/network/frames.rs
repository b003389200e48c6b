//! Looks at the frames that pass, for the hash of the run and for cursors.

use eim_codec::payload::Cursor;
use eim_codec::registry::FrameType;
use prost::Message as _;

use crate::world::Trace;

/// Octets of a frame header.
const HEADER: usize = 11;
/// Longest payload that is looked into.
const SHORT: usize = 64;

/// What of a frame is still to come.
#[derive(Debug)]
struct Under {
    left: usize,
    /// SCRAM draws its nonces itself, with a fixed length: their frames are hashed by length.
    secret: bool,
    /// Payload so far, if it is looked into.
    kept: Option<Vec<u8>>,
}

/// Follows the frames of one direction through any chunks.
#[derive(Debug)]
pub(super) struct Frames {
    header: Vec<u8>,
    under: Option<Under>,
    /// From a device, which tells cursors.
    up: bool,
}

impl Frames {
    pub(super) const fn new(up: bool) -> Self {
        Self {
            header: Vec::new(),
            under: None,
            up,
        }
    }

    /// Takes up the next octets; adds the epoch and number of each CURSOR to `cursors`.
    pub(super) fn feed(
        &mut self,
        mut octets: &[u8],
        trace: &mut Trace,
        cursors: &mut Vec<(u64, u64)>,
    ) {
        trace.number(octets.len() as u64);
        while !octets.is_empty() || self.under.as_ref().is_some_and(|under| under.left == 0) {
            if let Some(under) = &mut self.under {
                let (taken, rest) = octets.split_at(under.left.min(octets.len()));
                under.left -= taken.len();
                octets = rest;
                if under.secret {
                    trace.number(taken.len() as u64);
                } else {
                    trace.octets(taken);
                }
                if let Some(kept) = &mut under.kept {
                    kept.extend_from_slice(taken);
                }
                if under.left == 0 {
                    let kept = self.under.take().and_then(|under| under.kept);
                    // Of a broken client it is not the relay's business.
                    cursors.extend(kept.and_then(|kept| Cursor::decode(&*kept).ok()).and_then(
                        |cursor| {
                            (cursor.log_epoch != 0).then_some((cursor.log_epoch, cursor.user_seq))
                        },
                    ));
                }
                continue;
            }
            let missing = HEADER - self.header.len();
            let (taken, rest) = octets.split_at(missing.min(octets.len()));
            trace.octets(taken);
            self.header.extend_from_slice(taken);
            octets = rest;
            if let [_, kind, _, _, _, _, _, a, b, c, d] = *self.header {
                let left = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(0);
                let kind = FrameType(kind);
                let look = self.up && kind == FrameType::CURSOR && left <= SHORT;
                self.under = Some(Under {
                    left,
                    secret: [
                        FrameType::AUTH,
                        FrameType::AUTH_CHALLENGE,
                        FrameType::AUTH_OK,
                    ]
                    .contains(&kind),
                    kept: look.then(Vec::new),
                });
                self.header.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_cursors_in_any_chunks_and_leaves_secrets_out() {
        let cursor = Cursor {
            log_epoch: 5,
            user_seq: 300,
            settled_through: 1,
        }
        .encode_to_vec();
        let frame = |kind: FrameType, payload: &[u8]| {
            let mut octets = vec![1, kind.0, 0, 0, 0, 0, 0];
            octets.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
            octets.extend(payload);
            octets
        };
        let with = |secret: &[u8]| {
            [
                frame(FrameType::AUTH, secret),
                frame(FrameType::CURSOR, &cursor),
                frame(FrameType::PING, b""),
                frame(FrameType::CURSOR, &cursor),
            ]
            .concat()
        };
        let run = |octets: &[u8], chunk: usize| {
            let (mut frames, mut trace, mut cursors) =
                (Frames::new(true), Trace::default(), Vec::new());
            for chunk in octets.chunks(chunk) {
                frames.feed(chunk, &mut trace, &mut cursors);
            }
            assert_eq!(cursors, [(5, 300), (5, 300)], "in chunks of {chunk}");
            trace.hash()
        };
        for chunk in 1..60 {
            assert_eq!(
                run(&with(b"one nonce"), chunk),
                run(&with(b"two nonce"), chunk)
            );
            assert_ne!(
                run(&with(b"one nonce"), chunk),
                run(&with(b"longer nonce"), chunk)
            );
        }
    }
}
