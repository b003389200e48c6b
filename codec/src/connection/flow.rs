//! Numbers and credit of sequenced frames, one direction at a time.
//!
//! The connections use these; whoever handles frames without them (a gateway, an analyser, another
//! transport) can use them alone.
//!
//! ```
//! use eim_codec::connection::flow::{FlowError, Incoming, Outgoing, sequence_of};
//! use eim_codec::payload::Window;
//!
//! let mut ours = Outgoing::default();
//! ours.window(&Window { received_through: 0, frames: 1, octets: 65_547 })?;
//! let ordinal = ours.number(200).expect("within the credit");
//! assert_eq!(sequence_of(ordinal), 1);
//! assert_eq!(ours.number(200), None, "one frame was granted");
//!
//! let mut theirs = Incoming::default();
//! theirs.grant(1, 65_547);
//! assert_eq!(theirs.accept(1, 200)?, 1);
//! assert_eq!(theirs.accept(2, 200), Err(FlowError::CreditExceeded));
//! # Ok::<(), FlowError>(())
//! ```

use crate::header::HEADER_OCTETS;
use crate::payload::Window;
use crate::registry::ErrorCode;

/// Largest value of the sequence octets.
const CYCLE: u64 = u32::MAX as u64;

/// The sequence octets of the frame with this ordinal (from 1): 0 is never among them.
// impl[EIM-SEQ-002]
#[must_use]
pub const fn sequence_of(ordinal: u64) -> u32 {
    // At most 2^32 - 2, so the cast keeps the value.
    (ordinal.wrapping_sub(1) % CYCLE) as u32 + 1
}

/// Octets of credit that a frame with a payload of this length costs: its header counts too.
// impl[EIM-WIN-002]
#[must_use]
pub fn frame_octets(payload: usize) -> u64 {
    u64::try_from(payload.saturating_add(HEADER_OCTETS)).unwrap_or(u64::MAX)
}

/// What the peer did wrong; the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowError {
    /// Not the number of the next frame.
    #[error("sequence {got} where {expected} is next")]
    Sequence {
        /// Sequence octets.
        got: u32,
        /// The sequence of the next frame.
        expected: u32,
    },
    /// A frame beyond the credit granted.
    #[error("beyond the credit granted")]
    CreditExceeded,
    /// A WINDOW with less credit than one before.
    #[error("credit was taken back")]
    CreditReduced,
    /// A WINDOW that reports less than one before.
    #[error("received_through went back")]
    ReportReduced,
    /// A WINDOW that reports frames that were never sent.
    #[error("received_through is beyond the last frame sent")]
    ReportBeyond,
}

impl FlowError {
    /// The code that ERROR reports.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Sequence { .. } => ErrorCode::BAD_SEQUENCE,
            Self::CreditExceeded => ErrorCode::CREDIT_EXCEEDED,
            Self::CreditReduced | Self::ReportReduced | Self::ReportBeyond => {
                ErrorCode::CREDIT_REDUCED
            }
        }
    }
}

/// The sequenced frames of this side: their numbers, under the peer's credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// Last ordinal given, and the octets of the frames through it.
    sent: (u64, u64),
    /// Frames and octets granted by the peer.
    credit: (u64, u64),
    /// `received_through` of the last WINDOW.
    reported: u64,
}

impl Outgoing {
    /// Goes on after `frames` frames of `octets` octets together, headers included. There is no credit
    /// before the first [`window`](Self::window).
    #[must_use]
    pub const fn after(frames: u64, octets: u64) -> Self {
        Self {
            sent: (frames, octets),
            credit: (0, 0),
            reported: 0,
        }
    }

    /// Ordinal of the last frame.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent.0
    }

    /// Through where the peer has reported to have received.
    #[must_use]
    pub const fn reported(&self) -> u64 {
        self.reported
    }

    /// Takes over the credit of AUTH, AUTH_OK or WINDOW. After an error nothing has changed.
    ///
    /// # Errors
    /// [`FlowError`]: a field went back, or reports what was not sent.
    // impl[EIM-WIN-009, EIM-WIN-010, EIM-WIN-011]
    pub const fn window(&mut self, window: &Window) -> Result<(), FlowError> {
        if window.received_through < self.reported {
            return Err(FlowError::ReportReduced);
        }
        if window.received_through > self.sent.0 {
            return Err(FlowError::ReportBeyond);
        }
        if window.frames < self.credit.0 || window.octets < self.credit.1 {
            return Err(FlowError::CreditReduced);
        }
        self.credit = (window.frames, window.octets);
        self.reported = window.received_through;
        Ok(())
    }

    /// The ordinal of a frame that is transmitted now; `None` when the credit does not cover it.
    // impl[EIM-SEQ-001, EIM-SEQ-008, EIM-WIN-001, EIM-WIN-021]
    #[must_use]
    pub fn number(&mut self, payload: usize) -> Option<u64> {
        let ordinal = self.sent.0.checked_add(1)?;
        let octets = self.sent.1.saturating_add(frame_octets(payload));
        if ordinal > self.credit.0 || octets > self.credit.1 {
            return None;
        }
        self.sent = (ordinal, octets);
        Some(ordinal)
    }
}

