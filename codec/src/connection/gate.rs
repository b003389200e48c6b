//! Which frames may come through now: direction, phase, capability, and whether a number is due.
//!
//! These are the checks that follow an accepted header and need no memory. The connections make them;
//! whoever handles frames without a connection can make them alone.

use super::violation::Violation;
use crate::registry::{Direction, ErrorCode, FrameType, Phase, Unknown};

/// What a frame that may come through is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// A frame without a number.
    Control,
    /// Takes an ordinal and credit.
    Sequenced,
    /// To be dropped without an answer.
    Ignorable,
}

/// Why a frame may not come through; the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not from this side, or not in this phase.
    #[error("{0} may not come now")]
    Unexpected(FrameType),
    /// FRAGMENT or CANCEL without the capability.
    #[error("fragments were not negotiated")]
    Fragments,
    /// A number in a frame that has none.
    #[error("{0} carries no sequence")]
    Numbered(FrameType),
    /// A type that no decoder hands over.
    #[error("invalid frame type")]
    Invalid,
}

impl Refusal {
    /// The code that ERROR reports.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Unexpected(_) => ErrorCode::UNEXPECTED_FRAME,
            Self::Fragments => ErrorCode::EXTENSION_NOT_NEGOTIATED,
            Self::Numbered(_) => ErrorCode::BAD_SEQUENCE,
            Self::Invalid => ErrorCode::INVALID_TYPE,
        }
    }
}

/// Checks type and sequence of a frame that came from `sender` while its direction is in `phase`;
/// `fragments` says whether the capability was negotiated. Whether the number of a sequenced frame is
/// the next one is for [`flow`](super::flow) to say.
///
/// # Errors
/// [`Refusal`].
// impl[EIM-FRM-026, EIM-FRM-027]
pub fn admit(
    frame_type: FrameType,
    sequence: u32,
    sender: Direction,
    phase: Phase,
    fragments: bool,
) -> Result<Admitted, Refusal> {
    let Some(info) = frame_type.info() else {
        return admit_unknown(frame_type, sequence, phase);
    };
    if (info.direction != Direction::Both && info.direction != sender)
        || !info.phases.contains(phase)
    {
        return Err(Refusal::Unexpected(frame_type));
    }
    // impl[EIM-FRG-006]
    if !fragments && matches!(frame_type, FrameType::FRAGMENT | FrameType::CANCEL) {
        return Err(Refusal::Fragments);
    }
    if info.sequenced {
        return Ok(Admitted::Sequenced);
    }
    numberless(frame_type, sequence)?;
    Ok(Admitted::Control)
}

#[cold]
fn admit_unknown(frame_type: FrameType, sequence: u32, phase: Phase) -> Result<Admitted, Refusal> {
    if !matches!(phase, Phase::Open | Phase::Draining) {
        // impl[EIM-FRM-028]
        return Err(Refusal::Unexpected(frame_type));
    }
    match frame_type.range().unknown {
        // impl[EIM-SEQ-006, EIM-EXT-004]
        Unknown::Unsupported => Ok(Admitted::Sequenced),
        // impl[EIM-FRM-023, EIM-EXT-016]
        Unknown::Ignore => numberless(frame_type, sequence).map(|()| Admitted::Ignorable),
        // The decoder hands over those that were negotiated.
        Unknown::Close if frame_type.is_negotiable() => {
            numberless(frame_type, sequence).map(|()| Admitted::Control)
        }
        Unknown::Close => Err(Refusal::Invalid),
    }
}

// impl[EIM-SEQ-005]
fn numberless(frame_type: FrameType, sequence: u32) -> Result<(), Refusal> {
    match sequence {
        0 => Ok(()),
        _ => Err(Refusal::Numbered(frame_type)),
    }
}

/// The refusal of a type that may not come now.
pub(crate) fn unexpected(frame_type: FrameType) -> Violation {
    Violation::from(Refusal::Unexpected(frame_type))
}
