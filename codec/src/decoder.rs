//! Octets to frames.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::{Buf, Bytes};

use crate::error::{Fault, Rejected};
use crate::frame::Frame;
use crate::grow;
use crate::header::{HEADER_OCTETS, Header};
use crate::limits::DecoderLimits;

/// What the octets fed so far amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// The next frame.
    Frame(Frame),
    /// Nothing wrong so far, but octets are missing.
    Incomplete {
        /// At least this many octets are needed before the answer can change.
        needed: usize,
    },
}

/// Turns octets into frames, however they are divided.
///
/// Feed chunks, then ask for frames until it answers [`Decoded::Incomplete`]. A frame that lies
/// inside one chunk is a slice of the chunk (which lives as long as the slice does); only a frame
/// that crosses chunks is copied. A decoder that waits at a frame boundary holds no memory.
///
/// ```
/// use bytes::Bytes;
/// use eim_codec::{Decoded, Decoder, DecoderLimits};
///
/// let mut decoder = Decoder::new(DecoderLimits::default());
/// decoder.feed(Bytes::from_static(&[1, 8, 0, 0, 0, 0, 0, 0, 0, 0]));
/// assert_eq!(decoder.next()?, Decoded::Incomplete { needed: 1 });
/// decoder.feed(Bytes::from_static(&[2, 8, 1]));
/// let Decoded::Frame(frame) = decoder.next()? else { unreachable!() };
/// assert_eq!(frame.payload, [8, 1].as_slice());
/// # Ok::<(), eim_codec::Rejected>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: DecoderLimits,
    /// Octets not looked at yet.
    chunk: Bytes,
    /// Chunks after `chunk`.
    backlog: VecDeque<Bytes>,
    /// The beginning of a frame that crosses chunks.
    partial: Vec<u8>,
    /// The accepted header at the beginning of `partial`.
    header: Option<Header>,
    rejected: Option<Rejected>,
}

impl Decoder {
    /// A decoder at the beginning of a connection, or wherever a frame begins.
    #[must_use]
    pub const fn new(limits: DecoderLimits) -> Self {
        Self {
            limits,
            chunk: Bytes::new(),
            backlog: VecDeque::new(),
            partial: Vec::new(),
            header: None,
            rejected: None,
        }
    }

    /// What is accepted now.
    #[must_use]
    pub const fn limits(&self) -> &DecoderLimits {
        &self.limits
    }

    /// Changes what is accepted, for every frame whose header has not been accepted yet.
    pub const fn set_limits(&mut self, limits: DecoderLimits) {
        self.limits = limits;
    }

    /// Appends octets. After a rejection they are dropped.
    pub fn feed(&mut self, octets: Bytes) {
        // impl[EIM-FRM-030]
        if octets.is_empty() || self.rejected.is_some() {
            return;
        }
        if self.chunk.is_empty() {
            self.chunk = octets;
        } else {
            self.backlog.push_back(octets);
        }
    }

    /// The next frame, if all its octets are here.
    ///
    /// # Errors
    /// [`Rejected`] as soon as the 11 octets of a header say so, and from then on at every call.
    // impl[EIM-FRM-004, EIM-FRM-005, EIM-FRM-006, EIM-FRM-007, EIM-FRM-017]
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator ends; a decoder waits"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Decoded, Rejected> {
        if self.partial.is_empty()
            && let Some(header) = Header::parse(&self.chunk)
        {
            if let Err(fault) = header.check(&self.limits) {
                return Err(self.reject(Rejected::new(fault, Some(header))));
            }
            let length = octets(header.length);
            if self.chunk.len().saturating_sub(HEADER_OCTETS) >= length {
                self.chunk.advance(HEADER_OCTETS);
                return Ok(Decoded::Frame(frame(header, self.chunk.split_to(length))));
            }
        }
        self.next_crossing()
    }

    /// Whether everything fed so far was handed out: no octet of a further frame is here.
    #[must_use]
    pub fn is_at_boundary(&self) -> bool {
        self.buffered() == 0
    }

    /// The accepted header of the frame whose payload is not all here, once
    /// [`next`](Self::next) has answered that octets are missing. Whoever judges more than a decoder does
    /// need not wait for the payload.
    #[must_use]
    pub const fn pending(&self) -> Option<Header> {
        self.header
    }

    /// Says that a message of a message-based transport ended after the octets fed so far. Call it after
    /// [`next`](Self::next) has answered that octets are missing.
    ///
    /// # Errors
    /// [`Fault::SplitFrame`], finally, unless a frame ended there too.
    // impl[EIM-TRN-023]
    pub fn end_message(&mut self) -> Result<(), Rejected> {
        match self.rejected {
            Some(rejected) => Err(rejected),
            None if self.is_at_boundary() => Ok(()),
            None => Err(self.reject(Fault::SplitFrame.into())),
        }
    }

    /// Octets held, in chunks and in the beginning of a frame.
    #[must_use]
    pub fn buffered(&self) -> usize {
        let chunks = self
            .backlog
            .iter()
            .fold(self.chunk.len(), |sum, chunk| sum + chunk.len());
        chunks + self.partial.len()
    }

    /// Collects a frame that is not inside one chunk.
    fn next_crossing(&mut self) -> Result<Decoded, Rejected> {
        if let Some(rejected) = self.rejected {
            return Err(rejected);
        }
        loop {
            let payload = self.header.map_or(0, |header| octets(header.length));
            let total = HEADER_OCTETS.saturating_add(payload);
            let missing = total.saturating_sub(self.partial.len());
            if missing > 0 {
                if self.chunk.is_empty() {
                    match self.backlog.pop_front() {
                        Some(chunk) => self.chunk = chunk,
                        None => return Ok(Decoded::Incomplete { needed: missing }),
                    }
                }
                let here = self.chunk.split_to(missing.min(self.chunk.len()));
                grow::append(&mut self.partial, &here, total);
            } else if let Some(header) = self.header.take() {
                let mut octets = Bytes::from(core::mem::take(&mut self.partial));
                octets.advance(HEADER_OCTETS);
                return Ok(Decoded::Frame(frame(header, octets)));
            } else if let Some(header) = Header::parse(&self.partial) {
                if let Err(fault) = header.check(&self.limits) {
                    return Err(self.reject(Rejected::new(fault, Some(header))));
                }
                self.header = Some(header);
            }
        }
    }

    #[cold]
    fn reject(&mut self, rejected: Rejected) -> Rejected {
        *self = Self {
            rejected: Some(rejected),
            ..Self::new(self.limits)
        };
        rejected
    }
}

const fn frame(header: Header, payload: Bytes) -> Frame {
    Frame {
        version: header.version,
        frame_type: header.frame_type,
        sequence: header.sequence,
        compression: header.compression,
        payload,
    }
}

/// A length as an index. Where memory cannot hold it, no limit lets it pass.
fn octets(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
