//! What a history says, in a form that is small: some hundred octets a message, a few a device and
//! run of numbers, nothing an event.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::log::{Log, Place, Who};
use super::names::{KeyName, Names};
use super::runs::Runs;
use super::verdict::{Counts, Rules};

/// Contradictions that are kept for a closer look; a history with more has no need of them.
const MARKS: usize = 50_000;

/// A message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: KeyName,
    pub(super) user: u32,
    /// Number of the event that sent it, from 1; 0 if none did.
    pub(super) sent: u32,
    /// The outbox it was sent from.
    pub(super) outbox: u32,
    /// Where it was sent to, if that is known, plus 1.
    pub(super) target: u32,
    pub(super) content: u64,
    /// What its process had last been delivered of the conversation when it sent this.
    pub(super) after: Option<(u32, u64)>,
    pub(super) ack: Option<Place>,
    /// Where the first device that showed it has it.
    pub(super) seen: Option<Place>,
    /// Refused for good.
    pub(super) refused: bool,
    /// It has some result.
    pub(super) result: bool,
}

/// Where one process sends from, or several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outbox {
    pub(super) device: u32,
}

/// One incarnation of a client.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) user: u32,
    pub(super) device: u32,
    pub(super) outbox: u32,
    /// What was delivered last, in its turn, by conversation.
    pub(super) flows: HashMap<u32, Flow>,
    /// The reading that goes on, if one does.
    pub(super) reading: Option<usize>,
}

/// How far deliveries of a conversation are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) epoch: u32,
    pub(super) seq: u64,
    /// The last one changed the membership.
    pub(super) membership: bool,
}

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) user: u32,
    pub(super) name: u32,
    /// A process of it is part of the history.
    pub(super) started: bool,
    /// Which observer its deliveries are.
    pub(super) observer: u32,
    /// Numbers that its deliveries skipped, by conversation.
    pub(super) holes: BTreeMap<u32, Runs>,
}

/// Somebody who says that entries stand somewhere: the deliveries of a device, or a reading.
#[derive(Debug)]
pub(super) struct Observer {
    pub(super) device: u32,
    /// Places, by conversation and epoch.
    pub(super) held: BTreeMap<(u32, u32), Runs>,
    pub(super) reading: Option<Reading>,
}

/// A reading.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) conversation: u32,
    pub(super) user: u32,
    /// Numbers of which it claims to hold all.
    pub(super) claimed: Runs,
    /// Numbers between two changes of membership, at which the user perhaps was no member.
    pub(super) away: Runs,
    /// Last number of a part; with `ends`, nothing is beyond it.
    pub(super) through: u64,
    pub(super) ends: bool,
    /// Last place of the last part.
    pub(super) last: Option<Flow>,
    /// Another part follows.
    pub(super) more: bool,
}

/// What a user was told at the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) user: u32,
    pub(super) conversation: u32,
    pub(super) epoch: u32,
    /// First number that the user may read.
    pub(super) from: u64,
    pub(super) read: u64,
    pub(super) unread: u64,
}

/// What cannot be judged before everything is read.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Observers that show another message at a place than the first did.
    pub(super) disputes: Vec<(Place, u32, Who)>,
    /// Observers that show a message at another place than the first did.
    pub(super) strays: Vec<(usize, Place, u32)>,
    /// Places whose content differs between observers.
    pub(super) altered: Vec<Place>,
    /// Messages with a second ack that names another place.
    pub(super) results: Vec<(usize, Place)>,
    /// Places that the acks of two messages name.
    pub(super) shared: Vec<(Place, Who)>,
    /// Messages sent twice with different content or target.
    pub(super) contents: Vec<usize>,
    /// Entries delivered twice.
    pub(super) twice: Vec<(u32, Place)>,
    /// Deliveries that went back: device, what was before, what came.
    pub(super) back: Vec<(u32, Place, Place)>,
    /// Readings that are out of order: observer, what was before, what came.
    pub(super) unordered: Vec<(u32, Place, Place)>,
    /// Readings whose epochs go back: the same.
    pub(super) epochs: Vec<(u32, Place, Place)>,
}

/// Adds to a list that has a bound.
pub(super) fn mark<T>(list: &mut Vec<T>, value: T) {
    if list.len() < MARKS {
        list.push(value);
    }
}

/// What a history says.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) rules: Rules,
    pub(super) names: Names,
    pub(super) counts: Counts,
    pub(super) processes: HashMap<u32, Process>,
    pub(super) devices: Vec<Device>,
    pub(super) device_index: HashMap<(u32, u32), u32>,
    pub(super) device_names: HashSet<u32>,
    pub(super) outboxes: Vec<Outbox>,
    pub(super) outbox_index: HashMap<(u32, u32), u32>,
    pub(super) observers: Vec<Observer>,
    pub(super) keys: Vec<Key>,
    pub(super) key_index: HashMap<(u32, KeyName), u32>,
    pub(super) logs: BTreeMap<u32, Log>,
    /// The epochs, in the order in which they were met.
    pub(super) epochs: Vec<u64>,
    /// How often the store was set back.
    pub(super) restores: usize,
    pub(super) marks: Marks,
    /// How far users have read, as they were promised, by user, conversation and epoch.
    pub(super) confirmed: BTreeMap<(u32, u32, u32), u64>,
    /// What users were told at the end.
    pub(super) told: Vec<Told>,
}

impl Facts {
    /// The number of an epoch.
    pub(super) fn epoch(&mut self, epoch: u64) -> u32 {
        let at = self.epochs.iter().position(|known| *known == epoch);
        let at = at.unwrap_or_else(|| {
            self.epochs.push(epoch);
            self.epochs.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// The epoch of a number.
    pub(super) fn epoch_value(&self, epoch: u32) -> u64 {
        let at = usize::try_from(epoch).unwrap_or(usize::MAX);
        self.epochs.get(at).copied().unwrap_or(0)
    }

    /// What orders places of one conversation.
    pub(super) fn rank(&self, epoch: u32, seq: u64) -> (u64, u64) {
        (self.epoch_value(epoch), seq)
    }

    /// A message, by its sender and key.
    pub(super) fn key(&mut self, user: u32, name: KeyName) -> usize {
        let next = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let at = *self.key_index.entry((user, name)).or_insert(next);
        if at == next {
            self.keys.push(Key {
                name,
                user,
                sent: 0,
                outbox: 0,
                target: 0,
                content: 0,
                after: None,
                ack: None,
                seen: None,
                refused: false,
                result: false,
            });
        }
        at as usize
    }

    /// A device, by its user and name.
    pub(super) fn device(&mut self, user: u32, name: u32) -> u32 {
        if let Some(&device) = self.device_index.get(&(user, name)) {
            return device;
        }
        let device = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        let observer = self.observer(device, None);
        self.devices.push(Device {
            user,
            name,
            started: false,
            observer,
            holes: BTreeMap::new(),
        });
        self.device_index.insert((user, name), device);
        device
    }

    /// A new observer.
    pub(super) fn observer(&mut self, device: u32, reading: Option<Reading>) -> u32 {
        self.observers.push(Observer {
            device,
            held: BTreeMap::new(),
            reading,
        });
        u32::try_from(self.observers.len() - 1).unwrap_or(u32::MAX)
    }

    /// The log of a conversation.
    pub(super) fn log(&mut self, conversation: u32) -> &mut Log {
        self.logs.entry(conversation).or_default()
    }
}
