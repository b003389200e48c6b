//! A disagreement made small: everything is left out that it does not need.

use super::entry::{Entry, agree, ask};
use super::mutate::{fit, frames};
use crate::codec::{Asker, Opinion};
use crate::vectors::model::Config;

/// Most questions about one disagreement.
const QUESTIONS: usize = 3000;

/// Entries that are asked ahead: the first that still disagrees is taken.
const AHEAD: usize = 32;

/// The smallest entry that was found about which the opinions differ in the same way, and the
/// opinions about it.
pub(super) fn smallest(
    testees: &mut [Asker],
    entry: Entry,
    opinions: Vec<Opinion>,
) -> Result<(Entry, Vec<Opinion>), String> {
    let wanted = ends(&opinions);
    let mut best = (entry, opinions);
    let mut questions = 0;
    loop {
        let mut smaller = None;
        for batch in candidates(&best.0).chunks(AHEAD) {
            questions += batch.len();
            let opinions = ask(testees, batch)?;
            smaller = batch
                .iter()
                .cloned()
                .zip(opinions)
                .find(|(_, opinions)| !agree(opinions) && ends(opinions) == wanted);
            if smaller.is_some() || questions > QUESTIONS {
                break;
            }
        }
        match smaller {
            Some(smaller) => best = smaller,
            None => return Ok(best),
        }
        if questions > QUESTIONS {
            return Ok(best);
        }
    }
}

/// How the opinions end, without the number of frames before.
fn ends(opinions: &[Opinion]) -> Vec<String> {
    let end = |opinion: &Opinion| super::ending(&opinion.kind());
    opinions.iter().map(end).collect()
}

/// Entries that are simpler than this one, the simplest first.
fn candidates(entry: &Entry) -> Vec<Entry> {
    let mut all = Vec::new();
    if entry.divided.is_some() {
        all.push(Entry {
            divided: None,
            ..entry.clone()
        });
    }
    let config = Config {
        role: entry.config.role,
        ..Config::default()
    };
    if entry.config != config {
        all.push(Entry {
            config,
            ..entry.clone()
        });
    }
    let mut put = |octets: Vec<u8>| {
        all.push(Entry {
            octets,
            ..entry.clone()
        });
    };
    let frames = frames(&entry.octets);
    for frame in &frames {
        put(without(&entry.octets, frame.clone()));
    }
    let start = frames.last().map_or(0, |frame| frame.start);
    let mut size = entry.octets.len().div_ceil(2);
    while size > 0 {
        let mut place = 0;
        while place < entry.octets.len() {
            let end = place.saturating_add(size).min(entry.octets.len());
            let less = without(&entry.octets, place..end);
            if place >= start {
                let mut fitted = less.clone();
                fit(&mut fitted, start);
                put(fitted);
            }
            put(less);
            place = end;
        }
        size /= 2;
    }
    // As long, but plainer.
    for (place, octet) in entry.octets.iter().enumerate().take(256) {
        if *octet != 0 {
            let mut octets = entry.octets.clone();
            if let Some(octet) = octets.get_mut(place) {
                *octet = 0;
            }
            put(octets);
        }
    }
    all
}

fn without(octets: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let mut less = octets.to_vec();
    less.splice(range, []);
    less
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_never_the_entry_itself_and_never_longer() {
        let entry = Entry {
            octets: vec![1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 1, 1, 9],
            divided: Some(3),
            ..Entry::default()
        };
        let all = candidates(&entry);
        assert!(
            all.iter()
                .all(|it| *it != entry && it.octets.len() <= entry.octets.len())
        );
        assert!(
            all.iter()
                .any(|it| it.octets.is_empty() || it.octets.len() < 3)
        );
        assert!(candidates(&Entry::default()).is_empty());
    }
}
