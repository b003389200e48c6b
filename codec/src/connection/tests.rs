//! What only shows after four thousand million frames: the sequence begins again at 1.

use bytes::Bytes;
use prost::Message;

use super::agreed::{Agreed, Capabilities};
use super::inbound::{Arrived, Inbound};
use super::outbound::Outbound;
use super::policy::{Algorithms, CompressionPolicy};
use super::{Queue, Reassembly, WindowSize};
use crate::decoder::{Decoded, Decoder};
use crate::limits::{CompressionSet, DecoderLimits};
use crate::payload;
use crate::registry::{Compression, Direction, ErrorCode, FrameType};

const LAST: u64 = u32::MAX as u64;

fn agreed() -> Agreed {
    Agreed {
        version: 1,
        compressions: CompressionSet::NONE,
        algorithms: Algorithms::first_of([].into_iter()),
        capabilities: Capabilities::default(),
        own_max: 65_536,
        peer_max: 65_536,
        send_only: false,
    }
}

fn sides(at: u64) -> (Outbound, Inbound) {
    let size = WindowSize {
        frames: 10,
        octets: 0,
    };
    let mut inbound = Inbound::new(size, Reassembly::default(), 65_536);
    let mut outbound = Outbound::new(Queue::default());
    inbound.start_at(at);
    outbound.start_at(at);
    let mut window = inbound.window(u64::MAX);
    window.received_through = 0;
    outbound.window(&window).unwrap();
    (outbound, inbound)
}

fn text(number: u64) -> Bytes {
    payload::Send {
        first_sent_at_ms: number,
        ..Default::default()
    }
    .encode_to_vec()
    .into()
}

// test[EIM-WIN-021]
#[test]
fn sequences_begin_again_and_ordinals_do_not() {
    let (mut outbound, mut inbound) = sides(LAST - 3);
    for number in 0..8 {
        let message = (number, None, FrameType::TEXT, text(number));
        outbound
            .enqueue(
                &agreed(),
                Direction::Client,
                &CompressionPolicy::default(),
                message,
            )
            .unwrap();
    }
    let mut octets = bytes::BytesMut::new();
    outbound.fill(&mut octets, &agreed(), &mut ());
    assert_eq!(outbound.sent(), LAST + 5);
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.feed(octets.freeze());
    let (mut sequences, mut ordinals) = (alloc::vec::Vec::new(), alloc::vec::Vec::new());
    while let Decoded::Frame(frame) = decoder.next().unwrap() {
        sequences.push(frame.sequence);
        let arrived = inbound.accept(frame, Direction::Client, CompressionSet::NONE);
        let Ok(Arrived::Message { ordinal, .. }) = arrived else {
            panic!("{arrived:?}")
        };
        ordinals.push(ordinal);
    }
    assert_eq!(
        sequences,
        [u32::MAX - 2, u32::MAX - 1, u32::MAX, 1, 2, 3, 4, 5]
    );
    assert!(ordinals.iter().copied().eq(LAST - 2..=LAST + 5));
    // Results name the 64-bit ordinal.
    assert!(inbound.consume(LAST + 1));
    assert!(!inbound.consume(1));
    let window = inbound.window(u64::MAX);
    assert_eq!(window.received_through, LAST + 5);
    outbound.window(&window).unwrap();
}

#[test]
fn zero_is_never_next() {
    let (_, mut inbound) = sides(LAST);
    for sequence in [0, 2, u32::MAX] {
        let frame = crate::Frame {
            version: 1,
            frame_type: FrameType::TEXT,
            sequence,
            compression: Compression::NONE,
            payload: text(0),
        };
        let refused = inbound
            .accept(frame, Direction::Client, CompressionSet::NONE)
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::BAD_SEQUENCE);
        assert_eq!(refused.ordinal, LAST + 1);
    }
}

#[test]
fn an_idle_connection_is_small() {
    // Nothing else is allocated while nothing is in flight: queues and tables are empty.
    assert!(
        super::server::open_octets() <= 1184,
        "{}",
        super::server::open_octets()
    );
}
