//! The dictionary, from the training half alone.

use std::io;

use crate::corpus::{Half, Language, Writer};
use crate::payloads;

/// Largest dictionary, in octets.
pub const DICTIONARY_OCTETS: usize = 32 * 1024;
/// Of the generator that wrote the samples of `zstd-dict-1`.
pub const SEED: u64 = 1;
/// Samples of `zstd-dict-1`.
pub const SAMPLES: usize = 12_000;

/// What the dictionary is trained on: payloads of a busy day, and in every fourth sample frequent words in place of
/// sentences, so that more than our own sentences is found.
#[must_use]
pub fn samples(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut writer = Writer::new(Half::Train, seed);
    (0..count)
        .map(|place| {
            if place % 4 == 0 {
                let language = if place % 12 == 0 {
                    Language::English
                } else {
                    Language::Chinese
                };
                writer.words(language).into_bytes()
            } else {
                payloads::any(&mut writer).octets
            }
        })
        .collect()
}

/// Trains a dictionary of at most `octets` octets by the trainer of the Zstandard library (fast cover).
///
/// # Errors
/// What the trainer says, when there is too little to learn from.
pub fn dictionary(octets: usize, seed: u64, count: usize) -> io::Result<Vec<u8>> {
    zstd::dict::from_samples(&samples(seed, count), octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Release of the library that trained the dictionary.
    const RELEASE: u32 = 10_507;

    #[test]
    fn the_dictionary_of_the_specification_is_trained_again() {
        if zstd::zstd_safe::version_number() != RELEASE {
            return;
        }
        let trained = dictionary(DICTIONARY_OCTETS, SEED, SAMPLES).unwrap();
        let spec = include_bytes!("../../../spec/dictionaries/zstd-dict-1");
        assert!(
            trained == spec,
            "another dictionary than that of the specification"
        );
    }
}
