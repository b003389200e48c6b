//! Tokens that this server signs for services (RFC 7515, compact).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

/// A key that signs tokens.
pub(super) enum Signer {
    /// ES256.
    P256(Box<EcdsaKeyPair>),
    /// RS256.
    Rsa(Box<RsaKeyPair>),
}

/// A key cannot be used, or does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is not a private key in PEM.
    #[error("not a private key in PEM (PKCS #8)")]
    Pem,
    /// It is a key of another kind.
    #[error("a private key of another kind")]
    Kind,
    /// The library does not sign.
    #[error("the key does not sign")]
    Sign,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm())
    }
}

impl Signer {
    /// A P-256 key in PEM.
    pub(super) fn p256(pem: &[u8]) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::Pem)?;
        let (kind, octets) = (&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der());
        let key = EcdsaKeyPair::from_pkcs8(kind, octets, &SystemRandom::new());
        Ok(Self::P256(Box::new(key.map_err(|_| KeyError::Kind)?)))
    }

    /// An RSA key in PEM.
    pub(super) fn rsa(pem: &[u8]) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| KeyError::Pem)?;
        let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der());
        Ok(Self::Rsa(Box::new(key.map_err(|_| KeyError::Kind)?)))
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    /// The public key; of P-256 an uncompressed point.
    pub(super) fn public_key(&self) -> &[u8] {
        match self {
            Self::P256(key) => key.public_key().as_ref(),
            Self::Rsa(key) => key.public_key().as_ref(),
        }
    }

    /// A token with these claims; `key_id` names the key where the service has several.
    pub(super) fn token(&self, key_id: Option<&str>, claims: &Value) -> Result<String, KeyError> {
        let mut header = json!({"alg": self.algorithm(), "typ": "JWT"});
        if let Some(key_id) = key_id {
            header["kid"] = key_id.into();
        }
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let (random, octets) = (SystemRandom::new(), signed.as_bytes());
        let signature = match self {
            Self::P256(key) => {
                let signature = key.sign(&random, octets).map_err(|_| KeyError::Sign)?;
                signature.as_ref().to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, octets, &mut signature)
                    .map_err(|_| KeyError::Sign)?;
                signature
            }
        };
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The claims of a token, if the key has signed it.
#[cfg(test)]
pub(super) fn verified(
    token: &str,
    public_key: &[u8],
    kind: &'static dyn ring::signature::VerificationAlgorithm,
) -> (Value, Value) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    ring::signature::UnparsedPublicKey::new(kind, public_key)
        .verify(signed.as_bytes(), &signature)
        .expect("the signature");
    let (header, claims) = signed.split_once('.').unwrap();
    let parse = |text| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    (parse(header), parse(claims))
}
