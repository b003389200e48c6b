//! Circuit breakers: whoever fails again and again is left alone for a while.
//!
//! *Closed*: all goes through. After a number of failures in a row it is *open*: nothing does, until
//! its time is over. Then it is *half open*: one attempt goes through, and decides. The store, the
//! octets of files and the targets of notifications are left alone by the same rule.

use std::collections::BTreeMap;
use std::time::Duration;

/// Targets whose failures are remembered; those that work are not.
const TARGETS: usize = 1024;

/// When a target is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row.
    pub failures: u32,
    /// The first time.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

/// State of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All goes through.
    Closed,
    /// Nothing goes through.
    Open,
    /// One attempt goes through.
    HalfOpen,
}

/// Whether an attempt may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It may.
    Go,
    /// Not before this time, Unix milliseconds.
    At(u64),
    /// Another attempt decides first.
    Probing,
}

/// The breaker of one target. Closed at first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaker {
    failures: u32,
    /// Times it opened since it was closed.
    opened: u32,
    /// Open until then, Unix milliseconds.
    until_ms: u64,
    probing: bool,
}

impl Breaker {
    /// Asks for an attempt. Whoever gets [`Permit::Go`] reports how it went.
    pub fn permit(&mut self, policy: &BreakerPolicy, now_ms: u64) -> Permit {
        if self.until_ms == 0 {
            return Permit::Go;
        }
        if self.probing {
            return Permit::Probing;
        }
        if self.is_open(policy, now_ms) {
            return Permit::At(self.until_ms);
        }
        self.probing = true;
        Permit::Go
    }

    /// An attempt went well.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// An attempt ended without saying anything about the target.
    pub const fn abandoned(&mut self) {
        self.probing = false;
    }

    /// An attempt failed; the target may say how long it wants to be left alone. Gives back whether
    /// the breaker opened.
    pub fn failed(&mut self, policy: &BreakerPolicy, now_ms: u64, pause: Option<Duration>) -> bool {
        let was_open = self.is_open(policy, now_ms) && !self.probing;
        self.failures = self.failures.saturating_add(1);
        let probed = std::mem::take(&mut self.probing);
        if was_open || (!probed && pause.is_none() && self.failures < policy.failures) {
            return false;
        }
        let doubled = policy.first.saturating_mul(1 << self.opened.min(16));
        let alone = doubled.max(pause.unwrap_or_default()).min(policy.most);
        self.opened = self.opened.saturating_add(1);
        self.until_ms = now_ms.saturating_add(millis(alone).max(1));
        true
    }

    /// Its state.
    #[must_use]
    pub fn state(&self, policy: &BreakerPolicy, now_ms: u64) -> State {
        match self.until_ms {
            0 => State::Closed,
            _ if self.probing => State::HalfOpen,
            _ if self.is_open(policy, now_ms) => State::Open,
            _ => State::HalfOpen,
        }
    }

