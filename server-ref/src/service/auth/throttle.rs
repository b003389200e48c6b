//! Guessing gets slower: an address that failed for an account waits before its next try.
//!
//! Keyed by both, so that nobody can lock the owner of an account out from elsewhere, nor slow down
//! other people behind the same address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures that cost nothing: people mistype.
const FREE: u32 = 3;
/// Pause after the first failure that costs; doubles with each.
const FIRST: Duration = Duration::from_millis(250);
/// Longest pause; well within the time of a handshake.
const LONGEST: Duration = Duration::from_secs(4);
/// A failure is forgotten after this time without another.
const MEMORY_MS: u64 = 10 * 60 * 1000;
/// Pairs of address and account that are remembered.
const MAX_PAIRS: usize = 16_384;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last_ms: u64,
}

/// Remembers failures.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<(IpAddr, String), Failures>>);

impl Throttle {
    /// How long this pair has to wait before it is answered.
    // impl[EIM-AUT-051]
    pub(super) fn pause(&self, from: IpAddr, name: &str, now_ms: u64) -> Duration {
        let count = match self.lock().get(&(from, name.to_owned())) {
            Some(failures) if !failures.is_forgotten(now_ms) => failures.count,
            _ => 0,
        };
        match count.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            Some(more) => FIRST.saturating_mul(1 << (more - 1).min(8)).min(LONGEST),
        }
    }

    /// This pair failed.
    pub(super) fn failed(&self, from: IpAddr, name: &str, now_ms: u64) {
        let mut pairs = self.lock();
        if pairs.len() >= MAX_PAIRS {
            pairs.retain(|_, failures| !failures.is_forgotten(now_ms));
        }
        // A flood of invented names must not push out those that count: it is not remembered.
        if pairs.len() < MAX_PAIRS || pairs.contains_key(&(from, name.to_owned())) {
            let failures = pairs.entry((from, name.to_owned()));
            let failures = failures.or_insert(Failures {
                count: 0,
                last_ms: now_ms,
            });
            let count = if failures.is_forgotten(now_ms) {
                0
            } else {
                failures.count
            };
            *failures = Failures {
                count: count.saturating_add(1),
                last_ms: now_ms,
            };
        }
    }

    /// This pair proved itself.
    pub(super) fn succeeded(&self, from: IpAddr, name: &str) {
        self.lock().remove(&(from, name.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(IpAddr, String), Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failures {
    const fn is_forgotten(self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.last_ms) > MEMORY_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    #[test]
    fn pauses_grow_for_one_pair_only_and_end_with_success_or_time() {
        let throttle = Throttle::default();
        let mut pauses = Vec::new();
        for _ in 0..12 {
            pauses.push(throttle.pause(HERE, "alice", 0).as_millis());
            throttle.failed(HERE, "alice", 0);
        }
        assert_eq!(
            pauses,
            [0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 4000, 4000, 4000]
        );
        assert_eq!(throttle.pause(THERE, "alice", 0), Duration::ZERO);
        assert_eq!(throttle.pause(HERE, "bob", 0), Duration::ZERO);
        assert_eq!(throttle.pause(HERE, "alice", MEMORY_MS + 1), Duration::ZERO);
        throttle.succeeded(HERE, "alice");
        assert_eq!(throttle.pause(HERE, "alice", 0), Duration::ZERO);
    }

    #[test]
    fn the_memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..MAX_PAIRS + 10 {
            throttle.failed(HERE, &n.to_string(), 0);
        }
        assert_eq!(throttle.lock().len(), MAX_PAIRS);
        throttle.failed(HERE, "late", MEMORY_MS + 1);
        assert_eq!(throttle.lock().len(), 1);
    }
}
