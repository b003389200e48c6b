//! Compressed payloads: any octets, plain octets compressed by the codec and then tampered with, and bombs.
//! The naive reader agrees, the stated size is met exactly, and nothing beyond it is asked for.

use bytes::Bytes;
use eim_codec::compression::{compress_anyway, decompress};
use eim_codec::registry::Compression;

use crate::naive::{self, End};
use crate::{input::Input, meter};

/// Largest size that is ever allowed: more than any type has.
const ALLOWED: usize = 2 << 20;

/// Most octets of a bomb.
const BOMB: usize = 1 << 18;

/// What decompression may ask for beyond the result: contexts of the libraries.
const OVERHEAD: usize = 16 * 1024;

/// Input: algorithm and what to do with it, largest size allowed (u32, network order), then octets.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let flags = input.octet();
    let algorithm = Compression(flags & 7);
    let number = [(); 4].map(|()| input.octet());
    let max = u32::from_be_bytes(number) as usize % (ALLOWED + 1);
    match flags >> 3 & 3 {
        0 => drop(payload(algorithm, input.take(usize::MAX), max)),
        1 => plain(algorithm, input.take(usize::MAX)),
        2 => {
            let pattern = input.take(4).to_vec();
            let times = u32::from_be_bytes([(); 4].map(|()| input.octet())) as usize;
            let octets = pattern.len().max(1);
            let mut bomb = pattern.repeat(times % (BOMB / octets));
            bomb.extend(input.take(usize::MAX));
            plain(algorithm, &bomb);
        }
        _ => {
            // A stated size that comes apart from the data.
            let stated = [(); 4].map(|()| input.octet());
            if let Some(made) = compress_anyway(algorithm, input.take(usize::MAX)) {
                payload(algorithm, &[stated.as_slice(), &made[4..]].concat(), max);
            }
        }
    }
}

/// Decompresses; both readers agree, within bounds.
fn payload(algorithm: Compression, payload: &[u8], max: usize) -> Option<Bytes> {
    let octets = Bytes::copy_from_slice(payload);
    let before = meter::allocated();
    let ours = decompress(algorithm, octets, max);
    let allocated = meter::allocated() - before;

    let stated = payload
        .first_chunk()
        .map_or(0, |size| u32::from_be_bytes(*size) as usize);
    let result = if stated <= max { stated } else { 0 };
    let allowed = if algorithm == Compression::NONE {
        0
    } else {
        result + OVERHEAD
    };
    assert!(
        allocated <= allowed,
        "{allocated} octets asked for, {stated} stated, {max} allowed"
    );

    let mut theirs = naive::decompress(algorithm.0, payload, max as u64);
    if algorithm == Compression::NONE && payload.len() > max {
        // The length of the frame keeps this from happening on the wire.
        theirs = Err(naive::reject("compression", "DECOMPRESSED_TOO_LARGE"));
    }
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{algorithm} yields other octets");
            assert!(ours.len() <= max, "beyond what was allowed");
            Some(ours)
        }
        (Err(ours), Err(End::Rejected { code, .. })) => {
            assert_eq!(ours.code().name(), Some(code), "{algorithm}");
            None
        }
        (ours, theirs) => panic!("{algorithm}: {ours:?}, the naive reader: {theirs:?}"),
    }
}

/// Compresses; what comes of it is read back by both, and nothing near it is.
fn plain(algorithm: Compression, plain: &[u8]) {
    let Some(made) = compress_anyway(algorithm, plain) else {
        return;
    };
    let back = payload(algorithm, &made, plain.len());
    assert_eq!(back.as_deref(), Some(plain), "{algorithm} loses octets");
    if let Some(less) = plain.len().checked_sub(1) {
        assert_eq!(payload(algorithm, &made, less), None, "above the limit");
    }
    let size = plain.len() as u32;
    for lie in [size.wrapping_sub(1), size.wrapping_add(1), 0, u32::MAX] {
        let lying = [&lie.to_be_bytes(), &made[4..]].concat();
        let read = payload(algorithm, &lying, ALLOWED);
        assert!(read.is_none() || lie == size, "{lie} stated, {size} there");
    }
    let more = [&made, [0].as_slice()].concat();
    assert_eq!(
        payload(algorithm, &more, ALLOWED),
        None,
        "octets behind the end"
    );
    let cut = &made[..made.len() - 1];
    assert_eq!(
        payload(algorithm, cut, ALLOWED),
        None,
        "without the last octet"
    );
}
