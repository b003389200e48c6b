//! Announcing much costs the peer, not us: the memory of this process while it refuses bombs.
//!
//! One test in its own process, since it measures the process.

#![cfg(target_os = "linux")]

use bytes::{BufMut, Bytes, BytesMut};
use eim_codec::fragment::{First, Fragment, Reassembler, ReassemblerLimits, Reassembly};
use eim_codec::registry::{Compression, Direction, ErrorCode, FrameType, limits};
use eim_codec::{
    CompressionSet, Decoded, Decoder, DecoderLimits, Frame, HEADER_OCTETS, Header, VERSION,
    encode_frame,
};

const MIB: usize = 1 << 20;
/// Contexts of the compression libraries and the allocator's own room.
const SLACK: usize = 8 * MIB;

/// Most address space this process ever had, in octets: what it reserved, touched or not.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells its memory");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmPeak:"))
        .expect("VmPeak is there");
    line.split_whitespace()
        .nth(1)
        .expect("a number")
        .parse::<usize>()
        .expect("a number")
        * 1024
}

fn open_limits() -> DecoderLimits {
    DecoderLimits::open(limits::FRAME_OCTETS.maximum, CompressionSet::SUPPORTED)
}

/// A TEXT that states `size` octets and whose zstd frame yields one gibioctet of zeros.
fn zstd_bomb(size: u32) -> Frame {
    let mut payload = BytesMut::new();
    payload.put_u32(size);
    // Magic, then window log 20 without content size.
    payload.put_slice(&[0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x50]);
    for block in 1..=8192_u32 {
        let last = u32::from(block == 8192);
        let head = (131_072 << 3) | (1 << 1) | last;
        payload.put_slice(&head.to_le_bytes()[..3]);
        payload.put_u8(0);
    }
    Frame {
        version: VERSION,
        frame_type: FrameType::TEXT,
        sequence: 1,
        compression: Compression::ZSTD,
        payload: payload.freeze(),
    }
}

// test[EIM-CMP-017, EIM-FRM-018]
#[test]
fn memory_stays_with_what_arrived() {
    let before = peak();
    let story: [(&str, fn()); 4] = [
        ("zstd bombs", bombs_are_refused),
        ("announced frames", announced_frames_are_awaited),
        ("a frame of four gibioctets", four_gibioctets_are_refused),
        ("a fragmented message", a_vast_message_fails_alone),
    ];
    for (what, happens) in story {
        happens();
        let taken = peak() - before;
        assert!(taken < SLACK, "{what} took {taken} octets");
    }
}

/// A RESPONSE that announces `length` octets.
fn announcing(length: u32) -> Header {
    Header {
        version: VERSION,
        frame_type: FrameType::RESPONSE,
        sequence: 0,
        compression: Compression::NONE,
        length,
    }
}

fn bombs_are_refused() {
    let bombs = [
        (40_960, ErrorCode::DECOMPRESSION_FAILED),
        (1 << 30, ErrorCode::DECOMPRESSED_TOO_LARGE),
    ];
    for (size, code) in bombs {
        let bomb = zstd_bomb(size);
        let mut wire = BytesMut::new();
        encode_frame(&bomb, &mut wire).unwrap();
        let mut decoder = Decoder::new(open_limits());
        decoder.feed(wire.freeze());
        let Ok(Decoded::Frame(frame)) = decoder.next() else {
            panic!("the bomb is a frame")
        };
        assert_eq!(frame.content().unwrap_err().code, code);
    }
}

/// A thousand peers announce a mebioctet each and send eleven octets and one more.
fn announced_frames_are_awaited() {
    let header = announcing(limits::FRAME_OCTETS.maximum);
    let mut announced: Vec<Decoder> = Vec::new();
    for _ in 0..1000 {
        let mut decoder = Decoder::new(open_limits());
        decoder.feed(Bytes::copy_from_slice(&header.to_bytes()));
        decoder.feed(Bytes::from_static(&[0]));
        let needed = MIB - 1;
        assert_eq!(decoder.next(), Ok(Decoded::Incomplete { needed }));
        assert_eq!(decoder.buffered(), HEADER_OCTETS + 1);
        announced.push(decoder);
    }
}

/// Four gibioctets: refused at the header.
fn four_gibioctets_are_refused() {
    let mut decoder = Decoder::new(open_limits());
    decoder.feed(Bytes::copy_from_slice(&announcing(u32::MAX).to_bytes()));
    assert_eq!(
        decoder.next().unwrap_err().code,
        ErrorCode::PAYLOAD_TOO_LARGE
    );
}

/// A fragmented message of four gibioctets fails alone and reserves nothing.
fn a_vast_message_fails_alone() {
    let mut reassembler = Reassembler::new(ReassemblerLimits::default());
    let first = First {
        inner_type: FrameType::CUSTOM,
        compression: Compression::NONE,
        total: u32::MAX,
        uncompressed: u32::MAX,
    };
    let data = Bytes::from(vec![0; 65_000]);
    let fragment = Fragment {
        id: 1,
        offset: 0,
        first: Some(first),
        data,
    };
    let led = reassembler.accept(fragment, Direction::Client, CompressionSet::NONE);
    assert_eq!(led, Ok(Reassembly::More { id: 1 }));
    assert_eq!((reassembler.open(), reassembler.reserved()), (1, 0));
}
