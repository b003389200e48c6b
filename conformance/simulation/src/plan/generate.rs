//! Plans from seeds.
//!
//! Each seed draws its own mixture: most kinds of steps are left out of most plans, so that those
//! that remain come often and meet each other in ways an even mixture never shows.

use super::faults;
use super::kinds::{DOING, KINDS, Kind};
use super::world_config::{self, Size};
use super::{Action, DeviceNumber, Doing, GroupNumber, Plan, Step, To, UserNumber};
use crate::seed::Dice;

/// Groups that a plan names at most.
const GROUPS: u64 = 3;

/// Weight of sending, which no plan leaves out.
const SENDING: u64 = 400;

/// Octets of a message that goes in fragments, and the most of one.
const LARGE: u64 = 41_000;
const MOST: u64 = 200_000;

/// Of a thousand kinds, how many are in a plan.
const IN_PLAN: u64 = 450;

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn generate(seed: u64) -> Self {
        let mut dice = Dice::new(seed).fork("plan");
        let size = Size::draw(&mut dice);
        let mut world = world_config::draw(&mut dice, &size);
        let maker = Maker::new(&mut dice, world.devices.clone());
        let pause = *dice.pick(&[30, 200, 1_000]).unwrap_or(&200);
        let mut at_ms = dice.between(0, 1_000);
        let mut steps = Vec::new();
        for number in 0..size.steps {
            at_ms += dice.skewed(0, pause);
            let action = maker.action(&mut dice);
            steps.push(Step {
                number,
                at_ms,
                action,
            });
        }
        world.calls = maker.kinds.iter().any(|(kind, _)| *kind == Kind::Call);
        Self { seed, world, steps }
    }
}

/// Draws actions of one mixture.
pub(super) struct Maker {
    kinds: Vec<(Kind, u64)>,
    total: u64,
    devices: Vec<UserNumber>,
    users: u64,
    /// Octets of texts at most.
    octets: u64,
    /// Texts of one step at most.
    burst: u64,
    /// Texts mention users.
    calls: bool,
}

impl Maker {
    fn new(dice: &mut Dice, devices: Vec<UserNumber>) -> Self {
        let mut kinds = vec![(Kind::Send, SENDING)];
        let faults = faults::KINDS
            .iter()
            .map(|(kind, weight)| (Kind::Fault(*kind), *weight));
        for (kind, weight) in KINDS.iter().copied().chain(faults) {
            // Who calls has something to say.
            let goes_on = kind == Kind::Signal && kinds.iter().any(|(it, _)| *it == Kind::Call);
            if dice.chance(IN_PLAN) || goes_on {
                kinds.push((kind, weight * dice.between(1, 4)));
            }
        }
        Self {
            total: kinds.iter().map(|(_, weight)| weight).sum(),
            kinds,
            users: devices
                .iter()
                .map(|user| u64::from(user.0) + 1)
                .max()
                .unwrap_or(1),
            devices,
            octets: *dice.pick(&[40, 40, 300, 24_000]).unwrap_or(&40),
            burst: *dice.pick(&[1, 4, 20, 80]).unwrap_or(&4),
            calls: dice.chance(400),
        }
    }

    fn kind(&self, dice: &mut Dice) -> Kind {
        let mut drawn = dice.below(self.total);
        for (kind, weight) in &self.kinds {
            if drawn < *weight {
                return *kind;
            }
            drawn -= weight;
        }
        Kind::Send
    }

    pub(super) fn device(&self, dice: &mut Dice) -> DeviceNumber {
        DeviceNumber(u8::try_from(dice.index(self.devices.len())).unwrap_or(0))
    }

    pub(super) fn user(&self, dice: &mut Dice) -> UserNumber {
        UserNumber(u8::try_from(dice.below(self.users)).unwrap_or(0))
    }

