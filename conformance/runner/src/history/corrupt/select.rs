//! What a good history holds, and edits of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::history::event::{Ack, Deliver, Entry, Event, Op, Read, Send};
use crate::history::generate::Dice;

/// A number of a conversation.
pub(super) type At = (String, u64);

/// What a good history holds.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The entries at the end.
    pub(super) log: BTreeMap<At, Entry>,
    /// Devices whose complete readings show them.
    pub(super) holders: BTreeMap<At, BTreeSet<String>>,
    /// Places of acked messages.
    pub(super) acks: BTreeMap<String, At>,
    /// Messages, in the order in which they were sent.
    pub(super) sends: Vec<(usize, Send)>,
    /// Deliveries: place of the event, device, what.
    pub(super) delivers: Vec<(usize, String, At)>,
    /// Devices of processes.
    devices: HashMap<String, String>,
    /// Users of processes.
    users: HashMap<String, String>,
    /// The last number of each conversation.
    pub(super) heads: BTreeMap<String, u64>,
}

impl Shape {
    pub(super) fn of(events: &[Event]) -> Self {
        let mut shape = Self::default();
        for (at, event) in events.iter().enumerate() {
            shape.take(at, event);
        }
        shape
    }

    fn take(&mut self, at: usize, event: &Event) {
        match &event.op {
            Op::Start(start) => {
                self.devices
                    .insert(event.process.clone(), start.device.clone());
                self.users.insert(event.process.clone(), start.user.clone());
            }
            Op::Send(send) => self.sends.push((at, send.clone())),
            Op::Ack(ack) => {
                let place = (ack.conversation.clone(), ack.conv_seq);
                self.acks.insert(ack.key.clone(), place);
            }
            Op::Deliver(deliver) => {
                let place = (deliver.conversation.clone(), deliver.entry.conv_seq);
                self.delivers.push((at, self.device(event), place));
            }
            Op::Read(read) => {
                for entry in &read.entries {
                    let place = (read.conversation.clone(), entry.conv_seq);
                    let holders = self.holders.entry(place.clone()).or_default();
                    holders.insert(
                        self.devices
                            .get(&event.process)
                            .cloned()
                            .unwrap_or_default(),
                    );
                    let head = self.heads.entry(read.conversation.clone()).or_default();
                    *head = entry.conv_seq.max(*head);
                    self.log.insert(place, entry.clone());
                }
            }
            Op::End | Op::Crash | Op::Fail(_) | Op::Fault(_) | Op::Mark(_) | Op::Unread(_) => {}
        }
    }

    /// The device of an event.
    pub(super) fn device(&self, event: &Event) -> String {
        self.devices
            .get(&event.process)
            .cloned()
            .unwrap_or_default()
    }

    /// The user of an event.
    pub(super) fn user(&self, event: &Event) -> String {
        self.users.get(&event.process).cloned().unwrap_or_default()
    }

