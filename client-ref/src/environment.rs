//! Time and randomness as arguments. Everything above the edge takes these traits, so that a
//! simulator or a test decides what they answer.

use std::fmt;
use std::sync::Arc;

use eim_codec::time::Timestamp;

/// Wall clock of the client. Used for identifiers and for display only, never for order.
pub trait Clock: Send + Sync + 'static {
    /// Unix time in milliseconds.
    fn unix_ms(&self) -> u64;
}

/// Source of random octets.
// impl[EIM-SEC-001, EIM-CON-005]
pub trait Random: Send + Sync + 'static {
    /// Fills `octets` with unpredictable octets.
    fn fill(&self, octets: &mut [u8]);
}

/// What the logic may ask of the world besides the network and the store.
#[derive(Clone)]
pub struct Environment {
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            clock: Arc::new(System),
            random: Arc::new(System),
        }
    }
}

impl Environment {
    /// `N` random octets.
    #[must_use]
    pub fn octets<const N: usize>(&self) -> [u8; N] {
        let mut octets = [0; N];
        self.random.fill(&mut octets);
        octets
    }

    /// A random number in `0..=max`.
    #[must_use]
    pub fn up_to(&self, max: u64) -> u64 {
        let draw = u64::from_be_bytes(self.octets());
        match max.checked_add(1) {
            Some(bound) => draw % bound,
            None => draw,
        }
    }

    /// Time of day in Unix milliseconds, as this machine has it.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    /// A new UUIDv7: 48 bits of Unix milliseconds, then random bits.
    #[must_use]
    pub fn uuid_v7(&self) -> [u8; 16] {
        let random: [u8; 10] = self.octets();
        *uuid::Builder::from_unix_timestamp_millis(self.clock.unix_ms(), &random)
            .as_uuid()
            .as_bytes()
    }
}

/// Monotonic time since it was made; follows tokio's clock, which tests and simulations pause.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    epoch: tokio::time::Instant,
}

impl Default for Ticks {
    fn default() -> Self {
        Self { epoch: instant() }
    }
}

impl Ticks {
    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::ZERO.saturating_add(instant().saturating_duration_since(self.epoch))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge: the one reading of monotonic time"
)]
fn instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// The real world: the edge where the clock and the operating system's randomness come in.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Clock for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge: the one reading of the wall clock"
    )]
    fn unix_ms(&self) -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            })
    }
}

impl Random for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge: the one source of randomness"
    )]
    fn fill(&self, octets: &mut [u8]) {
        // Without randomness there are no safe nonces or ids: there is nothing to go on with.
        getrandom::fill(octets).expect("the operating system has randomness");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u64);

    impl Clock for Fixed {
        fn unix_ms(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn uuids_carry_version_variant_and_time() {
        let environment = Environment {
            clock: Arc::new(Fixed(0x0123_4567_89AB)),
            random: Arc::new(System),
        };
        let id = environment.uuid_v7();
        assert_eq!(id[..6], [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB]);
        assert_eq!(id[6] >> 4, 7);
        assert_eq!(id[8] >> 6, 0b10);
        assert_ne!(id, environment.uuid_v7());
    }

    #[test]
    fn draws_stay_in_range() {
        let environment = Environment::default();
        assert!((0..1000).all(|_| environment.up_to(3) <= 3));
        assert_eq!(environment.up_to(0), 0);
    }
}
