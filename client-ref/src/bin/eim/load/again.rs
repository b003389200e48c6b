//! What a sender sends again, because it was refused for a time.
//!
//! The messages of a sender go to one conversation: after one that was refused all that follow are
//! refused too, until one says that its sender knows. So it goes back to the first of them, once all
//! are answered and the time has passed; then it sends few at first, and more with each success.

use std::collections::VecDeque;

use eim_codec::payload;
use eim_codec::registry::ErrorCode;

/// The wait after a refusal that says nothing about it.
const PAUSE_MICROS: u64 = 200_000;

/// What happens after refusals.
#[derive(Debug, Default)]
pub(crate) struct Again {
    /// The lowest number without success, and when each from there on was sent first.
    base: u64,
    first: VecDeque<u64>,
    /// The lowest number that was refused.
    back_to: Option<u64>,
    /// Nothing is sent before.
    until: u64,
    /// The next message says that its sender knows of a refusal.
    pub(crate) announce: bool,
    /// Messages that may be under way; 0 for as many as the window has.
    pub(crate) allowed: usize,
    /// Messages that a limit refused, and of those that were sent again after it had passed, how many
    /// it refused once more.
    pub(crate) limited: u64,
    pub(crate) limited_again: u64,
    waited: Option<u64>,
}

impl Again {
    /// Whether `number` was sent before.
    pub(crate) fn is_repeated(&self, number: u64) -> bool {
        number < self.base + self.first.len() as u64
    }

    /// A message leaves.
    pub(crate) fn sent(&mut self, number: u64, now: u64) {
        if !self.is_repeated(number) {
            self.first.push_back(now);
        }
    }

    /// A message was accepted: when it was sent first.
    pub(crate) fn accepted(&mut self, number: u64) -> Option<u64> {
        if self.allowed > 0 {
            self.allowed += 1;
        }
        let place = usize::try_from(number.checked_sub(self.base)?).ok()?;
        let first = self.first.get(place).copied();
        // Successes come in order.
        self.first
            .drain(..=place.min(self.first.len().saturating_sub(1)));
        self.base = number + 1;
        first
    }

    /// A message was refused for a time.
    pub(crate) fn refused(&mut self, number: u64, error: &payload::ErrorInfo, now: u64) {
        if !follows(error) {
            self.limited += 1;
            self.limited_again += u64::from(self.waited == Some(number));
            let wait = match error.retry_after_ms {
                0 => PAUSE_MICROS,
                wait => wait.saturating_mul(1000),
            };
            self.until = self.until.max(now.saturating_add(wait));
        }
        self.back_to = Some(self.back_to.map_or(number, |first| first.min(number)));
    }

    /// Where to go on, once nothing is under way; or how long to wait, in microseconds.
    pub(crate) fn go_back(&mut self, next: u64, now: u64) -> Result<u64, u64> {
        let Some(first) = self.back_to else {
            return Ok(next);
        };
        if now < self.until {
            return Err(self.until - now);
        }
        self.back_to = None;
        self.waited = Some(first);
        self.announce = true;
        self.allowed = 1;
        Ok(first)
    }

    /// Something was refused, and is not sent again yet.
    pub(crate) const fn is_held(&self) -> bool {
        self.back_to.is_some()
    }
}

/// Whether a message was refused only because one before it was.
pub(crate) fn follows(error: &payload::ErrorInfo) -> bool {
    error.code == u32::from(ErrorCode::PREDECESSOR_FAILED.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: ErrorCode, retryable: bool, retry_after_ms: u64) -> payload::ErrorInfo {
        payload::ErrorInfo {
            code: u32::from(code.0),
            detail: String::new(),
            retryable,
            retry_after_ms,
        }
    }

    #[test]
    fn it_goes_back_to_the_first_refused_when_the_time_has_passed() {
        let mut again = Again::default();
        (0..4).for_each(|number| again.sent(number, 10 + number));
        assert_eq!(again.accepted(0), Some(10));
        again.refused(1, &error(ErrorCode::RATE_LIMITED, true, 5), 1000);
        again.refused(2, &error(ErrorCode::PREDECESSOR_FAILED, false, 0), 1001);
        again.refused(3, &error(ErrorCode::PREDECESSOR_FAILED, false, 0), 1002);
        assert!(again.is_held());
        assert_eq!(again.go_back(4, 5999), Err(1));
        assert_eq!(again.go_back(4, 6000), Ok(1));
        assert!(std::mem::take(&mut again.announce) && again.is_repeated(1));
        again.sent(1, 6000);
        assert_eq!(again.accepted(1), Some(11), "the first attempt counts");
        assert_eq!(again.allowed, 2);
        assert!(again.is_repeated(3) && !again.is_repeated(4));
        assert_eq!((again.limited, again.limited_again), (1, 0));
    }
}
