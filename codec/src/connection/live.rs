//! What both roles do alike while a connection is open: windows, heartbeat, floods, leaving.

use core::time::Duration;

use bytes::Bytes;
use prost::Message;

use super::agreed::{Agreed, pick};
use super::flood::Bucket;
use super::heartbeat::Heartbeat;
use super::inbound::Inbound;
use super::line::Line;
use super::outbound::{Departures, Outbound};
use super::violation::Violation;
use crate::error::EncodeError;
use crate::frame::Frame;
use crate::payload::{GoAway, Ping, Pong, Window};
use crate::registry::{Compression, ErrorCode, FrameType, Phase, limits};
use crate::time::Timestamp;

/// When the bucket of this side holds a token again, at the latest.
pub(crate) const REFILL: Duration = Duration::from_millis(16);

/// The open phase of one connection. Not part of the session.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) heartbeat: Heartbeat,
    /// Counted control frames of the peer, and of this side: fewer, since the way may bunch them.
    theirs: Bucket,
    ours: Bucket,
    /// `accept_through` of the peer's GOAWAY.
    peer_goaway: Option<u64>,
    /// This side has sent GOAWAY.
    pub(crate) leaving: bool,
    /// The transport is closed then.
    leave: Leave,
    /// WINDOW is due then at the latest.
    window_at: Option<Timestamp>,
    window_now: bool,
}

#[derive(Clone, Copy, Debug)]
enum Leave {
    Never,
    /// From the next transmission.
    After(Duration),
    At(Timestamp),
}

impl Live {
    pub(crate) const fn new(
        heartbeat: Duration,
        now: Timestamp,
        control_frames_per_s: u32,
    ) -> Self {
        Self {
            heartbeat: Heartbeat::new(heartbeat, now),
            theirs: Bucket::new(control_frames_per_s),
            ours: Bucket::new(limits::CONTROL_FRAMES_PER_S.default / 4 * 3),
            peer_goaway: None,
            leaving: false,
            leave: Leave::Never,
            window_at: None,
            window_now: false,
        }
    }

    /// The phase of the peer's direction.
    pub(crate) const fn phase(&self) -> Phase {
        match self.peer_goaway {
            Some(_) => Phase::Draining,
            None => Phase::Open,
        }
    }

    /// Whether either side has announced the end.
    pub(crate) const fn is_ending(&self) -> bool {
        self.leaving || self.peer_goaway.is_some()
    }

    /// Counts a control frame of the peer that nothing else bounds.
    // impl[EIM-CON-057, EIM-CON-058]
    pub(crate) fn count(&mut self, now: Timestamp) -> Result<(), Violation> {
        if self.theirs.take(now) {
            return Ok(());
        }
        Err(Violation::new(
            ErrorCode::CONTROL_FLOOD,
            "too many control frames",
        ))
    }

    /// Whether this side may send a counted control frame now.
    // impl[EIM-CON-056]
    pub(crate) fn may_send(&mut self, now: Timestamp) -> bool {
        self.ours.take(now)
    }

    /// A sequenced frame was accepted.
    // impl[EIM-WIN-015]
    pub(crate) fn accepted(&mut self, now: Timestamp) {
        if self.window_at.is_none() {
            self.window_at = Some(now.saturating_add(self.heartbeat.interval() / 2));
        }
    }

    pub(crate) fn on_window(
        &mut self,
        frame: &Frame,
        outbound: &mut Outbound,
        now: Timestamp,
    ) -> Result<Window, Violation> {
        let window: Window = decode(frame)?;
        if window.received_through <= outbound.reported() {
            self.count(now)?;
        }
        outbound.window(&window)?;
        Ok(window)
    }

    /// The PONG, if it answers a PING of this side.
    pub(crate) fn on_pong(
        &mut self,
        frame: &Frame,
        now: Timestamp,
    ) -> Result<Option<Pong>, Violation> {
        let pong: Pong = decode(frame)?;
        if self.heartbeat.pong(pong.token) {
            return Ok(Some(pong));
        }
        self.count(now).map(|()| None)
    }

    // impl[EIM-CON-042]
    pub(crate) fn on_goaway(
        &mut self,
        frame: &Frame,
        outbound: &mut Outbound,
        now: Timestamp,
    ) -> Result<GoAway, Violation> {
        self.count(now)?;
        let goaway: GoAway = decode(frame)?;
        if self
            .peer_goaway
            .is_some_and(|first| first != goaway.accept_through)
        {
            return Err(Violation::value(
                "accept_through differs from that of the first GOAWAY",
            ));
        }
        self.peer_goaway = Some(goaway.accept_through);
        outbound.stop_after(goaway.accept_through);
        Ok(goaway)
    }

    /// Closes the transport after `deadline` at the latest, counted from the next transmission.
    // impl[EIM-CON-040]
    pub(crate) fn leave_after(&mut self, deadline: Duration) {
        if matches!(self.leave, Leave::Never) {
            self.leave = Leave::After(deadline);
        }
    }

