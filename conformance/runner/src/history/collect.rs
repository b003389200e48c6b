//! From events to facts.

use super::event::{
    Ack, Deliver, Entry, Event, Fail, Op, RESTORE, Read, ReadMark, Send, Start, Unread,
};
use super::facts::{Facts, Flow, Outbox, Process, Reading, Told, mark};
use super::log::{Place, Who};
use super::names::content;
use super::runs::Runs;
use super::{Malformed, digest};

/// The type of entries that change who is a member.
const MEMBERSHIP: u8 = 0x48;

/// The types of messages, which count as unread.
const COUNTABLE: std::ops::Range<u8> = 0x20..0x40;

/// Final refusals after which the message may stand all the same: the server no longer knows the
/// key (EIM-MSG-044), or knows it with other content (EIM-MSG-039).
const UNDECIDED: [&str; 2] = ["RETRY_EXPIRED", "CONFLICT"];

impl Facts {
    /// Takes in an event.
    pub(super) fn take(&mut self, event: &Event) -> Result<(), Malformed> {
        self.counts.events += 1;
        let process = self.names.number(&event.process);
        match &event.op {
            Op::Start(start) => self.start(process, start, event),
            Op::End => Ok(()),
            Op::Crash => {
                self.counts.crashes += 1;
                Ok(())
            }
            Op::Fault(fault) => {
                self.restores += usize::from(fault.kind == RESTORE);
                *self.counts.faults.entry(fault.kind.clone()).or_default() += 1;
                Ok(())
            }
            _ if !self.processes.contains_key(&process) => {
                Err(Malformed::NotStarted(event.process.clone()))
            }
            Op::Send(send) => self.send(process, send),
            Op::Ack(ack) => self.ack(process, ack),
            Op::Fail(fail) => {
                self.fail(process, fail);
                Ok(())
            }
            Op::Deliver(deliver) => self.deliver(process, deliver),
            Op::Read(read) => self.read(process, read),
            Op::Mark(mark) => self.mark(process, mark),
            Op::Unread(told) => self.unread(process, told),
        }
    }

    fn mark(&mut self, process: u32, mark: &ReadMark) -> Result<(), Malformed> {
        let conversation = self.names.number(&mark.conversation);
        let place = self.place(conversation, mark.log_epoch, mark.read)?;
        let user = self.processes[&process].user;
        let read = self
            .confirmed
            .entry((user, conversation, place.epoch))
            .or_default();
        *read = mark.read.max(*read);
        Ok(())
    }

    fn unread(&mut self, process: u32, told: &Unread) -> Result<(), Malformed> {
        let conversation = self.names.number(&told.conversation);
        let place = self.place(conversation, told.log_epoch, told.from)?;
        self.told.push(Told {
            user: self.processes[&process].user,
            conversation,
            epoch: place.epoch,
            from: told.from,
            read: told.read,
            unread: told.unread,
        });
        Ok(())
    }

    fn start(&mut self, name: u32, start: &Start, event: &Event) -> Result<(), Malformed> {
        if self.processes.contains_key(&name) {
            return Err(Malformed::StartedTwice(event.process.clone()));
        }
        self.counts.processes += 1;
        let user = self.names.number(&start.user);
        let device_name = self.names.number(&start.device);
        let device = self.device(user, device_name);
        self.device_names.insert(device_name);
        if !std::mem::replace(&mut self.devices[device as usize].started, true) {
            self.counts.devices += 1;
        }
        let next = u32::try_from(self.outboxes.len()).unwrap_or(u32::MAX);
        let outbox = match &start.outbox {
            Some(outbox) => {
                let outbox = self.names.number(outbox);
                *self.outbox_index.entry((device, outbox)).or_insert(next)
            }
            None => next,
        };
        if outbox == next {
            self.outboxes.push(Outbox { device });
        }
        let process = Process {
            user,
            device,
            outbox,
            flows: std::collections::HashMap::new(),
            reading: None,
        };
        self.processes.insert(name, process);
        Ok(())
    }

    fn send(&mut self, process: u32, send: &Send) -> Result<(), Malformed> {
        let (user, outbox) = {
            let process = &self.processes[&process];
            (process.user, process.outbox)
        };
        let target = match (&send.conversation, &send.to_user) {
            (Some(conversation), None) => self.names.number(conversation) + 1,
            (None, Some(peer)) => match digest::direct(self.names.text(user), peer) {
                Some(conversation) => self.names.number(&conversation) + 1,
                None => 0,
            },
            _ => return Err(Malformed::Target),
        };
        let flow = match target {
            0 => None,
            _ => self.processes[&process].flows.get(&(target - 1)),
        };
        let after = flow.map(|flow| (flow.epoch, flow.seq));
        let name = self.names.key(&send.key);
        let at = self.key(user, name);
        let sent = u32::try_from(self.counts.events).unwrap_or(u32::MAX);
        let content = content(send.frame_type, &send.sha256);
        let key = &mut self.keys[at];
        if key.sent == 0 {
            key.sent = sent;
            key.outbox = outbox;
            key.target = target;
            key.content = content;
            key.after = after;
            self.counts.sent += 1;
        } else if key.content != content || key.target != target {
            mark(&mut self.marks.contents, at);
        }
        Ok(())
    }

