//! Payloads are slices of the chunks; nothing is copied that does not have to be.

use bytes::{Bytes, BytesMut};
use eim_codec::registry::{Compression, FrameType};
use eim_codec::{Decoded, Decoder, DecoderLimits, Encoder, Frame, VERSION};

fn wire(payloads: &[&[u8]]) -> Bytes {
    let encoder = Encoder::new(VERSION, 65_536);
    let mut out = BytesMut::new();
    for payload in payloads {
        encoder
            .frame(FrameType::TEXT, 1, Compression::NONE, payload, &mut out)
            .unwrap();
    }
    out.freeze()
}

fn next(decoder: &mut Decoder) -> Frame {
    match decoder.next() {
        Ok(Decoded::Frame(frame)) => frame,
        other => panic!("no frame: {other:?}"),
    }
}

#[test]
fn frames_inside_a_chunk_are_slices_of_it() {
    let chunk = wire(&[b"one", b"two", b"three"]);
    let place = chunk.as_ptr_range();
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.feed(chunk);
    for expected in [&b"one"[..], b"two", b"three"] {
        let frame = next(&mut decoder);
        assert_eq!(frame.payload, expected);
        assert!(
            place.contains(&frame.payload.as_ptr()),
            "{expected:?} was copied"
        );
        assert!(
            place.contains(&frame.content().unwrap().as_ptr()),
            "{expected:?} was copied"
        );
    }
}

#[test]
fn only_the_frame_that_crosses_chunks_is_copied() {
    let octets = wire(&[b"one", b"crosses", b"three"]);
    let (first, second) = (octets.slice(..20), octets.slice(20..));
    let place = octets.as_ptr_range();
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.feed(first);
    decoder.feed(second);
    assert!(place.contains(&next(&mut decoder).payload.as_ptr()));
    let crossing = next(&mut decoder);
    assert_eq!(crossing.payload, b"crosses".as_slice());
    assert!(!place.contains(&crossing.payload.as_ptr()));
    assert!(place.contains(&next(&mut decoder).payload.as_ptr()));
}

#[test]
fn a_decoder_between_frames_lets_go_of_the_chunk() {
    let chunk = wire(&[b"one"]);
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.feed(chunk.clone());
    drop(next(&mut decoder));
    assert!(decoder.is_at_boundary());
    assert!(chunk.is_unique(), "the chunk is still held");
}
