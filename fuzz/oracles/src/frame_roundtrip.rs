//! Frames and messages that a sender wants to send: what is encoded has the length that was stated, is
//! read back by the naive reader and by the codec, and what is refused would have been refused by the
//! receiver.

use arbitrary::{Arbitrary, Unstructured};
use bytes::{Bytes, BytesMut};
use eim_codec::fragment::{Reassembler, ReassemblerLimits, Reassembly, Splitter};
use eim_codec::registry::{Compression, Direction, FrameType, limits};
use eim_codec::{
    CompressionSet, Decoded, Decoder, DecoderLimits, EncodeError, Encoder, Frame, HEADER_OCTETS,
    compression, encode_frame,
};

use crate::naive;
use crate::receiver::{Depth, Receiver};

/// What is to be sent.
#[derive(Debug, Arbitrary)]
struct Plan {
    /// What the peer announced.
    max_payload: u32,
    frames: Vec<Wish>,
    message: Message,
}

/// A frame through the encoder.
#[derive(Debug, Arbitrary)]
struct Wish {
    frame_type: FrameType,
    sequence: u32,
    compression: u8,
    payload: Payload,
}

/// Octets, some of them often.
#[derive(Debug, Arbitrary)]
struct Payload {
    octets: Vec<u8>,
    times: u16,
}

/// A message in fragments.
#[derive(Debug, Arbitrary)]
struct Message {
    id: u32,
    compression: u8,
    payload: Payload,
    max_payload: u16,
    /// A frame as the application might hold it.
    frame: Frame,
}

/// Most octets of a payload: beyond the cap of all types but two.
const MOST: usize = 1 << 19;

impl Payload {
    fn make(&self) -> Vec<u8> {
        let times = MOST / self.octets.len().max(1);
        self.octets
            .repeat(usize::from(self.times).clamp(1, times.max(1)))
    }
}

/// Input: octets that `arbitrary` turns into frames.
pub fn run(input: &[u8]) {
    let Ok(plan) = Plan::arbitrary(&mut Unstructured::new(input)) else {
        return;
    };
    frames(&plan);
    message(&plan.message);
    verbatim(&plan.message.frame);
}

fn receiver(max_payload: u32) -> Receiver {
    Receiver {
        client: false,
        handshake: false,
        compressions: vec![1, 2, 3, 4],
        depth: Depth::Decode,
        octet_by_octet: false,
        version: 1,
        max_payload,
        negotiated: (0x80..=0xDF).collect(),
    }
}

/// All frames in one buffer; the encoder refuses exactly what is too long.
#[expect(clippy::too_many_lines, reason = "one story: sizes, streams, contents")]
fn frames(plan: &Plan) {
    let max_payload = plan.max_payload % (MOST as u32 * 2);
    let encoder = Encoder::new(1, max_payload);
    let receiver = receiver(max_payload);
    let limits = receiver.limits();
    let mut decoder = Decoder::new(limits);
    for wish in &plan.frames {
        let plain = wish.payload.make();
        let algorithm = Compression(wish.compression % 5);
        let compressed = compression::compress(algorithm, &plain);
        let (algorithm, payload) = match compressed {
            Some(payload) => (algorithm, payload),
            None => (Compression::NONE, Bytes::from(plain.clone())),
        };
        let mut out = BytesMut::from(b"before".as_slice());
        let sent = encoder.frame(
            wish.frame_type,
            wish.sequence,
            algorithm,
            &payload,
            &mut out,
        );
        let octets = out.split_off(6);
        assert_eq!(out, b"before".as_slice(), "what was there before");
        let naive = naive::next(&receiver, &octets, |_, _, _| Ok(()));
        let Ok(()) = sent else {
            let most = max_payload.min(wish.frame_type.max_octets());
            let too_large = EncodeError::TooLarge {
                octets: payload.len(),
                max: most,
            };
            assert_eq!(sent, Err(too_large));
            assert!(payload.len() > most as usize, "{sent:?}");
            assert!(octets.is_empty(), "nothing is written");
            continue;
        };
        assert_eq!(
            octets.len(),
            HEADER_OCTETS + payload.len(),
            "the length is exact"
        );
        decoder.feed(octets.clone().freeze());
        match naive {
            Ok((naive, rest)) => {
                assert!(rest.is_empty(), "the length field is exact");
                let Ok(Decoded::Frame(frame)) = decoder.next() else {
                    panic!("the codec does not read what it wrote: {naive:?}");
                };
                assert_eq!(frame.frame_type, wish.frame_type);
                assert_eq!(
                    (frame.sequence, naive.sequence),
                    (wish.sequence, u64::from(wish.sequence))
                );
                assert_eq!(
                    (frame.compression, naive.compression),
                    (algorithm, algorithm.0)
                );
                assert_eq!(
                    (&frame.payload, &naive.payload[..]),
                    (&payload, &payload[..])
                );
                assert_eq!(frame.encoded_len(), octets.len());
                let content = frame.content();
                let fits = plain.len() <= frame.frame_type.max_octets() as usize;
                assert_eq!(
                    content.ok().as_deref(),
                    fits.then_some(plain.as_slice()),
                    "content"
                );
            }
            // The encoder writes what it is told; types and compression are for its caller to choose.
            Err(_) => {
                assert!(decoder.next().is_err(), "both receivers refuse");
                decoder = Decoder::new(limits);
            }
        }
    }
}

