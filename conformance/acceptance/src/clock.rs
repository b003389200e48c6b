//! Real time of the runner. It drives real processes, so it has to look at a real clock.

use std::time::{Duration, Instant};

/// Time since a beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    /// Begins now.
    #[expect(clippy::disallowed_methods, reason = "drives processes in real time")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the beginning.
    pub(crate) fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// Milliseconds since the beginning.
    pub(crate) fn ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Unix time in seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "compares with the time of others"
)]
pub(crate) fn unix_s() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// Stands still for a while: a fault has a length.
#[expect(clippy::disallowed_methods, reason = "a fault lasts for real time")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Does something beside the rest until it returns.
#[expect(
    clippy::disallowed_methods,
    reason = "feeds and watches processes beside the faults"
)]
pub(crate) fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> std::thread::JoinHandle<T> {
    std::thread::spawn(work)
}
