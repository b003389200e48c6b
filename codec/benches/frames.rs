//! Frames beside `LengthDelimitedCodec` and memcpy, messages, and compression.
//!
//! Both decoders get the same reads (64 KiB of whole frames of the EIM layout, in a buffer filled
//! outside the measured time) and both yield `Bytes`. Times are for a whole read; the throughput
//! line counts frames. `eim` looks at a frame where the decoder left it, `eim-moved` moves it out
//! first: a move right behind the stores waits for them.

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use eim_codec::id::{ClientMsgId, UserId};
use eim_codec::payload::{Entry, Push, Send, Target, TextBody};
use eim_codec::registry::{Compression, FrameType};
use eim_codec::{
    Decoded, Decoder, DecoderLimits, Encoder, Frame, HEADER_OCTETS, VERSION, compression,
};
use prost::Message;
use tokio_util::codec::{Decoder as _, Encoder as _, LengthDelimitedCodec};

const READ_OCTETS: usize = 64 * 1024;
const PAYLOADS: [usize; 4] = [0, 32, 256, 4096];

fn length_delimited() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_offset(7)
        .length_field_length(4)
        .length_adjustment(0)
        .num_skip(HEADER_OCTETS)
        .max_frame_length(1 << 20)
        .new_codec()
}

/// A read full of frames, and how many.
fn read(payload: usize) -> (Vec<u8>, u64) {
    let encoder = Encoder::new(VERSION, 1 << 20);
    let (payload, mut out, mut frames) = (vec![b'a'; payload], BytesMut::new(), 0);
    while out.len() + HEADER_OCTETS + payload.len() <= READ_OCTETS {
        encoder
            .frame(
                FrameType::TEXT,
                frames + 1,
                Compression::NONE,
                &payload,
                &mut out,
            )
            .unwrap();
        frames += 1;
    }
    (out.to_vec(), u64::from(frames))
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for payload in PAYLOADS {
        let (octets, frames) = read(payload);
        group.throughput(Throughput::Elements(frames));
        group.bench_function(BenchmarkId::new("eim", payload), |b| {
            b.iter_batched(
                || BytesMut::from(octets.as_slice()),
                |read| {
                    let mut decoder = Decoder::new(DecoderLimits::default());
                    decoder.feed(read.freeze());
                    while let Ok(Decoded::Frame(frame)) = &decoder.next() {
                        black_box(frame);
                    }
                },
                BatchSize::NumIterations(8),
            );
        });
        group.bench_function(BenchmarkId::new("eim-moved", payload), |b| {
            b.iter_batched(
                || BytesMut::from(octets.as_slice()),
                |read| {
                    let mut decoder = Decoder::new(DecoderLimits::default());
                    decoder.feed(read.freeze());
                    while let Ok(Decoded::Frame(frame)) = decoder.next() {
                        black_box(&frame);
                    }
                },
                BatchSize::NumIterations(8),
            );
        });
        group.bench_function(BenchmarkId::new("length-delimited", payload), |b| {
            b.iter_batched(
                || BytesMut::from(octets.as_slice()),
                |mut read| {
                    let mut codec = length_delimited();
                    while let Ok(Some(frame)) = codec.decode(&mut read) {
                        black_box(&frame.freeze());
                    }
                },
                BatchSize::NumIterations(8),
            );
        });
        group.bench_function(BenchmarkId::new("memcpy", payload), |b| {
            let mut copy = vec![0; octets.len()];
            b.iter(|| copy.copy_from_slice(black_box(&octets)));
        });
    }
    group.finish();
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for payload in PAYLOADS {
        let (octets, frames) = read(payload);
        let payload_octets = Bytes::from(vec![b'a'; payload]);
        group.throughput(Throughput::Elements(frames));
        group.bench_function(BenchmarkId::new("eim", payload), |b| {
            let encoder = Encoder::new(VERSION, 1 << 20);
            let mut out = BytesMut::with_capacity(READ_OCTETS);
            b.iter(|| {
                out.clear();
                for sequence in 0..u32::try_from(frames).unwrap() {
                    let payload = black_box(&payload_octets);
                    encoder
                        .frame(
                            FrameType::TEXT,
                            sequence,
                            Compression::NONE,
                            payload,
                            &mut out,
                        )
                        .unwrap();
                }
                black_box(out.len())
            });
        });
        group.bench_function(BenchmarkId::new("length-delimited", payload), |b| {
            let mut codec = length_delimited();
            let mut out = BytesMut::with_capacity(READ_OCTETS);
            b.iter(|| {
                out.clear();
                for _ in 0..frames {
                    codec
                        .encode(black_box(payload_octets.clone()), &mut out)
                        .unwrap();
                }
                black_box(out.len())
            });
        });
        group.bench_function(BenchmarkId::new("memcpy", payload), |b| {
            let mut copy = vec![0; octets.len()];
            b.iter(|| copy.copy_from_slice(black_box(&octets)));
        });
    }
    group.finish();
}

