//! The clock of the suite: the one place that asks for the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now, for distances.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the suite measures a running testee"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Unix time, for UUIDs and reports.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the suite measures a running testee"
)]
pub fn unix() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Whole milliseconds of a duration.
#[must_use]
pub fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How long to wait for what has to come.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The least limit.
    pub floor: Duration,
    /// The limit as a multiple of the round trip of the handshake.
    pub factor: u32,
}

impl Patience {
    /// For judging testees.
    pub const JUDGING: Self = Self {
        floor: Duration::from_secs(10),
        factor: 100,
    };

    /// For the self-test, where most waits end in vain.
    pub const SELF_TEST: Self = Self {
        floor: Duration::from_millis(500),
        factor: 20,
    };

    /// The limit for a connection with this round trip.
    #[must_use]
    pub fn limit(&self, round_trip: Duration) -> Duration {
        let scaled = round_trip.saturating_mul(self.factor);
        scaled.clamp(self.floor, self.floor.saturating_mul(8))
    }
}
