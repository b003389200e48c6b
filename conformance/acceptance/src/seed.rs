//! The moments of faults: random, but from a printed seed.

use std::hash::{BuildHasher as _, RandomState};

use crate::Failure;

/// A seed nobody chose.
pub(crate) fn fresh() -> Result<u64, Failure> {
    Ok(RandomState::new().hash_one(std::process::id()))
}

/// SplitMix64: enough for choosing moments, and the same everywhere.
#[derive(Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// Starts from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)).checked_rem(bound).unwrap_or(0)
    }
}
