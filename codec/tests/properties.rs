//! Round trips and invariants over generated input. Failing seeds are printed by proptest.

use bytes::{Bytes, BytesMut};
use eim_codec::fragment::{Fragment, Reassembler, ReassemblerLimits, Reassembly, Splitter};
use eim_codec::registry::{Compression, Direction, ErrorCode, FrameType};
use eim_codec::{
    CompressionSet, Decoded, Decoder, DecoderLimits, Encoder, Frame, Rejected, VERSION,
    compression, encode_frame,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Types that a receiver accepts, known or not.
fn acceptable() -> impl Strategy<Value = FrameType> {
    prop_oneof![
        Just(FrameType::TEXT),
        Just(FrameType::CUSTOM),
        Just(FrameType::ENTRY),
        Just(FrameType(0x3E)),
        Just(FrameType(0x4F)),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    (acceptable(), any::<u32>(), vec(any::<u8>(), 0..300)).prop_map(
        |(frame_type, sequence, payload)| Frame {
            version: VERSION,
            frame_type,
            sequence,
            compression: Compression::NONE,
            payload: Bytes::from(payload),
        },
    )
}

/// Everything a decoder says about `chunks`.
fn decode(chunks: impl IntoIterator<Item = Bytes>) -> (Vec<Frame>, Result<usize, Rejected>) {
    let (mut decoder, mut frames) = (Decoder::new(DecoderLimits::default()), Vec::new());
    let mut end = Ok(0);
    for chunk in chunks {
        decoder.feed(chunk);
        end = loop {
            match decoder.next() {
                Ok(Decoded::Frame(frame)) => frames.push(frame),
                Ok(Decoded::Incomplete { needed }) => break Ok(needed),
                Err(rejected) => break Err(rejected),
            }
        };
    }
    (frames, end)
}

/// Cuts `octets` at the places, in any order.
fn cut(octets: &Bytes, places: &[prop::sample::Index]) -> Vec<Bytes> {
    let mut places: Vec<_> = places
        .iter()
        .map(|place| place.index(octets.len() + 1))
        .collect();
    places.extend([0, octets.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| octets.slice(pair[0]..pair[1]))
        .collect()
}

proptest! {
    #[test]
    fn frames_round_trip_however_they_are_cut(
        frames in vec(frame(), 0..8),
        places in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut out = BytesMut::new();
        for frame in &frames {
            let before = out.len();
            encode_frame(frame, &mut out).unwrap();
            prop_assert_eq!(out.len() - before, frame.encoded_len());
        }
        let (decoded, end) = decode(cut(&out.freeze(), &places));
        prop_assert_eq!(decoded, frames);
        prop_assert!(end.is_ok());
    }

    #[test]
    fn any_octets_get_one_verdict_however_they_are_cut(
        octets in vec(prop_oneof![any::<u8>(), 0_u8..3, Just(0x20)], 0..200),
        places in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let octets = Bytes::from(octets);
        prop_assert_eq!(decode([octets.clone()]), decode(cut(&octets, &places)));
    }

    #[test]
    fn what_is_queued_before_it_is_asked_for_decodes_alike(
        frames in vec(frame(), 1..8),
        places in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut out = BytesMut::new();
        frames.iter().for_each(|frame| encode_frame(frame, &mut out).unwrap());
        let octets = out.freeze();
        let mut decoder = Decoder::new(DecoderLimits::default());
        cut(&octets, &places).into_iter().for_each(|chunk| decoder.feed(chunk));
        prop_assert_eq!(decoder.buffered(), octets.len());
        for frame in frames {
            prop_assert_eq!(decoder.next(), Ok(Decoded::Frame(frame)));
        }
        prop_assert!(decoder.is_at_boundary());
    }

    #[test]
    fn the_encoder_writes_what_the_decoder_reads(frame in frame()) {
        let mut out = BytesMut::new();
        let encoder = Encoder::new(VERSION, 65_536);
        encoder
            .frame(frame.frame_type, frame.sequence, frame.compression, &frame.payload, &mut out)
            .unwrap();
        prop_assert_eq!(decode([out.freeze()]).0, vec![frame]);
    }

    #[test]
    fn compression_round_trips(
        pattern in vec(any::<u8>(), 1..64),
        octets in 0_usize..20_000,
        algorithm in prop::sample::select(compression::SUPPORTED),
    ) {
        let plain: Vec<u8> = pattern.iter().copied().cycle().take(octets).collect();
        if let Some(payload) = compression::compress(algorithm, &plain) {
            prop_assert!(payload.len() < plain.len());
            prop_assert_eq!(&compression::decompress(algorithm, payload.clone(), octets).unwrap(), &plain);
            let short = compression::decompress(algorithm, payload, octets - 1).unwrap_err();
            prop_assert_eq!(short.code(), ErrorCode::DECOMPRESSED_TOO_LARGE);
        }
    }

    #[test]
    fn corrupt_compression_yields_the_stated_size_or_an_error(
        plain in vec(0_u8..4, 100..2000),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        algorithm in prop::sample::select(compression::SUPPORTED),
    ) {
        let Some(payload) = compression::compress(algorithm, &plain) else { return Ok(()) };
        let mut payload = payload.to_vec();
        for (place, octet) in flips {
            let place = place.index(payload.len());
            payload[place] = octet;
        }
        let size = u32::from_be_bytes(payload[..4].try_into().unwrap());
        if let Ok(plain) = compression::decompress(algorithm, Bytes::from(payload), 100_000) {
            prop_assert_eq!(plain.len(), usize::try_from(size).unwrap());
        }
    }

    #[test]
    fn fragments_round_trip(
        payload in vec(any::<u8>(), 1..5000),
        max_payload in 19_u32..600,
        id in any::<u32>(),
    ) {
        let payload = Bytes::from(payload);
        let size = u32::try_from(payload.len()).unwrap();
        let splitter =
            Splitter::new(id, FrameType::CUSTOM, Compression::NONE, size, payload.clone(), max_payload);
        let mut reassembler = Reassembler::new(ReassemblerLimits::default());
        let mut whole = None;
        for fragment in splitter.unwrap() {
            prop_assert!(whole.is_none(), "nothing follows the last fragment");
            let mut out = BytesMut::new();
            fragment.encode(&mut out);
            prop_assert_eq!(out.len(), fragment.encoded_len());
            prop_assert!(out.len() <= usize::try_from(max_payload).unwrap());
            let read = Fragment::decode(out.freeze()).unwrap();
            prop_assert_eq!(&read, &fragment);
            match reassembler.accept(read, Direction::Both, CompressionSet::NONE).unwrap() {
                Reassembly::More { .. } => prop_assert_eq!(reassembler.reserved(), size.into()),
                led => whole = Some(led),
            }
        }
        let Some(Reassembly::Complete(message)) = whole else { panic!("the message is whole") };
        prop_assert_eq!(message.payload, payload);
        prop_assert_eq!((reassembler.open(), reassembler.reserved()), (0, 0));
    }

    #[test]
    fn any_fragments_keep_the_bounds(
        payloads in vec(vec(prop_oneof![0_u8..4, Just(0x27), any::<u8>()], 0..40), 0..30),
    ) {
        let limits = ReassemblerLimits::new(3, 10_000);
        let mut reassembler = Reassembler::new(limits);
        for payload in payloads {
            let Ok(fragment) = Fragment::decode(Bytes::from(payload)) else { continue };
            if reassembler.accept(fragment, Direction::Both, CompressionSet::SUPPORTED).is_err() {
                break;
            }
            prop_assert!(reassembler.open() <= 3);
            prop_assert!(reassembler.reserved() <= 10_000);
        }
    }
}
