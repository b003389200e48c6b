//! The secret shared with a receiver, and signatures under it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use crate::random::Random;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// A secret as the configuration has it: `whsec_` and its octets in Base64. Never shown.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(String);

/// A secret cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It does not begin as secrets do.
    #[error("it has to begin with {PREFIX}")]
    Prefix,
    /// The rest is not Base64.
    #[error("what follows {PREFIX} is not Base64")]
    Base64,
    /// It has too few octets, or too many.
    #[error("it has {0} octets, not 24 to 64")]
    Length(usize),
}

/// A key that signs.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Secret {
    /// A new secret of 32 octets.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        Self(format!(
            "{PREFIX}{}",
            STANDARD.encode(random.octets::<32>())
        ))
    }

    /// The secret as its receiver writes it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key of the secret.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn key(&self) -> Result<Key, SecretError> {
        let text = self.0.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        let octets = STANDARD.decode(text).map_err(|_| SecretError::Base64)?;
        if !(24..=64).contains(&octets.len()) {
            return Err(SecretError::Length(octets.len()));
        }
        let key = Hmac::new_from_slice(&octets).map_err(|_| SecretError::Length(octets.len()))?;
        Ok(Key(key))
    }
}

impl Key {
    /// The value of `webhook-signature`.
    // impl[EIM-NTF-021]
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        format!(
            "v1,{}",
            STANDARD.encode(self.mac(id, timestamp, body).finalize().into_bytes())
        )
    }

    /// Whether one of the signatures, separated by spaces, is right. Takes the same time for all
    /// that are wrong.
    #[must_use]
    pub fn verify(&self, id: &str, timestamp: u64, body: &[u8], signatures: &str) -> bool {
        signatures
            .split(' ')
            .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
            .any(|one| self.mac(id, timestamp, body).verify_slice(&one).is_ok())
    }

    fn mac(&self, id: &str, timestamp: u64, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(id.as_bytes());
        mac.update(format!(".{timestamp}.").as_bytes());
        mac.update(body);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of Standard Webhooks.
    // test[EIM-NTF-021]
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let key = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .key()
            .unwrap();
        let (id, time) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330);
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(key.sign(id, time, body), signature);
        assert!(key.verify(id, time, body, &format!("v1,AAAA v2,x {signature}")));
        assert!(!key.verify(id, time + 1, body, signature));
        assert!(!key.verify("msg_other", time, body, signature));
        assert!(!key.verify(id, time, b"{}", signature));
        assert!(!key.verify(id, time, body, ""));
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(format!("{:?}", secret.key().unwrap()), "Key");
    }
}
