//! One bucket that many share, so that nobody takes it from the others.
//!
//! *The share.* The bucket is divided by the number of users who ask at the time. What a user does
//! within an equal share always passes, so whoever sends little is let through however much others
//! want. *The rest.* What nobody takes of the shares gathers in the bucket, and whoever wants more than
//! a share may take of it while it is at least half full: the other half is kept for those who come with
//! a share of their own. What was taken of the rest is not held against the share later.
//!
//! Whoever comes has a share for one act, and it grows from there on: bursts are taken of the rest. So a
//! crowd of newcomers does not overdraw the bucket by more than an act each.
//!
//! Shares are counted in *virtual time*, as in fair queueing: it passes slower the more users there
//! are, and each user has a bucket in that time. So nothing has to be counted again when the number of
//! users changes.

use std::collections::HashMap;
use std::time::Duration;

use eim_codec::id::UserId;
use eim_codec::time::Timestamp;

use super::bucket::{Bucket, Rate, now_ns};

/// Who has asked in this time or the one before counts as somebody who asks.
const EPOCH_NS: u64 = 1_000_000_000;

/// A bucket of one rate that users share.
#[derive(Debug)]
pub struct Fair {
    rate: Rate,
    most: usize,
    whole: Bucket,
    /// Virtual time, in nanoseconds of which everybody has one.
    virtual_ns: u64,
    at_ns: u64,
    users: HashMap<UserId, Share>,
    /// Users beyond `most` share one share.
    others: Share,
    epoch: u64,
    asking: u64,
    asked_before: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Share {
    /// Virtual time from which on it is not used yet.
    used_ns: u64,
    /// When its user asked last, from 1; 0 for never.
    epoch: u64,
}

/// By what right an act may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Its user has a share for it.
    Share,
    /// There is a rest that nobody else wants.
    Rest,
}

impl Fair {
    /// A full bucket; at most so many users are told apart.
    #[must_use]
    pub fn new(rate: Rate, most: usize) -> Self {
        Self {
            rate,
            most,
            whole: Bucket::default(),
            // Well after its beginning, so that there is time before any share.
            virtual_ns: u64::MAX / 4,
            at_ns: 0,
            users: HashMap::new(),
            others: Share::default(),
            epoch: 0,
            asking: 0,
            asked_before: 0,
        }
    }

    /// Whether so many acts of `user` may pass now, and by what right.
    ///
    /// # Errors
    /// How long to wait until the user has a share for them, as long as no more users come.
    // impl[EIM-LIM-017]
    pub fn check(&mut self, user: UserId, acts: u64, now: Timestamp) -> Result<Right, Duration> {
        self.advance(now);
        let epoch = self.epoch;
        let (cost, period) = (self.rate.cost_ns(acts), self.rate.period_ns());
        let before = std::mem::replace(&mut self.share(user).epoch, epoch);
        self.asking += u64::from(before != epoch);
        let (asking, virtual_ns) = (self.asking(), self.virtual_ns);
        let burst = (period / asking).max(1);
        let need = cost.min(burst);
        let share = self.share(user);
        let gathered = if before == 0 { need } else { burst };
        share.used_ns = share.used_ns.max(virtual_ns.saturating_sub(gathered));
        let beyond = share
            .used_ns
            .saturating_add(need)
            .saturating_sub(virtual_ns);
        let whole = self.whole.debt_ns(now);
        // Newcomers may overdraw the bucket, but not without end.
        let overdrawn = whole.saturating_sub(period.saturating_mul(2));
        if beyond == 0 && overdrawn == 0 {
            return Ok(Right::Share);
        }
        if whole.saturating_add(cost.min(period / 2)) <= period / 2 {
            return Ok(Right::Rest);
        }
        let wait = beyond.saturating_mul(asking).max(overdrawn).max(1);
        Err(Duration::from_nanos(wait))
    }

    /// Takes so many acts by the right that [`check`](Self::check) has told for this moment.
    pub fn take(&mut self, user: UserId, acts: u64, right: Right, now: Timestamp) {
        let cost = self.rate.cost_ns(acts);
        self.whole.take(self.rate, acts, now);
        if right == Right::Share {
            let share = self.share(user);
            share.used_ns = share.used_ns.saturating_add(cost);
        }
    }

    /// Forgets users who owe nothing and do not ask.
    pub fn sweep(&mut self, now: Timestamp) {
        self.advance(now);
        let (virtual_ns, epoch) = (self.virtual_ns, self.epoch);
        self.users
            .retain(|_, share| share.used_ns > virtual_ns || share.epoch + 1 >= epoch);
        if self.users.capacity() > 4 * self.users.len() + 64 {
            self.users.shrink_to_fit();
        }
    }

