//! Figures of one worker, and of all.

use hdrhistogram::Histogram;

/// Longest latency that is told apart, in microseconds.
const LONGEST: u64 = 120_000_000;

/// Figures.
pub struct Stats {
    /// Microseconds from sending to the result.
    pub result: Histogram<u64>,
    /// Microseconds from sending to the delivery.
    pub delivery: Histogram<u64>,
    /// Messages the server refused.
    pub refused: u64,
    /// Deliveries that came twice.
    pub duplicates: u64,
    /// Deliveries out of their sender's order.
    pub disorder: u64,
    /// Numbers of a sender that were passed over.
    pub gaps: u64,
    /// Results that contradict each other in conv_seq.
    pub result_disorder: u64,
    /// Times a receiver was told that it is too slow.
    pub lagged: u64,
}

impl Stats {
    pub fn new() -> Self {
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

    pub fn add(&mut self, other: &Self) {
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
