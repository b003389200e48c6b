//! Octets as the protocol writes them.

use serde::Deserialize;

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
    let digit = |four: u8| char::from(DIGITS[usize::from(four & 0x0F)]);
    octets
        .iter()
        .flat_map(|octet| [digit(octet >> 4), digit(*octet)])
        .collect()
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
