//! Vectors with something changed: octets, frames, lengths, the receiver.

use super::dice::Dice;
use super::entry::{Entry, MOST};
use crate::vectors::model::{Depth, Phase, Role};

/// Octets of a header, and where the length is.
const HEADER: usize = 11;
const LENGTH: std::ops::Range<usize> = 7..11;

/// Octets that begin, end or mean something somewhere.
const INTERESTING: [u8; 20] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x07, 0x08, 0x0A, 0x0F, 0x10, 0x11, 0x20, 0x3F, 0x7F, 0x80,
    0x81, 0xE5, 0xFE, 0xFF,
];

/// Most changes of one entry.
const CHANGES: usize = 5;

/// One of the entries, changed.
pub(super) fn mutated(bases: &[Entry], dice: &mut Dice) -> Entry {
    let Some(base) = dice.pick(bases) else {
        // Never so with vectors; an entry of no octets is a fair question too.
        return Entry::default();
    };
    let mut entry = base.clone();
    for _ in 0..=dice.below(CHANGES) {
        if dice.once_in(12) {
            receiver(&mut entry, dice);
        } else if dice.once_in(6) {
            splice(&mut entry, bases, dice);
        } else {
            octets(&mut entry.octets, dice);
        }
    }
    entry.octets.truncate(MOST);
    // Without this nearly every change inside a payload is only a wrong length.
    if !dice.once_in(4) {
        lengths(&mut entry.octets, dice);
    }
    if dice.once_in(3) {
        entry.divided = Some(dice.below(entry.octets.len() + 1));
    }
    entry
}

fn receiver(entry: &mut Entry, dice: &mut Dice) {
    let config = &mut entry.config;
    match dice.below(6) {
        0 => {
            config.role = match config.role {
                Role::Server => Role::Client,
                Role::Client => Role::Server,
            }
        }
        1 => {
            config.phase = match config.phase {
                Phase::Handshake => Phase::Open,
                Phase::Open => Phase::Handshake,
            }
        }
        2 => config.compressions = (1..=3).filter(|_| dice.once_in(2)).collect(),
        3 => config.max_payload = [16_384, 65_536, 1_048_576][dice.below(3)],
        4 => config.negotiated_types = vec![0x80 + dice.octet() % 0x60],
        _ => {
            let depths = [
                Depth::Decode,
                Depth::Open,
                Depth::Message,
                Depth::Reassemble,
            ];
            entry.depth = depths[dice.below(4)];
        }
    }
}

/// Frames of another entry in front, behind, or between.
fn splice(entry: &mut Entry, bases: &[Entry], dice: &mut Dice) {
    let Some(other) = dice.pick(bases) else {
        return;
    };
    let mut places = vec![0];
    places.extend(frames(&entry.octets).iter().map(|frame| frame.end));
    let place = dice.pick(&places).copied().unwrap_or(0);
    let behind = entry.octets.split_off(place.min(entry.octets.len()));
    entry.octets.extend_from_slice(&other.octets);
    entry.octets.extend(behind);
}

fn octets(octets: &mut Vec<u8>, dice: &mut Dice) {
    let place = dice.below(octets.len());
    let more = 1 + dice.below(8);
    let end = place.saturating_add(more).min(octets.len());
    match dice.below(9) {
        0 => {
            if let Some(octet) = octets.get_mut(place) {
                *octet ^= 1 << dice.below(8);
            }
        }
        1 | 2 => {
            if let (Some(octet), Some(value)) = (octets.get_mut(place), dice.pick(&INTERESTING)) {
                *octet = *value;
            }
        }
        3 => {
            if let Some(octet) = octets.get_mut(place) {
                *octet = octet.wrapping_add([1, 255][dice.below(2)]);
            }
        }
        4 => {
            octets.splice(place..end, []);
        }
        5 => {
            let values: Vec<u8> = (0..more).map(|_| dice.octet()).collect();
            octets.splice(place..place, values);
        }
        6 => {
            let again: Vec<u8> = octets.get(place..end).unwrap_or_default().to_vec();
            octets.splice(place..place, again);
        }
        7 => {
            let value = dice.pick(&INTERESTING).copied().unwrap_or(0);
            octets.splice(place..end, vec![value; more]);
        }
        _ => octets.truncate(place),
    }
}

/// Where frames are, by the lengths of their headers, as far as they are there.
pub(super) fn frames(octets: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut frames, mut start) = (Vec::new(), 0_usize);
    while let Some(length) = octets.get(start..).and_then(|rest| rest.get(LENGTH)) {
        let length = length
            .iter()
            .fold(0_usize, |sum, octet| sum << 8 | usize::from(*octet));
        let end = start.saturating_add(HEADER).saturating_add(length);
        if end > octets.len() {
            break;
        }
        frames.push(start..end);
        start = end;
    }
    frames
}

/// Makes the length of one of the frames reach to the end.
fn lengths(octets: &mut [u8], dice: &mut Dice) {
    let mut starts = vec![0];
    starts.extend(frames(octets).iter().map(|frame| frame.end));
    let start = dice.pick(&starts).copied().unwrap_or(0);
    fit(octets, start);
}

/// Makes the length of the frame that begins at `start` reach to the end.
pub(super) fn fit(octets: &mut [u8], start: usize) {
    let Some(frame) = octets
        .get_mut(start..)
        .filter(|frame| frame.len() >= HEADER)
    else {
        return;
    };
    let length = u32::try_from(frame.len().saturating_sub(HEADER)).unwrap_or(u32::MAX);
    if let Some(field) = frame.get_mut(LENGTH) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Data;
    use crate::diff::entry::of_vectors;

    #[test]
    fn the_same_seed_makes_the_same_entries_and_they_differ_from_vectors() {
        let bases = of_vectors(&Data::Embedded).unwrap();
        let make = |seed| {
            let mut dice = Dice::new(seed);
            (0..200)
                .map(|_| mutated(&bases, &mut dice))
                .collect::<Vec<_>>()
        };
        let made = make(7);
        assert_eq!(made, make(7));
        assert_ne!(made, make(8));
        let same = made.iter().filter(|entry| bases.contains(entry)).count();
        assert!(same < 40, "{same} of 200 are no mutations");
    }

    #[test]
    fn frames_are_found_and_fitted() {
        let mut octets = vec![
            1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8, 1, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1,
        ];
        assert_eq!(frames(&octets), vec![0..13; 1]);
        fit(&mut octets, 13);
        assert_eq!(frames(&octets), [0..13, 13..25]);
        fit(&mut octets, 20);
        assert_eq!(frames(&octets), [0..13, 13..25]);
    }
}
