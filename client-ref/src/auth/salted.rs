//! Salted passwords: what makes SCRAM slow, done once for each salt.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use eim_codec::registry::limits;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::AuthError;

/// Iteration counts that are neither too weak for the password nor too heavy for the device.
const ITERATIONS: std::ops::RangeInclusive<u32> =
    limits::SCRAM_ITERATIONS.minimum..=limits::SCRAM_ITERATIONS.maximum;

/// Salted passwords kept at most.
const KEPT: usize = 1024;

/// Whether this client derives a key with so many iterations. Checked before any work is done.
///
/// # Errors
/// [`AuthError::Iterations`].
// impl[EIM-AUT-022]
pub fn check_iterations(iterations: u32) -> Result<(), AuthError> {
    if ITERATIONS.contains(&iterations) {
        Ok(())
    } else {
        Err(AuthError::Iterations(iterations))
    }
}

/// Salted passwords of this process, by user, password, salt and iteration count; in memory only.
#[derive(Clone, Default)]
pub struct SaltedPasswords {
    known: Arc<Mutex<BTreeMap<Key, [u8; 32]>>>,
}

type Key = (String, String, Vec<u8>, u32);

impl fmt::Debug for SaltedPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaltedPasswords").finish_non_exhaustive()
    }
}

impl SaltedPasswords {
    /// PBKDF2-HMAC-SHA-256 of the password, computed once.
    pub(super) fn derive(
        &self,
        user: &str,
        password: &str,
        salt: &[u8],
        iterations: u32,
    ) -> Result<[u8; 32], AuthError> {
        check_iterations(iterations)?;
        // impl[EIM-AUT-026]
        let key = (
            user.to_owned(),
            password.to_owned(),
            salt.to_vec(),
            iterations,
        );
        if let Some(salted) = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(*salted);
        }
        let salted = pbkdf2(password.as_bytes(), salt, iterations);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, salted);
        Ok(salted)
    }
}

/// The first block of PBKDF2 with HMAC-SHA-256: Hi() of RFC 5802.
fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let keyed = <Hmac<Sha256> as Mac>::new_from_slice(password).expect("HMAC takes any key");
    let mut block: [u8; 32] = {
        let mut first = keyed.clone();
        first.update(salt);
        first.update(&1_u32.to_be_bytes());
        first.finalize().into_bytes().into()
    };
    let mut sum = block;
    for _ in 1..iterations {
        let mut next = keyed.clone();
        next.update(&block);
        block = next.finalize().into_bytes().into();
        sum.iter_mut()
            .zip(block)
            .for_each(|(sum, octet)| *sum ^= octet);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_the_published_value() {
        // RFC 7914, section 11: PBKDF2-HMAC-SHA-256, "Password", "NaCl", 80000, first 32 octets.
        let expected = [
            0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21, 0x83, 0x0c, 0xee, 0x5e, 0xf2, 0x27,
            0x01, 0xf9, 0x64, 0x1a, 0x44, 0x18, 0xd0, 0x4c, 0x04, 0x14, 0xae, 0xff, 0x08, 0x87,
            0x6b, 0x34, 0xab, 0x56,
        ];
        let derived = SaltedPasswords::default().derive("u", "Password", b"NaCl", 80_000);
        assert_eq!(derived.unwrap(), expected);
    }

    #[test]
    fn refuses_counts_out_of_bounds_without_work() {
        let salted = SaltedPasswords::default();
        for iterations in [0, 1, 4095, 1_000_001, u32::MAX] {
            let refused = salted.derive("u", "p", b"s", iterations);
            assert!(matches!(refused, Err(AuthError::Iterations(got)) if got == iterations));
        }
    }
}
