//! When to connect again, and whether.

use std::time::Duration;

use eim_codec::connection::{CloseReason, ClosedBy};
use eim_codec::registry::ErrorCode;

use crate::environment::Environment;

/// Longest delay before the second attempt; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(500);

/// Longest delay of all.
const LONGEST: Duration = Duration::from_secs(8);

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

/// Decides by the reason why a connection ended, as the server stated it.
// impl[EIM-ERR-014]
#[must_use]
pub(crate) fn after(reason: &CloseReason) -> Next {
    let floor = reason.retry_after.unwrap_or_default();
    match (reason.by, reason.code) {
        // impl[EIM-AUT-044]
        (ClosedBy::Peer, Some(ErrorCode::RESUME_REJECTED)) => Next::ForgetToken,
        // impl[EIM-ERR-016, EIM-CON-016, EIM-AUT-052, EIM-VER-013, EIM-DEV-013] Among these are REPLACED, where
        // the newer connection stays, and refused credentials, which are not guessed again.
        (ClosedBy::Peer, Some(_)) if !reason.retryable => Next::Stop,
        // What this side found wrong does not become right at once, but the peer may be replaced.
        (ClosedBy::Local, Some(_)) => Next::Retry(floor.max(FIRST)),
        _ => Next::Retry(floor),
    }
}

/// Delays with full jitter: after a failure of the server, clients do not come back together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The delay before the next attempt, at least `floor`.
    // impl[EIM-ERR-017, EIM-ERR-018, EIM-ERR-026]
    pub(crate) fn next(&mut self, environment: &Environment, floor: Duration) -> Duration {
        let most = FIRST
            .saturating_mul(1_u32 << self.attempts.min(16))
            .min(LONGEST);
        self.attempts = self.attempts.saturating_add(1);
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        floor.saturating_add(Duration::from_millis(environment.up_to(most)))
    }

    /// A connection lasted: the next failure is a first one.
    pub(crate) const fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_peer(code: ErrorCode) -> Next {
        // The registry says of these whether they are retryable, and so does a conforming server.
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
        ] {
            assert_eq!(by_peer(code), Next::Stop, "{code}");
        }
        assert_eq!(by_peer(ErrorCode::RESUME_REJECTED), Next::ForgetToken);
    }

    #[test]
    fn the_server_decides_whether_a_retry_makes_sense() {
        for (retryable, next) in [(true, Next::Retry(Duration::ZERO)), (false, Next::Stop)] {
            let reason = CloseReason {
                retryable,
                ..CloseReason::error(ClosedBy::Peer, ErrorCode(0x77EE), "unknown here")
            };
            assert_eq!(after(&reason), next);
        }
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