    pub(crate) const fn leave_at(&self) -> Option<Timestamp> {
        match self.leave {
            Leave::At(at) => Some(at),
            Leave::Never | Leave::After(_) => None,
        }
    }

    /// Puts PING. A token is used once.
    pub(crate) fn ping(&mut self, line: &mut Line) -> Result<(), EncodeError> {
        let token = self.heartbeat.ping(line.now);
        line.put(FrameType::PING, &Ping { token })
    }

    /// Sends an ignorable frame, which conforming peers ignore.
    // impl[EIM-EXT-013]
    pub(crate) fn grease(&mut self, line: &mut Line) {
        let octet = self.heartbeat.last_octet();
        if let Some(frame_type) = pick(FrameType::GREASE, octet)
            && self.may_send(line.now)
        {
            // Ignorable frames are smaller than any frame limit.
            let _ = line.put_payload(frame_type, Compression::NONE, &[octet]);
        }
    }

    /// Whether the peer is gone. Time in which this side did not read does not count.
    // impl[EIM-HBT-006, EIM-HBT-008]
    pub(crate) fn is_dead(&self, line: &mut Line, inbound: &Inbound) -> bool {
        if inbound.is_paused() {
            line.heard = line.now;
        }
        self.heartbeat.dead_at(line.heard) <= line.now
    }

    /// Notes that WINDOW is due by time.
    // impl[EIM-WIN-015, EIM-WIN-016]
    pub(crate) fn check_window(&mut self, inbound: &Inbound, now: Timestamp) {
        if self.window_at.is_none_or(|at| at > now) {
            return;
        }
        let paused = inbound.is_paused();
        self.window_now |= paused || inbound.is_unreported();
        self.window_at = paused.then(|| now.saturating_add(self.heartbeat.interval() / 2));
    }

    pub(crate) const fn window_at(&self) -> Option<Timestamp> {
        self.window_at
    }

    /// Puts WINDOW if it is due, for the sake of sequenced frames or of time only; ordinals beyond
    /// `most` are not granted.
    // impl[EIM-SEQ-009]
    pub(crate) fn put_window(&mut self, line: &mut Line, inbound: &mut Inbound, most: u64) {
        if !self.window_now && !inbound.is_window_due(most) {
            return;
        }
        // One that reports nothing new is counted by the peer.
        if !inbound.is_unreported() && !self.may_send(line.now) {
            self.window_now = true;
            self.window_at = Some(line.now.saturating_add(REFILL));
            return;
        }
        self.window_now = false;
        if !inbound.is_paused() {
            self.window_at = None;
        }
        // A WINDOW is smaller than any frame limit.
        let _ = line.put(FrameType::WINDOW, &inbound.window(most));
    }

    /// What is due now: control frames, which no credit holds back, first, then frames to repeat, then
    /// new ones, then `tail`.
    // impl[EIM-WIN-020, EIM-CON-051, EIM-HBT-023]
    pub(crate) fn transmit(
        &mut self,
        line: &mut Line,
        agreed: &Agreed,
        outbound: &mut Outbound,
        departures: &mut impl Departures,
        tail: impl FnOnce(&mut bytes::BytesMut, u64),
    ) -> Option<Bytes> {
        if let Leave::After(deadline) = self.leave {
            self.leave = Leave::At(line.now.saturating_add(deadline));
        }
        let budget = agreed.chunk_octets();
        let mut out = line.take_control(budget);
        if line.backlog() > 0 {
            return Some(out.freeze());
        }
        if outbound.retained.has_resend() {
            tail(&mut out, outbound.sent());
            return if out.is_empty() {
                outbound.retained.next_resend()
            } else {
                Some(out.freeze())
            };
        }
        let (start, first) = (out.len(), outbound.sent());
        out.reserve(outbound.estimate().min(budget.saturating_sub(start)));
        outbound.packer.tick(line.now);
        outbound.fill(&mut out, agreed, departures);
        let end = out.len();
        tail(&mut out, outbound.sent());
        if out.is_empty() {
            return None;
        }
        let out = out.freeze();
        if end > start && outbound.sent() > first {
            let limit = outbound.queue.retained_octets();
            outbound
                .retained
                .keep(out.slice(start..end), outbound.sent(), out.len(), limit);
        }
        Some(out)
    }
}

/// The Protobuf payload of a frame.
// impl[EIM-FRM-029, EIM-CMP-024, EIM-EXT-001]
pub(crate) fn decode<M: Message + Default>(frame: &Frame) -> Result<M, Violation> {
    M::decode(frame.content()?).map_err(|_| Violation::malformed(frame.frame_type))
}

/// The earliest of some times.
pub(crate) fn earliest<const N: usize>(times: [Option<Timestamp>; N]) -> Option<Timestamp> {
    times.into_iter().flatten().min()
}
