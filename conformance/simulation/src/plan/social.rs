//! Steps about the policy of groups, presence, profiles and departments.

use super::generate::{Maker, narrow};
use super::kinds::Kind;
use super::{Action, Department, DeviceNumber, Rank};
use crate::seed::Dice;

/// Departments that an import names at most.
const DEPARTMENTS: u8 = 3;

impl Maker {
    pub(super) fn of_policy(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        const RANKS: [Rank; 6] = [
            Rank::Member,
            Rank::Member,
            Rank::Member,
            Rank::Admin,
            Rank::Admin,
            Rank::Owner,
        ];
        let rank = |dice: &mut Dice| *dice.pick(&RANKS).unwrap_or(&Rank::Member);
        let group = Self::group(dice);
        match kind {
            Kind::Dissolve => Action::Dissolve { device, group },
            Kind::Mute => Action::Mute {
                device,
                group,
                member: dice.chance(600).then(|| self.user(dice)),
                for_ms: if dice.chance(250) {
                    0
                } else {
                    dice.skewed(1, 60_000)
                },
            },
            Kind::Announce => Action::Announce {
                device,
                group,
                text: u8::try_from(dice.below(3)).unwrap_or(0),
            },
            Kind::SetPolicy => Action::SetPolicy {
                device,
                group,
                post: rank(dice),
                invite: rank(dice),
                approval: dice.chance(400),
            },
            Kind::Invite => Action::Invite {
                device,
                group,
                lifetime_ms: dice.skewed(0, 60_000),
                uses: narrow(dice.below(3)),
            },
            Kind::Revoke => Action::Revoke { device, group },
            Kind::Join => Action::Join { device, group },
            Kind::Waiting => Action::Waiting { device, group },
            Kind::Decide => Action::Decide {
                device,
                group,
                user: self.user(dice),
                accept: dice.chance(700),
            },
            Kind::MembersSince => Action::MembersSince {
                device,
                group,
                since: dice.skewed(0, 20),
            },
            _ => Action::Info { device, group },
        }
    }

    pub(super) fn of_presence(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        let word = |dice: &mut Dice| u8::try_from(dice.below(3)).unwrap_or(0);
        match kind {
            Kind::Watch => Action::Watch {
                device,
                users: self.users(dice),
                watch: dice.chance(800),
            },
            Kind::Look => Action::Look {
                device,
                users: self.users(dice),
            },
            Kind::Say => Action::Say {
                device,
                away: dice.chance(500),
                status: word(dice),
            },
            Kind::Type => Action::Type {
                device,
                of: self.to(dice),
                typing: dice.chance(800),
            },
            Kind::SetProfile => Action::SetProfile {
                device,
                phone: word(dice),
            },
            _ => Action::Profiles { device },
        }
    }

    /// A tree of a few departments.
    pub(super) fn departments(&self, dice: &mut Dice) -> Vec<Department> {
        let mut departments: Vec<Department> = Vec::new();
        for number in 0..DEPARTMENTS {
            if dice.chance(300) {
                continue;
            }
            let above = dice.pick(&departments).map(|above| above.number);
            departments.push(Department {
                number,
                parent: above.filter(|_| dice.chance(600)),
                name: u8::try_from(dice.below(3)).unwrap_or(0),
                group: dice.chance(700),
                branch: dice.chance(500),
                members: self.users(dice),
            });
        }
        departments
    }
}
