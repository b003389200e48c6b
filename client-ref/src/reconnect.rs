//! When to connect again, and whether.

use std::time::Duration;

use eim_codec::connection::{CloseReason, ClosedBy};
use eim_codec::registry::{ErrorClass, ErrorCode};

use crate::environment::Environment;

/// Longest delay before the second attempt; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(500);

/// Longest delay of all.
const LONGEST: Duration = Duration::from_secs(30);

/// What to do after a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Connect again, after the backoff and at least this delay.
    Retry(Duration),
    /// The token is of no use: forget it and authenticate fully, at once.
    ForgetToken,
    /// Do not come back without a person acting first.
    Stop,
}

/// Decides by the reason why a connection ended.
#[must_use]
pub(crate) fn after(reason: &CloseReason) -> Next {
    let floor = reason.retry_after.unwrap_or_default();
    let Some(code) = reason.code else {
        return Next::Retry(floor);
    };
    if reason.by != ClosedBy::Peer {
        // What this side found wrong does not become right at once, but the peer may be replaced.
        return Next::Retry(floor.max(FIRST));
    }
    match code {
        // impl[EIM-AUT-044]
        ErrorCode::RESUME_REJECTED => Next::ForgetToken,
        // impl[EIM-ERR-014] REPLACED: the newer connection of this device stays.
        ErrorCode::REPLACED | ErrorCode::LOGGED_OUT => Next::Stop,
        ErrorCode::UNSUPPORTED_VERSION | ErrorCode::NO_COMMON_VERSION => Next::Stop,
        ErrorCode::HANDSHAKE_TIMEOUT | ErrorCode::IDLE_TIMEOUT | ErrorCode::SESSION_CONFLICT => {
            Next::Retry(floor)
        }
        // impl[EIM-AUT-052] Guessing again needs a person. Unknown codes follow their class.
        _ if matches!(class(code), AUTHENTICATION | SESSION) => Next::Stop,
        _ => Next::Retry(floor),
    }
}

const AUTHENTICATION: ErrorClass = ErrorClass(0x03);
const SESSION: ErrorClass = ErrorClass(0x04);

const fn class(code: ErrorCode) -> ErrorClass {
    ErrorClass((code.0 >> 8) as u8)
}

/// Delays with full jitter: after a failure of the server, clients do not come back together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The delay before the next attempt, at least `floor`.
    pub(crate) fn next(&mut self, environment: &Environment, floor: Duration) -> Duration {
        let most = FIRST
            .saturating_mul(1_u32 << self.attempts.min(16))
            .min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        floor.saturating_add(Duration::from_millis(environment.up_to(most)))
    }

    /// A connection opened: the next failure is a first one.
    pub(crate) const fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_peer(code: ErrorCode) -> Next {
        after(&CloseReason::error(ClosedBy::Peer, code, ""))
    }

    #[test]
    fn the_loser_of_a_replacement_stays_away() {
        assert_eq!(by_peer(ErrorCode::REPLACED), Next::Stop);
        assert_eq!(by_peer(ErrorCode::LOGGED_OUT), Next::Stop);
    }

    #[test]
    fn refused_credentials_are_not_tried_again() {
        for code in [
            ErrorCode::AUTH_FAILED,
            ErrorCode::BINDING_MISMATCH,
            ErrorCode::ACCOUNT_DISABLED,
            ErrorCode(0x03EE),
        ] {
            assert_eq!(by_peer(code), Next::Stop, "{code}");
        }
        assert_eq!(by_peer(ErrorCode::RESUME_REJECTED), Next::ForgetToken);
    }

    #[test]
    fn losses_are_retried_and_retry_after_is_honoured() {
        assert_eq!(
            after(&CloseReason::orderly(ClosedBy::Transport)),
            Next::Retry(Duration::ZERO)
        );
        let mut reason = CloseReason::error(ClosedBy::Peer, ErrorCode::SHUTTING_DOWN, "");
        reason.retry_after = Some(Duration::from_secs(7));
        assert_eq!(after(&reason), Next::Retry(Duration::from_secs(7)));
    }

    #[test]
    fn delays_grow_to_a_bound_and_keep_the_floor() {
        let environment = Environment::default();
        let mut backoff = Backoff::default();
        let floor = Duration::from_secs(2);
        for attempt in 0..40_u32 {
            let most = floor + LONGEST.min(FIRST * (1 << attempt.min(16)));
            let delay = backoff.next(&environment, floor);
            assert!(
                (floor..=most).contains(&delay),
                "attempt {attempt}: {delay:?}"
            );
        }
    }
}
