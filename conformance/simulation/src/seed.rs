//! Randomness from a seed.

/// A stream of draws that a seed decides.
///
/// [`fork`](Self::fork) gives independent streams by name: what one stream draws never changes
/// another, so a plan without one of its steps draws the same for all others.
#[derive(Clone, Debug)]
pub struct Dice {
    key: u64,
    state: u64,
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finalizer of SplitMix64.
const fn mix(mut value: u64) -> u64 {
    value ^= value >> 30;
    value = value.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value ^= value >> 27;
    value = value.wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        let key = mix(seed ^ GOLDEN);
        Self { key, state: key }
    }

    /// The stream named `label` below this one; the same whatever was drawn here.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let name = label.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Self::new(self.key.rotate_left(17) ^ mix(name))
    }

    /// The stream `label` number `number` below this one.
    #[must_use]
    pub fn fork_nth(&self, label: &str, number: u64) -> Self {
        let named = self.fork(label);
        Self::new(named.key.rotate_left(29) ^ mix(number.wrapping_add(GOLDEN)))
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(self.below(width))
    }

    /// An index below `length`; 0 when there is none.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// Whether something happens that happens `permille` times in a thousand.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// One of `items`; `None` when there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.index(items.len());
        items.get(index)
    }

    /// A number in `low..=high` that is more often small than large: each power of two is as
    /// likely as the next.
    pub fn skewed(&mut self, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low).saturating_add(1);
        let bits = u64::BITS - width.leading_zeros();
        let most = 1_u64.checked_shl(u32::try_from(self.between(1, u64::from(bits))).unwrap_or(1));
        let most = most.unwrap_or(u64::MAX).min(width);
        low.saturating_add(self.below(most))
    }

    /// Fills `out` with random octets.
    pub fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let octets = self.bits().to_le_bytes();
            chunk.copy_from_slice(octets.get(..chunk.len()).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_do_not_depend_on_what_was_drawn() {
        let fresh = Dice::new(7);
        let mut used = Dice::new(7);
        for _ in 0..10 {
            used.bits();
        }
        assert_eq!(fresh.fork("disk").bits(), used.fork("disk").bits());
        assert_ne!(fresh.fork("disk").bits(), fresh.fork("network").bits());
        assert_ne!(
            fresh.fork_nth("step", 1).bits(),
            fresh.fork_nth("step", 2).bits()
        );
        assert_ne!(Dice::new(1).bits(), Dice::new(2).bits());
    }

    #[test]
    fn draws_stay_in_their_ranges_and_reach_the_ends() {
        let mut dice = Dice::new(1);
        let mut seen = [false; 5];
        for _ in 0..1000 {
            let drawn = dice.between(3, 7);
            seen[usize::try_from(drawn - 3).unwrap()] = true;
            assert!((1..=100).contains(&dice.skewed(1, 100)));
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.between(4, 4), 4);
        assert_eq!(dice.pick::<u8>(&[]), None);
        assert!(!dice.chance(0));
        assert!(dice.chance(1000));
    }
}
