//! Any octets.

use bytes::{Bytes, BytesMut};
use eim_codec::fragment::{Fragment, Reassembler, ReassemblerLimits};
use eim_codec::registry::{Direction, FrameType, limits};
use eim_codec::{DecoderLimits, Frame, encode_frame};

use crate::drive::decode;
use crate::reference;

/// Decodes any octets: nothing panics, a naive second decoder agrees, what was decoded encodes to
/// the octets it came from, a rejection is final, and contents and fragments stay within bounds.
pub fn run(octets: &[u8]) {
    for limits in [DecoderLimits::default(), DecoderLimits::handshake()] {
        let verdict = decode(limits, [Bytes::copy_from_slice(octets)]);
        assert_eq!(
            verdict,
            reference::decode(&limits, octets),
            "the second decoder disagrees"
        );

        let mut again = BytesMut::new();
        for frame in &verdict.frames {
            encode_frame(frame, &mut again).expect("a decoded frame can be encoded");
        }
        assert!(
            octets.starts_with(&again),
            "frames encode to the octets they came from"
        );
        contents(&verdict.frames);
        fragments(&limits, &verdict.frames);
    }
}

fn contents(frames: &[Frame]) {
    for frame in frames {
        if let Ok(content) = frame.content() {
            assert!(
                content.len() <= frame.frame_type.max_octets() as usize,
                "beyond the cap"
            );
        }
    }
}

fn fragments(limits: &DecoderLimits, frames: &[Frame]) {
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    for frame in frames
        .iter()
        .filter(|frame| frame.frame_type == FrameType::FRAGMENT)
    {
        let Ok(fragment) = Fragment::decode(frame.payload.clone()) else {
            return;
        };
        let mut again = BytesMut::new();
        fragment.encode(&mut again);
        assert_eq!(
            again, frame.payload,
            "a fragment encodes to the octets it came from"
        );
        if reassembler
            .accept(fragment, Direction::Both, limits.compressions)
            .is_err()
        {
            return;
        }
        assert!(reassembler.open() <= limits::FRAGMENTED_MESSAGES.default as usize);
        assert!(reassembler.reserved() <= u64::from(limits::REASSEMBLY_OCTETS.default));
    }
}
