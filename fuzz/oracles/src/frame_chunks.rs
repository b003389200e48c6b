//! Any octets in any pieces.

use bytes::Bytes;
use eim_codec::registry::ErrorCode;
use eim_codec::{Decoded, Decoder, DecoderLimits, Frame};

use crate::drive::{End, Verdict, decode};

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

    let (mut pieces, mut left) = (Vec::new(), octets.clone());
    for size in sizes.iter().cycle() {
        // At least one octet, or the pieces would never end.
        pieces.push(left.split_to(left.len().min(usize::from(*size) + 1)));
        if left.is_empty() {
            break;
        }
    }
    pieces.push(left);
    assert_eq!(decode(limits, pieces), whole, "in pieces of {sizes:?}");
    ends(limits, octets, &whole);
}

/// A message of a transport that has messages may end here only where a frame does.
fn ends(limits: DecoderLimits, octets: Bytes, whole: &Verdict) {
    let mut decoder = Decoder::new(DecoderLimits::handshake());
    decoder.set_limits(limits);
    assert_eq!(decoder.limits(), &limits, "{limits:?}");
    let in_frames: usize = whole.frames.iter().map(Frame::encoded_len).sum();
    let is_border = in_frames == octets.len();
    decoder.feed(octets);
    while matches!(decoder.next(), Ok(Decoded::Frame(_))) {}
    let rejected = matches!(whole.end, End::Rejected { .. });
    assert_eq!(
        decoder.is_at_boundary(),
        is_border || rejected,
        "where a frame ends"
    );
    match (decoder.end_message(), &whole.end) {
        (Ok(()), _) => assert!(is_border, "a message ends inside a frame"),
        (Err(again), End::Rejected { code, .. }) => assert_eq!(again.code, *code),
        (Err(split), End::Incomplete { .. }) => {
            assert_eq!(split.code, ErrorCode::SPLIT_FRAME);
            assert!(!is_border, "a message ends with a frame");
            assert_eq!(decoder.next(), Err(split), "a rejection is final");
        }
    }
}
