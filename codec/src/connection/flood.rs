//! A bound on control frames that nothing else bounds: a token bucket.

use core::time::Duration;

use crate::time::Timestamp;

/// Seconds of the sustained rate that a burst may use at once.
const BURST_S: u64 = 4;
const MICROS_PER_S: u64 = 1_000_000;

/// Counts events against a sustained rate with bursts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// Events a second.
    rate: u32,
    /// When the bucket would be full, were nothing more taken: one number holds the whole state.
    full_at: Timestamp,
}

impl Bucket {
    /// A full bucket of four times `rate`, refilled with `rate` each second.
    // impl[EIM-CON-056]
    pub(crate) const fn new(rate: u32) -> Self {
        Self {
            rate,
            full_at: Timestamp::ZERO,
        }
    }

    /// Takes one; `false` when the bucket is empty.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let cost =
            Duration::from_micros(MICROS_PER_S.checked_div(u64::from(self.rate)).unwrap_or(0));
        let full_at = self.full_at.max(now).saturating_add(cost);
        if full_at.saturating_since(now) > Duration::from_secs(BURST_S) {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_four_seconds_and_refills() {
        let mut bucket = Bucket::new(128);
        let start = Timestamp::from_micros(5);
        assert_eq!((0..1000).filter(|_| bucket.take(start)).count(), 512);
        let later = start.saturating_add(Duration::from_millis(500));
        assert_eq!((0..1000).filter(|_| bucket.take(later)).count(), 64);
        let much_later = start.saturating_add(Duration::from_secs(3600));
        assert_eq!((0..1000).filter(|_| bucket.take(much_later)).count(), 512);
    }
}
