//! What happens in a run: a world and steps, as data.

mod faults;
mod generate;
mod shrink;
mod world_config;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::shrink::shrink;
use crate::canary::Canary;
use crate::world::Trigger;

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
    /// What is wrong in this world on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
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

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// The direct conversation with a user.
    User(UserNumber),
    /// A group.
    Group(GroupNumber),
}

/// What a user does about another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Asks to be contacts.
    Request,
    /// Agrees.
    Accept,
    /// Does not agree.
    Refuse,
    /// Ends it, or takes the request back.
    Remove,
    /// Blocks.
    Block,
    /// Ends a block.
    Unblock,
}

/// What happens. What is not possible at that time (a group that does not exist, a device that is
/// down) does not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// A device sends texts.
    Send {
        /// The device.
        device: DeviceNumber,
        /// To whom.
        to: To,
        /// How many, one after another without waiting.
        count: u32,
        /// Octets of each; what is too long for a text is a message of an application.
        octets: u32,
    },
    /// A second program on the device sends texts over a connection that only sends, and ends.
    SendOnly {
        /// The device.
        device: DeviceNumber,
        /// To whom.
        to: To,
        /// How many.
        count: u32,
    },
    /// A device creates a group.
    CreateGroup {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Members beside the user of the device.
        members: Vec<UserNumber>,
    },
    /// A device adds members.
    AddMembers {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Who.
        members: Vec<UserNumber>,
    },
    /// A device removes a member.
    RemoveMember {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Who.
        member: UserNumber,
    },
    /// A device leaves a group.
    Leave {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device renames a group.
    Rename {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device changes a role.
    SetRole {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
        /// Whose.
        member: UserNumber,
        /// Administrator, or member only.
        admin: bool,
    },
    /// A device reads the members of a group.
    Members {
        /// The device.
        device: DeviceNumber,
        /// The group.
        group: GroupNumber,
    },
    /// A device asks for a contact, answers, ends it, blocks.
    Contact {
        /// The device.
        device: DeviceNumber,
        /// The other user.
        user: UserNumber,
        /// What.
        doing: Doing,
    },
    /// A device reads its list of contacts.
    Contacts {
        /// The device.
        device: DeviceNumber,
    },
    /// A device looks at one conversation.
    Conversation {
        /// The device.
        device: DeviceNumber,
        /// Which.
        of: To,
    },
    /// A device looks users up.
    Users {
        /// The device.
        device: DeviceNumber,
        /// Whom.
        users: Vec<UserNumber>,
        /// By name, or by id.
        by_name: bool,
    },
    /// A device asks for all its conversations.
    Heads {
        /// The device.
        device: DeviceNumber,
    },
    /// A device asks for the devices of its user.
    Devices {
        /// The device.
        device: DeviceNumber,
    },
    /// A device logs another one out, or itself.
    LogOut {
        /// The device.
        device: DeviceNumber,
        /// Which one; that of another user is not found.
        other: DeviceNumber,
    },
    /// A device reads a log.
    History {
        /// The device.
        device: DeviceNumber,
        /// Whose log.
        of: To,
        /// First number; 0 for the newest entries.
        first: u64,
        /// Most entries.
        limit: u32,
    },
    /// A person reads a conversation, or flags it.
    Mark {
        /// The device.
        device: DeviceNumber,
        /// Which conversation.
        of: To,
        /// How much of what the device holds, in thousandths.
        permille: u64,
    },
    /// A person wants to come back to a conversation, or does not any longer.
    Flag {
        /// The device.
        device: DeviceNumber,
        /// Which conversation.
        of: To,
        /// Wants to.
        set: bool,
    },
    /// A device asks what is unread.
    Unread {
        /// The device.
        device: DeviceNumber,
    },
    /// A device asks who has read a conversation.
    Readers {
        /// The device.
        device: DeviceNumber,
        /// Which conversation.
        of: To,
        /// Through this number.
        conv_seq: u64,
        /// Or rather who has not.
        missing: bool,
    },
    /// The application of a device stops reading its events, or goes on.
    Reading {
        /// The device.
        device: DeviceNumber,
        /// Goes on.
        reads: bool,
    },
    /// An account is disabled or enabled.
    Account {
        /// The user.
        user: UserNumber,
        /// Enabled.
        enabled: bool,
    },
    /// The operator logs a device out.
    PutOut {
        /// The device.
        device: DeviceNumber,
    },
    /// The server sweeps what has expired.
    Sweep,
    /// Something goes wrong, or the world changes.
    Fault(Fault),
}

/// Which way octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From device to server.
    Up,
    /// From server to device.
    Down,
    /// Both.
    Both,
}

