//! A case made ready to run: its octets, and where the frames in them lie.

use crate::vectors::model::{self, Decode, Depth};
use crate::vectors::octets::{of_parts, to_hex};

/// Octets of a header, and where the length lies in it.
const HEADER: usize = 11;
const LENGTH: std::ops::Range<usize> = 7..11;

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
    pub(super) hex: String,
    pub(super) frames: Vec<ExpectedFrame<'a>>,
    /// Places between two fields.
    pub(super) borders: Vec<usize>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(test: &'a Decode) -> Result<Self, String> {
        let octets = of_parts(&test.input)?;
        let mut borders = Vec::with_capacity(test.input.len());
        let mut place = 0;
        for part in &test.input {
            place += part.octets()?.len();
            borders.push(place);
        }
        borders.pop();
        Ok(Self {
            test,
            hex: to_hex(&octets),
            octets,
            frames: expected_frames(test.expect.frames())?,
            borders,
        })
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
            let length = length
                .iter()
                .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
            let total = HEADER.saturating_add(length);
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
        let starts = self.frame_starts();
        let expect = &self.test.expect;
        let open = usize::from(expect.reject.is_some() || expect.incomplete.is_some());
        let frames = self.frames.len();
        let alike = frames == starts.len() || frames + open == starts.len();
        let ended = starts.iter().skip(1).filter(|end| **end <= count).count();
        (alike && self.test.depth != Depth::Reassemble).then(|| ended.min(frames))
    }

    /// Where frames begin, by the lengths of their headers, while these make sense.
    pub(super) fn frame_starts(&self) -> Vec<usize> {
        let (mut starts, mut place) = (Vec::new(), 0);
        while let Some(length) = self.octets.get(place + LENGTH.start..place + LENGTH.end) {
            starts.push(place);
            let length = length
                .iter()
                .fold(0, |sum, octet| sum << 8 | usize::from(*octet));
            place = place.saturating_add(HEADER).saturating_add(length);
            if place >= self.octets.len() {
                break;
            }
        }
        starts
    }
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
