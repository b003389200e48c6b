//! Figures of one worker, and of all.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

/// Longest latency that is told apart, in microseconds.
const LONGEST: u64 = 120_000_000;

/// Figures.
pub(crate) struct Stats {
    /// Microseconds from sending to the result.
    pub(crate) result: Histogram<u64>,
    /// Microseconds from sending to the delivery.
    pub(crate) delivery: Histogram<u64>,
    /// Messages the server refused.
    pub(crate) refused: u64,
    /// Deliveries that came twice.
    pub(crate) duplicates: u64,
    /// Deliveries out of their sender's order.
    pub(crate) disorder: u64,
    /// Numbers of a sender that were passed over.
    pub(crate) gaps: u64,
    /// Results that contradict each other in conv_seq.
    pub(crate) result_disorder: u64,
    /// Messages that are sent again, because they were refused for a time.
    pub(crate) postponed: u64,
    /// Refusals by a limit, and those of a message that had waited as long as it was told.
    pub(crate) limited: u64,
    pub(crate) limited_again: u64,
    /// Messages accepted while measuring, by sender.
    pub(crate) shares: BTreeMap<u32, u64>,
    /// Times a receiver was told that it is too slow.
    pub(crate) lagged: u64,
}

impl Stats {
    pub(crate) fn new() -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, LONGEST, 3).expect("constant bounds are valid");
        Self {
            result: histogram(),
            delivery: histogram(),
            refused: 0,
            duplicates: 0,
            disorder: 0,
            gaps: 0,
            result_disorder: 0,
            lagged: 0,
            postponed: 0,
            limited: 0,
            limited_again: 0,
            shares: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        // The bounds are the same everywhere.
        let _ = self.result.add(&other.result);
        let _ = self.delivery.add(&other.delivery);
        self.refused += other.refused;
        self.duplicates += other.duplicates;
        self.disorder += other.disorder;
        self.gaps += other.gaps;
        self.result_disorder += other.result_disorder;
        self.lagged += other.lagged;
        self.postponed += other.postponed;
        self.limited += other.limited;
        self.limited_again += other.limited_again;
        for (sender, count) in &other.shares {
            *self.shares.entry(*sender).or_default() += count;
        }
    }
}
