//! SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677), both sides, with everything a script
//! may do wrong on purpose.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};

/// Salted passwords that were derived already: a derivation takes longer than all else together.
#[derive(Clone, Debug, Default)]
pub struct Keys(Arc<Mutex<BTreeMap<Derivation, [u8; 32]>>>);

/// Password, salt, iterations.
type Derivation = (String, Vec<u8>, u32);

impl Keys {
    /// The salted password.
    #[must_use]
    pub fn salted(&self, password: &str, salt: &[u8], iterations: NonZeroU32) -> [u8; 32] {
        let key = (password.to_owned(), salt.to_vec(), iterations.get());
        let known = self.0.lock().ok().and_then(|keys| keys.get(&key).copied());
        known.unwrap_or_else(|| {
            let mut salted = [0; 32];
            let password = prepared(password);
            pbkdf2::derive(
                pbkdf2::PBKDF2_HMAC_SHA256,
                iterations,
                salt,
                password.as_bytes(),
                &mut salted,
            );
            if let Ok(mut keys) = self.0.lock() {
                keys.insert(key, salted);
            }
            salted
        })
    }
}

/// What a client says that differs from a correct exchange; `None` is correct.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// User name.
    pub name: String,
    /// Password.
    pub password: String,
    /// Authorization identity, empty by default.
    pub authzid: String,
    /// GS2 flag: `n`, `y` or `p=…`.
    pub flag: String,
    /// Channel binding data, sent when the flag is `p=…`.
    pub binding: Vec<u8>,
    /// Nonce, printable.
    pub nonce: String,
    /// Keys derived so far.
    pub keys: Keys,
}

/// What the first message of the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The whole nonce.
    pub nonce: String,
    /// Salt.
    pub salt: Vec<u8>,
    /// Iterations.
    pub iterations: u32,
}

impl Client {
    fn header(&self) -> String {
        let authzid = if self.authzid.is_empty() {
            String::new()
        } else {
            format!("a={}", escaped(&self.authzid))
        };
        format!("{},{authzid},", self.flag)
    }

    fn bare(&self) -> String {
        format!("n={},r={}", escaped(&prepared(&self.name)), self.nonce)
    }

    /// The first message.
    #[must_use]
    pub fn first(&self) -> Vec<u8> {
        format!("{}{}", self.header(), self.bare()).into_bytes()
    }

    /// Reads the first message of the server.
    ///
    /// # Errors
    /// Why it is not one, or not an answer to ours.
    pub fn challenge(&self, data: &[u8]) -> Result<Challenge, String> {
        let fields = fields(data)?;
        let get = |name: char| {
            let value = fields.get(&name);
            value.ok_or_else(|| format!("the server's first message lacks {name}="))
        };
        let nonce = get('r')?.clone();
        if !nonce.starts_with(&self.nonce) || nonce.len() <= self.nonce.len() {
            return Err("the server's nonce does not extend ours".into());
        }
        Ok(Challenge {
            nonce,
            salt: BASE64.decode(get('s')?).map_err(|e| format!("salt: {e}"))?,
            iterations: get('i')?.parse().map_err(|e| format!("iterations: {e}"))?,
        })
    }

    /// The last message, and the signature that the server has to answer with.
    ///
    /// # Errors
    /// The challenge is not one.
    pub fn answer(&self, data: &[u8]) -> Result<(Vec<u8>, [u8; 32]), String> {
        let challenge = self.challenge(data)?;
        let iterations = NonZeroU32::new(challenge.iterations).ok_or("0 iterations")?;
        let salted = self
            .keys
            .salted(&self.password, &challenge.salt, iterations);
        let mut binding = self.header().into_bytes();
        if self.flag.starts_with('p') {
            binding.extend_from_slice(&self.binding);
        }
        let without = format!("c={},r={}", BASE64.encode(binding), challenge.nonce);
        let first = String::from_utf8_lossy(data);
        let message = format!("{},{first},{without}", self.bare());
        let client_key = mac(&salted, b"Client Key");
        let signature = mac(&hash(&client_key), message.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(signature)
            .map(|(a, b)| a ^ b)
            .collect();
        let last = format!("{without},p={}", BASE64.encode(proof));
        let server = mac(&mac(&salted, b"Server Key"), message.as_bytes());
        Ok((last.into_bytes(), server))
    }
}

/// Whether the last message of the server carries this signature.
#[must_use]
pub fn verified(data: &[u8], signature: &[u8; 32]) -> bool {
    data == server_final(signature)
}

/// The last message of the server.
#[must_use]
pub fn server_final(signature: &[u8; 32]) -> Vec<u8> {
    format!("v={}", BASE64.encode(signature)).into_bytes()
}

/// The server's part of one exchange.
#[derive(Clone, Debug)]
pub struct Server {
    /// Salt.
    pub salt: Vec<u8>,
    /// Iterations.
    pub iterations: u32,
    /// Appended to the client's nonce, printable.
    pub nonce: String,
    /// Keys derived so far.
    pub keys: Keys,
}

/// What the first message of a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// GS2 flag: `n`, `y` or `p=…`.
    pub flag: String,
    /// Authorization identity.
    pub authzid: String,
    /// User name.
    pub name: String,
    /// The client's nonce.
    pub nonce: String,
    header: String,
    bare: String,
}

