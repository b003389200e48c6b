//! How many octets a set of payloads takes on the wire under each algorithm, and how long that took.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use eim_codec::HEADER_OCTETS;
use eim_codec::compression::{Level, compress_at, decompress};
use eim_codec::registry::{Compression, FrameType};

use crate::corpus::{Half, Language, Writer};
use crate::payloads::{Payload, any, custom, push_of, send_of, text};

/// Of the generator that writes what is measured.
pub const SEED: u64 = 20_261_122;

/// Payloads that are measured together.
#[derive(Clone, Debug)]
pub struct Set {
    /// As the table calls it.
    pub name: String,
    /// Each goes in a frame of its own.
    pub payloads: Vec<Payload>,
}

impl Set {
    /// Octets before compression, without frame headers.
    #[must_use]
    pub fn plain_octets(&self) -> usize {
        self.payloads
            .iter()
            .map(|payload| payload.octets.len())
            .sum()
    }
}

/// What a set took.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Frames on the wire, headers included.
    pub wire_octets: usize,
    /// Frames that were compressed: the others would not have become smaller.
    pub compressed: usize,
    /// CPU time of compressing the whole set once.
    pub compress: Duration,
    /// CPU time of decompressing what was compressed.
    pub decompress: Duration,
}

/// Synthetic chat of the held-out half: pushes and sends in both languages, by length, JSON, and a busy day.
#[must_use]
pub fn synthetic(count: usize) -> Vec<Set> {
    let mut writer = Writer::new(Half::HeldOut, SEED);
    let mut sets = Vec::new();
    for (name, language) in [("zh", Language::Chinese), ("en", Language::English)] {
        sets.push(set(format!("{name}: pushes, one sentence"), count, || {
            let body = text(writer.sentence(language));
            push_of(&mut writer.dice, FrameType::TEXT, body)
        }));
        sets.push(set(format!("{name}: pushes, chat"), count, || {
            let body = text(writer.message(language));
            push_of(&mut writer.dice, FrameType::TEXT, body)
        }));
        sets.push(set(format!("{name}: sends, chat"), count, || {
            let body = text(writer.message(language));
            send_of(&mut writer.dice, FrameType::TEXT, body)
        }));
    }
    sets.push(set("json: pushes".to_owned(), count, || {
        let body = custom(writer.document());
        push_of(&mut writer.dice, FrameType::CUSTOM, body)
    }));
    sets.push(set(
        "all kinds, as a day has them".to_owned(),
        count,
        || any(&mut writer),
    ));
    sets
}

fn set(name: String, count: usize, make: impl FnMut() -> Payload) -> Set {
    let payloads = std::iter::repeat_with(make).take(count).collect();
    Set { name, payloads }
}

/// Documents as messages: each paragraph a push, and each document a push.
#[must_use]
pub fn documents(texts: &[String]) -> Vec<Set> {
    let mut writer = Writer::new(Half::HeldOut, SEED);
    let mut push = |said: &str| push_of(&mut writer.dice, FrameType::TEXT, text(said.to_owned()));
    let paragraphs = texts
        .iter()
        .flat_map(|text| text.lines())
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(&mut push)
        .collect();
    let whole = texts.iter().map(|text| push(text)).collect();
    vec![
        Set {
            name: "documents: a push a paragraph".to_owned(),
            payloads: paragraphs,
        },
        Set {
            name: "documents: a push a document".to_owned(),
            payloads: whole,
        },
    ]
}

/// Compresses a set, `rounds` times for the clock, and reads it back.
///
/// # Errors
/// When a payload does not come back as it was.
pub fn take(set: &Set, algorithm: Compression, level: Level, rounds: u32) -> Result<Taken, String> {
    let pack = |payload: &Payload| compress_at(algorithm, level, &payload.octets);
    let packed: Vec<Option<Bytes>> = set.payloads.iter().map(pack).collect();
    let wire_octets = set
        .payloads
        .iter()
        .zip(&packed)
        .map(|(plain, packed)| {
            HEADER_OCTETS + packed.as_ref().map_or(plain.octets.len(), Bytes::len)
        })
        .sum();
    for (plain, packed) in set.payloads.iter().zip(&packed) {
        let Some(packed) = packed else { continue };
        let back = decompress(algorithm, packed.clone(), plain.octets.len());
        if back.as_deref() != Ok(&plain.octets) {
            return Err(format!(
                "{algorithm} does not return what it got in {}",
                set.name
            ));
        }
    }
    let compress = timed(rounds, || {
        for payload in &set.payloads {
            black_box(pack(black_box(payload)));
        }
    });
    let decompress = timed(rounds, || {
        for (plain, packed) in set.payloads.iter().zip(&packed) {
            if let Some(packed) = packed {
                let _ = black_box(decompress(
                    algorithm,
                    black_box(packed.clone()),
                    plain.octets.len(),
                ));
            }
        }
    });
    Ok(Taken {
        wire_octets,
        compressed: packed.iter().flatten().count(),
        compress,
        decompress,
    })
}

/// The quickest of the rounds: what is slower was disturbed.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement is about the clock"
)]
fn timed(rounds: u32, mut work: impl FnMut()) -> Duration {
    (0..rounds.max(1))
        .map(|_| {
            let begin = Instant::now();
            work();
            begin.elapsed()
        })
        .min()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dictionary_gains_on_what_it_was_not_trained_on() {
        let document = "会议改到下午，请大家按时参加。\n".repeat(20);
        let sets = [synthetic(100), documents(&[document])].concat();
        for set in &sets {
            let octets = |algorithm| {
                let taken = take(set, algorithm, Level::default(), 1);
                taken.unwrap().wire_octets
            };
            let plain = set.plain_octets() + set.payloads.len() * HEADER_OCTETS;
            let (with, without) = (octets(Compression::ZSTD_DICT_1), octets(Compression::ZSTD));
            assert!(
                with <= plain && with <= without,
                "{}: {with}, {without}, {plain}",
                set.name
            );
        }
        let json = sets
            .iter()
            .find(|set| set.name.starts_with("json"))
            .unwrap();
        let taken = take(json, Compression::ZSTD_DICT_1, Level::default(), 1).unwrap();
        assert!(taken.wire_octets * 10 < json.plain_octets() * 9);
    }
}