/// A message cut into fragments and put together again.
fn message(message: &Message) {
    let plain = message.payload.make();
    let algorithm = Compression(message.compression % 5);
    let compressed = compression::compress(algorithm, &plain);
    let (algorithm, payload) = match compressed {
        Some(payload) => (algorithm, payload),
        None => (Compression::NONE, Bytes::from(plain.clone())),
    };
    // ENCRYPTED has room for all; what it may not have is compression.
    let inner = if algorithm == Compression::NONE {
        FrameType::ENCRYPTED
    } else {
        FrameType(0x3E)
    };
    let max_payload = u32::from(message.max_payload).max(payload.len() as u32 / 512);
    let size = plain.len() as u32;
    let split = Splitter::new(
        message.id,
        inner,
        algorithm,
        size,
        payload.clone(),
        max_payload,
    );
    let Ok(splitter) = split else {
        assert!(payload.is_empty() || max_payload <= 18, "it can be split");
        return;
    };
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    let mut together = Vec::new();
    let mut whole = None;
    for fragment in splitter {
        assert!(whole.is_none(), "a fragment behind the last");
        let mut out = BytesMut::new();
        fragment.encode(&mut out);
        assert_eq!(out.len(), fragment.encoded_len(), "the length is exact");
        assert!(out.len() <= max_payload as usize, "within the frame");
        assert!(!fragment.data.is_empty(), "no fragment without data");
        assert_eq!(
            fragment.offset as usize,
            together.len(),
            "no gap, no overlap"
        );
        together.extend(&out[if fragment.offset == 0 { 18 } else { 8 }..]);
        let both = CompressionSet::SUPPORTED;
        let led = reassembler.accept(fragment, Direction::Client, both);
        match led.expect("what was split is accepted") {
            Reassembly::Complete(assembled) => whole = Some(assembled),
            Reassembly::More { id } => assert_eq!(id, message.id),
            Reassembly::Failed { code, .. } => panic!("{code}"),
        }
    }
    let whole = whole.expect("the last fragment completes");
    assert_eq!(whole.payload, payload);
    assert_eq!(together, payload, "as the octets say");
    assert_eq!(whole.content().ok().as_deref(), Some(plain.as_slice()));
    assert_eq!(
        (reassembler.open(), reassembler.reserved()),
        (0, 0),
        "nothing is held"
    );
}

/// Any frame is written as it is, and read again where its header is accepted.
fn verbatim(frame: &Frame) {
    let mut out = BytesMut::new();
    encode_frame(frame, &mut out).expect("a short payload");
    assert_eq!(out.len(), frame.encoded_len());
    let mut limits = DecoderLimits::open(limits::FRAME_OCTETS.maximum, CompressionSet::SUPPORTED);
    limits.version = frame.version;
    let mut decoder = Decoder::new(limits);
    decoder.feed(out.freeze());
    if let Ok(decoded) = decoder.next() {
        assert_eq!(decoded, Decoded::Frame(frame.clone()));
    }
}
