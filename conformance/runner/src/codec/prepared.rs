//! A case made ready to run: its octets, and where the frames in them lie.

use std::ops::Range;

use crate::vectors::model::{self, Decode, Depth, Part};
use crate::vectors::octets::to_hex;

/// Octets of a header, and where the length lies in it.
const HEADER: usize = 11;
const LENGTH: Range<usize> = 7..11;

/// A frame that is expected, its octets unfolded.
#[derive(Clone, Debug)]
pub(super) struct ExpectedFrame<'a> {
    pub(super) stated: &'a model::Frame,
    pub(super) octets: Vec<u8>,
}

/// How the octets so far end when nothing is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// At the end of a frame.
    Border,
    /// So many octets are missing before the next step of the decision.
    Missing(usize),
}

/// A decoding case made ready.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    pub(super) test: &'a Decode,
    pub(super) octets: Vec<u8>,
    pub(super) frames: Vec<ExpectedFrame<'a>>,
    /// Where each part of the input ends.
    ends: Vec<usize>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(test: &'a Decode) -> Result<Self, String> {
        let (mut octets, mut ends) = (Vec::new(), Vec::with_capacity(test.input.len()));
        for part in &test.input {
            octets.extend(part.octets()?);
            ends.push(octets.len());
        }
        Ok(Self {
            test,
            octets,
            frames: expected_frames(test.expect.frames())?,
            ends,
        })
    }

    /// All octets, hexadecimal.
    pub(super) fn hex(&self) -> String {
        to_hex(&self.octets)
    }

    /// The parts of the input, and where each ends.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Part, usize)> {
        self.test.input.iter().zip(self.ends.iter().copied())
    }

    /// Places between two parts.
    pub(super) fn borders(&self) -> &[usize] {
        self.ends.split_last().map_or(&[], |(_, borders)| borders)
    }

    /// How the first `count` octets end when they are accepted, by the lengths of their headers.
    pub(super) fn end_after(&self, count: usize) -> End {
        let mut rest = self.octets.get(..count).unwrap_or(&self.octets);
        if rest.is_empty() {
            return End::Missing(HEADER);
        }
        while !rest.is_empty() {
            let Some(length) = rest.get(LENGTH) else {
                return End::Missing(HEADER - rest.len());
            };
            let total = HEADER.saturating_add(number(length));
            match rest.get(total..) {
                Some(behind) => rest = behind,
                None => return End::Missing(total - rest.len()),
            }
        }
        End::Border
    }

    /// How many frames the first `count` octets hold; `None` when frames on the wire and frames of the
    /// verdict are not the same.
    pub(super) fn frames_within(&self, count: usize) -> Option<usize> {
        let wire = self.wire_frames();
        let expect = &self.test.expect;
        let open = usize::from(expect.reject.is_some() || expect.incomplete.is_some());
        let frames = self.frames.len();
        let alike = frames == wire.len() || frames + open == wire.len();
        let ended = wire.iter().filter(|frame| frame.end <= count).count();
        (alike && self.test.depth != Depth::Reassemble).then(|| ended.min(frames))
    }

    /// Where frames begin and would end, by the lengths of their headers, while these are there.
    pub(super) fn wire_frames(&self) -> Vec<Range<usize>> {
        let (mut frames, mut start) = (Vec::new(), 0_usize);
        while let Some(length) = self.octets.get(start..).and_then(|rest| rest.get(LENGTH)) {
            let end = start.saturating_add(HEADER).saturating_add(number(length));
            frames.push(start..end);
            start = end;
        }
        frames
    }
}

/// A number in network byte order.
fn number(octets: &[u8]) -> usize {
    octets
        .iter()
        .fold(0, |sum, octet| sum << 8 | usize::from(*octet))
}

/// Frames that are expected, their octets unfolded.
pub(super) fn expected_frames(frames: &[model::Frame]) -> Result<Vec<ExpectedFrame<'_>>, String> {
    frames
        .iter()
        .map(|stated| {
            Ok(ExpectedFrame {
                stated,
                octets: stated.octets()?,
            })
        })
        .collect()
}
