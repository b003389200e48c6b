//! Faults from seeds.

use super::generate::Maker;
use super::{DeviceNumber, Direction, DiskFault, Fault, Node};
use crate::seed::Dice;
use crate::world::{Point, Trigger};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    CrashServer,
    CrashDevice,
    StopServer,
    StopDevice,
    Cut,
    HalfOpen,
    Stall,
    Delay,
    Unreachable,
    Offline,
    Background,
    Replace,
    Clock,
    ServerDisk,
    DeviceDisk,
}

/// Kinds with their weights in a mixture that has them all.
pub(super) const KINDS: &[(Kind, u64)] = &[
    (Kind::CrashServer, 30),
    (Kind::CrashDevice, 40),
    (Kind::StopServer, 10),
    (Kind::StopDevice, 15),
    (Kind::Cut, 60),
    (Kind::HalfOpen, 30),
    (Kind::Stall, 30),
    (Kind::Delay, 15),
    (Kind::Unreachable, 15),
    (Kind::Offline, 15),
    (Kind::Background, 10),
    (Kind::Replace, 15),
    (Kind::Clock, 15),
    (Kind::ServerDisk, 15),
    (Kind::DeviceDisk, 10),
];

/// A fault of a kind.
pub(super) fn draw(maker: &Maker, kind: Kind, device: DeviceNumber, dice: &mut Dice) -> Fault {
    let node = Node::Device(device);
    let for_ms = dice.skewed(1, 30_000);
    match kind {
        Kind::CrashServer | Kind::CrashDevice => Fault::Crash {
            node: if kind == Kind::CrashServer {
                Node::Server
            } else {
                node
            },
            when: trigger(dice),
            down_ms: dice.skewed(0, 10_000),
        },
        Kind::StopServer | Kind::StopDevice => Fault::Stop {
            node: if kind == Kind::StopServer {
                Node::Server
            } else {
                node
            },
            down_ms: dice.skewed(0, 10_000),
        },
        Kind::Cut => Fault::Cut { device },
        Kind::HalfOpen => Fault::HalfOpen {
            device,
            direction: direction(dice),
            noticed: dice.chance(700),
        },
        Kind::Stall => Fault::Stall {
            device,
            direction: direction(dice),
            for_ms,
        },
        Kind::Delay => Fault::Delay {
            device,
            by_ms: dice.skewed(0, 2_000),
        },
        Kind::Unreachable => Fault::Unreachable { device, for_ms },
        Kind::Offline => Fault::Offline { device, for_ms },
        Kind::Background => Fault::Background { device, for_ms },
        Kind::Replace => Fault::Replace { device },
        Kind::Clock => Fault::Clock {
            node: if dice.chance(500) {
                Node::Server
            } else {
                Node::Device(maker.device(dice))
            },
            by_ms: jump(dice),
        },
        Kind::ServerDisk | Kind::DeviceDisk => Fault::Disk {
            node: if kind == Kind::ServerDisk {
                Node::Server
            } else {
                node
            },
            how: disk(dice),
        },
    }
}

fn trigger(dice: &mut Dice) -> Trigger {
    let points = [
        Point::Received,
        Point::Sent,
        Point::Written,
        Point::Synced,
        Point::Announced,
        Point::Polled,
    ];
    match dice.pick(&points) {
        Some(point) if dice.chance(850) => {
            let most = if *point == Point::Polled { 300 } else { 25 };
            Trigger::At {
                point: *point,
                count: u32::try_from(dice.skewed(1, most)).unwrap_or(1),
            }
        }
        _ => Trigger::Now,
    }
}

fn direction(dice: &mut Dice) -> Direction {
    let all = [Direction::Up, Direction::Down, Direction::Both];
    dice.pick(&all).copied().unwrap_or(Direction::Both)
}

/// Forwards or backwards, from milliseconds to half an hour.
fn jump(dice: &mut Dice) -> i64 {
    let by = i64::try_from(dice.skewed(1, 1_800_000)).unwrap_or(0);
    if dice.chance(500) { by } else { -by }
}

fn disk(dice: &mut Dice) -> DiskFault {
    let for_ms = dice.skewed(1, 20_000);
    match dice.below(3) {
        0 => DiskFault::Slow {
            by_ms: dice.skewed(1, 3_000),
            for_ms,
        },
        1 => DiskFault::SyncFails,
        _ => DiskFault::Full { for_ms },
    }
}
