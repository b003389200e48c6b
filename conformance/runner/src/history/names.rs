//! Names as small numbers, so that a history of millions of events fits.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::history::digest;

/// The key of a message, by its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct KeyName(pub(super) u128);

/// Users, devices, conversations, processes.
#[derive(Debug, Default)]
pub(super) struct Names {
    index: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
    /// Keys that are no 16 octets in hexadecimal.
    odd: HashMap<KeyName, Box<str>>,
}

impl Names {
    /// The number of a name.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.index.get(text) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.into());
        self.index.insert(text.into(), number);
        number
    }

    /// The name of a number.
    pub(super) fn text(&self, number: u32) -> &str {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        self.texts.get(place).map_or("?", |text| text)
    }

    /// A key.
    pub(super) fn key(&mut self, text: &str) -> KeyName {
        if let Some(octets) = octets(text) {
            return KeyName(octets);
        }
        let key = KeyName(digest::half(text.as_bytes()));
        self.odd.entry(key).or_insert_with(|| text.into());
        key
    }

    /// The text of a key.
    pub(super) fn key_text(&self, key: KeyName) -> String {
        match self.odd.get(&key) {
            Some(text) => text.to_string(),
            None => format!("{:032x}", key.0),
        }
    }
}

/// 16 octets in lower hexadecimal.
fn octets(text: &str) -> Option<u128> {
    let lower = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(lower) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// What distinguishes contents: of a hash, its first octets. Never 0.
pub(super) fn content(frame_type: u8, sha256: &str) -> u64 {
    let start = sha256.get(..16).filter(|_| sha256.len() == 64);
    let value = start.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let mut hasher = DefaultHasher::new();
    match value {
        Some(value) => value.hash(&mut hasher),
        None => sha256.hash(&mut hasher),
    }
    frame_type.hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_text() {
        let mut names = Names::default();
        for text in [
            "k1",
            "0123456789abcdef0123456789abcdef",
            "0123456789ABCDEF0123456789ABCDEF",
        ] {
            let key = names.key(text);
            assert_eq!(names.key_text(key), text);
        }
    }

    #[test]
    fn contents_differ_by_type_and_hash() {
        assert_ne!(content(32, "a"), content(33, "a"));
        assert_ne!(content(32, "a"), content(32, "b"));
        assert_eq!(content(32, "a"), content(32, "a"));
    }
}
