//! The hash of everything that happens.

use crate::run::TraceHash;

/// Takes up what happens, in order. Not against adversaries: it finds differences between runs.
#[derive(Clone, Debug)]
pub struct Trace {
    high: u64,
    low: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            high: 0x6A09_E667_F3BC_C908,
            low: 0xBB67_AE85_84CA_A73B,
        }
    }
}

impl Trace {
    /// Takes up a number.
    pub fn number(&mut self, number: u64) {
        let mut folded = (self.low ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        folded ^= folded >> 32;
        self.low = self.high.rotate_left(23) ^ folded;
        let sum = self.high.wrapping_add(number).rotate_left(31);
        self.high = sum.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ folded;
    }

    /// Takes up octets and how many they are.
    pub fn octets(&mut self, octets: &[u8]) {
        let (words, rest) = octets.as_chunks::<8>();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.number(u64::from_le_bytes(last));
        self.number(octets.len() as u64);
    }

    /// What was taken up so far.
    #[must_use]
    pub fn hash(&self) -> TraceHash {
        TraceHash(u128::from(self.high) << 64 | u128::from(self.low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&[u8]]) -> TraceHash {
        let mut trace = Trace::default();
        parts.iter().for_each(|part| trace.octets(part));
        trace.hash()
    }

    #[test]
    fn order_content_and_boundaries_count() {
        let all = [
            of(&[]),
            of(&[b""]),
            of(&[b"a"]),
            of(&[b"a", b"b"]),
            of(&[b"b", b"a"]),
            of(&[b"ab"]),
            of(&[b"0123456789"]),
            of(&[b"0123456799"]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{at}");
        }
        assert_eq!(of(&[b"same"]), of(&[b"same"]));
    }
}
