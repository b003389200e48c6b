//! The shortest history that shows a finding: first everything that could have to do with it, then
//! less and less, as long as the checker still finds the same.

use std::collections::{BTreeMap, BTreeSet};

use super::check::shows;
use super::event::{Entry, Event, Op, Read};
use super::facts::Facts;
use super::judge::Found;
use super::verdict::{Finding, Rule, WITNESSED};

/// Most events that one finding is looked for in: more says that many are affected, and those do not
/// make the proof any better.
const SLICE: usize = 4000;

/// Whether two findings are the same.
pub(super) fn same(a: &Finding, b: &Finding) -> bool {
    a.rule == b.rule && a.subject == b.subject
}

/// Collects what has to do with findings, and shrinks it.
#[derive(Debug)]
pub(super) struct Shrink {
    facts: Facts,
    slices: Vec<Slice>,
    /// Starts of processes, by name.
    starts: BTreeMap<String, Event>,
    restores: Vec<Event>,
    seen: u64,
}

#[derive(Debug)]
struct Slice {
    found: Found,
    /// Events with the order in which they came.
    events: Vec<(u64, Event)>,
}

impl Shrink {
    pub(super) fn new(facts: Facts, found: Vec<Found>) -> Self {
        let slice = |found| Slice {
            found,
            events: Vec::new(),
        };
        Self {
            facts,
            slices: found.into_iter().map(slice).collect(),
            starts: BTreeMap::new(),
            restores: Vec::new(),
            seen: 0,
        }
    }

    /// An event of the second pass.
    pub(super) fn look(&mut self, event: &Event) {
        self.seen += 1;
        match &event.op {
            Op::Start(_) => {
                self.starts.insert(event.process.clone(), event.clone());
            }
            Op::Fault(fault) if fault.kind == super::event::RESTORE => {
                self.restores.push(event.clone());
            }
            Op::End | Op::Crash | Op::Fault(_) => {}
            Op::Send(send) => self.keyed(event, &send.key, None),
            Op::Fail(fail) => self.keyed(event, &fail.key, None),
            Op::Ack(ack) => {
                let place = (ack.conversation.as_str(), ack.conv_seq);
                self.keyed(event, &ack.key, Some(place));
            }
            Op::Deliver(deliver) => {
                let place = (deliver.conversation.as_str(), deliver.entry.conv_seq);
                match &deliver.entry.key {
                    Some(key) => self.keyed(event, key, Some(place)),
                    None => self.placed(event, place),
                }
            }
            Op::Read(read) => self.read(event, read),
            Op::Mark(mark) => self.marked(event, &mark.conversation),
            Op::Unread(told) => self.marked(event, &told.conversation),
        }
    }

    fn marked(&mut self, event: &Event, conversation: &str) {
        let conversation = self.facts.names.number(conversation);
        let process = self.facts.names.number(&event.process);
        let Some(process) = self.facts.processes.get(&process) else {
            return;
        };
        let mark = Some((process.user, conversation));
        for slice in self.slices.iter_mut().filter(|it| it.found.mark == mark) {
            slice.put(self.seen, event.clone());
        }
    }

    fn keyed(&mut self, event: &Event, key: &str, place: Option<(&str, u64)>) {
        let name = self.facts.names.key(key);
        let place = place.map(|(c, seq)| (self.facts.names.number(c), seq));
        for slice in &mut self.slices {
            let keys = &self.facts.keys;
            let about = slice.found.keys.iter().any(|at| keys[*at].name == name)
                || place.is_some_and(|place| slice.found.places.contains(&place));
            if about {
                slice.put(self.seen, event.clone());
            }
        }
    }

    fn placed(&mut self, event: &Event, (conversation, seq): (&str, u64)) {
        let place = (self.facts.names.number(conversation), seq);
        for slice in &mut self.slices {
            if slice.found.places.contains(&place) {
                slice.put(self.seen, event.clone());
            }
        }
    }

    /// Of a reading only the numbers that matter: what claims to be all there is claims so for each
    /// of its parts.
    fn read(&mut self, event: &Event, read: &Read) {
        let conversation = self.facts.names.number(&read.conversation);
        for slice in &mut self.slices {
            let about = slice
                .found
                .places
                .iter()
                .filter(|(c, _)| *c == conversation);
            let about: BTreeSet<u64> = about.map(|(_, seq)| *seq).collect();
            let found = match slice.found.finding.rule {
                Rule::ReadInOrder => disorder(read, &about),
                _ => parts(read, &about),
            };
            for part in found {
                let event = Event {
                    op: Op::Read(part),
                    ..event.clone()
                };
                slice.put(self.seen, event);
            }
        }
    }

