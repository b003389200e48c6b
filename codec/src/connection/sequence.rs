//! Ordinals and what the header shows of them.

/// Largest value of the sequence octets.
const CYCLE: u64 = u32::MAX as u64;

/// The sequence octets of the frame with this ordinal (from 1): 0 is never among them.
// impl[EIM-SEQ-002]
pub(crate) const fn sequence_of(ordinal: u64) -> u32 {
    // At most 2^32 - 2, so the cast keeps the value.
    (ordinal.wrapping_sub(1) % CYCLE) as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_specification() {
        for (ordinal, sequence) in [
            (1, 1),
            (4_294_967_294, 4_294_967_294),
            (4_294_967_295, 4_294_967_295),
            (4_294_967_296, 1),
            (4_294_967_297, 2),
        ] {
            assert_eq!(sequence_of(ordinal), sequence, "ordinal {ordinal}");
        }
    }
}
