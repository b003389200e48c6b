//! The sequenced frames of the peer: numbers, credit, reassembly, and what is not consumed yet.

use alloc::collections::VecDeque;

use bytes::Bytes;
use prost::Message;

use super::flow::{self, frame_octets};
use super::violation::Violation;
use super::window::Grant;
use super::{Reassembly as ReassemblyBounds, WindowSize};
use crate::fragment::{Fragment, Reassembler, ReassemblerLimits, Reassembly};
use crate::frame::Frame;
use crate::limits::CompressionSet;
use crate::payload::{self, Cancel, Window};
use crate::registry::{Direction, ErrorCode, FrameType};

/// The sequenced frames of the peer. Part of a session.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// Last ordinal accepted, and the octets of the frames through it.
    received: (u64, u64),
    /// Frames and octets whose memory is free again.
    used: (u64, u64),
    /// Ordinal of the first entry of `open`.
    first_open: u64,
    /// Frames from the first one that is not consumed.
    open: VecDeque<OpenFrame>,
    /// Plain octets handed to the application and not consumed.
    held: u64,
    pub(crate) grant: Grant,
    reassembler: Reassembler,
    /// `received_through` last reported.
    reported: u64,
    /// After GOAWAY: frames beyond this ordinal are dropped, and how many were (frames, octets).
    accept_through: Option<u64>,
    dropped: (u64, u64),
}

/// Octets of a frame on the wire and handed out; zero on the wire once consumed.
#[derive(Clone, Copy, Debug)]
struct OpenFrame {
    wire: u32,
    plain: u32,
}

/// What a sequenced frame led to.
#[derive(Debug)]
pub(crate) enum Arrived {
    /// A whole message, to be consumed under this ordinal.
    Message {
        ordinal: u64,
        frame_type: FrameType,
        payload: Bytes,
    },
    /// A fragment in the middle, or a frame beyond GOAWAY.
    Nothing,
    /// The last fragment of a message that found no room.
    Failed {
        ordinal: u64,
        frame_type: FrameType,
        code: ErrorCode,
    },
    /// CANCEL.
    Cancelled { ordinal: u64 },
}

impl Inbound {
    pub(crate) fn new(size: WindowSize, bounds: ReassemblyBounds, max_frame_octets: u32) -> Self {
        let limits = ReassemblerLimits::new(bounds.messages, bounds.octets);
        Self {
            received: (0, 0),
            used: (0, 0),
            first_open: 1,
            open: VecDeque::new(),
            held: 0,
            grant: Grant::new(size, max_frame_octets),
            reassembler: Reassembler::new(limits),
            reported: 0,
            accept_through: None,
            dropped: (0, 0),
        }
    }

    /// Takes a sequenced frame that may come through.
    pub(crate) fn accept(
        &mut self,
        frame: Frame,
        sender: Direction,
        compressions: CompressionSet,
    ) -> Result<Arrived, Violation> {
        let ordinal = self.next_ordinal();
        self.accept_next(ordinal, frame, sender, compressions)
            .map_err(|violation| violation.in_frame(ordinal))
    }

    // impl[EIM-SEQ-007, EIM-WIN-012, EIM-CON-037]
    fn accept_next(
        &mut self,
        ordinal: u64,
        frame: Frame,
        sender: Direction,
        compressions: CompressionSet,
    ) -> Result<Arrived, Violation> {
        let wire = frame_octets(frame.payload.len());
        let arrived = (
            ordinal.saturating_sub(1),
            self.received.1.saturating_add(self.dropped.1),
        );
        let granted = self.grant.current();
        let (ordinal, octets) = flow::next(arrived, granted, frame.sequence, frame.payload.len())?;
        if self.accept_through.is_some_and(|through| ordinal > through) {
            self.dropped = (
                self.dropped.0.saturating_add(1),
                self.dropped.1.saturating_add(wire),
            );
            return Ok(Arrived::Nothing);
        }
        let arrived = self.open_up(ordinal, frame, sender, compressions)?;
        if let Arrived::Message {
            frame_type,
            payload,
            ..
        } = &arrived
        {
            check_payload(*frame_type, payload, sender)?;
        }
        self.received = (ordinal, octets);
        let plain = match &arrived {
            Arrived::Message { payload, .. } => Some(payload.len()),
            // impl[EIM-FRG-026]
            Arrived::Nothing | Arrived::Cancelled { .. } | Arrived::Failed { .. } => None,
        };
        self.note(ordinal, wire, plain);
        Ok(arrived)
    }

    fn open_up(
        &mut self,
        ordinal: u64,
        frame: Frame,
        sender: Direction,
        compressions: CompressionSet,
    ) -> Result<Arrived, Violation> {
        match frame.frame_type {
            FrameType::FRAGMENT => {
                let fragment = Fragment::decode(frame.payload)?;
                Ok(
                    match self.reassembler.accept(fragment, sender, compressions)? {
                        Reassembly::More { .. } => Arrived::Nothing,
                        Reassembly::Complete(message) => {
                            let payload = message.content()?;
                            Arrived::Message {
                                ordinal,
                                frame_type: message.inner_type,
                                payload,
                            }
                        }
                        Reassembly::Failed {
                            inner_type, code, ..
                        } => Arrived::Failed {
                            ordinal,
                            frame_type: inner_type,
                            code,
                        },
                    },
                )
            }
            FrameType::CANCEL => {
                let cancel = Cancel::decode(frame.payload)
                    .map_err(|_| Violation::malformed(FrameType::CANCEL))?;
                self.reassembler.cancel(cancel.fragment_id)?;
                Ok(Arrived::Cancelled { ordinal })
            }
            frame_type => {
                let payload = frame.content()?;
                Ok(Arrived::Message {
                    ordinal,
                    frame_type,
                    payload,
                })
            }
        }
    }

