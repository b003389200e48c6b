//! Random octets from a seed, so that a run can be repeated.

use ring::rand::{SecureRandom, SystemRandom};

use super::clock;
use crate::wire::hex;
use crate::wire::scram::hash;

/// A stream of octets that a seed and a purpose determine.
#[derive(Clone, Debug)]
pub struct Random {
    key: [u8; 32],
    count: u64,
}

/// A seed nobody has chosen.
#[must_use]
pub fn fresh_seed() -> u64 {
    let mut octets = [0; 8];
    let _ = SystemRandom::new().fill(&mut octets);
    u64::from_be_bytes(octets)
}

impl Random {
    /// The stream for a purpose, such as a case.
    #[must_use]
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self {
            key: hash(format!("{seed} {purpose}").as_bytes()),
            count: 0,
        }
    }

    /// The next octets.
    pub fn octets<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        for chunk in out.chunks_mut(32) {
            let mut input = self.key.to_vec();
            input.extend_from_slice(&self.count.to_be_bytes());
            self.count += 1;
            for (to, from) in chunk.iter_mut().zip(hash(&input)) {
                *to = from;
            }
        }
        out
    }

    /// A UUIDv7 of now.
    pub fn uuid(&mut self) -> [u8; 16] {
        let mut octets: [u8; 16] = self.octets();
        let time = clock::ms(clock::unix()).to_be_bytes();
        for (to, from) in octets.iter_mut().zip(time.iter().skip(2)) {
            *to = *from;
        }
        octets[6] = 0x70 | (octets[6] & 0x0F);
        octets[8] = 0x80 | (octets[8] & 0x3F);
        octets
    }

    /// A printable nonce.
    pub fn nonce(&mut self) -> String {
        hex::encode(&self.octets::<18>())
    }
}
