//! Inputs without a fuzzer: octets drawn from a seed, alone or laid over an input that is known.

use crate::Input;

/// Longest input that is drawn.
const OCTETS: u64 = 600;

/// The input of this number; the same number and the same known inputs give the same one.
#[must_use]
pub fn drawn(number: u64, known: &[Input]) -> Vec<u8> {
    let mut dice = Dice(number);
    let mut octets = match dice.below(known.len() as u64 + 1) {
        0 => (0..dice.below(OCTETS)).map(|_| dice.octet()).collect(),
        place => {
            let mut octets = known[place as usize - 1].octets.clone();
            for _ in 0..dice.below(12) {
                change(&mut octets, &mut dice);
            }
            octets
        }
    };
    if dice.below(3) == 0 {
        // Zeros are defaults: what comes first is often a configuration.
        let first = octets.len().min(20);
        octets[..first].fill(0);
    }
    octets
}

fn change(octets: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(octets.len() as u64 + 1) as usize;
    match dice.below(4) {
        0 => octets.insert(at, dice.octet()),
        1 if at < octets.len() => octets[at] = dice.octet(),
        2 if at < octets.len() => {
            octets.remove(at);
        }
        _ => {
            let more: Vec<u8> = (0..dice.below(30)).map(|_| dice.octet()).collect();
            octets.splice(at..at, more);
        }
    }
}

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    fn octet(&mut self) -> u8 {
        let [octet, ..] = self.next().to_be_bytes();
        octet
    }
}