/// The sequenced frames of the peer, under the credit of this side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    received: (u64, u64),
    granted: (u64, u64),
}

impl Incoming {
    /// Goes on after `frames` frames of `octets` octets together, headers included. Nothing is granted
    /// before the first [`grant`](Self::grant).
    #[must_use]
    pub const fn after(frames: u64, octets: u64) -> Self {
        Self {
            received: (frames, octets),
            granted: (0, 0),
        }
    }

    /// Ordinal of the last frame.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received.0
    }

    /// This side sent AUTH, AUTH_OK or WINDOW with these numbers. Credit is never taken back.
    pub fn grant(&mut self, frames: u64, octets: u64) {
        self.granted = (self.granted.0.max(frames), self.granted.1.max(octets));
    }

    /// Takes the next frame, by its sequence and the octets of its payload. Returns its ordinal.
    ///
    /// # Errors
    /// [`FlowError::Sequence`], then [`FlowError::CreditExceeded`].
    pub fn accept(&mut self, sequence: u32, payload: usize) -> Result<u64, FlowError> {
        self.received = next(self.received, self.granted, sequence, payload)?;
        Ok(self.received.0)
    }
}

/// Frames and octets through the next frame, after those `received` and within those `granted`.
// impl[EIM-SEQ-004, EIM-WIN-003, EIM-WIN-021]
pub(crate) fn next(
    received: (u64, u64),
    granted: (u64, u64),
    sequence: u32,
    payload: usize,
) -> Result<(u64, u64), FlowError> {
    let ordinal = received.0.saturating_add(1);
    let expected = sequence_of(ordinal);
    if sequence != expected {
        return Err(FlowError::Sequence {
            got: sequence,
            expected,
        });
    }
    let octets = received.1.saturating_add(frame_octets(payload));
    if ordinal > granted.0 || octets > granted.1 {
        return Err(FlowError::CreditExceeded);
    }
    Ok((ordinal, octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn window(received_through: u64, frames: u64, octets: u64) -> Window {
        Window {
            received_through,
            frames,
            octets,
        }
    }

    #[test]
    fn the_examples_of_the_specification() {
        for (ordinal, sequence) in [
            (1, 1),
            (4_294_967_294, 4_294_967_294),
            (4_294_967_295, 4_294_967_295),
            (4_294_967_296, 1),
            (4_294_967_297, 2),
        ] {
            assert_eq!(sequence_of(ordinal), sequence, "ordinal {ordinal}");
        }
        assert_eq!(frame_octets(200) * 3, 633);
    }

    #[test]
    fn credit_covers_frames_and_octets_and_only_rises() {
        let mut ours = Outgoing::after(3, 633);
        assert_eq!(ours.number(0), None, "no credit yet");
        assert_eq!(ours.window(&window(3, 5, 700)), Ok(()));
        assert_eq!(ours.number(57), None, "701 octets");
        assert_eq!(ours.number(56), Some(4));
        assert_eq!(ours.number(0), None, "no octets left");
        assert_eq!(ours.window(&window(3, 5, 700)), Ok(()), "the same again");
        for (less, error) in [
            (window(2, 5, 700), FlowError::ReportReduced),
            (window(5, 5, 700), FlowError::ReportBeyond),
            (window(3, 4, 700), FlowError::CreditReduced),
            (window(3, 5, 699), FlowError::CreditReduced),
        ] {
            assert_eq!(ours.window(&less), Err(error));
        }
        assert_eq!(ours.window(&window(4, 5, 711)), Ok(()));
        assert_eq!(ours.number(0), Some(5));
        assert_eq!((ours.sent(), ours.reported()), (5, 4));
    }

    #[test]
    fn sequence_is_checked_before_credit_and_nothing_moves_after_an_error() {
        let last = u64::from(u32::MAX);
        let mut theirs = Incoming::after(last - 1, 0);
        assert_eq!(theirs.accept(u32::MAX, 0), Err(FlowError::CreditExceeded));
        theirs.grant(last + 1, 22);
        let wrong = FlowError::Sequence {
            got: 0,
            expected: u32::MAX,
        };
        assert_eq!(theirs.accept(0, 100), Err(wrong));
        assert_eq!(theirs.accept(u32::MAX, 0), Ok(last));
        assert_eq!(theirs.accept(1, 1), Err(FlowError::CreditExceeded));
        assert_eq!(theirs.accept(1, 0), Ok(last + 1));
        assert_eq!(theirs.received(), last + 1);
    }
}
