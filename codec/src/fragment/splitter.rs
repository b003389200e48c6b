//! A payload to fragments.

use bytes::Bytes;

use super::{FIRST_HEAD_OCTETS, First, Fragment, HEAD_OCTETS};
use crate::registry::{Compression, FrameType};

/// A payload that cannot be split: local misuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// Nothing to send.
    #[error("an empty payload cannot be split")]
    Empty,
    /// More octets than the total of a fragmented message can say.
    #[error("a payload of {octets} octets cannot be split")]
    TooLarge {
        /// Octets of the payload.
        octets: usize,
    },
    /// The frame limit leaves no room for data.
    #[error("frames of {max_payload} octets hold no data")]
    NoRoom {
        /// Frame limit in octets.
        max_payload: u32,
    },
}

/// Cuts a payload, already compressed or not, into fragments that fit a frame limit. The data of
/// each fragment is a slice of the payload.
#[derive(Clone, Debug)]
pub struct Splitter {
    id: u32,
    first: First,
    offset: u32,
    rest: Bytes,
    max_payload: usize,
}

impl Splitter {
    /// Splits `payload`, the payload that one frame of `inner_type` with `compression` would have
    /// had. `uncompressed` is its size after decompression. `id` must not be open in this
    /// direction. No fragment's payload exceeds `max_payload` octets.
    ///
    /// # Errors
    /// [`SplitError`].
    pub fn new(
        id: u32,
        inner_type: FrameType,
        compression: Compression,
        uncompressed: u32,
        payload: Bytes,
        max_payload: u32,
    ) -> Result<Self, SplitError> {
        if payload.is_empty() {
            return Err(SplitError::Empty);
        }
        let total = u32::try_from(payload.len()).map_err(|_| SplitError::TooLarge {
            octets: payload.len(),
        })?;
        let room = usize::try_from(max_payload)
            .ok()
            .filter(|room| *room > FIRST_HEAD_OCTETS);
        Ok(Self {
            id,
            first: First {
                inner_type,
                compression,
                total,
                uncompressed,
            },
            offset: 0,
            rest: payload,
            max_payload: room.ok_or(SplitError::NoRoom { max_payload })?,
        })
    }
}

// impl[EIM-FRG-002, EIM-FRG-003]
impl Iterator for Splitter {
    type Item = Fragment;

    fn next(&mut self) -> Option<Fragment> {
        if self.rest.is_empty() {
            return None;
        }
        let (offset, first) = (self.offset, (self.offset == 0).then_some(self.first));
        let head = if first.is_some() {
            FIRST_HEAD_OCTETS
        } else {
            HEAD_OCTETS
        };
        let octets = self.rest.len().min(self.max_payload.saturating_sub(head));
        let data = self.rest.split_to(octets);
        self.offset = self.offset.saturating_add(u32::try_from(octets).ok()?);
        Some(Fragment {
            id: self.id,
            offset,
            first,
            data,
        })
    }
}
