//! What happens in a run: a world and steps, as data.

mod action;
mod calls;
mod fault;
mod faults;
mod files;
mod generate;
mod kinds;
mod shrink;
mod social;
mod words;
mod world_config;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::action::Action;
pub use self::fault::{Direction, DiskFault, Fault, Node};
pub use self::shrink::shrink;
pub use self::words::{Department, Doing, Rank, Signal, To};
use crate::canary::Canary;

/// Number of a user in a plan, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserNumber(pub u8);

/// Number of a device in a plan, from 0, over all users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceNumber(pub u8);

/// Number of a group in a plan, from 0. It exists once a step has created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupNumber(pub u8);

/// What happens in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The seed: every draw that is not written down comes from it.
    pub seed: u64,
    /// The world.
    pub world: WorldConfig,
    /// The steps, in order of time.
    pub steps: Vec<Step>,
}

/// A range from which values are drawn evenly, ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Least.
    pub low: u64,
    /// Most.
    pub high: u64,
}

/// A world. Times are virtual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldConfig {
    /// For each device, its user. Users are those that are named.
    pub devices: Vec<UserNumber>,
    /// One-way delay of the network in milliseconds.
    pub delay_ms: Range,
    /// Octets that the network carries at once.
    pub chunk_octets: Range,
    /// Octets that the network holds in one direction before the sender waits.
    pub buffer_octets: u64,
    /// The disk of the server.
    pub disk: DiskConfig,
    /// The stores of the devices.
    pub device_disk: DiskConfig,
    /// Keys of the server's configuration, in TOML.
    pub server: String,
    /// Messages that an outbox holds before the application waits.
    pub outbox_limit: usize,
    /// Files, if they are smaller here than an operator may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesConfig>,
    /// Devices take part in calls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub calls: bool,
    /// What is wrong in this world on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
}

/// Files so small that many fit into a run, in as many parts as large ones have elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// Octets that the server writes at once.
    pub part_octets: u32,
    /// Octets of an upload that may be under way.
    pub window_octets: u32,
}

/// A disk without faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskConfig {
    /// Virtual time of a sync in microseconds; 0 for none.
    pub sync_us: Range,
    /// How often in a thousand crashes an unsynced batch survives.
    pub survives_permille: u64,
    /// How often in a thousand crashes the last batch is torn.
    pub torn_permille: u64,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Number of the step: names its draws, and stays when other steps are removed.
    pub number: u32,
    /// When, in virtual milliseconds from the beginning.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

impl Plan {
    /// All users, in order.
    #[must_use]
    pub fn users(&self) -> Vec<UserNumber> {
        let users: BTreeSet<UserNumber> = self.world.devices.iter().copied().collect();
        users.into_iter().collect()
    }

    /// The plan as JSON.
    ///
    /// # Errors
    /// Never, as long as plans are data.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// A plan from JSON.
    ///
    /// # Errors
    /// What is not a plan.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}
