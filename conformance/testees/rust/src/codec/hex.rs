//! Octets as the protocol writes them.

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Octets from which on a reply need not repeat them.
const LONG: usize = 4096;

/// Octets of hexadecimal digits.
///
/// # Errors
/// Not hexadecimal.
pub(super) fn octets(text: &str) -> Result<Vec<u8>, String> {
    let digit = |octet: u8| {
        let digit = char::from(octet).to_digit(16);
        digit.and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let octets: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect();
    octets
        .filter(|_| rest.is_empty())
        .ok_or_else(|| "not hexadecimal".to_owned())
}

/// Hexadecimal digits of octets.
pub(super) fn digits(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        text.push(char::from(DIGITS[usize::from(octet >> 4)]));
        text.push(char::from(DIGITS[usize::from(octet & 15)]));
    }
    text
}

/// Octets of a reply: their digits, or when there are many their length and hash.
pub(super) fn shown(octets: &[u8]) -> Value {
    if octets.len() < LONG {
        return digits(octets).into();
    }
    let sha256 = digits(&Sha256::digest(octets));
    json!({"length": octets.len(), "sha256": sha256})
}

/// Octets that arrive together.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Chunk {
    /// Hexadecimal.
    Hex(String),
    /// An octet string repeated.
    Repeat(Repeat),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Repeat {
    repeat: String,
    count: usize,
}

impl Chunk {
    /// The octets.
    ///
    /// # Errors
    /// Not hexadecimal.
    pub(super) fn octets(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Hex(text) => octets(text),
            Self::Repeat(repeat) => Ok(octets(&repeat.repeat)?.repeat(repeat.count)),
        }
    }
}
