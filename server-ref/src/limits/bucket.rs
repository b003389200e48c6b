//! Token buckets, as GCRA: a bucket is the one moment at which it would be full again.
//!
//! Why not `governor`: its limiters ask a clock of their own for the time, keep a key for ever unless
//! somebody sweeps them (and then without a bound between sweeps), refuse for good what is larger than
//! a burst, and cannot be asked without being charged. An act here has to pass several buckets at once,
//! and costs nothing where one of them refuses it.

use std::time::Duration;

use eim_codec::time::Timestamp;

/// How many acts may pass in a time, sustained; the same number may come at once after quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    acts: u64,
    period_ns: u64,
}

impl Rate {
    /// So many acts a `period`, which is at most a century; `None` for 0 acts, which means no limit.
    #[must_use]
    pub fn new(acts: u64, period: Duration) -> Option<Self> {
        const CENTURY_NS: u64 = 100 * 366 * 86_400 * 1_000_000_000;
        let period_ns = nanos(period).clamp(1, CENTURY_NS);
        (acts > 0).then_some(Self { acts, period_ns })
    }

    /// The time in which so many acts come back.
    #[must_use]
    pub fn cost_ns(self, acts: u64) -> u64 {
        let whole = u128::from(acts) * u128::from(self.period_ns);
        // Rounded down: as many acts as a period has come back in a period.
        let cost = whole / u128::from(self.acts);
        u64::try_from(cost).unwrap_or(u64::MAX).max(1)
    }

    /// The time in which an empty bucket fills.
    #[must_use]
    pub const fn period_ns(self) -> u64 {
        self.period_ns
    }
}

/// A bucket; full at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    full_ns: u64,
}

impl Bucket {
    /// Whether so many acts may pass now. More than ever fit into the bucket may pass when it is full.
    ///
    /// # Errors
    /// How long to wait until they may, if nothing else passes meanwhile.
    // impl[EIM-LIM-016]
    pub fn check(&self, rate: Rate, acts: u64, now: Timestamp) -> Result<(), Duration> {
        let need = rate.cost_ns(acts).min(rate.period_ns);
        match self
            .debt_ns(now)
            .saturating_add(need)
            .checked_sub(rate.period_ns)
        {
            None | Some(0) => Ok(()),
            Some(wait) => Err(Duration::from_nanos(wait)),
        }
    }

    /// Takes so many acts out, whether or not they were there.
    pub fn take(&mut self, rate: Rate, acts: u64, now: Timestamp) {
        let now_ns = now_ns(now);
        self.full_ns = self.full_ns.max(now_ns).saturating_add(rate.cost_ns(acts));
    }

    /// What is missing, as the time in which it comes back.
    #[must_use]
    pub const fn debt_ns(&self, now: Timestamp) -> u64 {
        self.full_ns.saturating_sub(now_ns(now))
    }

    /// Nothing is missing: it is as good as a new one.
    #[must_use]
    pub const fn is_full(&self, now: Timestamp) -> bool {
        self.debt_ns(now) == 0
    }
}

/// Nanoseconds since the beginning of time.
#[must_use]
pub(super) const fn now_ns(now: Timestamp) -> u64 {
    now.as_micros().saturating_mul(1000)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(ms * 1000)
    }

    // test[EIM-LIM-016]
    #[test]
    fn bursts_pass_and_the_rest_waits_its_turn() {
        let rate = Rate::new(4, SECOND).unwrap();
        let mut bucket = Bucket::default();
        for _ in 0..4 {
            assert_eq!(bucket.check(rate, 1, at(0)), Ok(()));
            bucket.take(rate, 1, at(0));
        }
        let wait = Duration::from_millis(250);
        assert_eq!(bucket.check(rate, 1, at(0)), Err(wait));
        assert_eq!(
            bucket.check(rate, 1, at(249)),
            Err(Duration::from_millis(1))
        );
        assert_eq!(bucket.check(rate, 1, at(250)), Ok(()));
        bucket.take(rate, 1, at(250));
        assert!(bucket.check(rate, 1, at(250)).is_err());
        assert!(
            bucket.is_full(at(3_600_000)),
            "an idle hour is no bigger burst"
        );
        assert!(Rate::new(0, SECOND).is_none());
    }

    #[test]
    fn what_is_larger_than_the_bucket_waits_for_a_full_one_and_is_paid_off() {
        let rate = Rate::new(100, SECOND).unwrap();
        let mut bucket = Bucket::default();
        assert_eq!(bucket.check(rate, 1000, at(0)), Ok(()));
        bucket.take(rate, 1000, at(0));
        assert_eq!(bucket.check(rate, 100, at(0)), Err(10 * SECOND));
        assert_eq!(
            bucket.check(rate, 1, at(9000)),
            Err(Duration::from_millis(10))
        );
        assert_eq!(bucket.check(rate, 1, at(9010)), Ok(()));
    }

    #[test]
    fn extremes_do_not_overflow() {
        for (acts, period) in [(1, Duration::MAX), (u64::MAX, Duration::ZERO)] {
            let rate = Rate::new(acts, period).unwrap();
            let mut bucket = Bucket::default();
            for _ in 0..3 {
                bucket.take(rate, u64::MAX, Timestamp::from_micros(u64::MAX));
                let _ = bucket.check(rate, u64::MAX, Timestamp::ZERO);
            }
        }
    }

    /// The same acts on every run; another seed is a change here.
    fn config(cases: u32) -> ProptestConfig {
        ProptestConfig {
            cases,
            rng_seed: RngSeed::Fixed(20_261_122),
            failure_persistence: None,
            ..ProptestConfig::default()
        }
    }

    proptest! {
        #![proptest_config(config(256))]

        /// Whatever comes when: never more than the burst and what has come back since, and whoever
        /// waits as long as it was told is let through.
        // test[EIM-LIM-016]
        #[test]
        fn it_lets_through_what_it_should(
            acts in 1_u64..50,
            asked in prop::collection::vec((0_u64..400_000, 1_u64..8), 1..200),
        ) {
            let rate = Rate::new(acts, SECOND).unwrap();
            let mut bucket = Bucket::default();
            let (mut now, mut passed) = (Timestamp::ZERO, 0);
            for (pause, cost) in asked {
                now = now.saturating_add(Duration::from_micros(pause));
                match bucket.check(rate, cost, now) {
                    Ok(()) => {
                        bucket.take(rate, cost, now);
                        passed += cost;
                    }
                    Err(wait) => {
                        let later = now.saturating_add(wait + Duration::from_micros(1));
                        prop_assert_eq!(bucket.check(rate, cost, later), Ok(()));
                    }
                }
                // One that is larger than the bucket may be ahead by itself.
                let bound = acts.max(8) + now.as_micros() * acts / 1_000_000 + 8;
                prop_assert!(passed <= bound, "{} > {}", passed, bound);
            }
        }
    }
}
