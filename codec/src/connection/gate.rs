//! Which frames may come through now: direction, phase, capability, and whether a number is due.

use alloc::format;

use super::violation::Violation;
use crate::frame::Frame;
use crate::registry::{Direction, ErrorCode, FrameType, Phase, Unknown};

/// What a frame that may come through is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// A frame without a number.
    Control,
    /// Takes an ordinal and credit.
    Sequenced,
    /// To be dropped without an answer.
    Ignorable,
}

/// Checks a frame that arrived from `sender` while its direction is in `phase`.
// impl[EIM-FRM-026, EIM-FRM-027]
pub(crate) fn admit(
    frame: &Frame,
    sender: Direction,
    phase: Phase,
    fragments: bool,
) -> Result<Admitted, Violation> {
    let frame_type = frame.frame_type;
    let Some(info) = frame_type.info() else {
        return admit_unknown(frame, phase);
    };
    if (info.direction != Direction::Both && info.direction != sender)
        || !info.phases.contains(phase)
    {
        return Err(unexpected(frame_type));
    }
    // impl[EIM-FRG-006]
    if !fragments && matches!(frame_type, FrameType::FRAGMENT | FrameType::CANCEL) {
        let detail = "fragments were not negotiated";
        return Err(Violation::new(ErrorCode::EXTENSION_NOT_NEGOTIATED, detail));
    }
    if info.sequenced {
        return Ok(Admitted::Sequenced);
    }
    numberless(frame)?;
    Ok(Admitted::Control)
}

#[cold]
fn admit_unknown(frame: &Frame, phase: Phase) -> Result<Admitted, Violation> {
    if !matches!(phase, Phase::Open | Phase::Draining) {
        // impl[EIM-FRM-028]
        return Err(unexpected(frame.frame_type));
    }
    match frame.frame_type.range().unknown {
        // impl[EIM-SEQ-006, EIM-EXT-004]
        Unknown::Unsupported => Ok(Admitted::Sequenced),
        // impl[EIM-FRM-023, EIM-EXT-016]
        Unknown::Ignore => numberless(frame).map(|()| Admitted::Ignorable),
        // The decoder hands none of these over.
        Unknown::Close => Err(Violation::new(
            ErrorCode::INVALID_TYPE,
            "invalid frame type",
        )),
    }
}

// impl[EIM-SEQ-005]
fn numberless(frame: &Frame) -> Result<(), Violation> {
    if frame.sequence == 0 {
        return Ok(());
    }
    let detail = format!("{} carries no sequence", frame.frame_type);
    Err(Violation::new(ErrorCode::BAD_SEQUENCE, detail))
}

pub(crate) fn unexpected(frame_type: FrameType) -> Violation {
    Violation::new(
        ErrorCode::UNEXPECTED_FRAME,
        format!("{frame_type} may not come now"),
    )
}
