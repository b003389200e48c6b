//! From passwords to SCRAM verifiers, and names as they are stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use eim_codec::registry::limits;
use rsasl::mechanisms::scram::tools;
use sha2::digest::generic_array::GenericArray;
use sha2::{Digest, Sha256};

use crate::random::Random;
use crate::store::ScramVerifier;

/// Octets of a new salt.
pub const SALT_OCTETS: usize = 16;

/// A name or password that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// SASLprep refuses it.
    #[error("{0} has characters that are not allowed")]
    Forbidden(&'static str),
    /// Too short or too long.
    #[error("{what} must have 1 to {max} octets")]
    Length {
        /// What it is.
        what: &'static str,
        /// Most octets.
        max: usize,
    },
    /// A verifier of an import file does not parse.
    #[error(
        "verifier must be scram:ITERATIONS:SALT:STOREDKEY:SERVERKEY, keys of 32 octets in base64"
    )]
    Verifier,
}

/// A user name as it is stored and looked up: SASLprep, then lower case.
///
/// # Errors
/// [`CredentialError::Forbidden`] and [`CredentialError::Length`].
// impl[EIM-LIM-009]
pub fn normalise_name(name: &str) -> Result<String, CredentialError> {
    let prepared =
        stringprep::saslprep(name).map_err(|_| CredentialError::Forbidden("user name"))?;
    let lower = prepared.to_lowercase();
    if lower.chars().any(|c| c.is_whitespace() || c == ',') {
        return Err(CredentialError::Forbidden("user name"));
    }
    let max = usize::try_from(limits::USER_NAME_OCTETS.default).unwrap_or(usize::MAX);
    if lower.is_empty() || lower.len() > max {
        return Err(CredentialError::Length {
            what: "user name",
            max,
        });
    }
    Ok(lower)
}

/// Computes the verifier of `password` with a new salt. Takes milliseconds: not for the runtime's
/// own threads.
///
/// # Errors
/// [`CredentialError::Forbidden`] and [`CredentialError::Length`].
// impl[EIM-AUT-025]
pub fn derive(
    password: &str,
    iterations: u32,
    random: &dyn Random,
) -> Result<ScramVerifier, CredentialError> {
    let prepared =
        stringprep::saslprep(password).map_err(|_| CredentialError::Forbidden("password"))?;
    if prepared.is_empty() || prepared.len() > 1024 {
        return Err(CredentialError::Length {
            what: "password",
            max: 1024,
        });
    }
    let salt = random.octets::<SALT_OCTETS>();
    let mut salted = GenericArray::default();
    tools::hash_password::<Sha256>(prepared.as_bytes(), iterations, &salt, &mut salted);
    let (client_key, server_key) = tools::derive_keys::<Sha256>(&salted);
    Ok(ScramVerifier {
        iterations,
        salt: salt.to_vec(),
        stored_key: Sha256::digest(client_key).to_vec(),
        server_key: server_key.to_vec(),
    })
}

/// Reads `scram:ITERATIONS:SALT:STOREDKEY:SERVERKEY`, as other servers export it.
///
/// # Errors
/// [`CredentialError::Verifier`].
pub fn parse_verifier(text: &str) -> Result<ScramVerifier, CredentialError> {
    let mut parts = text.split(':');
    let mut next = || parts.next().ok_or(CredentialError::Verifier);
    if next()? != "scram" {
        return Err(CredentialError::Verifier);
    }
    let iterations = next()?.parse().map_err(|_| CredentialError::Verifier)?;
    let decode = |text: &str| BASE64.decode(text).map_err(|_| CredentialError::Verifier);
    let (salt, stored_key, server_key) = (decode(next()?)?, decode(next()?)?, decode(next()?)?);
    let bounds = limits::SCRAM_ITERATIONS;
    let sound = (bounds.minimum..=bounds.maximum).contains(&iterations)
        && (1..=64).contains(&salt.len())
        && stored_key.len() == 32
        && server_key.len() == 32
        && parts.next().is_none();
    if sound {
        Ok(ScramVerifier {
            iterations,
            salt,
            stored_key,
            server_key,
        })
    } else {
        Err(CredentialError::Verifier)
    }
}

/// A random password for people to copy: 20 letters and digits, about 100 bits.
#[must_use]
pub fn generate(random: &dyn Random) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    random
        .octets::<20>()
        .iter()
        .map(|octet| char::from(ALPHABET[usize::from(octet % 32)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn the_rfc_7677_example_derives() {
        #[derive(Debug)]
        struct Salt;
        impl Random for Salt {
            fn fill(&self, out: &mut [u8]) {
                out.copy_from_slice(&BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap());
            }
        }
        let verifier = derive("pencil", 4096, &Salt).unwrap();
        assert_eq!(
            BASE64.encode(&verifier.stored_key),
            "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        );
        assert_eq!(
            BASE64.encode(&verifier.server_key),
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
        let text = "scram:4096:W22ZaJ0SNY7soEsUEjb6gQ==:\
            WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
            wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert!(parse_verifier(text).unwrap() == verifier);
    }

    #[test]
    fn names_are_prepared_and_checked() {
        assert_eq!(normalise_name("Alice").unwrap(), "alice");
        assert_eq!(normalise_name("\u{2168}").unwrap(), "ix");
        for bad in ["", "a b", "a,b", "a\nb", &"x".repeat(65)] {
            assert!(normalise_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn broken_verifiers_are_refused() {
        for bad in [
            "",
            "scram",
            "scram:4096:AA==:AA==:AA==",
            "plain:x",
            "scram:1:a:b:c:d",
        ] {
            assert_eq!(parse_verifier(bad), Err(CredentialError::Verifier), "{bad}");
        }
    }

    #[test]
    fn generated_passwords_differ() {
        let (a, b) = (generate(&SystemRandom), generate(&SystemRandom));
        assert_eq!(a.len(), 20);
        assert_ne!(a, b);
    }
}
