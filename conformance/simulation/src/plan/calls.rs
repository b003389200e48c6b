//! Steps about calls.

use super::generate::Maker;
use super::kinds::Kind;
use super::{Action, DeviceNumber, Signal};
use crate::seed::Dice;

/// What devices say in a call: to answer comes first.
const SIGNALS: [Signal; 10] = [
    Signal::Ringing,
    Signal::Answer,
    Signal::Answer,
    Signal::Answer,
    Signal::Candidate,
    Signal::Candidate,
    Signal::Update,
    Signal::Decline,
    Signal::Hangup,
    Signal::Hangup,
];

impl Maker {
    pub(super) fn of_calls(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        if kind == Kind::Call {
            return Action::Call {
                device,
                of: self.to(dice),
            };
        }
        Action::Signal {
            device,
            nth: u8::try_from(dice.skewed(0, 3)).unwrap_or(0),
            signal: *dice.pick(&SIGNALS).unwrap_or(&Signal::Answer),
        }
    }
}
