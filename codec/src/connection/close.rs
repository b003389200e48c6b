//! Why a connection ended.

use alloc::string::String;
use core::time::Duration;

use crate::registry::ErrorCode;

/// Who ended the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClosedBy {
    /// This side: the application, or because the peer broke a rule.
    Local,
    /// The peer sent ERROR.
    Peer,
    /// The transport ended without ERROR.
    Transport,
    /// Nothing was heard for too long, or the handshake took too long.
    Timeout,
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    /// Who ended it.
    pub by: ClosedBy,
    /// The code of the ERROR that was sent or received; `None` after an orderly end and when the
    /// transport ended.
    pub code: Option<ErrorCode>,
    /// For people; from the peer if it sent the ERROR. Never parse it.
    pub detail: String,
    /// The peer asks to wait at least this long before coming back.
    pub retry_after: Option<Duration>,
    /// The session ended with the connection: `into_session` will return `None`.
    pub session_lost: bool,
}

impl CloseReason {
    /// An end without an error, such as after draining.
    #[must_use]
    pub fn orderly(by: ClosedBy) -> Self {
        Self { by, code: None, detail: String::new(), retry_after: None, session_lost: false }
    }

    /// An end for `code`.
    #[must_use]
    pub fn error(by: ClosedBy, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { by, code: Some(code), detail: detail.into(), retry_after: None, session_lost: false }
    }
}