impl First {
    /// Reads it.
    ///
    /// # Errors
    /// Why it is not the first message of a client.
    pub fn read(data: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(data).map_err(|e| e.to_string())?;
        let mut parts = text.splitn(3, ',');
        let flag = parts.next().unwrap_or_default();
        let authzid = parts.next().ok_or("no GS2 header")?;
        let bare = parts.next().ok_or("no message behind the GS2 header")?;
        let fields = fields(bare.as_bytes())?;
        let get = |name: char| {
            let value = fields.get(&name).cloned();
            value.ok_or_else(|| format!("no {name}="))
        };
        Ok(Self {
            flag: flag.to_owned(),
            authzid: authzid.trim_start_matches("a=").to_owned(),
            name: get('n')?.replace("=2C", ",").replace("=3D", "="),
            nonce: get('r')?,
            header: format!("{flag},{authzid},"),
            bare: bare.to_owned(),
        })
    }
}

impl Server {
    /// The first message of the server.
    #[must_use]
    pub fn first(&self, first: &First) -> Vec<u8> {
        let salt = BASE64.encode(&self.salt);
        format!(
            "r={}{},s={salt},i={}",
            first.nonce, self.nonce, self.iterations
        )
        .into_bytes()
    }

    /// Checks the last message of the client and gives the signature to answer with.
    ///
    /// # Errors
    /// What is wrong with the client's message.
    pub fn verify(
        &self,
        first: &First,
        password: &str,
        binding: &[u8],
        data: &[u8],
    ) -> Result<[u8; 32], String> {
        let text = std::str::from_utf8(data).map_err(|e| e.to_string())?;
        let fields = fields(data)?;
        let get = |name: char| fields.get(&name).ok_or_else(|| format!("no {name}="));
        if *get('r')? != format!("{}{}", first.nonce, self.nonce) {
            return Err("another nonce".into());
        }
        let mut expected = first.header.clone().into_bytes();
        if first.flag.starts_with('p') {
            expected.extend_from_slice(binding);
        }
        if BASE64.decode(get('c')?).map_err(|e| e.to_string())? != expected {
            return Err("another GS2 header or channel binding".into());
        }
        let (without, _) = text.rsplit_once(",p=").ok_or("no proof")?;
        let iterations = NonZeroU32::new(self.iterations).ok_or("0 iterations")?;
        let salted = self.keys.salted(password, &self.salt, iterations);
        let challenge = self.first(first);
        let challenge = String::from_utf8_lossy(&challenge);
        let message = format!("{},{challenge},{without}", first.bare);
        let stored = hash(&mac(&salted, b"Client Key"));
        let signature = mac(&stored, message.as_bytes());
        let proof = BASE64.decode(get('p')?).map_err(|e| e.to_string())?;
        let key: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        if proof.len() != 32 || hash(&key) != stored {
            return Err("wrong proof".into());
        }
        Ok(mac(&mac(&salted, b"Server Key"), message.as_bytes()))
    }
}

fn prepared(text: &str) -> String {
    stringprep::saslprep(text).map_or_else(|_| text.to_owned(), |text| text.into_owned())
}

fn escaped(text: &str) -> String {
    text.replace('=', "=3D").replace(',', "=2C")
}

fn fields(data: &[u8]) -> Result<BTreeMap<char, String>, String> {
    let text = std::str::from_utf8(data).map_err(|e| e.to_string())?;
    text.split(',')
        .map(|field| {
            let (name, value) = field.split_once('=').ok_or_else(|| format!("`{field}`"))?;
            let mut letters = name.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => Ok((letter, value.to_owned())),
                _ => Err(format!("`{field}`")),
            }
        })
        .collect()
}

fn mac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    tag.as_ref().try_into().unwrap_or([0; 32])
}

/// SHA-256.
#[must_use]
pub fn hash(data: &[u8]) -> [u8; 32] {
    let hash = digest::digest(&digest::SHA256, data);
    hash.as_ref().try_into().unwrap_or([0; 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn the_example_of_the_rfc() {
        let client = Client {
            name: "user".into(),
            password: "pencil".into(),
            flag: "n".into(),
            nonce: "rOprNGfwEbeRWgbNEkqO".into(),
            ..Client::default()
        };
        assert_eq!(client.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let challenge = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (last, signature) = client.answer(challenge).unwrap();
        assert_eq!(
            String::from_utf8(last).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(verified(
            b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            &signature
        ));
    }

    #[test]
    fn both_sides_agree_and_a_wrong_password_does_not() {
        let keys = Keys::default();
        let client = |password: &str| Client {
            name: "al=i,ce".into(),
            password: password.into(),
            flag: "p=eim-exporter".into(),
            binding: vec![7; 32],
            nonce: "abc".into(),
            keys: keys.clone(),
            ..Client::default()
        };
        let server = Server {
            salt: vec![1; 16],
            iterations: 4096,
            nonce: "def".into(),
            keys: keys.clone(),
        };
        let first = First::read(&client("right").first()).unwrap();
        assert_eq!(first.name, "al=i,ce");
        let challenge = server.first(&first);
        let (last, signature) = client("right").answer(&challenge).unwrap();
        let verdict = server.verify(&first, "right", &[7; 32], &last);
        assert_eq!(verdict, Ok(signature));
        assert!(server.verify(&first, "right", &[8; 32], &last).is_err());
        let (last, _) = client("wrong").answer(&challenge).unwrap();
        assert!(server.verify(&first, "right", &[7; 32], &last).is_err());
    }
}
