//! Bodies of messages that are told apart by their number: cheap to make, easy to compare.

use std::sync::OnceLock;

use bytes::Bytes;

const NOISE_OCTETS: usize = 2 << 20;

/// Sizes worth trying, around the limits of frames, windows and types.
pub(crate) const SIZES: [usize; 16] = [
    0, 1, 7, 40, 200, 900, 1_100, 3_000, 8_000, 12_000, 16_300, 17_000, 33_000, 50_000, 66_000,
    131_400,
];

/// The body of this number; `noise` does not compress.
pub(crate) fn body(number: u64, size: usize, noise: bool) -> Bytes {
    if !noise {
        return vec![number.to_le_bytes()[0]; size].into();
    }
    let table = table();
    let from = usize::try_from(number % 1_000).unwrap_or(0) * 31;
    table.slice(from..from + size.min(NOISE_OCTETS / 2))
}

fn table() -> &'static Bytes {
    static TABLE: OnceLock<Bytes> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let octets = (0..NOISE_OCTETS / 8).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        octets.collect::<Vec<_>>().into()
    })
}
