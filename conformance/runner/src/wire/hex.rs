//! Octets as hexadecimal digits.

use std::fmt::Write as _;

/// Lower-case digits, two an octet.
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 2);
    for octet in octets {
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// The octets of hexadecimal digits; white space between them is left out.
///
/// # Errors
/// Anything but an even number of digits.
pub fn decode(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| {
            let digit = c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            digit.ok_or_else(|| format!("`{text}` is not hexadecimal"))
        })
        .collect::<Result<_, _>>()?;
    if !digits.len().is_multiple_of(2) {
        return Err(format!("`{text}` has an odd number of digits"));
    }
    let pair = |pair: &[u8]| pair.iter().fold(0u8, |octet, digit| (octet << 4) | digit);
    Ok(digits.chunks(2).map(pair).collect())
}
