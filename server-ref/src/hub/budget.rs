//! A bound on octets that many queues share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Octets that all queues together may hold.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    total: usize,
}

impl Budget {
    /// A budget of `total` octets.
    #[must_use]
    pub const fn new(total: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            total,
        }
    }

    /// Takes `octets`; `false` when they are not left, and then nothing is taken.
    #[must_use]
    pub fn take(&self, octets: usize) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(octets).filter(|sum| *sum <= self.total)
            })
            .is_ok()
    }

    /// Gives back what was taken.
    pub fn give(&self, octets: usize) {
        self.used.fetch_sub(octets, Ordering::Relaxed);
    }

    /// Octets in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_up_to_the_total_and_no_further() {
        let budget = Budget::new(10);
        assert!(budget.take(10));
        assert!(!budget.take(1));
        budget.give(4);
        assert!(budget.take(4));
        assert!(!budget.take(usize::MAX));
        assert_eq!(budget.used(), 10);
    }
}
