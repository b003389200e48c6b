//! A token bucket.

use std::time::Duration;

use eim_codec::time::Timestamp;

/// Lets `per_s` acts a second pass, sustained, with bursts of the same number.
#[derive(Debug)]
pub(crate) struct Rate {
    per_s: u32,
    /// Microseconds' worth of acts that are left.
    credit: u64,
    at: Timestamp,
}

const SECOND: u64 = 1_000_000;

impl Rate {
    /// A full bucket; `None` for 0, which means no limit.
    #[must_use]
    pub(crate) fn new(per_s: u32, now: Timestamp) -> Option<Self> {
        (per_s > 0).then_some(Self {
            per_s,
            credit: SECOND,
            at: now,
        })
    }

    /// Takes one act.
    ///
    /// # Errors
    /// How long to wait until one is there again.
    pub(crate) fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        let passed = u64::try_from(now.saturating_since(self.at).as_micros()).unwrap_or(u64::MAX);
        self.credit = self.credit.saturating_add(passed).min(SECOND);
        self.at = now;
        let cost = SECOND / u64::from(self.per_s);
        match self.credit.checked_sub(cost) {
            Some(rest) => {
                self.credit = rest;
                Ok(())
            }
            None => Err(Duration::from_micros(cost - self.credit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_pass_and_the_rest_waits_its_turn() {
        let mut now = Timestamp::ZERO;
        let mut rate = Rate::new(4, now).unwrap();
        assert!((0..4).all(|_| rate.take(now).is_ok()));
        assert_eq!(rate.take(now), Err(Duration::from_millis(250)));
        now = now.saturating_add(Duration::from_millis(250));
        assert!(rate.take(now).is_ok());
        assert!(rate.take(now).is_err());
        now = now.saturating_add(Duration::from_secs(3600));
        assert!((0..4).all(|_| rate.take(now).is_ok()));
        assert!(rate.take(now).is_err(), "an idle hour is no bigger burst");
        assert!(Rate::new(0, now).is_none());
    }
}