    /// Whether nobody has failed since it was closed.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.failures == 0 && self.until_ms == 0
    }

    /// Open, and not for longer than it ever is: then the clock was put back.
    fn is_open(&self, policy: &BreakerPolicy, now_ms: u64) -> bool {
        let left = self.until_ms.saturating_sub(now_ms);
        left > 0 && left <= millis(policy.most).max(1)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Breakers by target.
#[derive(Debug)]
pub struct Breakers {
    policy: BreakerPolicy,
    known: BTreeMap<String, Breaker>,
}

impl Breakers {
    /// All closed.
    #[must_use]
    pub const fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            known: BTreeMap::new(),
        }
    }

    /// Asks for an attempt on a target. Whoever gets [`Permit::Go`] reports how it went.
    pub fn permit(&mut self, target: &str, now_ms: u64) -> Permit {
        let known = self.known.get_mut(target);
        known.map_or(Permit::Go, |breaker| breaker.permit(&self.policy, now_ms))
    }

    /// An attempt went well.
    pub fn succeeded(&mut self, target: &str) {
        self.known.remove(target);
    }

    /// An attempt ended without saying anything about the target.
    pub fn abandoned(&mut self, target: &str) {
        if let Some(breaker) = self.known.get_mut(target) {
            breaker.abandoned();
        }
    }

    /// An attempt failed; the target may say how long it wants to be left alone. Gives back whether
    /// the breaker opened.
    pub fn failed(&mut self, target: &str, now_ms: u64, pause: Option<Duration>) -> bool {
        if self.known.len() >= TARGETS && !self.known.contains_key(target) {
            // Of as many as that, one is forgotten that has not failed so often yet.
            let first = self.known.iter().find(|(_, breaker)| breaker.until_ms == 0);
            let first = first.or_else(|| self.known.iter().next());
            if let Some(forgotten) = first.map(|(target, _)| target.clone()) {
                self.known.remove(&forgotten);
            }
        }
        let breaker = self.known.entry(target.to_owned()).or_default();
        breaker.failed(&self.policy, now_ms, pause)
    }

    /// State of a target.
    #[must_use]
    pub fn state(&self, target: &str, now_ms: u64) -> State {
        let known = self.known.get(target);
        known.map_or(State::Closed, |breaker| breaker.state(&self.policy, now_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breakers() -> Breakers {
        Breakers::new(BreakerPolicy {
            failures: 3,
            first: Duration::from_millis(100),
            most: Duration::from_millis(350),
        })
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_through_after_a_while() {
        let mut all = breakers();
        assert!(!all.failed("t", 0, None));
        all.succeeded("t");
        assert!(!all.failed("t", 0, None));
        assert!(!all.failed("t", 0, None));
        assert_eq!(all.permit("t", 0), Permit::Go);
        assert!(all.failed("t", 0, None));
        assert_eq!(all.state("t", 99), State::Open);
        assert_eq!(all.permit("t", 99), Permit::At(100));
        assert_eq!(all.permit("other", 99), Permit::Go);
        assert_eq!(all.permit("t", 100), Permit::Go);
        assert_eq!(all.state("t", 100), State::HalfOpen);
        assert_eq!(all.permit("t", 100), Permit::Probing);
        all.succeeded("t");
        assert_eq!(all.state("t", 100), State::Closed);
        assert_eq!(all.permit("t", 100), Permit::Go);
    }

    #[test]
    fn it_stays_open_longer_each_time_up_to_a_bound() {
        let mut all = breakers();
        (0..3).for_each(|_| _ = all.failed("t", 0, None));
        let mut now = 100;
        for alone in [200, 350, 350] {
            assert_eq!(all.permit("t", now), Permit::Go);
            assert!(all.failed("t", now, None));
            assert_eq!(all.permit("t", now), Permit::At(now + alone));
            now += alone;
        }
    }

    #[test]
    fn attempts_that_were_under_way_when_it_opened_change_nothing() {
        let mut all = breakers();
        (0..3).for_each(|_| _ = all.failed("t", 0, None));
        assert!(!all.failed("t", 50, None));
        assert_eq!(all.permit("t", 50), Permit::At(100));
    }

    #[test]
    fn whoever_asks_for_a_pause_gets_it_at_once_within_the_bound() {
        let mut all = breakers();
        assert!(all.failed("t", 0, Some(Duration::from_millis(300))));
        assert_eq!(all.permit("t", 0), Permit::At(300));
        let mut all = breakers();
        assert!(all.failed("t", 0, Some(Duration::from_secs(86_400))));
        assert_eq!(all.permit("t", 0), Permit::At(350));
    }

    #[test]
    fn a_clock_that_is_put_back_does_not_keep_it_open() {
        let mut all = breakers();
        (0..3).for_each(|_| _ = all.failed("t", 1_000_000, None));
        assert_eq!(all.permit("t", 999_999), Permit::At(1_000_100));
        assert_eq!(all.permit("t", 5), Permit::Go);
    }

    #[test]
    fn an_attempt_that_says_nothing_leaves_the_decision_to_the_next() {
        let mut all = breakers();
        (0..3).for_each(|_| _ = all.failed("t", 0, None));
        assert_eq!(all.permit("t", 100), Permit::Go);
        all.abandoned("t");
        assert_eq!(all.permit("t", 100), Permit::Go);
    }

    #[test]
    fn only_so_many_targets_are_remembered() {
        let mut all = breakers();
        (0..3).for_each(|_| _ = all.failed("t", 0, None));
        for number in 0..2 * TARGETS {
            all.failed(&format!("host {number}"), 0, None);
        }
        assert_eq!(all.known.len(), TARGETS);
        assert_eq!(all.state("t", 0), State::Open, "the open one is remembered");
    }
}
