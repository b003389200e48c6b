//! Encryption of Web Push (RFC 8291): the service between does not read along.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};

/// Octets of a record, and of a whole message.
const RECORD: u32 = 4096;
/// Octets beside the text: header, delimiter, tag.
const BESIDE: usize = 16 + 4 + 1 + 65 + 1 + 16;

/// A message cannot be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EncryptError {
    /// The key of the browser is no point.
    #[error("the key of the browser cannot be used")]
    Key,
    /// The text is too long.
    #[error("the text is too long")]
    TooLong,
    /// The library does not encrypt.
    #[error("cannot encrypt")]
    Library,
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(prk: &Prk, info: &[&[u8]]) -> Result<[u8; N], EncryptError> {
    let mut out = [0; N];
    let filled = prk
        .expand(info, Length(N))
        .and_then(|okm| okm.fill(&mut out));
    filled.map_err(|_| EncryptError::Library)?;
    Ok(out)
}

/// The body for a browser with this key and secret.
pub(super) fn encrypt(
    text: &[u8],
    public_key: &[u8],
    auth_secret: &[u8],
) -> Result<Vec<u8>, EncryptError> {
    let random = SystemRandom::new();
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &random);
    let own = own.map_err(|_| EncryptError::Library)?;
    let own_public = own
        .compute_public_key()
        .map_err(|_| EncryptError::Library)?;
    let mut salt = [0; 16];
    random.fill(&mut salt).map_err(|_| EncryptError::Library)?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, public_key);
    let sealed = agree_ephemeral(own, &peer, |shared| {
        seal(&Parts {
            text,
            shared,
            public_key,
            own_public: own_public.as_ref(),
            auth_secret,
            salt,
        })
    });
    sealed.map_err(|_| EncryptError::Key)?
}

struct Parts<'a> {
    text: &'a [u8],
    shared: &'a [u8],
    public_key: &'a [u8],
    own_public: &'a [u8],
    auth_secret: &'a [u8],
    salt: [u8; 16],
}

fn seal(parts: &Parts<'_>) -> Result<Vec<u8>, EncryptError> {
    let record = usize::try_from(RECORD).unwrap_or(usize::MAX);
    if parts.text.len().saturating_add(BESIDE) > record {
        return Err(EncryptError::TooLong);
    }
    let first = Salt::new(HKDF_SHA256, parts.auth_secret).extract(parts.shared);
    let info: [&[u8]; 3] = [b"WebPush: info\0", parts.public_key, parts.own_public];
    let material: [u8; 32] = expand(&first, &info)?;
    let second = Salt::new(HKDF_SHA256, &parts.salt).extract(&material);
    let key: [u8; 16] = expand(&second, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = expand(&second, &[b"Content-Encoding: nonce\0"])?;
    let key = UnboundKey::new(&AES_128_GCM, &key).map_err(|_| EncryptError::Library)?;
    let mut sealed = parts.text.to_vec();
    // The last record.
    sealed.push(2);
    LessSafeKey::new(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::empty(),
            &mut sealed,
        )
        .map_err(|_| EncryptError::Library)?;
    let length = u8::try_from(parts.own_public.len()).map_err(|_| EncryptError::Library)?;
    let mut body = parts.salt.to_vec();
    body.extend_from_slice(&RECORD.to_be_bytes());
    body.push(length);
    body.extend_from_slice(parts.own_public);
    body.extend_from_slice(&sealed);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn octets(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    const UA_PUBLIC: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx\
                             aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AS_PUBLIC: &str = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg\
                             Dll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";

    // RFC 8291, appendix A.
    #[test]
    fn the_example_of_the_rfc() {
        let salt = octets("DGv6ra1nlYgDCS1FRnbzlw");
        let sealed = seal(&Parts {
            text: b"When I grow up, I want to be a watermelon",
            shared: &octets("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
            public_key: &octets(UA_PUBLIC),
            own_public: &octets(AS_PUBLIC),
            auth_secret: &octets("BTBZMqHH6r4Tts7J_aSIgg"),
            salt: salt.try_into().unwrap(),
        });
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml\
                        mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
                        pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(URL_SAFE_NO_PAD.encode(sealed.unwrap()), expected);
    }

    #[test]
    fn keys_that_are_no_points_and_long_texts_are_refused() {
        let mut point = octets(UA_PUBLIC);
        assert!(encrypt(b"x", &point, &[1; 16]).is_ok());
        assert_eq!(
            encrypt(&[0; 4096], &point, &[1; 16]),
            Err(EncryptError::TooLong)
        );
        point[64] ^= 1;
        assert_eq!(encrypt(b"x", &point, &[1; 16]), Err(EncryptError::Key));
    }
}
