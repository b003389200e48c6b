//! What goes wrong, as data.

use serde::{Deserialize, Serialize};

use super::DeviceNumber;
use crate::world::Trigger;

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
