//! The sequenced frames of this side: queue, numbers, credit, fragments, and what is kept for a resume.

use alloc::boxed::Box;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use super::agreed::Agreed;
use super::flow::{FlowError, Outgoing, frame_octets, sequence_of};
use super::policy::{Candidate, CompressionPolicy, Packer};
use super::queue::{Queue, Queued};
use super::retained::Retained;
use super::violation::Violation;
use super::{Cancelled, Lane, Queue as QueueLimits, SendError};
use crate::fragment::{Fragment, Splitter};
use crate::header::Header;
use crate::payload::{Cancel, Window};
use crate::registry::{Compression, Direction, ErrorCode, FrameType};

/// Largest payload of the fragments this side makes: small enough that others pass soon.
const FRAGMENT_OCTETS: u32 = 32 * 1024;

/// The sequenced frames of this side. Part of a session.
#[derive(Debug)]
pub(crate) struct Outbound {
    /// What was transmitted, and the credit for more.
    flow: Outgoing,
    /// The peer has received through here: by WINDOW, or by a result that proves it.
    acknowledged: u64,
    /// The peer processes nothing beyond (GOAWAY).
    stop_after: u64,
    next_fragment: u32,
    pub(crate) queue: Queue,
    underway: Option<Box<Underway>>,
    pub(crate) retained: Retained,
    pub(crate) packer: Packer,
}

/// A message that leaves in fragments. One at a time: that suits every receiver.
#[derive(Debug)]
struct Underway {
    id: u64,
    fragment_id: u32,
    lane: Option<Lane>,
    next: Fragment,
    rest: Splitter,
    /// Octets that others may send before the next fragment.
    allowance: usize,
    cancelled: bool,
}

impl Underway {
    const fn has_begun(&self) -> bool {
        self.next.offset > 0
    }
}

/// Told which message left entirely, under which ordinal its result will come.
pub(crate) trait Departures {
    fn departed(&mut self, id: u64, ordinal: u64);
}

impl Departures for () {
    fn departed(&mut self, _id: u64, _ordinal: u64) {}
}

impl Outbound {
    pub(crate) fn new(limits: QueueLimits) -> Self {
        Self {
            flow: Outgoing::default(),
            acknowledged: 0,
            stop_after: u64::MAX,
            next_fragment: 0,
            queue: Queue::new(limits),
            underway: None,
            retained: Retained::default(),
            packer: Packer::default(),
        }
    }

    pub(crate) const fn sent(&self) -> u64 {
        self.flow.sent()
    }

    /// Checks and queues a message of this side, which is `own`.
    // impl[EIM-FRM-019, EIM-FRM-020, EIM-FRM-025, EIM-CMP-005, EIM-FRG-005, EIM-FRG-007]
    pub(crate) fn enqueue(
        &mut self,
        agreed: &Agreed,
        own: Direction,
        policy: &CompressionPolicy,
        message: (u64, Option<Lane>, FrameType, Bytes),
    ) -> Result<(), SendError> {
        let (id, lane, frame_type, payload) = message;
        if !sends(own, frame_type) {
            return Err(SendError::WrongType);
        }
        let got = payload.len();
        let (Ok(plain), max) = (u32::try_from(got), frame_type.max_octets()) else {
            return Err(SendError::TooLarge {
                got,
                max: usize_of(u32::MAX),
            });
        };
        if plain > max {
            return Err(SendError::TooLarge {
                got,
                max: usize_of(max),
            });
        }
        let candidate = Candidate {
            frame_type,
            plain: &payload,
            queued: self.queue.len(),
            has_to: got > usize_of(agreed.peer_max) && !agreed.fragments(),
        };
        let packed = self.packer.pack(agreed, policy, &candidate);
        let (compression, payload) = packed.unwrap_or((Compression::NONE, payload));
        if payload.len() > usize_of(agreed.peer_max) && !agreed.fragments() {
            return Err(SendError::TooLarge {
                got,
                max: usize_of(agreed.peer_max),
            });
        }
        self.queue.push(Queued {
            id,
            lane,
            frame_type,
            compression,
            plain,
            payload,
        })
    }

    /// Cancels a message of this side.
    // impl[EIM-FRG-032]
    pub(crate) fn cancel(&mut self, id: u64) -> Cancelled {
        if let Some(place) = self.queue.place_of(id) {
            self.queue.remove(place);
            return Cancelled::Removed;
        }
        match &mut self.underway {
            Some(underway) if underway.id == id && underway.has_begun() => {
                underway.cancelled = true;
                Cancelled::Underway
            }
            Some(underway) if underway.id == id => {
                self.underway = None;
                Cancelled::Removed
            }
            _ => Cancelled::TooLate,
        }
    }

