//! Figures of one worker, and of all.

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
    }
}
