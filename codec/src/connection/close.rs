//! Why a connection ended.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::limits::VERSION;
use crate::payload::{self, ErrorInfo, ErrorScope};
use crate::registry::{ErrorCode, Scope, limits};

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
    /// Whether coming back can succeed without a change: as the peer said, or as the registry says of
    /// a code of this side. `true` when the transport ended.
    pub retryable: bool,
    /// The peer asks to wait at least this long before coming back.
    pub retry_after: Option<Duration>,
    /// The session ended with the connection: `into_session` will return `None`.
    pub session_lost: bool,
}

impl CloseReason {
    /// An end without an error, such as after draining.
    #[must_use]
    pub fn orderly(by: ClosedBy) -> Self {
        Self {
            by,
            code: None,
            detail: String::new(),
            retryable: true,
            retry_after: None,
            session_lost: false,
        }
    }

    /// An end for `code`.
    #[must_use]
    pub fn error(by: ClosedBy, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            by,
            code: Some(code),
            detail: detail.into(),
            retryable: code.retryable(),
            retry_after: None,
            session_lost: is_session_scoped(code),
        }
    }
}

/// The ERROR for `code`.
// impl[EIM-ERR-006, EIM-ERR-007, EIM-ERR-009, EIM-VER-005]
pub(crate) fn error_frame(
    code: ErrorCode,
    detail: &str,
    ordinal: u64,
    retry_after: Option<Duration>,
) -> payload::Error {
    let scope = if is_session_scoped(code) {
        ErrorScope::Session
    } else {
        ErrorScope::Connection
    };
    let about_versions = matches!(
        code,
        ErrorCode::UNSUPPORTED_VERSION | ErrorCode::NO_COMMON_VERSION
    );
    payload::Error {
        info: Some(error_info(code, detail, retry_after)),
        scope: scope.into(),
        ordinal,
        versions: if about_versions {
            vec![VERSION.into()]
        } else {
            Vec::new()
        },
    }
}

/// Code, text within its limit, and what the registry says about retrying.
pub(crate) fn error_info(
    code: ErrorCode,
    detail: &str,
    retry_after: Option<Duration>,
) -> ErrorInfo {
    let most = usize::try_from(limits::ERROR_DETAIL_OCTETS.default).unwrap_or(usize::MAX);
    let end = detail.floor_char_boundary(most);
    ErrorInfo {
        code: u32::from(code.0),
        detail: String::from(detail.get(..end).unwrap_or_default()),
        retryable: code.retryable(),
        retry_after_ms: retry_after.map_or(0, |wait| {
            u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
        }),
    }
}

pub(crate) fn is_session_scoped(code: ErrorCode) -> bool {
    code.info().is_some_and(|info| info.scope == Scope::Session)
}

/// What an ERROR of the peer says.
// impl[EIM-CON-027, EIM-ERR-003, EIM-ERR-013, EIM-ERR-014, EIM-ERR-015]
pub(crate) fn reason_of(error: payload::Error) -> CloseReason {
    let session_lost = error.effective_scope() == ErrorScope::Session;
    let info = error.info.unwrap_or_default();
    let retry_after = (info.retry_after_ms > 0).then(|| Duration::from_millis(info.retry_after_ms));
    // A number beyond 16 bits is as unknown as 0.
    let code = ErrorCode(u16::try_from(info.code).unwrap_or_default());
    CloseReason {
        by: ClosedBy::Peer,
        code: Some(code),
        detail: info.detail,
        retryable: code.may_retry(info.retryable),
        retry_after,
        session_lost,
    }
}
