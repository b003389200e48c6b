//! Any octets in any pieces.

use bytes::Bytes;
use eim_codec::DecoderLimits;

use crate::drive::decode;

/// Decodes any octets in any pieces: the verdict is that of the whole. The first octet says how
/// many of the following give the sizes of pieces, which are used in turn.
pub fn run(input: &[u8]) {
    let Some((count, rest)) = input.split_first() else {
        return;
    };
    let (sizes, octets) = rest.split_at(rest.len().min(usize::from(count % 16)));
    let limits = DecoderLimits::default();
    let octets = Bytes::copy_from_slice(octets);
    let whole = decode(limits, [octets.clone()]);

    let single = octets.iter().map(|octet| Bytes::copy_from_slice(&[*octet]));
    assert_eq!(decode(limits, single), whole, "octet by octet");

    let (mut pieces, mut left) = (Vec::new(), octets);
    for size in sizes.iter().cycle() {
        // At least one octet, or the pieces would never end.
        pieces.push(left.split_to(left.len().min(usize::from(*size) + 1)));
        if left.is_empty() {
            break;
        }
    }
    pieces.push(left);
    assert_eq!(decode(limits, pieces), whole, "in pieces of {sizes:?}");
}