    /// How many users are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Nobody is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Users who ask, at least 1.
    fn asking(&self) -> u64 {
        self.asking.max(self.asked_before).max(1)
    }

    fn share(&mut self, user: UserId) -> &mut Share {
        if self.users.len() < self.most {
            self.users.entry(user).or_default()
        } else {
            self.users.get_mut(&user).unwrap_or(&mut self.others)
        }
    }

    /// Lets virtual time pass.
    fn advance(&mut self, now: Timestamp) {
        let now_ns = now_ns(now).max(self.at_ns);
        let epoch = now_ns / EPOCH_NS + 1;
        // Before the number of users changes: it held until now.
        self.virtual_ns = self
            .virtual_ns
            .saturating_add((now_ns - self.at_ns) / self.asking());
        self.at_ns = now_ns;
        if epoch != self.epoch {
            self.asked_before = if epoch == self.epoch + 1 {
                self.asking
            } else {
                0
            };
            self.asking = 0;
            self.epoch = epoch;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    const STEP_US: u64 = 1000;

    fn user(number: usize) -> UserId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        UserId::from(id)
    }

    fn fair(acts: u64) -> Fair {
        Fair::new(Rate::new(acts, Duration::from_secs(1)).unwrap(), 1000)
    }

    /// Lets each user want its number of acts a second for so many seconds, and counts what passes.
    fn run(fair: &mut Fair, wants: &[u64], seconds: u64) -> Vec<u64> {
        let mut passed = vec![0; wants.len()];
        let mut due = vec![0_u64; wants.len()];
        for step in 0..seconds * 1_000_000 / STEP_US {
            let now = Timestamp::from_micros(step * STEP_US);
            // Those who want most come first, always: that must not help them.
            for number in 0..wants.len() {
                due[number] += wants[number] * STEP_US;
                while due[number] >= 1_000_000 {
                    due[number] -= 1_000_000;
                    if let Ok(right) = fair.check(user(number), 1, now) {
                        fair.take(user(number), 1, right, now);
                        passed[number] += 1;
                    }
                }
            }
        }
        passed
    }

    // test[EIM-LIM-017]
    #[test]
    fn a_heavy_user_does_not_take_it_from_light_ones() {
        let passed = run(&mut fair(100), &[10_000, 5, 20], 10);
        assert_eq!(passed[1..], [50, 200], "{passed:?}");
        assert!(
            (650..=900).contains(&passed[0]),
            "the rest is not wasted: {passed:?}"
        );
    }

    // test[EIM-LIM-017]
    #[test]
    fn heavy_users_get_equal_shares_however_much_they_want() {
        let passed = run(&mut fair(100), &[20_000, 1000, 500, 200], 20);
        let all: u64 = passed.iter().sum();
        assert!((1950..=2100).contains(&all), "{passed:?}");
        for count in &passed {
            assert!(*count >= 20 * 25 - 25, "{passed:?}");
        }
    }

    #[test]
    fn one_alone_has_all_of_it() {
        let passed = run(&mut fair(100), &[1000], 10);
        assert!((990..=1060).contains(&passed[0]), "{passed:?}");
    }

    #[test]
    fn users_are_forgotten_and_beyond_the_bound_share_a_share() {
        let rate = Rate::new(1000, Duration::from_secs(1)).unwrap();
        let mut fair = Fair::new(rate, 3);
        for number in 0..10 {
            let _ = fair.check(user(number), 1, Timestamp::ZERO);
        }
        assert_eq!(fair.len(), 3);
        fair.sweep(Timestamp::from_micros(10_000_000));
        assert!(fair.is_empty());
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
        #![proptest_config(config(40))]

        /// Whatever is wanted: all together get no more than there is, and everybody gets what is
        /// wanted up to an equal share of it.
        // test[EIM-LIM-017]
        #[test]
        fn everybody_has_a_share(acts in 10_u64..300, wants in prop::collection::vec(1_u64..900, 1..12)) {
            let seconds = 6;
            let passed = run(&mut fair(acts), &wants, seconds);
            let share = acts / wants.len() as u64;
            for (got, want) in passed.iter().zip(&wants) {
                // What one asks for in a step, and the steps before all have asked.
                let due = (want * seconds).min(share * seconds) * 9 / 10;
                prop_assert!(got + 3 >= due, "{} of {} in {:?} at {}", got, due, passed, acts);
            }
            let all: u64 = passed.iter().sum();
            prop_assert!(all <= acts * seconds + 4 * acts + 12, "{:?} at {}", passed, acts);
        }
    }
}
