//! The plan of faults: all of it follows from the seed and the counts.

use serde::{Deserialize, Serialize};

use crate::seed::Dice;

/// How many faults of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
pub(crate) struct Counts {
    /// `kill -9` of the server.
    #[arg(long, default_value_t = 200)]
    pub(crate) server_kills: u32,
    /// `kill -9` of a client.
    #[arg(long, default_value_t = 40)]
    pub(crate) client_kills: u32,
    /// SIGSTOP of the server for a while.
    #[arg(long, default_value_t = 10)]
    pub(crate) server_stops: u32,
    /// SIGSTOP of a client that others wait for.
    #[arg(long, default_value_t = 20)]
    pub(crate) client_stops: u32,
    /// Faults of the network.
    #[arg(long, default_value_t = 50)]
    pub(crate) network_cuts: u32,
    /// Full disks (needs root for a loop mount).
    #[arg(long, default_value_t = 20)]
    pub(crate) disk_fulls: u32,
    /// Power cuts (needs root for a loop mount).
    #[arg(long, default_value_t = 20)]
    pub(crate) power_cuts: u32,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Fault {
    /// `kill -9` of the server, which is started again at once.
    ServerKill,
    /// `kill -9` of a client, which is started again at once.
    ClientKill {
        /// Which one.
        client: Client,
    },
    /// The server stands still.
    ServerStop {
        /// How long.
        ms: u64,
    },
    /// A client stands still while others go on or take its place.
    ClientStop {
        /// Which one.
        client: Client,
        /// How long.
        ms: u64,
        /// Meanwhile another process of the same device connects.
        replaced: bool,
    },
    /// The network fails.
    #[serde(rename = "network_cut")]
    Cut {
        /// How.
        cut: Cut,
        /// For whom; `None`: for all.
        route: Option<usize>,
        /// How long.
        ms: u64,
    },
    /// The disk is full.
    DiskFull {
        /// Up to where.
        fill: Fill,
        /// How long.
        ms: u64,
    },
    /// The power fails: what was not synced is gone.
    PowerCut,
}

impl Fault {
    /// Name of the kind, as in reports.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::ServerKill => "server_kill",
            Self::ClientKill { .. } => "client_kill",
            Self::ServerStop { .. } => "server_stop",
            Self::ClientStop { .. } => "client_stop",
            Self::Cut { .. } => "network_cut",
            Self::DiskFull { .. } => "disk_full",
            Self::PowerCut => "power_cut",
        }
    }
}

/// A client process of the world, by its number among its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Client {
    /// One that sends.
    Sender(usize),
    /// One that receives.
    Receiver(usize),
}

/// How the network fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cut {
    /// Connections are reset, new ones too, until it is well again.
    Reset,
    /// Connections are reset; new ones pass at once.
    Flap,
    /// Nothing passes either way; then all goes on.
    Silent,
    /// Nothing passes from the clients to the server.
    Up,
    /// Nothing passes from the server to the clients.
    Down,
    /// Half-open for good: both sides believe they are connected, new connections pass.
    Lost,
    /// Everything takes longer.
    Delay,
}

/// Up to where a disk is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fill {
    /// Half of the server's reserve stays free.
    Reserve,
    /// Nothing stays free.
    Everything,
}

/// A fault and when it strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Milliseconds after the load began; later if the fault before it was not over.
    pub(crate) at_ms: u64,
    /// What is done.
    pub(crate) fault: Fault,
}

/// Who can be hit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Targets {
    /// Sending clients.
    pub(crate) senders: usize,
    /// Receiving clients.
    pub(crate) receivers: usize,
    /// Routes of the network.
    pub(crate) routes: usize,
}

/// Draws a plan of one round.
pub(crate) fn draw(
    dice: &mut Dice,
    counts: &Counts,
    targets: Targets,
    length_ms: u64,
) -> Vec<Step> {
    let mut faults = Vec::new();
    let mut add = |count: u32, dice: &mut Dice, one: &dyn Fn(&mut Dice, u32) -> Fault| {
        faults.extend((0..count).map(|number| one(dice, number)));
    };
    add(counts.server_kills, dice, &|_, _| Fault::ServerKill);
    add(counts.client_kills, dice, &|dice, _| Fault::ClientKill {
        client: client(dice, targets),
    });
    add(counts.server_stops, dice, &|dice, _| Fault::ServerStop {
        ms: 500 + dice.below(3_500),
    });
    add(counts.client_stops, dice, &|dice, number| {
        client_stop(dice, number, targets)
    });
    add(counts.network_cuts, dice, &|dice, _| cut(dice, targets));
    add(counts.disk_fulls, dice, &|dice, _| Fault::DiskFull {
        fill: if dice.below(3) == 0 {
            Fill::Everything
        } else {
            Fill::Reserve
        },
        ms: 1_000 + dice.below(2_000),
    });
    add(counts.power_cuts, dice, &|_, _| Fault::PowerCut);
    shuffle(dice, &mut faults);
    let slot = length_ms / (faults.len() as u64).max(1);
    let steps = faults.into_iter().enumerate().map(|(number, fault)| Step {
        at_ms: slot * number as u64 + dice.below(slot / 2 + 1),
        fault,
    });
    steps.collect()
}

