//! The octets of a connection in both directions, and when they last moved.

use alloc::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;

use super::violation::Violation;
use crate::decoder::{Decoded, Decoder};
use crate::encoder::Encoder;
use crate::error::{EncodeError, Fault, Rejected};
use crate::frame::Frame;
use crate::header::HEADER_OCTETS;
use crate::limits::DecoderLimits;
use crate::registry::{Compression, FrameType, limits};
use crate::time::Timestamp;

/// The octets of a connection.
#[derive(Debug)]
pub(crate) struct Line {
    decoder: Decoder,
    /// What arrived after a boundary that has not been reached. Unused on streams.
    inbox: VecDeque<Item>,
    /// Control frames ready to leave.
    control: BytesMut,
    pub(crate) encoder: Encoder,
    /// Latest time any call named.
    pub(crate) now: Timestamp,
    /// When an octet last arrived.
    pub(crate) heard: Timestamp,
    /// When octets were last handed out.
    pub(crate) spoke: Timestamp,
    /// No octet will arrive or leave any more.
    pub(crate) gone: bool,
}

#[derive(Debug)]
enum Item {
    Octets(Bytes),
    Boundary,
    Text,
}

impl Line {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            decoder: Decoder::new(DecoderLimits::handshake()),
            inbox: VecDeque::new(),
            control: BytesMut::new(),
            encoder: Encoder::default(),
            now,
            heard: now,
            spoke: now,
            gone: false,
        }
    }

    /// Moves the clock; it never goes back.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    // impl[EIM-HBT-004, EIM-HBT-005]
    pub(crate) fn feed(&mut self, octets: Bytes) {
        self.heard = self.now;
        if self.inbox.is_empty() {
            self.decoder.feed(octets);
        } else {
            self.inbox.push_back(Item::Octets(octets));
        }
    }

    pub(crate) fn boundary(&mut self) {
        self.inbox.push_back(Item::Boundary);
    }

    pub(crate) fn text(&mut self) {
        self.inbox.push_back(Item::Text);
    }

    pub(crate) fn accept(&mut self, limits: DecoderLimits) {
        self.decoder.set_limits(limits);
    }

    /// The next whole frame that arrived.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame>, Violation> {
        loop {
            match self.decoder.next()? {
                Decoded::Frame(frame) => return Ok(Some(frame)),
                Decoded::Incomplete { .. } => {}
            }
            match self.inbox.pop_front() {
                None => return Ok(None),
                Some(Item::Octets(octets)) => self.decoder.feed(octets),
                Some(Item::Boundary) => self.decoder.end_message()?,
                Some(Item::Text) => return Err(Rejected::from(Fault::TextMessage).into()),
            }
        }
    }

    /// Appends a control frame.
    // impl[EIM-SEQ-003]
    pub(crate) fn put(
        &mut self,
        frame_type: FrameType,
        message: &impl Message,
    ) -> Result<(), EncodeError> {
        self.encoder
            .message(frame_type, 0, message, &mut self.control)
    }

    /// Appends a control frame whose payload is ready.
    pub(crate) fn put_payload(
        &mut self,
        frame_type: FrameType,
        compression: Compression,
        payload: &[u8],
    ) -> Result<(), EncodeError> {
        self.encoder
            .frame(frame_type, 0, compression, payload, &mut self.control)
    }

    /// Where whole control frames are appended.
    pub(crate) const fn control(&mut self) -> &mut BytesMut {
        &mut self.control
    }

    /// Octets of control frames that have not left.
    pub(crate) fn backlog(&self) -> usize {
        self.control.len()
    }

    /// Takes control frames up to `budget` octets, at least one frame if there is any.
    pub(crate) fn take_control(&mut self, budget: usize) -> BytesMut {
        if self.control.len() <= budget {
            return core::mem::take(&mut self.control);
        }
        let end = whole_frames(&self.control, budget);
        self.control.split_to(end)
    }

    /// As [`take_control`](Self::take_control), before AUTH_OK and after the end.
    pub(crate) fn take_handshake(&mut self) -> Option<Bytes> {
        let most = limits::HANDSHAKE_FRAME_OCTETS.default;
        let budget = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .saturating_add(HEADER_OCTETS);
        let chunk = self.take_control(budget);
        (!chunk.is_empty()).then(|| chunk.freeze())
    }

    /// Nothing will leave any more.
    pub(crate) fn hang_up(&mut self) {
        self.control = BytesMut::new();
    }

    /// Gives back what an idle connection does not need.
    pub(crate) fn trim(&mut self) {
        if self.control.is_empty() {
            self.control = BytesMut::new();
        }
        if self.inbox.is_empty() {
            self.inbox = VecDeque::new();
        }
    }
}

/// Octets of the whole frames at the beginning of `octets` (frames of our own making) that fit
/// `budget`, at least one.
pub(crate) fn whole_frames(octets: &[u8], budget: usize) -> usize {
    let mut end = 0;
    while let Some(frame) = first_frame(octets.get(end..).unwrap_or_default()) {
        if end != 0 && end + frame > budget {
            break;
        }
        end += frame;
    }
    end
}

/// Octets of the frame at the beginning of `octets`, a sequence of whole frames of our own making.
pub(crate) fn first_frame(octets: &[u8]) -> Option<usize> {
    let mut length = octets.get(HEADER_OCTETS - 4..HEADER_OCTETS)?;
    let payload = usize::try_from(length.get_u32()).ok()?;
    Some(HEADER_OCTETS + payload)
}
