//! What the peer did wrong, on its way to becoming ERROR.

use alloc::borrow::Cow;
use alloc::format;

use super::flow::FlowError;
use super::gate::Refusal;
use crate::error::Rejected;
use crate::fragment::FragmentError;
use crate::registry::{ErrorCode, FrameType};

/// A broken rule that ends the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) code: ErrorCode,
    /// For people; says nothing that came from the peer but numbers.
    pub(crate) detail: Cow<'static, str>,
    /// Ordinal of the sequenced frame at fault; 0 if none was.
    pub(crate) ordinal: u64,
}

impl Violation {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            ordinal: 0,
        }
    }

    pub(crate) fn value(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::INVALID_VALUE, detail)
    }

    // impl[EIM-FRM-029]
    pub(crate) fn malformed(frame_type: FrameType) -> Self {
        Self::new(
            ErrorCode::MALFORMED_PAYLOAD,
            format!("malformed payload of {frame_type}"),
        )
    }

    /// Blames the sequenced frame with this ordinal, unless one is blamed already.
    // impl[EIM-ERR-008, EIM-CON-026]
    pub(crate) fn in_frame(mut self, ordinal: u64) -> Self {
        if self.ordinal == 0 {
            self.ordinal = ordinal;
        }
        self
    }
}

impl From<Rejected> for Violation {
    fn from(rejected: Rejected) -> Self {
        Self::new(rejected.code, format!("{}", rejected.fault))
    }
}

impl From<FragmentError> for Violation {
    fn from(error: FragmentError) -> Self {
        Self::new(error.code(), format!("{error}"))
    }
}

impl From<FlowError> for Violation {
    fn from(error: FlowError) -> Self {
        Self::new(error.code(), format!("{error}"))
    }
}

impl From<Refusal> for Violation {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code(), format!("{refusal}"))
    }
}
