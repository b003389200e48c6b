//! Good histories by chance: a small deployment with everything that may happen to one that keeps its
//! promises. Lost results, crashes, members who come and go, a store set back.

mod dice;
mod marks;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub use self::dice::Dice;
use super::event::{Ack, Deliver, Entry, Event, Fail, Fault, Op, RESTORE, Read, Send, Start};

/// TEXT.
const TEXT: u8 = 0x20;
/// MEMBERSHIP.
const MEMBERSHIP: u8 = 0x48;
/// Entries of one part of a reading.
const PART: usize = 5;

/// A history without a fault in it, of about this many steps; some with a store that was set back.
#[must_use]
pub fn good(seed: u64, steps: usize) -> Vec<Event> {
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    world.finish()
}

#[derive(Clone, Debug)]
struct Message {
    key: String,
    device: usize,
    conversation: usize,
    sha256: String,
}

#[derive(Debug)]
struct Device {
    user: usize,
    name: String,
    incarnation: usize,
    running: bool,
    /// Asked for and not settled, in order.
    outbox: VecDeque<Message>,
    /// Numbers in its store, by conversation, with their epochs.
    store: BTreeMap<usize, BTreeMap<u64, u64>>,
}

#[derive(Debug, Default)]
struct Conversation {
    name: String,
    /// Users with the numbers from and through which they may read.
    visible: BTreeMap<usize, Vec<(u64, Option<u64>)>>,
    log: Vec<Entry>,
}

impl Conversation {
    fn is_member(&self, user: usize) -> bool {
        let spans = self.visible.get(&user).and_then(|spans| spans.last());
        spans.is_some_and(|(_, through)| through.is_none())
    }

    fn may_see(&self, user: usize, seq: u64) -> bool {
        let spans = self.visible.get(&user).into_iter().flatten();
        spans
            .into_iter()
            .any(|(from, through)| seq >= *from && through.is_none_or(|through| seq <= through))
    }
}

