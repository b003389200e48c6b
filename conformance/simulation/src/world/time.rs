//! Virtual time, wall clocks and randomness of nodes.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::seed::Dice;

/// Wall clock of the world at the beginning of a run, in Unix milliseconds.
const BEGINNING_MS: i64 = 1_800_000_000_000;

/// Virtual time now.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge where the paused clock of the runtime is read"
)]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock of a node: it runs with virtual time, is wrong by a constant, and may jump.
#[derive(Clone)]
pub struct WallClock {
    beginning: Instant,
    wrong_ms: Arc<AtomicI64>,
}

impl WallClock {
    /// A clock that is wrong by `wrong_ms`.
    #[must_use]
    pub fn new(beginning: Instant, wrong_ms: i64) -> Self {
        Self {
            beginning,
            wrong_ms: Arc::new(AtomicI64::new(wrong_ms)),
        }
    }

    /// Jumps.
    pub fn jump(&self, by_ms: i64) {
        self.wrong_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    fn unix_ms(&self) -> u64 {
        let run = now().saturating_duration_since(self.beginning).as_millis();
        let run = i64::try_from(run).unwrap_or(i64::MAX);
        let shown = BEGINNING_MS
            .saturating_add(run)
            .saturating_add(self.wrong_ms.load(Ordering::Relaxed));
        u64::try_from(shown).unwrap_or(0)
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WallClock").field(&self.unix_ms()).finish()
    }
}

impl eim_server::clock::Clock for WallClock {
    fn now_ms(&self) -> u64 {
        self.unix_ms()
    }
}

impl eim_client::environment::Clock for WallClock {
    fn unix_ms(&self) -> u64 {
        Self::unix_ms(self)
    }
}

/// The randomness of a process.
#[derive(Debug)]
pub struct Randomness(Mutex<Dice>);

impl Randomness {
    /// What `dice` give.
    #[must_use]
    pub const fn new(dice: Dice) -> Self {
        Self(Mutex::new(dice))
    }

    fn draw(&self, out: &mut [u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(out);
    }
}

impl eim_server::random::Random for Randomness {
    fn fill(&self, out: &mut [u8]) {
        self.draw(out);
    }
}

impl eim_client::environment::Random for Randomness {
    fn fill(&self, out: &mut [u8]) {
        self.draw(out);
    }
}

/// Milliseconds as a duration.
#[must_use]
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}