    /// Takes over the first credit of a session, or a WINDOW.
    pub(crate) fn window(&mut self, window: &Window) -> Result<(), FlowError> {
        self.flow.window(window)?;
        self.acknowledge(window.received_through);
        Ok(())
    }

    /// The peer has received through here: by WINDOW, or by a result that proves it.
    pub(crate) fn acknowledge(&mut self, through: u64) {
        if through > self.acknowledged && through <= self.sent() {
            self.acknowledged = through;
            self.retained.acknowledge(through);
        }
    }

    /// Through where the peer has reported to have received.
    pub(crate) const fn reported(&self) -> u64 {
        self.flow.reported()
    }

    /// Whether this state can go on from what the peer says it has.
    // impl[EIM-RSM-007, EIM-RSM-009]
    pub(crate) fn can_resume(&self, window: &Window) -> bool {
        let mut flow = self.flow;
        flow.window(window).is_ok() && self.retained.covers_after(window.received_through)
    }

    /// Goes on from what the peer has.
    // impl[EIM-RSM-013, EIM-RSM-014]
    pub(crate) fn resume(&mut self, window: &Window) -> Result<(), Violation> {
        self.stop_after = u64::MAX;
        self.window(window)?;
        if !self.retained.covers_after(window.received_through) {
            return Err(Violation::new(
                ErrorCode::CREDIT_REDUCED,
                "frames to repeat are gone",
            ));
        }
        self.retained.rewind(window.received_through);
        self.packer.reconnect();
        Ok(())
    }

    /// The peer processes nothing beyond `ordinal`.
    // impl[EIM-CON-038]
    pub(crate) const fn stop_after(&mut self, ordinal: u64) {
        self.stop_after = ordinal;
    }

    /// Whether nothing waits that could still leave.
    pub(crate) fn is_drained(&self) -> bool {
        self.sent() >= self.stop_after || (self.queue.len() == 0 && self.underway.is_none())
    }

    /// The peer processes nothing beyond this ordinal.
    pub(crate) const fn last_processed(&self) -> u64 {
        self.stop_after
    }

    pub(crate) fn trim(&mut self) {
        self.queue.trim();
        self.retained.trim();
        self.packer.trim();
    }

