//! What a receiver makes of a frame that a testee compressed itself: the suite decompresses it.

use super::words;
use crate::vectors::model::Frame;
use crate::vectors::octets::{from_hex, to_hex};
use crate::wire::compress::decompress;

/// Most octets after decompression of any type.
const CAP: u64 = 16 * 1024 * 1024;

/// How the octets of a testee differ from one frame that opens to `expected`.
pub(super) fn differences(expected: &Frame, got: &str) -> Vec<String> {
    match compare(expected, got) {
        Ok(found) => found,
        Err(why) => vec![format!("octets {}: {why}", words::shortened(got))],
    }
}

fn compare(expected: &Frame, got: &str) -> Result<Vec<String>, String> {
    let octets = from_hex(got)?;
    let (header, payload) = octets
        .split_first_chunk::<11>()
        .ok_or("fewer octets than a header has")?;
    let [version, kind, s0, s1, s2, s3, compression, l0, l1, l2, l3] = *header;
    let sequence = u32::from_be_bytes([s0, s1, s2, s3]);
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    if usize::try_from(length) != Ok(payload.len()) {
        return Err(format!(
            "length {length} in front of {} octets of payload",
            payload.len()
        ));
    }
    let found = [
        ("version", u32::from(expected.version), u32::from(version)),
        ("type", expected.r#type.into(), kind.into()),
        ("sequence", expected.sequence, sequence),
        (
            "compression",
            expected.compression.into(),
            compression.into(),
        ),
    ]
    .into_iter()
    .filter(|(_, expected, got)| expected != got)
    .map(|(name, expected, got)| format!("{name}: expected {expected}, got {got}"))
    .collect::<Vec<_>>();
    if !found.is_empty() {
        return Ok(found);
    }
    let plain = match compression {
        0 => payload.to_vec(),
        algorithm => decompress(algorithm, payload, CAP)?.to_vec(),
    };
    let due = expected.octets()?;
    if plain == due {
        return Ok(Vec::new());
    }
    Err(format!(
        "opens to {} instead of {}",
        words::shortened(&to_hex(&plain)),
        words::shortened(&to_hex(&due))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::compress::compress;

    fn expected(compression: u8, content: &[u8]) -> Frame {
        Frame {
            version: 1,
            r#type: 32,
            sequence: 5,
            compression,
            ordinal: None,
            payload_hex: None,
            payload: None,
            content_hex: Some(to_hex(content)),
            content: None,
            canonical_hex: None,
        }
    }

    fn frame(compression: u8, payload: &[u8]) -> String {
        let mut octets = vec![1, 32, 0, 0, 0, 5, compression];
        octets.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        octets.extend(payload);
        to_hex(&octets)
    }

    #[test]
    fn however_well_it_is_compressed_the_content_counts() {
        let content = [b'a'; 100];
        for algorithm in 1..=3 {
            let packed = compress(algorithm, &content).unwrap();
            let due = expected(algorithm, &content);
            assert!(differences(&due, &frame(algorithm, &packed)).is_empty());
            let other = compress(algorithm, &[b'b'; 100]).unwrap();
            assert!(!differences(&due, &frame(algorithm, &other)).is_empty());
            assert!(!differences(&due, &frame(0, &content)).is_empty());
            assert!(!differences(&due, &frame(algorithm, &packed[..9])).is_empty());
            assert!(!differences(&due, &(frame(algorithm, &packed) + "00")).is_empty());
        }
        assert!(!differences(&expected(0, b""), "0120").is_empty());
        assert!(!differences(&expected(0, b""), "zz").is_empty());
    }
}
