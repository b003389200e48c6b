//! Time that only goes forward, the same for all connections.

use eim_codec::time::Timestamp;
use tokio::time::Instant;

/// The runtime's clock since this was made; tests and the simulation stop it.
// impl[EIM-LIM-005]
#[derive(Clone, Copy, Debug)]
pub struct Ticks(Instant);

impl Ticks {
    /// Begins to count.
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge where monotonic time enters"
    )]
    #[must_use]
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// The time since then.
    #[expect(
        clippy::disallowed_methods,
        reason = "the edge where monotonic time enters"
    )]
    #[must_use]
    pub fn now(self) -> Timestamp {
        Timestamp::ZERO.saturating_add(Instant::now().saturating_duration_since(self.0))
    }
}