    fn ack(&mut self, process: u32, ack: &Ack) -> Result<(), Malformed> {
        let user = self.processes[&process].user;
        let name = self.names.key(&ack.key);
        let at = self.key(user, name);
        let conversation = self.names.number(&ack.conversation);
        let place = self.place(conversation, ack.log_epoch, ack.conv_seq)?;
        let key = &mut self.keys[at];
        key.result = true;
        match key.ack {
            None => key.ack = Some(place),
            Some(first) if first == place => return Ok(()),
            Some(_) => mark(&mut self.marks.results, (at, place)),
        }
        let who = Who::key(at);
        let slot = self.log(conversation).slot(place.epoch, place.seq);
        if slot.acked == Who::NOBODY {
            slot.acked = who;
        } else if slot.acked != who {
            mark(&mut self.marks.shared, (place, who));
        }
        Ok(())
    }

    fn fail(&mut self, process: u32, fail: &Fail) {
        let user = self.processes[&process].user;
        let name = self.names.key(&fail.key);
        let at = self.key(user, name);
        let key = &mut self.keys[at];
        if !UNDECIDED.contains(&&*fail.code) {
            key.refused = true;
            key.result = true;
        }
    }

    fn place(&mut self, conversation: u32, epoch: u64, seq: u64) -> Result<Place, Malformed> {
        if epoch == 0 || seq == 0 {
            return Err(Malformed::Zero);
        }
        Ok(Place {
            conversation,
            epoch: self.epoch(epoch),
            seq,
        })
    }

    fn deliver(&mut self, process: u32, deliver: &Deliver) -> Result<(), Malformed> {
        self.counts.deliveries += 1;
        let conversation = self.names.number(&deliver.conversation);
        let device = self.processes[&process].device;
        let observer = self.devices[device as usize].observer;
        let (place, fresh) = self.observe(observer, conversation, &deliver.entry)?;
        if !fresh {
            mark(&mut self.marks.twice, (device, place));
            return Ok(());
        }
        let holes = &mut self.devices[device as usize].holes;
        let filled = holes
            .get_mut(&conversation)
            .is_some_and(|holes| holes.remove(place.seq));
        if !deliver.past {
            let membership = deliver.entry.frame_type == MEMBERSHIP;
            self.in_turn(process, device, place, membership, filled);
        }
        Ok(())
    }

    /// A delivery in its turn: the flow goes on, or back, or over a hole.
    fn in_turn(&mut self, process: u32, device: u32, to: Place, membership: bool, filled: bool) {
        let next = Flow {
            epoch: to.epoch,
            seq: to.seq,
            membership,
        };
        let flows = self
            .processes
            .get_mut(&process)
            .map(|process| &mut process.flows);
        let before = flows.and_then(|flows| match flows.get(&to.conversation) {
            Some(before) => Some(*before),
            None => flows.insert(to.conversation, next),
        });
        let at = |flow: Flow| Place {
            conversation: to.conversation,
            epoch: flow.epoch,
            seq: flow.seq,
        };
        let Some(before) = before else {
            if filled {
                // An earlier process was told what comes after it.
                let later = Place {
                    seq: to.seq + 1,
                    ..to
                };
                mark(&mut self.marks.back, (device, later, to));
            }
            return;
        };
        if filled || self.rank(to.epoch, to.seq) < self.rank(before.epoch, before.seq) {
            mark(&mut self.marks.back, (device, at(before), to));
            return;
        }
        if to.seq > before.seq.saturating_add(1) && !(membership && before.membership) {
            let holes = &mut self.devices[device as usize].holes;
            let holes = holes.entry(to.conversation).or_default();
            holes.insert_run(before.seq + 1, to.seq - 1);
        }
        if let Some(process) = self.processes.get_mut(&process) {
            process.flows.insert(to.conversation, next);
        }
    }

