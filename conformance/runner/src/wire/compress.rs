//! Compressed payloads (chapter 12): the size, then the data.

use std::io::Read;

use bytes::{BufMut, Bytes, BytesMut};

/// The dictionary of algorithm 4.
pub const DICTIONARY: &[u8] = include_bytes!("../../../../spec/dictionaries/zstd-dict-1");

/// Compresses a payload with an algorithm given by its number.
///
/// # Errors
/// An algorithm that this release does not define.
pub fn compress(algorithm: u8, payload: &[u8]) -> Result<Bytes, String> {
    let data = match algorithm {
        1 => zstd_frame(payload, &[])?,
        4 => zstd_frame(payload, DICTIONARY)?,
        2 => lz4_flex::block::compress(payload),
        3 => snap::raw::Encoder::new()
            .compress_vec(payload)
            .map_err(|e| e.to_string())?,
        other => return Err(format!("no compression {other}")),
    };
    let mut octets = BytesMut::with_capacity(data.len() + 4);
    octets.put_u32(u32::try_from(payload.len()).map_err(|e| e.to_string())?);
    octets.put_slice(&data);
    Ok(octets.freeze())
}

fn zstd_frame(payload: &[u8], dictionary: &[u8]) -> Result<Vec<u8>, String> {
    let mut compressor =
        zstd::bulk::Compressor::with_dictionary(3, dictionary).map_err(|e| e.to_string())?;
    compressor.window_log(20).map_err(|e| e.to_string())?;
    compressor.compress(payload).map_err(|e| e.to_string())
}

/// Decompresses a payload: exactly the stated size, at most `cap` octets.
///
/// # Errors
/// Everything chapter 12 calls an error, in words.
pub fn decompress(algorithm: u8, payload: &[u8], cap: u64) -> Result<Bytes, String> {
    let (size, data) = payload
        .split_first_chunk::<4>()
        .ok_or("a compressed payload of fewer than 4 octets")?;
    let size = u32::from_be_bytes(*size);
    if u64::from(size) > cap {
        return Err(format!("{size} octets after decompression, {cap} allowed"));
    }
    let size = size as usize;
    let plain = match algorithm {
        1 | 4 => {
            let dictionary = if algorithm == 4 { DICTIONARY } else { &[] };
            let mut decoder = zstd::stream::read::Decoder::with_dictionary(data, dictionary)
                .map_err(|e| e.to_string())?
                .single_frame();
            decoder.window_log_max(20).map_err(|e| e.to_string())?;
            let mut plain = Vec::new();
            (&mut decoder)
                .take(size as u64 + 1)
                .read_to_end(&mut plain)
                .map_err(|e| e.to_string())?;
            if !decoder.finish().is_empty() {
                return Err("octets behind the Zstandard frame".into());
            }
            plain
        }
        2 => lz4_flex::block::decompress(data, size).map_err(|e| e.to_string())?,
        3 => {
            if snap::raw::decompress_len(data).map_err(|e| e.to_string())? != size {
                return Err("the preamble of Snappy is not the size".into());
            }
            snap::raw::Decoder::new()
                .decompress_vec(data)
                .map_err(|e| e.to_string())?
        }
        other => return Err(format!("no compression {other}")),
    };
    if plain.len() == size {
        Ok(plain.into())
    } else {
        Err(format!("{} octets instead of {size}", plain.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_returns_what_it_got() {
        for payload in [&b""[..], b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &[7u8; 70000]] {
            for algorithm in 1..=4 {
                let packed = compress(algorithm, payload).unwrap();
                let plain = decompress(algorithm, &packed, 1 << 20).unwrap();
                assert_eq!(plain, payload);
                let mut longer = packed.to_vec();
                longer.push(0);
                assert!(decompress(algorithm, &longer, 1 << 20).is_err());
            }
        }
        assert!(decompress(1, &compress(1, &[7; 100]).unwrap(), 99).is_err());
    }
}
