//! Hashes that histories need.

use sha2::{Digest as _, Sha256};

/// The first 16 octets of SHA-256.
pub(super) fn half(octets: &[u8]) -> u128 {
    let digest = Sha256::digest(octets);
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(half)
}

/// The id of the direct conversation of two users (EIM-MSG-010), if both are ids of the protocol.
pub(super) fn direct(a: &str, b: &str) -> Option<String> {
    let (a, b) = (octets(a)?, octets(b)?);
    let mut text = b"eim/1 direct".to_vec();
    text.extend(a.min(b));
    text.extend(a.max(b));
    Some(format!("{:032x}", half(&text)))
}

fn octets(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_compute_one_conversation() {
        let (a, b) = ("00".repeat(16), "01".repeat(16));
        assert_eq!(direct(&a, &b), direct(&b, &a));
        assert_eq!(direct(&a, &b).unwrap().len(), 32);
        assert_eq!(direct("ann", &b), None);
    }
}
