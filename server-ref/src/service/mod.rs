//! What the server does, apart from connections: authentication, messages, requests.
//!
//! Services know the [`Store`](crate::store::Store) trait, never an engine.

pub mod accounts;
pub mod auth;
pub mod blobs;
pub mod bots;
mod calls;
mod contacts;
mod devices;
pub mod directory;
pub mod directory_import;
mod dispatch;
mod group_policy;
mod groups;
mod history;
mod marks;
pub mod messaging;
mod modified;
pub mod notifications;
mod page;
pub mod password;
pub mod presence;
mod requests;
mod snapshot;
mod sync;
mod users;

pub(crate) use calls::to_signal;
pub use dispatch::is_about_presence;
pub(crate) use marks::to_mark;
pub(crate) use presence::to_presence;
pub use requests::{Answer, Requests};

use std::time::Duration;

use eim_codec::payload::ErrorInfo;
use eim_codec::registry::{ErrorCode, limits};

use crate::limits::{Limited, What};
use crate::store::{Origin, Refused, StoreError};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Tenant, user, device and connection.
    pub origin: Origin,
    /// Number of the connection's mailbox.
    pub connection: u64,
}

/// Why a request or message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Wire code.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
    /// When another attempt may do better, in milliseconds from now; 0 when nothing is known.
    pub retry_after_ms: u64,
}

impl Refusal {
    /// A refusal with a code and a reason for people.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_ms: retry_after_ms(code),
        }
    }

    fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_REQUEST, detail)
    }

    fn not_found() -> Self {
        Self::new(ErrorCode::NOT_FOUND, "not found")
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let known = refused.retry_after_ms;
        let mut refusal = Self::new(refused.code, refused.detail);
        refusal.retry_after_ms = refusal.retry_after_ms.max(known);
        refusal
    }
}

// impl[EIM-LIM-015, EIM-LIM-020]
impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        let (code, detail) = match limited.what {
            What::Messages => (ErrorCode::RATE_LIMITED, "too many messages"),
            What::Octets => (ErrorCode::RATE_LIMITED, "too many octets of messages"),
            What::Backlog => (ErrorCode::OVERLOADED, "too many messages wait to be stored"),
            What::Connections => (ErrorCode::TOO_MANY_CONNECTIONS, "too many connections"),
            What::Logins => (ErrorCode::RATE_LIMITED, "too many logins"),
            What::Groups => (ErrorCode::RATE_LIMITED, "too many new groups"),
            What::Requests => (ErrorCode::RATE_LIMITED, "too many requests"),
        };
        Self {
            code,
            detail: detail.to_owned(),
            retry_after_ms: limited.retry_after_ms(),
        }
    }
}

impl From<Refusal> for ErrorInfo {
    fn from(refusal: Refusal) -> Self {
        error_info(refusal.code, refusal.detail, refusal.retry_after_ms)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let code = match error {
            // impl[EIM-ERR-002]: of this request, not of the connection.
            StoreError::Closed => ErrorCode::UNAVAILABLE,
            // impl[EIM-LIM-021]
            StoreError::LeftAlone(wait) => {
                let mut refusal = Self::new(ErrorCode::UNAVAILABLE, "the store does not work now");
                refusal.retry_after_ms = millis(wait);
                return refusal;
            }
            StoreError::Engine(_) | StoreError::Corrupt(_) => ErrorCode::INTERNAL,
        };
        tracing::error!(%error, "the store failed");
        Self::new(code, "the store failed")
    }
}

pub(crate) fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The wire form of an error; whether a retry makes sense comes from the registry.
// impl[EIM-ERR-006, EIM-ERR-009]
#[must_use]
pub fn error_info(code: ErrorCode, detail: impl Into<String>, retry_after_ms: u64) -> ErrorInfo {
    let mut detail = detail.into();
    let max = usize::try_from(limits::ERROR_DETAIL_OCTETS.default).unwrap_or(usize::MAX);
    detail.truncate(detail.floor_char_boundary(max));
    ErrorInfo {
        code: u32::from(code.0),
        detail,
        retryable: code.retryable(),
        retry_after_ms,
    }
}

/// How long to stay away after a refusal of the store; 0 where nothing is known.
// impl[EIM-ERR-012]
#[must_use]
pub const fn retry_after_ms(code: ErrorCode) -> u64 {
    // Room comes back when somebody makes it, or when a table was merged.
    const ROOM_MS: u64 = 1000;
    match code {
        ErrorCode::OVERLOADED => ROOM_MS,
        _ => 0,
    }
}