    /// The process that sent a message.
    pub(super) fn sender<'a>(&self, events: &'a [Event], key: &str) -> Option<&'a str> {
        let (at, _) = self.sends.iter().find(|(_, send)| send.key == key)?;
        events.get(*at).map(|event| event.process.as_str())
    }

    /// One of the places that fit.
    pub(super) fn place(&self, dice: &mut Dice, fits: impl Fn(&At, &Entry) -> bool) -> Option<At> {
        let places = self.log.iter().filter(|(at, entry)| fits(at, entry));
        let places: Vec<At> = places.map(|(at, _)| at.clone()).collect();
        dice.pick(&places).cloned()
    }

    /// Whether a message is acked at the place.
    pub(super) fn is_acked(&self, entry: &Entry) -> bool {
        entry
            .key
            .as_ref()
            .is_some_and(|key| self.acks.contains_key(key))
    }

    /// How many devices show a place.
    pub(super) fn shown(&self, at: &At) -> usize {
        self.holders.get(at).map_or(0, BTreeSet::len)
    }

    /// A device that shows a place.
    pub(super) fn holder(&self, at: &At, dice: &mut Dice) -> Option<String> {
        let holders: Vec<String> = self.holders.get(at)?.iter().cloned().collect();
        dice.pick(&holders).cloned()
    }

    /// Takes an entry out of deliveries and readings, of one device or of all.
    pub(super) fn remove(&self, events: &mut Vec<Event>, at: &At, device: Option<&str>) {
        self.remove_read(events, at, device);
        events.retain(|event| match &event.op {
            Op::Deliver(deliver) => {
                let other = device.is_some_and(|device| self.device(event) != device);
                other || !is(deliver, at)
            }
            _ => true,
        });
    }

    /// Takes an entry out of readings.
    pub(super) fn remove_read(&self, events: &mut [Event], at: &At, device: Option<&str>) {
        for event in events {
            let other = device.is_some_and(|device| self.device(event) != device);
            if let Op::Read(read) = &mut event.op
                && !other
                && read.conversation == at.0
            {
                read.entries.retain(|entry| entry.conv_seq != at.1);
            }
        }
    }

    /// Changes an entry, for one device or for all.
    pub(super) fn edit(
        &self,
        events: &mut [Event],
        device: Option<&str>,
        conversation: &str,
        mut change: impl FnMut(&mut Entry),
    ) {
        for event in events {
            if device.is_some_and(|device| self.device(event) != device) {
                continue;
            }
            match &mut event.op {
                Op::Deliver(deliver) if deliver.conversation == conversation => {
                    change(&mut deliver.entry);
                }
                Op::Read(read) if read.conversation == conversation => {
                    read.entries.iter_mut().for_each(&mut change);
                }
                _ => {}
            }
        }
    }

    /// Exchanges what stands at two places, for one device or for all; with the acks if for all.
    pub(super) fn swap(&self, events: &mut [Event], device: Option<&str>, a: &At, b: &At) {
        let (Some(first), Some(second)) = (self.log.get(a), self.log.get(b)) else {
            return;
        };
        self.edit(events, device, &a.0, |entry| {
            let other = match entry.conv_seq {
                seq if seq == a.1 => second,
                seq if seq == b.1 => first,
                _ => return,
            };
            let (log_epoch, conv_seq) = (entry.log_epoch, entry.conv_seq);
            *entry = Entry {
                log_epoch,
                conv_seq,
                ..other.clone()
            };
        });
        if device.is_some() {
            return;
        }
        for ack in events
            .iter_mut()
            .filter_map(ack_of)
            .filter(|ack| ack.conversation == a.0)
        {
            ack.conv_seq = match ack.conv_seq {
                seq if seq == a.1 => b.1,
                seq if seq == b.1 => a.1,
                seq => seq,
            };
        }
    }

    /// Puts an entry at the end of complete readings, of one device or of all.
    pub(super) fn append(
        &self,
        events: &mut [Event],
        device: Option<&str>,
        conversation: &str,
        entry: &Entry,
    ) -> bool {
        let mut done = false;
        for event in events {
            let other = device.is_some_and(|device| self.device(event) != device);
            if let Op::Read(read) = &mut event.op
                && !other
                && read.conversation == conversation
                && ends(read)
            {
                read.through = entry.conv_seq;
                read.entries.push(entry.clone());
                done = true;
            }
        }
        done
    }
}

/// Whether a part of a reading claims to reach the end.
pub(super) fn ends(read: &Read) -> bool {
    read.complete && !read.more && read.visible_through.is_none()
}

/// Whether a delivery is of a place.
pub(super) fn is(deliver: &Deliver, at: &At) -> bool {
    deliver.conversation == at.0 && deliver.entry.conv_seq == at.1
}

/// The ack of an event.
pub(super) fn ack_of(event: &mut Event) -> Option<&mut Ack> {
    match &mut event.op {
        Op::Ack(ack) => Some(ack),
        _ => None,
    }
}