    /// Ids of messages that have not left entirely, oldest first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = u64> {
        self.underway
            .iter()
            .map(|underway| underway.id)
            .chain(self.queue.ids())
    }

    /// Messages and octets that have not left.
    pub(crate) fn queued(&self) -> (usize, usize) {
        let begun = usize::from(self.underway.is_some());
        (self.queue.len() + begun, self.queue.octets())
    }

    /// Octets that [`fill`](Self::fill) is likely to append.
    pub(crate) fn estimate(&self) -> usize {
        let frames = self
            .queue
            .octets()
            .saturating_add(self.queue.len().saturating_mul(11));
        frames.saturating_add(if self.underway.is_some() {
            usize_of(FRAGMENT_OCTETS)
        } else {
            0
        })
    }

    /// Appends frames while there are messages, credit and room.
    pub(crate) fn fill(
        &mut self,
        out: &mut BytesMut,
        agreed: &Agreed,
        departures: &mut impl Departures,
    ) {
        let budget = agreed.chunk_octets();
        while self.step(out, budget, agreed, departures) {}
    }

    fn step(
        &mut self,
        out: &mut BytesMut,
        budget: usize,
        agreed: &Agreed,
        departures: &mut impl Departures,
    ) -> bool {
        if self.underway.is_some() {
            return self.step_underway(out, budget, agreed, departures);
        }
        let Some(first) = self.queue.front() else {
            return false;
        };
        if first.payload.len() > usize_of(agreed.peer_max) {
            return self.begin_fragments(agreed);
        }
        self.send_queued(0, out, budget, agreed, departures)
            .is_some()
    }

    fn step_underway(
        &mut self,
        out: &mut BytesMut,
        budget: usize,
        agreed: &Agreed,
        departures: &mut impl Departures,
    ) -> bool {
        let Some(mut underway) = self.underway.take() else {
            return false;
        };
        if underway.cancelled {
            let cancel = Cancel {
                fragment_id: underway.fragment_id,
            }
            .encode_to_vec();
            let frame = (FrameType::CANCEL, Compression::NONE, cancel.as_slice());
            let written = self.write(frame, out, budget, agreed);
            match written {
                Some(ordinal) => departures.departed(underway.id, ordinal),
                None => self.underway = Some(underway),
            }
            return written.is_some();
        }
        if underway.has_begun()
            && underway.allowance > 0
            && let Some(place) = self.queue.passer(underway.lane, usize_of(agreed.peer_max))
        {
            let sent = self.send_queued(place, out, budget, agreed, departures);
            underway.allowance = underway.allowance.saturating_sub(sent.unwrap_or(0));
            self.underway = Some(underway);
            return sent.is_some();
        }
        let octets = underway.next.encoded_len();
        let Some(ordinal) = self.number(octets, out, budget) else {
            self.underway = Some(underway);
            return false;
        };
        put_header(
            FrameType::FRAGMENT,
            ordinal,
            Compression::NONE,
            octets,
            agreed,
            out,
        );
        underway.next.encode(out);
        underway.allowance = octets;
        match underway.rest.next() {
            Some(next) => {
                underway.next = next;
                self.underway = Some(underway);
            }
            None => departures.departed(underway.id, ordinal),
        }
        true
    }

    /// Turns the first message of the queue into fragments.
    // impl[EIM-FRG-004, EIM-FRG-024]
    fn begin_fragments(&mut self, agreed: &Agreed) -> bool {
        let Some(message) = self.queue.remove(0) else {
            return false;
        };
        let fragment_id = self.next_fragment;
        self.next_fragment = fragment_id.wrapping_add(1);
        let max = agreed.peer_max.min(FRAGMENT_OCTETS);
        let Queued {
            id,
            lane,
            frame_type,
            compression,
            plain,
            payload,
        } = message;
        // A payload larger than a frame is neither empty nor without room: it was checked on queueing.
        if let Ok(mut rest) =
            Splitter::new(fragment_id, frame_type, compression, plain, payload, max)
            && let Some(next) = rest.next()
        {
            let (allowance, cancelled) = (0, false);
            let underway = Underway {
                id,
                fragment_id,
                lane,
                next,
                rest,
                allowance,
                cancelled,
            };
            self.underway = Some(Box::new(underway));
        }
        true
    }

    /// Sends a single-frame message of the queue. Returns its octets if it left.
    fn send_queued(
        &mut self,
        place: usize,
        out: &mut BytesMut,
        budget: usize,
        agreed: &Agreed,
        departures: &mut impl Departures,
    ) -> Option<usize> {
        let message = self.queue.get(place)?;
        let ordinal = self.number(message.payload.len(), out, budget)?;
        let message = self.queue.remove(place)?;
        let frame = (message.frame_type, message.compression);
        put_header(
            frame.0,
            ordinal,
            frame.1,
            message.payload.len(),
            agreed,
            out,
        );
        out.put_slice(&message.payload);
        departures.departed(message.id, ordinal);
        Some(message.payload.len())
    }

    fn write(
        &mut self,
        (frame_type, compression, payload): (FrameType, Compression, &[u8]),
        out: &mut BytesMut,
        budget: usize,
        agreed: &Agreed,
    ) -> Option<u64> {
        let ordinal = self.number(payload.len(), out, budget)?;
        put_header(frame_type, ordinal, compression, payload.len(), agreed, out);
        out.put_slice(payload);
        Some(ordinal)
    }

    /// Numbers a frame that leaves now; `None` if credit or room is missing.
    fn number(&mut self, payload: usize, out: &BytesMut, budget: usize) -> Option<u64> {
        let octets = frame_octets(payload);
        let room = out.is_empty()
            || usize::try_from(octets)
                .is_ok_and(|octets| out.len().saturating_add(octets) <= budget);
        if !room || self.sent() >= self.stop_after {
            return None;
        }
        self.flow.number(payload)
    }

    #[cfg(test)]
    pub(crate) fn start_at(&mut self, sent: u64) {
        self.flow = Outgoing::after(sent, 0);
    }
}

/// Whether a side sends messages of this type.
fn sends(own: Direction, frame_type: FrameType) -> bool {
    match frame_type.info() {
        Some(info) => {
            info.sequenced
                && (info.direction == Direction::Both || info.direction == own)
                && !matches!(frame_type, FrameType::FRAGMENT | FrameType::CANCEL)
        }
        // Nobody could know what it means.
        None => false,
    }
}

fn put_header(
    frame_type: FrameType,
    ordinal: u64,
    compression: Compression,
    payload: usize,
    agreed: &Agreed,
    out: &mut BytesMut,
) {
    let header = Header {
        version: agreed.version,
        frame_type,
        sequence: sequence_of(ordinal),
        compression,
        // Payloads were checked against the peer's frame limit.
        length: u32::try_from(payload).unwrap_or(u32::MAX),
    };
    out.put_slice(&header.to_bytes());
}

pub(crate) fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