fn client(dice: &mut Dice, targets: Targets) -> Client {
    let (senders, receivers) = (targets.senders as u64, targets.receivers as u64);
    let at = dice.below(senders + receivers);
    if at < senders {
        Client::Sender(at as usize)
    } else {
        Client::Receiver((at - senders) as usize)
    }
}

fn client_stop(dice: &mut Dice, number: u32, targets: Targets) -> Fault {
    let receiver = Client::Receiver(dice.below(targets.receivers as u64) as usize);
    let sender = Client::Sender(dice.below(targets.senders as u64) as usize);
    let is_sender = number % 4 == 3;
    // In turn: a receiver whose place is taken, a receiver, another whose place is taken, a sender.
    Fault::ClientStop {
        client: if is_sender { sender } else { receiver },
        ms: 1_000 + dice.below(4_000),
        replaced: number.is_multiple_of(2),
    }
}

fn cut(dice: &mut Dice, targets: Targets) -> Fault {
    const CUTS: [Cut; 7] = [
        Cut::Reset,
        Cut::Flap,
        Cut::Silent,
        Cut::Up,
        Cut::Down,
        Cut::Lost,
        Cut::Delay,
    ];
    let cut = CUTS[dice.below(CUTS.len() as u64) as usize];
    let all = dice.below(3) == 0;
    let route = dice.below(targets.routes as u64) as usize;
    let ms = match cut {
        Cut::Flap | Cut::Lost => 0,
        _ => 500 + dice.below(3_000),
    };
    Fault::Cut {
        cut,
        route: (!all).then_some(route),
        ms,
    }
}

fn shuffle(dice: &mut Dice, faults: &mut [Fault]) {
    for at in (1..faults.len()).rev() {
        let other = dice.below(at as u64 + 1) as usize;
        faults.swap(at, other);
    }
}

impl Counts {
    /// The share of one of `rounds` rounds: together they have all.
    pub(crate) fn share(&self, round: u32, rounds: u32) -> Self {
        let share = |count: u32| {
            let through = |rounds_done: u32| u64::from(count) * u64::from(rounds_done);
            let all = u64::from(rounds.max(1));
            u32::try_from(through(round + 1) / all - through(round) / all).unwrap_or(0)
        };
        Self {
            server_kills: share(self.server_kills),
            client_kills: share(self.client_kills),
            server_stops: share(self.server_stops),
            client_stops: share(self.client_stops),
            network_cuts: share(self.network_cuts),
            disk_fulls: share(self.disk_fulls),
            power_cuts: share(self.power_cuts),
        }
    }

    /// Nothing happens.
    pub(crate) const fn none() -> Self {
        Self {
            server_kills: 0,
            client_kills: 0,
            server_stops: 0,
            client_stops: 0,
            network_cuts: 0,
            disk_fulls: 0,
            power_cuts: 0,
        }
    }

    /// All of them.
    #[cfg(test)]
    const fn total(&self) -> u32 {
        self.server_kills
            + self.client_kills
            + self.server_stops
            + self.client_stops
            + self.network_cuts
            + self.disk_fulls
            + self.power_cuts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: Counts = Counts {
        server_kills: 7,
        client_kills: 3,
        server_stops: 1,
        client_stops: 4,
        network_cuts: 6,
        disk_fulls: 2,
        power_cuts: 2,
    };
    const TARGETS: Targets = Targets {
        senders: 4,
        receivers: 3,
        routes: 5,
    };

    fn plan(seed: u64) -> Vec<Step> {
        draw(&mut Dice::new(seed), &COUNTS, TARGETS, 60_000)
    }

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        assert_eq!(plan(1), plan(1));
        assert_ne!(plan(1), plan(2));
    }

    #[test]
    fn a_plan_has_every_fault_in_order_and_in_time() {
        for seed in 0..50 {
            let plan = plan(seed);
            assert_eq!(plan.len(), COUNTS.total() as usize, "seed {seed}");
            assert!(plan.is_sorted_by_key(|step| step.at_ms), "seed {seed}");
            assert!(plan.iter().all(|step| step.at_ms < 60_000), "seed {seed}");
            let kills = plan.iter().filter(|step| step.fault == Fault::ServerKill);
            assert_eq!(kills.count(), 7, "seed {seed}");
        }
    }

    #[test]
    fn rounds_share_all_faults() {
        let mut sum = 0;
        for round in 0..5 {
            sum += COUNTS.share(round, 5).total();
        }
        assert_eq!(sum, COUNTS.total());
    }

    #[test]
    fn a_plan_survives_being_written_down() {
        let plan = plan(3);
        let text = serde_json::to_string(&plan).expect("written");
        assert_eq!(
            serde_json::from_str::<Vec<Step>>(&text).expect("read"),
            plan
        );
    }
}