fn send() -> Send {
    let target = Target::DirectTo(UserId::from([7; 16]));
    Send::new(
        target,
        ClientMsgId::from([9; 16]),
        TextBody::encode_text("a".repeat(200)),
    )
}

fn push() -> Push {
    let entry = Entry {
        conversation: Bytes::from(vec![1; 16]),
        log_epoch: 1,
        conv_seq: 123_456,
        r#type: FrameType::TEXT.0.into(),
        sender: Bytes::from(vec![2; 16]),
        sender_device: Bytes::from(vec![3; 16]),
        client_msg_id: Bytes::from(vec![4; 16]),
        time_ms: 1_800_000_000_000,
        countable: 123_456,
        body: TextBody::encode_text("a".repeat(200)),
        ..Entry::default()
    };
    Push {
        entry: Some(entry),
        user_seq: 654_321,
        echo: false,
    }
}

fn messages(c: &mut Criterion) {
    fn both<M: Message + Default>(c: &mut Criterion, name: &str, message: &M) {
        let octets = Bytes::from(message.encode_to_vec());
        let mut group = c.benchmark_group("message");
        group.throughput(Throughput::Bytes(octets.len().try_into().unwrap()));
        group.bench_function(format!("{name}/encode"), |b| {
            let mut out = BytesMut::with_capacity(4096);
            b.iter(|| {
                out.clear();
                black_box(message).encode(&mut out).unwrap();
            });
        });
        group.bench_function(format!("{name}/decode"), |b| {
            b.iter(|| M::decode(black_box(&octets).clone()).unwrap());
        });
        group.finish();
    }
    both(c, "send", &send());
    both(c, "push", &push());
}

fn compress(c: &mut Criterion) {
    let sentence = "The quick brown fox jumps over the lazy dog; 天地玄黄，宇宙洪荒。";
    let long: Vec<u8> = sentence.bytes().cycle().take(4096).collect();
    // A push as chat has them: ids that nothing makes smaller, and a sentence.
    let mut short = push().encode_to_vec();
    short.extend(
        "Please find the updated schedule below. 请大家确认一下时间，没有问题的话我就发布了。"
            .bytes(),
    );
    for (name, plain) in [("compression", &long), ("compression-short", &short)] {
        compress_one(c, name, plain);
    }
}

fn compress_one(c: &mut Criterion, name: &str, plain: &[u8]) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Bytes(plain.len().try_into().unwrap()));
    for algorithm in compression::SUPPORTED {
        group.bench_function(format!("{algorithm}/compress"), |b| {
            b.iter(|| compression::compress_anyway(*algorithm, black_box(plain)).unwrap());
        });
        let payload = compression::compress_anyway(*algorithm, plain).unwrap();
        let frame = Frame {
            version: VERSION,
            frame_type: FrameType::TEXT,
            sequence: 1,
            compression: *algorithm,
            payload,
        };
        group.bench_function(format!("{algorithm}/decompress"), |b| {
            b.iter(|| black_box(&frame).content().unwrap());
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = decode, encode, messages, compress
}
criterion_main!(benches);
