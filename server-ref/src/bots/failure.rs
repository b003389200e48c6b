//! What bots are told when something cannot be done: a status for each wire code.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use eim_codec::registry::ErrorCode;
use serde_json::json;

use crate::service::Refusal;
use crate::service::auth::Rejection;
use crate::store::{Refused, StoreError};

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Wire code.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
    /// When to come back, where that is known.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with a code and a reason for people.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The status of a code.
    // impl[EIM-BOT-016]
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self.code {
            ErrorCode::INVALID_MESSAGE
            | ErrorCode::INVALID_REQUEST
            | ErrorCode::INVALID_VALUE
            | ErrorCode::MALFORMED_PAYLOAD => StatusCode::BAD_REQUEST,
            ErrorCode::AUTH_FAILED | ErrorCode::LOGGED_OUT => StatusCode::UNAUTHORIZED,
            ErrorCode::ACCOUNT_DISABLED
            | ErrorCode::FORBIDDEN
            | ErrorCode::MUTED
            | ErrorCode::LIMIT_REACHED => StatusCode::FORBIDDEN,
            ErrorCode::NOT_FOUND | ErrorCode::UNKNOWN_OPERATION => StatusCode::NOT_FOUND,
            ErrorCode::HANDSHAKE_TIMEOUT => StatusCode::REQUEST_TIMEOUT,
            ErrorCode::CONFLICT | ErrorCode::RETRY_EXPIRED => StatusCode::CONFLICT,
            ErrorCode::DISSOLVED => StatusCode::GONE,
            ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::PAYLOAD_TOO_LARGE => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            ErrorCode::UNSUPPORTED => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorCode::RATE_LIMITED => StatusCode::TOO_MANY_REQUESTS,
            ErrorCode::OVERLOADED | ErrorCode::UNAVAILABLE | ErrorCode::SHUTTING_DOWN => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let wait = refusal.retry_after_ms;
        Self {
            code: refusal.code,
            detail: refusal.detail,
            retry_after: (wait > 0).then_some(Duration::from_millis(wait)),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Refusal::from(refused).into()
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::new(rejection.code, rejection.detail)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let ms = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let text = json!({
            "error": self.code.to_string(),
            "detail": self.detail,
            "retryable": self.code.retryable(),
            "retry_after_ms": self.retry_after.map(ms),
        });
        let mut response = Response::new(Body::from(text.to_string()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // impl[EIM-BOT-017]: whole seconds, never too early.
        if let Some(wait) = self.retry_after {
            let seconds = ms(wait).div_ceil(1000).max(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // test[EIM-BOT-016, EIM-BOT-017]
    #[test]
    fn statuses_follow_codes_and_say_when_to_come_back() {
        for (code, status) in [
            (ErrorCode::INVALID_MESSAGE, 400),
            (ErrorCode::AUTH_FAILED, 401),
            (ErrorCode::LOGGED_OUT, 401),
            (ErrorCode::ACCOUNT_DISABLED, 403),
            (ErrorCode::NOT_FOUND, 404),
            (ErrorCode::CONFLICT, 409),
            (ErrorCode::DISSOLVED, 410),
            (ErrorCode::MESSAGE_TOO_LARGE, 413),
            (ErrorCode::RATE_LIMITED, 429),
            (ErrorCode::OVERLOADED, 503),
            (ErrorCode::STORE_FAILED, 500),
            (ErrorCode(0x7FFF), 500),
        ] {
            let response = Failure::new(code, "").into_response();
            assert_eq!(response.status().as_u16(), status, "{code}");
            assert!(response.headers().get(RETRY_AFTER).is_none());
        }
        let mut failure = Failure::new(ErrorCode::RATE_LIMITED, "");
        failure.retry_after = Some(Duration::from_millis(1001));
        let response = failure.into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }
}
