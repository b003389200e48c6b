//! Octets as vectors write them: hexadecimal, fields, repetitions.

use std::fmt::Write as _;

use super::model::{Part, Payload, Repeat};

/// Octets of lower-case hexadecimal digits.
///
/// # Errors
/// An odd number of digits, or another character.
pub fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(format!("not lower-case hexadecimal: {text:.80}")),
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("an odd number of digits: {text:.80}"));
    }
    pairs
        .iter()
        .map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?))
        .collect()
}

/// Lower-case hexadecimal digits of octets.
#[must_use]
pub fn to_hex(octets: &[u8]) -> String {
    octets.iter().fold(
        String::with_capacity(octets.len() * 2),
        |mut text, octet| {
            let _ = write!(text, "{octet:02x}");
            text
        },
    )
}

impl Repeat {
    /// The octets, repeated.
    ///
    /// # Errors
    /// Not hexadecimal.
    pub fn octets(&self) -> Result<Vec<u8>, String> {
        Ok(from_hex(&self.repeat)?.repeat(self.count as usize))
    }
}

impl Part {
    /// The octets of this field.
    ///
    /// # Errors
    /// Not hexadecimal.
    pub fn octets(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::U8(part) => Ok(vec![part.u8]),
            Self::U32(part) => Ok(part.u32.to_be_bytes().to_vec()),
            Self::Hex(part) => from_hex(&part.hex),
            Self::Repeat(part) => Ok(from_hex(&part.repeat)?.repeat(part.count as usize)),
        }
    }

    /// Name of the field.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            Self::U8(part) => &part.f,
            Self::U32(part) => &part.f,
            Self::Hex(part) => &part.f,
            Self::Repeat(part) => &part.f,
        }
    }
}

impl Payload {
    /// The octets.
    ///
    /// # Errors
    /// Not hexadecimal.
    pub fn octets(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Hex(hex) => from_hex(hex),
            Self::Repeats(repeats) => {
                let parts: Result<Vec<_>, _> = repeats.iter().map(Repeat::octets).collect();
                Ok(parts?.concat())
            }
        }
    }
}

/// The octets of fields in order.
///
/// # Errors
/// Not hexadecimal.
pub fn of_parts(parts: &[Part]) -> Result<Vec<u8>, String> {
    let octets: Result<Vec<_>, _> = parts.iter().map(Part::octets).collect();
    Ok(octets?.concat())
}