    fn read(&mut self, process: u32, read: &Read) -> Result<(), Malformed> {
        let conversation = self.names.number(&read.conversation);
        let (user, device, going_on) = {
            let process = &self.processes[&process];
            (process.user, process.device, process.reading)
        };
        let goes_on = going_on.filter(|at| {
            let reading = self.observers.get(*at).and_then(|o| o.reading.as_ref());
            reading.is_some_and(|reading| {
                reading.conversation == conversation && reading.more && read.from > reading.through
            })
        });
        let at = match goes_on {
            Some(at) => at,
            None => {
                self.counts.readings += u64::from(read.complete);
                let reading = Reading {
                    conversation,
                    user,
                    claimed: Runs::default(),
                    away: Runs::default(),
                    through: 0,
                    ends: false,
                    last: None,
                    more: false,
                };
                self.observer(device, Some(reading)) as usize
            }
        };
        if let Some(process) = self.processes.get_mut(&process) {
            process.reading = Some(at);
        }
        if let Some(reading) = self.observers[at].reading.as_mut() {
            reading.through = read.through;
            reading.more = read.more;
            reading.ends = read.complete && !read.more && read.visible_through.is_none();
            if read.complete {
                reading.claimed.insert_run(read.from, read.through);
            }
        }
        for entry in &read.entries {
            if !(read.from..=read.through).contains(&entry.conv_seq) {
                return Err(Malformed::OutsideOfReading(entry.conv_seq));
            }
            self.entry_of(at, conversation, entry)?;
        }
        Ok(())
    }

    fn entry_of(&mut self, at: usize, conversation: u32, entry: &Entry) -> Result<(), Malformed> {
        self.counts.read += 1;
        let observer = u32::try_from(at).unwrap_or(u32::MAX);
        let (to, _) = self.observe(observer, conversation, entry)?;
        let next = Flow {
            epoch: to.epoch,
            seq: to.seq,
            membership: entry.frame_type == MEMBERSHIP,
        };
        let last = self.observers[at]
            .reading
            .as_mut()
            .and_then(|reading| reading.last.replace(next));
        let Some(last) = last else { return Ok(()) };
        let before = Place {
            conversation,
            epoch: last.epoch,
            seq: last.seq,
        };
        if to.seq <= last.seq {
            mark(&mut self.marks.unordered, (observer, before, to));
        } else if self.epoch_value(to.epoch) < self.epoch_value(last.epoch) {
            mark(&mut self.marks.epochs, (observer, before, to));
        } else if next.membership
            && last.membership
            && let Some(reading) = self.observers[at].reading.as_mut()
        {
            reading.away.insert_run(last.seq + 1, to.seq - 1);
        }
        Ok(())
    }

    /// Somebody shows an entry at a place; whether for the first time.
    fn observe(
        &mut self,
        observer: u32,
        conversation: u32,
        entry: &Entry,
    ) -> Result<(Place, bool), Malformed> {
        let place = self.place(conversation, entry.log_epoch, entry.conv_seq)?;
        let sender = entry
            .sender
            .as_deref()
            .map(|sender| self.names.number(sender));
        let key = match (&entry.key, sender) {
            (Some(key), Some(sender)) => {
                let name = self.names.key(key);
                Some(self.key(sender, name))
            }
            (Some(key), None) => return Err(Malformed::NoSender(key.clone())),
            (None, _) => None,
        };
        let who = key.map_or(Who::SERVER, Who::key);
        let device = entry.sender_device.as_deref();
        let device = device.map_or(0, |device| self.names.number(device) + 1);
        let content = if entry.tombstone {
            0
        } else {
            content(entry.frame_type, &entry.sha256)
        };
        let slot = self.log(conversation).slot(place.epoch, place.seq);
        if slot.seen == Who::NOBODY {
            slot.seen = who;
            slot.content = content;
            slot.device = device;
            slot.countable = COUNTABLE.contains(&entry.frame_type);
        } else if slot.seen == who {
            let other = |old: u64, new: u64| old != 0 && new != 0 && old != new;
            let altered = other(slot.content, content) || other(slot.device.into(), device.into());
            slot.content = if slot.content == 0 {
                content
            } else {
                slot.content
            };
            slot.device = if slot.device == 0 {
                device
            } else {
                slot.device
            };
            if altered {
                mark(&mut self.marks.altered, place);
            }
        } else {
            mark(&mut self.marks.disputes, (place, observer, who));
        }
        if let Some(at) = key {
            match self.keys[at].seen {
                None => self.keys[at].seen = Some(place),
                Some(seen) if seen == place => {}
                Some(_) => mark(&mut self.marks.strays, (at, place, observer)),
            }
        }
        let held = &mut self.observers[observer as usize].held;
        let runs = held.entry((conversation, place.epoch)).or_default();
        Ok((place, runs.insert(place.seq)))
    }
}