    /// Remembers a frame until it is consumed; one without plain octets is consumed at once.
    fn note(&mut self, ordinal: u64, wire: u64, plain: Option<usize>) {
        let Some(plain) = plain else {
            self.used = (
                self.used.0.saturating_add(1),
                self.used.1.saturating_add(wire),
            );
            if self.open.is_empty() {
                self.first_open = ordinal.saturating_add(1);
            } else {
                self.open.push_back(OpenFrame { wire: 0, plain: 0 });
            }
            return;
        };
        let narrow = |octets: u64| u32::try_from(octets).unwrap_or(u32::MAX);
        let plain = u64::try_from(plain).unwrap_or(u64::MAX);
        self.held = self.held.saturating_add(plain);
        self.open.push_back(OpenFrame {
            wire: narrow(wire),
            plain: narrow(plain),
        });
    }

    /// The application is done with the message under this ordinal. `false` if it was already, or
    /// there is none.
    // impl[EIM-WIN-018]
    pub(crate) fn consume(&mut self, ordinal: u64) -> bool {
        let place = ordinal
            .checked_sub(self.first_open)
            .and_then(|place| usize::try_from(place).ok());
        let Some(frame) = place.and_then(|place| self.open.get_mut(place)) else {
            return false;
        };
        if frame.wire == 0 {
            return false;
        }
        let OpenFrame { wire, plain } = core::mem::replace(frame, OpenFrame { wire: 0, plain: 0 });
        self.used = (
            self.used.0.saturating_add(1),
            self.used.1.saturating_add(wire.into()),
        );
        self.held = self.held.saturating_sub(plain.into());
        while self.open.front().is_some_and(|frame| frame.wire == 0) {
            self.open.pop_front();
            self.first_open = self.first_open.saturating_add(1);
        }
        true
    }

    /// Whether the application holds so much that nothing more is decoded until it consumes.
    pub(crate) fn is_paused(&self) -> bool {
        self.held > u64::from(self.grant.size().octets)
    }

    /// Ordinal of the next frame to arrive.
    pub(crate) const fn next_ordinal(&self) -> u64 {
        self.received
            .0
            .saturating_add(self.dropped.0)
            .saturating_add(1)
    }

    pub(crate) const fn received_through(&self) -> u64 {
        self.received.0
    }

    /// All frames through here were consumed.
    pub(crate) const fn consumed_through(&self) -> u64 {
        self.first_open.saturating_sub(1)
    }

    /// Whether something was received that no WINDOW has reported.
    pub(crate) const fn is_unreported(&self) -> bool {
        self.received.0 > self.reported
    }

    /// Whether a WINDOW is due for the sake of credit; ordinals beyond `most` are not granted.
    pub(crate) fn is_window_due(&self, most: u64) -> bool {
        self.grant.is_due(self.received, self.used, most)
    }

    /// The present WINDOW.
    pub(crate) fn window(&mut self, most: u64) -> Window {
        self.grant.renew(self.used, most);
        self.reported = self.received.0;
        let (frames, octets) = self.grant.current();
        Window {
            received_through: self.received.0,
            frames,
            octets,
        }
    }

    /// From now on frames beyond those received are dropped. Returns the last that is not.
    // impl[EIM-CON-034, EIM-CON-035, EIM-CON-041]
    pub(crate) fn stop(&mut self) -> u64 {
        *self.accept_through.get_or_insert(self.received.0)
    }

    /// A new connection of the session: what was dropped on the old one comes again, and messages that
    /// are half received go on.
    // impl[EIM-FRG-036]
    pub(crate) fn resume(&mut self) {
        self.accept_through = None;
        self.dropped = (0, 0);
    }

    pub(crate) fn trim(&mut self) {
        if self.open.is_empty() {
            self.open = VecDeque::new();
        }
    }

    #[cfg(test)]
    pub(crate) fn start_at(&mut self, received: u64) {
        self.received.0 = received;
        self.used.0 = received;
        self.first_open = received + 1;
        self.reported = received;
    }
}

/// A message that does not parse is not accepted: its ordinal stays due, and ERROR carries it. What
/// unknown types contain is nobody's business here.
// impl[EIM-FRM-029, EIM-CMP-024, EIM-FRG-029, EIM-CON-026]
fn check_payload(
    frame_type: FrameType,
    payload: &Bytes,
    sender: Direction,
) -> Result<(), Violation> {
    if frame_type.info().is_none() {
        return Ok(());
    }
    let payload = payload.clone();
    let parsed = match (sender, frame_type) {
        (Direction::Client, _) => payload::Send::decode(payload).map(drop),
        (_, FrameType::ENTRY) => payload::DetachedEntry::decode(payload).map(drop),
        _ => payload::Push::decode(payload).map(drop),
    };
    parsed.map_err(|_| Violation::malformed(frame_type))
}
