//! Any octets.

use bytes::{Bytes, BytesMut};
use eim_codec::fragment::{Fragment, Reassembler, ReassemblerLimits};
use eim_codec::registry::{Direction, FrameType, limits};
use eim_codec::{DecoderLimits, Frame, encode_frame};

use crate::drive::{End, decode};
use crate::receiver::{Depth, Receiver};
use crate::{meter, naive};

/// Decodes any octets: nothing panics, the naive receiver sees the same frames and the same code, what was
/// decoded encodes to the octets it came from, a rejection is final, memory is bounded by what arrived, and
/// contents and fragments stay within their caps.
pub fn run(octets: &[u8]) {
    for handshake in [false, true] {
        let receiver = Receiver {
            client: false,
            handshake,
            compressions: vec![1, 2, 3, 4],
            depth: Depth::Decode,
            octet_by_octet: false,
            version: 1,
            max_payload: limits::FRAME_OCTETS.default,
            negotiated: Vec::new(),
        };
        let limits = receiver.limits();
        let whole = Bytes::copy_from_slice(octets);
        let before = meter::allocated();
        let verdict = decode(limits, [whole]);
        let allocated = meter::allocated() - before;
        // Frames are slices; only the list of them grows, by doubling.
        let frames = verdict.frames.len().max(4) * 4 * size_of::<Frame>();
        assert!(
            allocated <= frames + 2 * octets.len(),
            "{allocated} octets allocated to decode {}",
            octets.len()
        );
        compare(&receiver, octets, &verdict.frames, verdict.end);

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

/// Frame by frame, since the naive receiver goes on to check direction and phase, which a decoder does not.
fn compare(receiver: &Receiver, octets: &[u8], frames: &[Frame], end: End) {
    let mut left = octets;
    for frame in frames {
        let (naive, rest) = naive::next(receiver, left, |_, _, _| Ok(()))
            .expect("the naive receiver sees a frame too");
        left = rest;
        let same = naive.version == frame.version
            && naive.frame_type == frame.frame_type.0
            && naive.sequence == u64::from(frame.sequence)
            && naive.compression == frame.compression.0
            && naive.payload == frame.payload;
        assert!(same, "{naive:?} and {frame:?}");
    }
    let naive = naive::next(receiver, left, |_, _, _| Ok(()))
        .expect_err("the naive receiver sees no frame either");
    match (end, naive) {
        (End::Incomplete { needed }, naive::End::Incomplete(naive)) => assert_eq!(needed, naive),
        (End::Rejected { stage, code }, naive::End::Rejected { stage: s, code: c }) => {
            assert_eq!((stage.name(), code.name()), (s, Some(c)));
        }
        (end, naive) => panic!("{end:?} and {naive:?}"),
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
