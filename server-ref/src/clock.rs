//! Wall-clock time as an argument.
//!
//! Services and stores never ask the operating system for the time: they are given a [`Clock`], so
//! that tests and the simulator decide what time it is. Timers are another matter: they run on the
//! runtime's clock, which tests pause.

use std::fmt;
use std::time::UNIX_EPOCH;

/// A source of wall-clock time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Unix time in milliseconds. May step backwards; whoever needs order keeps it itself.
    fn now_ms(&self) -> u64;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "the edge where wall-clock time enters"
        )]
        let now = std::time::SystemTime::now();
        let elapsed = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}
