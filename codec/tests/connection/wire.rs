//! The wire between two endpoints: it splits, delays, cuts, and remembers.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use eim_codec::registry::FrameType;
use eim_codec::time::Timestamp;
use eim_codec::{Decoded, Decoder, DecoderLimits, Frame};

/// How octets are divided on their way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Split {
    Whole,
    Every(usize),
    Random(u64),
}

/// One direction of the wire.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) split: Split,
    pub(crate) delay: Duration,
    pub(crate) in_flight: VecDeque<(Timestamp, Bytes)>,
    /// What is sent now is lost.
    is_cut: bool,
    /// Everything that was sent, for looking at.
    pub(crate) log: BytesMut,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let (split, delay) = (Split::Whole, Duration::ZERO);
        Self {
            split,
            delay,
            in_flight: VecDeque::new(),
            is_cut: false,
            log: BytesMut::new(),
        }
    }

    pub(crate) fn send(&mut self, now: Timestamp, mut chunk: Bytes) {
        self.log.extend_from_slice(&chunk);
        if self.is_cut {
            return;
        }
        let at = now.saturating_add(self.delay);
        while !chunk.is_empty() {
            let octets = match &mut self.split {
                Split::Whole => chunk.len(),
                Split::Every(octets) => *octets,
                Split::Random(seed) => usize::try_from(random(seed) % 40 + 1).unwrap(),
            };
            self.in_flight
                .push_back((at, chunk.split_to(octets.min(chunk.len()))));
        }
    }

    pub(crate) fn arrive(&mut self, now: Timestamp) -> Option<Bytes> {
        let due = self.in_flight.front().is_some_and(|(at, _)| *at <= now);
        due.then(|| self.in_flight.pop_front())
            .flatten()
            .map(|(_, octets)| octets)
    }

    /// Loses everything from now on, and of the octets under way all but the first chunks.
    pub(crate) fn cut(&mut self, keep: usize) {
        self.is_cut = true;
        self.in_flight.truncate(keep);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The frames sent so far.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        frames(&self.log)
    }

    pub(crate) fn types(&self) -> Vec<FrameType> {
        self.frames().iter().map(|frame| frame.frame_type).collect()
    }
}

pub(crate) fn frames(octets: &[u8]) -> Vec<Frame> {
    let mut decoder = Decoder::new(DecoderLimits::open(
        1 << 20,
        DecoderLimits::default().compressions,
    ));
    decoder.feed(Bytes::copy_from_slice(octets));
    let mut frames = Vec::new();
    while let Decoded::Frame(frame) = decoder.next().unwrap() {
        frames.push(frame);
    }
    assert!(decoder.is_at_boundary());
    frames
}

/// xorshift: small, and the same everywhere.
pub(crate) fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}