struct World {
    dice: Dice,
    now: u64,
    events: Vec<Event>,
    devices: Vec<Device>,
    users: usize,
    conversations: Vec<Conversation>,
    /// Keys that have an entry, to where.
    taken: BTreeMap<String, (usize, u64)>,
    acked: BTreeSet<String>,
    /// How far users have read, by user and conversation.
    marks: BTreeMap<(usize, usize), u64>,
    epoch: u64,
    keys: u64,
    may_restore: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let users = 2 + dice.below(3);
        let mut world = Self {
            now: 0,
            events: Vec::new(),
            devices: Vec::new(),
            users,
            conversations: Vec::new(),
            taken: BTreeMap::new(),
            acked: BTreeSet::new(),
            marks: BTreeMap::new(),
            epoch: 1,
            keys: 0,
            may_restore: dice.percent(25),
            dice,
        };
        for user in 0..users {
            for number in 0..=world.dice.below(2) {
                world.devices.push(Device {
                    user,
                    name: format!("d{user}{number}"),
                    incarnation: 0,
                    running: false,
                    outbox: VecDeque::new(),
                    store: BTreeMap::new(),
                });
            }
        }
        for number in 0..=world.dice.below(3) {
            let mut conversation = Conversation {
                name: format!("c{number}"),
                ..Conversation::default()
            };
            for user in 0..users {
                if number == 0 || user < 2 || world.dice.percent(50) {
                    conversation.visible.insert(user, vec![(1, None)]);
                }
            }
            world.conversations.push(conversation);
        }
        world
    }

    fn write(&mut self, process: String, op: Op) {
        self.now += 1 + self.dice.draw() % 900;
        let at_us = self.now;
        self.events.push(Event { at_us, process, op });
    }

    fn process(&self, device: usize) -> String {
        let device = &self.devices[device];
        format!("{}-{}", device.name, device.incarnation)
    }

    fn step(&mut self) {
        let device = self.dice.below(self.devices.len());
        if !self.devices[device].running {
            return self.start(device);
        }
        match self.dice.below(100) {
            0..30 => self.ask(device),
            30..60 => self.serve(device),
            60..86 => self.deliver(device),
            86..90 => self.mark(device),
            90..94 => self.member(device),
            94..98 => self.crash(device),
            98 if self.may_restore => self.restore(),
            _ => {
                self.devices[device].running = false;
                self.write(self.process(device), Op::End);
            }
        }
    }

    fn start(&mut self, device: usize) {
        self.devices[device].running = true;
        self.devices[device].incarnation += 1;
        let start = Start {
            user: format!("u{}", self.devices[device].user),
            device: self.devices[device].name.clone(),
            outbox: Some("main".into()),
        };
        self.write(self.process(device), Op::Start(start));
    }

    fn crash(&mut self, device: usize) {
        self.devices[device].running = false;
        self.write(self.process(device), Op::Crash);
    }

    /// Somebody asks for a message to be sent.
    fn ask(&mut self, device: usize) {
        let conversation = self.dice.below(self.conversations.len());
        if !self.conversations[conversation].is_member(self.devices[device].user) {
            return;
        }
        self.keys += 1;
        let message = Message {
            key: format!("k{}", self.keys),
            device,
            conversation,
            sha256: format!("s{}", self.keys),
        };
        let send = Send {
            key: message.key.clone(),
            conversation: Some(self.conversations[conversation].name.clone()),
            to_user: None,
            frame_type: TEXT,
            sha256: message.sha256.clone(),
        };
        self.write(self.process(device), Op::Send(send));
        self.devices[device].outbox.push_back(message);
    }

    /// The server takes the first message of an outbox; the result may be lost with a connection,
    /// and then the message is sent again.
    fn serve(&mut self, device: usize) {
        let Some(message) = self.devices[device].outbox.front().cloned() else {
            return;
        };
        let user = self.devices[device].user;
        let member = self.conversations[message.conversation].is_member(user);
        let taken = self.taken.get(&message.key).copied();
        if taken.is_none() && (!member || self.dice.percent(5)) {
            self.devices[device].outbox.pop_front();
            if self.dice.percent(80) {
                let code = if member {
                    "INVALID_MESSAGE"
                } else {
                    "NOT_FOUND"
                };
                let fail = Fail {
                    key: message.key,
                    code: code.into(),
                };
                self.write(self.process(device), Op::Fail(fail));
            }
            return;
        }
        let (epoch, seq) = match taken {
            Some((conversation, seq)) => {
                let entry = &self.conversations[conversation].log[seq as usize - 1];
                (entry.log_epoch, seq)
            }
            None => self.commit(&message, user),
        };
        if self.dice.percent(15) {
            return;
        }
        self.devices[device].outbox.pop_front();
        if self.dice.percent(90) {
            let ack = Ack {
                key: message.key.clone(),
                conversation: self.conversations[message.conversation].name.clone(),
                log_epoch: epoch,
                conv_seq: seq,
            };
            self.write(self.process(device), Op::Ack(ack));
            self.acked.insert(message.key);
        }
    }

    fn commit(&mut self, message: &Message, user: usize) -> (u64, u64) {
        let device = self.devices[message.device].name.clone();
        let conversation = &mut self.conversations[message.conversation];
        let seq = conversation.log.len() as u64 + 1;
        conversation.log.push(Entry {
            log_epoch: self.epoch,
            conv_seq: seq,
            key: Some(message.key.clone()),
            sender: Some(format!("u{user}")),
            sender_device: Some(device),
            frame_type: TEXT,
            sha256: message.sha256.clone(),
            tombstone: false,
        });
        self.taken
            .insert(message.key.clone(), (message.conversation, seq));
        // Who writes has read.
        self.marks.insert((user, message.conversation), seq);
        (self.epoch, seq)
    }

    /// A device is delivered what comes next, of one conversation.
    fn deliver(&mut self, device: usize) {
        let conversation = self.dice.below(self.conversations.len());
        for _ in 0..=self.dice.below(4) {
            let Some(entry) = self.next(device, conversation) else {
                return;
            };
            let store = self.devices[device].store.entry(conversation).or_default();
            store.insert(entry.conv_seq, entry.log_epoch);
            if self.dice.percent(2) {
                // Stored, and killed before it could be written down.
                return self.crash(device);
            }
            let deliver = Deliver {
                conversation: self.conversations[conversation].name.clone(),
                entry,
                past: false,
            };
            self.write(self.process(device), Op::Deliver(deliver));
        }
    }

    /// The first entry that a device has not.
    fn next(&mut self, device: usize, conversation: usize) -> Option<Entry> {
        let user = self.devices[device].user;
        let from = &self.conversations[conversation];
        let store = self.devices[device].store.entry(conversation).or_default();
        // What a new epoch replaced is dropped first.
        store.retain(|seq, epoch| {
            let entry = from.log.get(*seq as usize - 1);
            entry.is_some_and(|entry| entry.log_epoch == *epoch)
        });
        let last = store.last_key_value().map_or(0, |(seq, _)| *seq);
        let next = from.log.iter().skip(last as usize);
        next.into_iter()
            .find(|entry| from.may_see(user, entry.conv_seq))
            .cloned()
    }

    /// Somebody leaves, or comes back.
    fn member(&mut self, device: usize) {
        let conversation = self.dice.below(self.conversations.len());
        let user = self.devices[device].user;
        let others = (0..self.users)
            .filter(|other| *other != user)
            .collect::<Vec<_>>();
        let Some(&other) = self.dice.pick(&others) else {
            return;
        };
        let conversation = &mut self.conversations[conversation];
        if !conversation.is_member(user) || !conversation.visible.contains_key(&other) {
            return;
        }
        let seq = conversation.log.len() as u64 + 1;
        conversation.log.push(Entry {
            log_epoch: self.epoch,
            conv_seq: seq,
            key: None,
            sender: Some(format!("u{user}")),
            sender_device: Some(self.devices[device].name.clone()),
            frame_type: MEMBERSHIP,
            sha256: format!("m{seq}e{}", self.epoch),
            tombstone: false,
        });
        let spans = conversation.visible.entry(other).or_default();
        match spans.last_mut() {
            Some((_, through @ None)) => *through = Some(seq),
            _ => spans.push((seq, None)),
        }
    }

    /// The store is set back: entries at the ends of logs are gone, and a new epoch begins. Who was
    /// a member stays as it is here, so only what no change of membership is beyond may go.
    fn restore(&mut self) {
        let fault = Fault {
            kind: RESTORE.into(),
            detail: String::new(),
            for_us: None,
        };
        self.write("operator".into(), Op::Fault(fault));
        self.epoch += 1;
        for at in 0..self.conversations.len() {
            while self.dice.percent(60)
                && let Some(entry) = self.conversations[at].log.last()
                && let Some(key) = entry.key.clone()
            {
                let key_of = key.clone();
                self.conversations[at].log.pop();
                self.taken.remove(&key_of);
            }
        }
        for ((_, conversation), mark) in &mut self.marks {
            *mark = (self.conversations[*conversation].log.len() as u64).min(*mark);
        }
    }

    fn finish(mut self) -> Vec<Event> {
        for device in 0..self.devices.len() {
            if !self.devices[device].running {
                self.start(device);
            }
            while !self.devices[device].outbox.is_empty() {
                self.serve(device);
            }
        }
        for device in 0..self.devices.len() {
            for conversation in 0..self.conversations.len() {
                while let Some(entry) = self.next(device, conversation) {
                    let store = self.devices[device].store.entry(conversation).or_default();
                    store.insert(entry.conv_seq, entry.log_epoch);
                    let deliver = Deliver {
                        conversation: self.conversations[conversation].name.clone(),
                        entry,
                        past: false,
                    };
                    self.write(self.process(device), Op::Deliver(deliver));
                }
            }
        }
        for device in 0..self.devices.len() {
            for conversation in 0..self.conversations.len() {
                self.read(device, conversation);
                self.unread(device, conversation);
            }
            self.write(self.process(device), Op::End);
        }
        self.events
    }

    /// A reading, in parts: one for each time of membership, and no part with many entries.
    fn read(&mut self, device: usize, conversation: usize) {
        let user = self.devices[device].user;
        let from = &self.conversations[conversation];
        let mut parts = Vec::new();
        let spans = from.visible.get(&user).cloned().unwrap_or_default();
        let last = spans.last().copied();
        for (first, through) in spans {
            let through = through.unwrap_or(from.log.len() as u64);
            let entries: Vec<Entry> = from
                .log
                .iter()
                .filter(|e| (first..=through).contains(&e.conv_seq))
                .cloned()
                .collect();
            let mut next = first;
            for entries in entries.chunks(PART) {
                let end = entries.last().map_or(next, |entry| entry.conv_seq);
                parts.push(Read {
                    conversation: from.name.clone(),
                    from: next,
                    through: end,
                    complete: true,
                    more: true,
                    visible_through: None,
                    entries: entries.to_vec(),
                });
                next = end + 1;
            }
        }
        if parts.is_empty() && last.is_some() {
            let name = from.name.clone();
            parts.push(Read {
                conversation: name,
                from: 1,
                through: 0,
                complete: true,
                more: true,
                visible_through: None,
                entries: Vec::new(),
            });
        }
        if let Some(part) = parts.last_mut() {
            part.more = false;
            part.visible_through = last.and_then(|(_, through)| through);
        }
        for part in parts {
            self.write(self.process(device), Op::Read(part));
        }
    }
}
