//! Steps about files.

use super::generate::{Maker, narrow};
use super::kinds::Kind;
use super::{Action, DeviceNumber};
use crate::seed::Dice;

/// Files that the people of a plan have, so that several upload the same one.
const FILES: u64 = 3;

/// Octets of a file at most.
const MOST: u64 = 9_000;

impl Maker {
    pub(super) fn of_files(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        match kind {
            Kind::Upload => {
                let file = dice.below(FILES);
                // A file has one size in a plan, most of the time.
                let octets = if dice.chance(850) {
                    1 + (MOST - 1) * (file + 1) / FILES
                } else {
                    dice.skewed(1, MOST)
                };
                Action::Upload {
                    device,
                    to: self.to(dice),
                    file: u8::try_from(file).unwrap_or(0),
                    octets: narrow(octets),
                    through: if dice.chance(200) {
                        narrow(dice.between(1, octets))
                    } else {
                        0
                    },
                }
            }
            Kind::Fetch => Action::Fetch {
                device,
                nth: u8::try_from(dice.skewed(0, 6)).unwrap_or(0),
                hint: dice.chance(400),
            },
            _ => Action::Unsend {
                device,
                of: self.to(dice),
            },
        }
    }
}