    pub(super) fn users(&self, dice: &mut Dice) -> Vec<UserNumber> {
        let mut users: Vec<UserNumber> = (0..dice.between(1, self.users))
            .map(|_| self.user(dice))
            .collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    pub(super) fn group(dice: &mut Dice) -> GroupNumber {
        GroupNumber(u8::try_from(dice.below(GROUPS)).unwrap_or(0))
    }

    pub(super) fn to(&self, dice: &mut Dice) -> To {
        let groups = self
            .kinds
            .iter()
            .any(|(kind, _)| *kind == Kind::CreateGroup);
        if groups && dice.chance(500) {
            To::Group(Self::group(dice))
        } else {
            To::User(self.user(dice))
        }
    }

    fn action(&self, dice: &mut Dice) -> Action {
        let kind = self.kind(dice);
        let device = self.device(dice);
        match kind {
            Kind::Fault(kind) => Action::Fault(faults::draw(self, kind, device, dice)),
            Kind::Account => Action::Account {
                user: self.user(dice),
                enabled: dice.chance(700),
            },
            Kind::PutOut => Action::PutOut { device },
            Kind::Sweep => Action::Sweep,
            Kind::Import => Action::Import {
                departments: self.departments(dice),
            },
            kind => self.of_device(kind, device, dice),
        }
    }

    fn of_device(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        match kind {
            Kind::CreateGroup
            | Kind::AddMembers
            | Kind::RemoveMember
            | Kind::Leave
            | Kind::Rename
            | Kind::SetRole
            | Kind::Members => self.of_group(kind, device, dice),
            Kind::Mark | Kind::Flag | Kind::Unread | Kind::Readers => {
                self.of_marks(kind, device, dice)
            }
            Kind::Dissolve
            | Kind::Mute
            | Kind::Announce
            | Kind::SetPolicy
            | Kind::Invite
            | Kind::Revoke
            | Kind::Join
            | Kind::Waiting
            | Kind::Decide
            | Kind::MembersSince
            | Kind::Info => self.of_policy(kind, device, dice),
            Kind::Upload | Kind::Fetch | Kind::Unsend => self.of_files(kind, device, dice),
            Kind::Call | Kind::Signal => self.of_calls(kind, device, dice),
            Kind::Watch
            | Kind::Look
            | Kind::Say
            | Kind::Type
            | Kind::SetProfile
            | Kind::Profiles => self.of_presence(kind, device, dice),
            kind => self.of_person(kind, device, dice),
        }
    }

    fn of_group(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        let group = Self::group(dice);
        match kind {
            Kind::CreateGroup => Action::CreateGroup {
                device,
                group,
                members: self.users(dice),
            },
            Kind::AddMembers => Action::AddMembers {
                device,
                group,
                members: self.users(dice),
            },
            Kind::RemoveMember => Action::RemoveMember {
                device,
                group,
                member: self.user(dice),
            },
            Kind::Leave => Action::Leave { device, group },
            Kind::Rename => Action::Rename { device, group },
            Kind::SetRole => Action::SetRole {
                device,
                group,
                member: self.user(dice),
                admin: dice.chance(700),
            },
            _ => Action::Members { device, group },
        }
    }

    fn of_marks(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        match kind {
            Kind::Mark => Action::Mark {
                device,
                of: self.to(dice),
                permille: *dice.pick(&[1000, 1000, 500, 900]).unwrap_or(&1000),
            },
            Kind::Flag => Action::Flag {
                device,
                of: self.to(dice),
                set: dice.chance(700),
            },
            Kind::Readers => Action::Readers {
                device,
                of: self.to(dice),
                conv_seq: dice.skewed(1, 40),
                missing: dice.chance(500),
            },
            _ => Action::Unread { device },
        }
    }

    fn of_person(&self, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Action {
        match kind {
            Kind::SendOnly => Action::SendOnly {
                device,
                to: self.to(dice),
                count: narrow(dice.skewed(1, 5)),
            },
            Kind::Contact => Action::Contact {
                device,
                user: self.user(dice),
                doing: *dice.pick(&DOING).unwrap_or(&Doing::Request),
            },
            Kind::Contacts => Action::Contacts { device },
            Kind::Devices => Action::Devices { device },
            Kind::LogOut => Action::LogOut {
                device,
                other: self.device(dice),
            },
            Kind::Conversation => Action::Conversation {
                device,
                of: self.to(dice),
            },
            Kind::Users => Action::Users {
                device,
                users: self.users(dice),
                by_name: dice.chance(500),
            },
            Kind::Heads => Action::Heads { device },
            Kind::Newest => Action::History {
                device,
                of: self.to(dice),
                first: 0,
                limit: narrow(dice.skewed(1, 100)),
            },
            Kind::SendLarge => Action::Send {
                device,
                to: self.to(dice),
                count: 1,
                octets: narrow(dice.skewed(LARGE, MOST)),
                calls: false,
            },
            Kind::History => Action::History {
                device,
                of: self.to(dice),
                first: dice.skewed(1, 40),
                limit: narrow(dice.skewed(1, 100)),
            },
            Kind::Reading => Action::Reading {
                device,
                reads: dice.chance(600),
            },
            _ => Action::Send {
                device,
                to: self.to(dice),
                count: narrow(dice.skewed(1, self.burst)),
                octets: narrow(dice.skewed(16, self.octets)),
                calls: self.calls,
            },
        }
    }
}

pub(super) fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_plan_and_plans_survive_json() {
        for seed in 0..200 {
            let plan = Plan::generate(seed);
            assert_eq!(plan, Plan::generate(seed), "seed {seed}");
            assert_eq!(
                plan,
                Plan::from_json(&plan.to_json().unwrap()).unwrap(),
                "seed {seed}"
            );
            assert!(
                plan.steps.is_sorted_by_key(|step| step.at_ms),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn every_kind_of_step_is_drawn() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..300 {
            for step in Plan::generate(seed).steps {
                let json = serde_json::to_value(&step).unwrap();
                let name = |key: &str| json.get(key).map(|name| name.as_str().unwrap().to_owned());
                let fault = name("fault");
                // Ends and disks of a server are kinds apart from those of a device.
                let apart = matches!(fault.as_deref(), Some("crash" | "stop" | "disk"));
                let server = apart && json.get("node").is_some_and(serde_json::Value::is_string);
                let number = |key: &str| json.get(key).and_then(serde_json::Value::as_u64);
                // The newest of a log, and messages in fragments, are kinds apart too.
                let special = number("first") == Some(0) || number("octets") >= Some(LARGE);
                seen.insert((name("do").unwrap(), fault, server || special));
            }
        }
        assert_eq!(
            seen.len(),
            1 + KINDS.len() + faults::KINDS.len(),
            "{seen:?}"
        );
    }
}
