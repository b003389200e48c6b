//! A circuit breaker around one part of the environment, with its metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{counter, gauge};

use super::breaker::{Breaker, BreakerPolicy, Permit, State};
use crate::clock::Clock;
use crate::metrics::names;

/// How long to wait while another attempt decides.
const PROBED: Duration = Duration::from_millis(100);

/// Guards one part. While it works, that costs one look at a flag.
#[derive(Debug)]
pub struct Guard {
    name: &'static str,
    policy: BreakerPolicy,
    clock: Arc<dyn Clock>,
    /// Somebody has failed since the last success.
    failing: AtomicBool,
    breaker: Mutex<Breaker>,
}

/// An attempt that was let through. Dropped, it has said nothing about the part.
#[derive(Debug)]
pub struct Attempt<'a> {
    guard: &'a Guard,
    /// It has to say how it went, for others wait.
    decides: bool,
}

impl Guard {
    /// A closed breaker; `name` is the part in metrics.
    #[must_use]
    pub fn new(name: &'static str, policy: BreakerPolicy, clock: Arc<dyn Clock>) -> Self {
        Self {
            name,
            policy,
            clock,
            failing: AtomicBool::new(false),
            breaker: Mutex::default(),
        }
    }

    /// Asks for an attempt.
    ///
    /// # Errors
    /// How long the part is left alone.
    // impl[EIM-LIM-021]
    pub fn attempt(&self) -> Result<Attempt<'_>, Duration> {
        if !self.failing.load(Ordering::Acquire) {
            return Ok(self.let_through(false));
        }
        let now_ms = self.clock.now_ms();
        let mut breaker = self.lock();
        match breaker.permit(&self.policy, now_ms) {
            Permit::Go => {
                let state = breaker.state(&self.policy, now_ms);
                self.tell(state);
                Ok(self.let_through(state == State::HalfOpen))
            }
            Permit::At(until_ms) => Err(Duration::from_millis(
                until_ms.saturating_sub(now_ms).max(1),
            )),
            Permit::Probing => Err(PROBED.min(self.policy.first)),
        }
    }

    const fn let_through(&self, decides: bool) -> Attempt<'_> {
        Attempt {
            guard: self,
            decides,
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().state(&self.policy, self.clock.now_ms())
    }

    fn tell(&self, state: State) {
        let state = match state {
            State::Closed => 0.0,
            State::HalfOpen => 1.0,
            State::Open => 2.0,
        };
        gauge!(names::BREAKER_STATE, "service" => self.name).set(state);
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The part works.
    pub fn succeeded(mut self) {
        self.decides = false;
        let guard = self.guard;
        if !guard.failing.load(Ordering::Acquire) {
            return;
        }
        let mut breaker = guard.lock();
        // An older attempt that went well says nothing about what has failed since.
        if breaker.state(&guard.policy, guard.clock.now_ms()) == State::Open {
            return;
        }
        breaker.succeeded();
        guard.failing.store(false, Ordering::Release);
        guard.tell(State::Closed);
    }

    /// The part failed.
    pub fn failed(mut self) {
        self.decides = false;
        let guard = self.guard;
        let now_ms = guard.clock.now_ms();
        let mut breaker = guard.lock();
        guard.failing.store(true, Ordering::Release);
        if breaker.failed(&guard.policy, now_ms, None) {
            counter!(names::BREAKER_OPENED, "service" => guard.name).increment(1);
            guard.tell(State::Open);
            tracing::error!(
                part = guard.name,
                "fails again and again, and is left alone for a while"
            );
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.decides {
            self.guard.lock().abandoned();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// A clock that stands where it is put.
    #[derive(Debug, Default)]
    pub(crate) struct Standing(pub(crate) AtomicU64);

    impl Clock for Standing {
        fn now_ms(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    pub(crate) fn guard() -> (Arc<Standing>, Guard) {
        let clock = Arc::new(Standing(AtomicU64::new(1000)));
        let policy = BreakerPolicy {
            failures: 2,
            first: Duration::from_millis(100),
            most: Duration::from_millis(400),
        };
        let guard = Guard::new("test", policy, Arc::clone(&clock) as _);
        (clock, guard)
    }

    // test[EIM-LIM-021]
    #[test]
    fn a_part_that_fails_is_left_alone_and_tried_by_one() {
        let (clock, guard) = guard();
        guard.attempt().unwrap().failed();
        guard.attempt().unwrap().succeeded();
        guard.attempt().unwrap().failed();
        assert_eq!(guard.state(), State::Closed);
        guard.attempt().unwrap().failed();
        assert_eq!(guard.state(), State::Open);
        assert_eq!(guard.attempt().unwrap_err(), Duration::from_millis(100));
        clock.0.store(1100, Ordering::Relaxed);
        let probe = guard.attempt().unwrap();
        assert!(guard.attempt().is_err(), "one decides");
        drop(probe);
        let probe = guard.attempt().unwrap();
        probe.failed();
        assert_eq!(guard.attempt().unwrap_err(), Duration::from_millis(200));
        clock.0.store(1300, Ordering::Relaxed);
        guard.attempt().unwrap().succeeded();
        assert_eq!(guard.state(), State::Closed);
        assert!(guard.attempt().is_ok());
    }

    #[test]
    fn a_late_success_does_not_close_it() {
        let (_, guard) = guard();
        let early = guard.attempt().unwrap();
        guard.attempt().unwrap().failed();
        guard.attempt().unwrap().failed();
        early.succeeded();
        assert_eq!(guard.state(), State::Open);
    }
}
