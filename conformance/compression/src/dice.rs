//! Numbers from a seed.

/// `SplitMix64`: enough to choose words, and the same everywhere.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Starts from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when that is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        match self.number().checked_rem(bound) {
            Some(number) => number,
            None => 0,
        }
    }

    /// Whether something happens that does so `percent` times in a hundred.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several; nothing of nothing.
    pub fn pick<'a, T>(&mut self, some: &'a [T]) -> Option<&'a T> {
        let place = self.below(some.len() as u64);
        some.get(usize::try_from(place).ok()?)
    }

    /// Octets that nobody can foretell.
    pub fn octets(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.number().to_be_bytes())
            .flatten()
            .take(count)
            .collect()
    }
}
