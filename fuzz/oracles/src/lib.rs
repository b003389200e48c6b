//! What must hold for any input. Each function panics when it does not.
//!
//! The fuzz targets are one line each; the tests of `codec` call the same functions on stable.

#![forbid(unsafe_code)]

mod reference;

use bytes::{Bytes, BytesMut};
use eim_codec::fragment::{Fragment, Reassembler, ReassemblerLimits};
use eim_codec::registry::{Direction, FrameType, limits};
use eim_codec::{Decoded, Decoder, DecoderLimits, Frame, encode_frame};

/// Frames, then why there are no more.
#[derive(Debug, PartialEq)]
struct Verdict {
    frames: Vec<Frame>,
    end: End,
}

#[derive(Debug, PartialEq)]
enum End {
    Incomplete { needed: usize },
    Rejected { code: u16 },
}

/// Decodes any octets: nothing panics, a naive second decoder agrees, what was decoded encodes to
/// the octets it came from, a rejection is final, and contents and fragments stay within bounds.
pub fn frame_decode(octets: &[u8]) {
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

/// Decodes any octets in any pieces: the verdict is that of the whole. The first octet says how
/// many of the following give the sizes of pieces, which are used in turn.
pub fn frame_chunks(input: &[u8]) {
    let Some((count, rest)) = input.split_first() else {
        return;
    };
    let (sizes, octets) = rest.split_at(rest.len().min(usize::from(count % 16)));
    let limits = DecoderLimits::default();
    let octets = Bytes::copy_from_slice(octets);
    let whole = decode(limits, [octets.clone()]);

    let single = octets.iter().map(|octet| Bytes::copy_from_slice(&[*octet]));
    assert_eq!(decode(limits, single), whole, "octet by octet");

    let (mut pieces, mut left) = (Vec::new(), octets);
    for size in sizes.iter().cycle() {
        // At least one octet, or the pieces would never end.
        pieces.push(left.split_to(left.len().min(usize::from(*size) + 1)));
        if left.is_empty() {
            break;
        }
    }
    pieces.push(left);
    assert_eq!(decode(limits, pieces), whole, "in pieces of {sizes:?}");
}

fn decode(limits: DecoderLimits, chunks: impl IntoIterator<Item = Bytes>) -> Verdict {
    let mut decoder = Decoder::new(limits);
    let mut frames = Vec::new();
    let mut end = drain(&mut decoder, &mut frames);
    for chunk in chunks {
        decoder.feed(chunk);
        end = drain(&mut decoder, &mut frames);
    }
    Verdict { frames, end }
}

fn drain(decoder: &mut Decoder, frames: &mut Vec<Frame>) -> End {
    loop {
        match decoder.next() {
            Ok(Decoded::Frame(frame)) => frames.push(frame),
            Ok(Decoded::Incomplete { needed }) => {
                assert!(needed > 0, "incomplete, but nothing is missing");
                return End::Incomplete { needed };
            }
            Err(rejected) => {
                assert_eq!(decoder.buffered(), 0, "a rejected connection holds memory");
                return End::Rejected {
                    code: rejected.code.0,
                };
            }
        }
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