/// A node of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// The server.
    Server,
    /// A device.
    Device(DeviceNumber),
}

/// What goes wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiskFault {
    /// Each sync takes this much longer, in milliseconds, for this long.
    Slow {
        /// Longer by.
        by_ms: u64,
        /// For.
        for_ms: u64,
    },
    /// The next sync fails; the process must end.
    SyncFails,
    /// There is no room for this long.
    Full {
        /// For.
        for_ms: u64,
    },
}

/// Something that goes wrong, or changes in the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// A node crashes, and starts again later by itself.
    Crash {
        /// The node.
        node: Node,
        /// At which instant.
        when: Trigger,
        /// Starts again after this many milliseconds.
        down_ms: u64,
    },
    /// A node stops in order, and starts again later.
    Stop {
        /// The node.
        node: Node,
        /// Starts again after this many milliseconds.
        down_ms: u64,
    },
    /// A connection is reset: both ends notice, octets on their way are lost.
    Cut {
        /// Of this device.
        device: DeviceNumber,
    },
    /// Octets vanish without a word from now on; one end or none notices.
    HalfOpen {
        /// Of this device.
        device: DeviceNumber,
        /// Which octets.
        direction: Direction,
        /// The end of the device is reset, so that it connects again while the server believes in
        /// the old connection.
        noticed: bool,
    },
    /// Nothing moves for a while; nothing is lost.
    Stall {
        /// Of this device.
        device: DeviceNumber,
        /// Which octets.
        direction: Direction,
        /// How long in milliseconds.
        for_ms: u64,
    },
    /// The connection is slower from now on.
    Delay {
        /// Of this device.
        device: DeviceNumber,
        /// Longer by this many milliseconds each way.
        by_ms: u64,
    },
    /// Connecting fails for a while.
    Unreachable {
        /// For this device.
        device: DeviceNumber,
        /// How long in milliseconds.
        for_ms: u64,
    },
    /// The application says that there is no network, and later that there is.
    Offline {
        /// The device.
        device: DeviceNumber,
        /// How long in milliseconds.
        for_ms: u64,
    },
    /// The application goes to the background, and later returns.
    Background {
        /// The device.
        device: DeviceNumber,
        /// How long in milliseconds.
        for_ms: u64,
    },
    /// A second program of the device connects and replaces the first one.
    Replace {
        /// The device.
        device: DeviceNumber,
    },
    /// The wall clock of a node jumps.
    Clock {
        /// The node.
        node: Node,
        /// By this many milliseconds.
        by_ms: i64,
    },
    /// A disk misbehaves.
    Disk {
        /// Whose.
        node: Node,
        /// How.
        how: DiskFault,
    },
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

impl Action {
    /// The device that does it.
    #[must_use]
    pub const fn device(&self) -> Option<DeviceNumber> {
        match self {
            Self::Send { device, .. }
            | Self::SendOnly { device, .. }
            | Self::CreateGroup { device, .. }
            | Self::AddMembers { device, .. }
            | Self::RemoveMember { device, .. }
            | Self::Leave { device, .. }
            | Self::Rename { device, .. }
            | Self::SetRole { device, .. }
            | Self::Members { device, .. }
            | Self::Contact { device, .. }
            | Self::Contacts { device }
            | Self::Conversation { device, .. }
            | Self::Users { device, .. }
            | Self::Heads { device }
            | Self::Devices { device }
            | Self::LogOut { device, .. }
            | Self::History { device, .. }
            | Self::Mark { device, .. }
            | Self::Flag { device, .. }
            | Self::Unread { device }
            | Self::Readers { device, .. }
            | Self::Reading { device, .. }
            | Self::PutOut { device } => Some(*device),
            Self::Account { .. } | Self::Sweep | Self::Fault(_) => None,
        }
    }
}
