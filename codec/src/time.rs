//! Time as an argument.

use core::time::Duration;

/// A monotonic point in time, in microseconds since an epoch that only its maker knows.
///
/// The protocol core never reads a clock: whoever drives it passes the time in. Only differences
/// mean anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The epoch.
    pub const ZERO: Self = Self(0);

    /// A point in time, in microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This time plus `duration`; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// Time passed since `earlier`; zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn additions_stop_at_the_end_of_time() {
        let late = Timestamp::from_micros(u64::MAX - 1);
        assert_eq!(
            late.saturating_add(Duration::from_secs(1)).as_micros(),
            u64::MAX
        );
        assert_eq!(
            Timestamp::ZERO.saturating_add(Duration::MAX).as_micros(),
            u64::MAX
        );
    }

    #[test]
    fn differences_never_go_below_zero() {
        let (early, late) = (Timestamp::from_micros(5), Timestamp::from_micros(7));
        assert_eq!(late.saturating_since(early), Duration::from_micros(2));
        assert_eq!(early.saturating_since(late), Duration::ZERO);
    }
}