    /// The findings, with their witnesses.
    pub(super) fn findings(self) -> Vec<Finding> {
        let mut given = BTreeMap::new();
        let (starts, restores, rules) = (self.starts, self.restores, self.facts.rules);
        let one = |slice: Slice| {
            let Slice { found, mut events } = slice;
            let mut finding = found.finding;
            let given: &mut usize = given.entry(finding.kind).or_default();
            *given += 1;
            if *given > WITNESSED {
                return finding;
            }
            events.sort_by_key(|(order, _)| *order);
            let events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
            let processes: BTreeSet<&str> = events.iter().map(|e| e.process.as_str()).collect();
            let starts = processes
                .into_iter()
                .filter_map(|process| starts.get(process));
            let mut all: Vec<Event> = starts.chain(&restores).cloned().collect();
            all.extend(events);
            finding.witness = shrink(all, |events| shows(events, rules, &finding));
            finding
        };
        self.slices.into_iter().map(one).collect()
    }
}

impl Slice {
    fn put(&mut self, order: u64, event: Event) {
        if self.events.len() < SLICE {
            self.events.push((order, event));
        }
    }
}

/// The parts of a reading that are about some numbers.
fn parts(read: &Read, about: &BTreeSet<u64>) -> Vec<Read> {
    let ends = read.complete && !read.more && read.visible_through.is_none();
    let beyond = about.iter().any(|seq| *seq > read.through);
    let mut numbers: BTreeSet<u64> = about
        .iter()
        .copied()
        .filter(|seq| (read.from..=read.through).contains(seq))
        .collect();
    if ends && beyond {
        numbers.insert(read.through);
    }
    let part = |seq: u64| Read {
        conversation: read.conversation.clone(),
        from: if seq == 0 { read.from } else { seq },
        through: seq,
        complete: read.complete,
        more: !(ends && seq == read.through),
        visible_through: None,
        entries: read
            .entries
            .iter()
            .filter(|entry| entry.conv_seq == seq)
            .cloned()
            .collect(),
    };
    numbers.into_iter().map(part).collect()
}

/// The entries of a reading that are about some numbers, in the order in which it shows them.
fn disorder(read: &Read, about: &BTreeSet<u64>) -> Vec<Read> {
    let entries = read
        .entries
        .iter()
        .filter(|entry| about.contains(&entry.conv_seq));
    let entries: Vec<Entry> = entries.cloned().collect();
    let numbers = entries.iter().map(|entry| entry.conv_seq);
    let (Some(from), Some(through)) = (numbers.clone().min(), numbers.max()) else {
        return Vec::new();
    };
    vec![Read {
        from,
        through,
        complete: false,
        more: false,
        visible_through: None,
        conversation: read.conversation.clone(),
        entries,
    }]
}

/// A smallest list that still holds: without any one of its events it does not. What does not hold
/// to begin with comes back as it is.
fn shrink(events: Vec<Event>, holds: impl Fn(&[Event]) -> bool) -> Vec<Event> {
    if !holds(&events) {
        return events;
    }
    let names: BTreeSet<String> = events.iter().map(|event| event.process.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    // Which processes are tried first decides which remain; the better of two orders is taken.
    let forward = pieces(events_without(&events, names.iter(), &holds), &holds);
    let backward = pieces(events_without(&events, names.iter().rev(), &holds), &holds);
    if backward.len() < forward.len() {
        backward
    } else {
        forward
    }
}

/// Without whole processes, as far as it holds.
fn events_without<'a>(
    events: &[Event],
    names: impl Iterator<Item = &'a String>,
    holds: &impl Fn(&[Event]) -> bool,
) -> Vec<Event> {
    let mut events = events.to_vec();
    for name in names {
        let rest = events.iter().filter(|event| event.process != *name);
        let rest: Vec<Event> = rest.cloned().collect();
        if rest.len() < events.len() && holds(&rest) {
            events = rest;
        }
    }
    events
}

/// Without larger and smaller pieces, until no single event can go.
fn pieces(mut events: Vec<Event>, holds: &impl Fn(&[Event]) -> bool) -> Vec<Event> {
    let mut size = events.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut less = false;
        while at < events.len() {
            let mut without = events.clone();
            without.drain(at..(at + size).min(events.len()));
            if holds(&without) {
                events = without;
                less = true;
            } else {
                at += size;
            }
        }
        if size > 1 {
            size = size.div_ceil(2);
        } else if !less {
            return events;
        }
    }
}
