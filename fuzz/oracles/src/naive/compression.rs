//! Chapter 12: the size in front, then the data.

use super::{End, lz4, reject, snappy, zstd};

/// The plain octets of a payload, at most `most` of them.
pub(crate) fn decompress(algorithm: u8, payload: &[u8], most: u64) -> Result<Vec<u8>, End> {
    if algorithm == 0 {
        return Ok(payload.to_vec());
    }
    if algorithm > 4 {
        return Err(reject("compression", "UNKNOWN_COMPRESSION"));
    }
    let failed = || reject("compression", "DECOMPRESSION_FAILED");
    if payload.len() < 4 {
        return Err(failed());
    }
    let (size, data) = payload.split_at(4);
    let size = size
        .iter()
        .fold(0_u64, |sum, octet| sum * 256 + u64::from(*octet));
    if size > most {
        return Err(reject("compression", "DECOMPRESSED_TOO_LARGE"));
    }
    let plain = match algorithm {
        1 => zstd::decompress(data, size, None),
        4 => zstd::decompress(data, size, Some(zstd::DICT_1)),
        2 => lz4::decompress(data, size),
        _ => snappy::decompress(data, size),
    };
    plain
        .filter(|plain| plain.len() as u64 == size)
        .ok_or_else(failed)
}
