//! From facts to findings. Each cause is reported once, under the name that people would give it: what
//! explains a message goes before what merely follows from it.

mod epochs;
mod keys;
mod marks;
mod order;
mod places;
mod readings;
mod skipped;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::facts::Facts;
use super::log::{Place, Who};
use super::runs::Runs;
use super::verdict::{Finding, GIVEN, Kind, Rule, Subject};

/// A finding, and where to look for its witness.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) finding: Finding,
    /// Messages it is about.
    pub(super) keys: BTreeSet<usize>,
    /// Places it is about: conversation and number.
    pub(super) places: BTreeSet<(u32, u64)>,
    /// User and conversation of marks it is about.
    pub(super) mark: Option<(u32, u32)>,
}

/// What is being found.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    facts: &'a Facts,
    found: BTreeMap<Kind, u64>,
    findings: Vec<Found>,
    /// Messages that a finding explains already.
    marked: HashSet<usize>,
    /// Messages that stand in another order for some devices.
    permuted: HashSet<usize>,
    strays: HashMap<usize, Vec<(Place, u32)>>,
    disputes: BTreeMap<Place, Vec<(u32, Who)>>,
    /// First number of each epoch of each conversation.
    firsts: HashMap<(u32, u32), u64>,
    /// Readings with a claim, by conversation.
    readings: BTreeMap<u32, Vec<u32>>,
    /// Numbers that some device of a user has, by user and conversation.
    owned: HashMap<(u32, u32), Runs>,
    /// Holes of readings that were reported, by conversation.
    holes: BTreeMap<u32, Runs>,
    last_epoch: u64,
    pub(super) proven: u64,
    pub(super) discarded: u64,
}

/// The outcome.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) found: BTreeMap<Kind, u64>,
    pub(super) findings: Vec<Found>,
    pub(super) proven: u64,
    pub(super) discarded: u64,
}

/// Judges.
pub(super) fn judge(facts: &Facts) -> Judged {
    let mut judge = Judge::new(facts);
    judge.keys();
    judge.observed();
    judge.acks();
    judge.readings();
    judge.disputes();
    judge.altered();
    judge.deliveries();
    judge.epochs();
    judge.skipped();
    judge.order();
    judge.marks();
    judge.prove();
    let Judge {
        found,
        mut findings,
        proven,
        discarded,
        ..
    } = judge;
    findings.sort_by_key(|found| found.finding.kind);
    Judged {
        found,
        findings,
        proven,
        discarded,
    }
}

/// A finding that is being written down.
#[derive(Debug, Default)]
struct Draft {
    conversation: Option<u32>,
    key: Option<usize>,
    place: Option<Place>,
    text: String,
    keys: BTreeSet<usize>,
    places: BTreeSet<(u32, u64)>,
    mark: Option<(u32, u32)>,
}

impl Draft {
    /// About a message, and where it is known to be.
    fn key(at: usize, text: String) -> Self {
        Self {
            key: Some(at),
            text,
            ..Self::default()
        }
    }

    /// About a place.
    fn place(place: Place, text: String) -> Self {
        Self {
            place: Some(place),
            text,
            ..Self::default()
        }
    }

    fn with_key(mut self, at: usize) -> Self {
        self.keys.insert(at);
        self
    }

    fn with_place(mut self, place: Place) -> Self {
        self.places.insert((place.conversation, place.seq));
        self
    }
}

impl<'a> Judge<'a> {
    fn new(facts: &'a Facts) -> Self {
        let mut strays: HashMap<usize, Vec<(Place, u32)>> = HashMap::new();
        for &(at, place, observer) in &facts.marks.strays {
            strays.entry(at).or_default().push((place, observer));
        }
        let mut disputes: BTreeMap<Place, Vec<(u32, Who)>> = BTreeMap::new();
        for &(place, observer, who) in &facts.marks.disputes {
            disputes.entry(place).or_default().push((observer, who));
        }
        let mut firsts = HashMap::new();
        for (&conversation, log) in &facts.logs {
            for epoch in log.epochs() {
                if let Some((seq, _)) = log.slots(epoch, 0, u64::MAX).next() {
                    firsts.insert((conversation, epoch), seq);
                }
            }
        }
        let mut readings: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (at, observer) in (0..).zip(&facts.observers) {
            if let Some(reading) = &observer.reading
                && (reading.ends || reading.claimed.iter().next().is_some())
            {
                readings.entry(reading.conversation).or_default().push(at);
            }
        }
        let mut owned: HashMap<(u32, u32), Runs> = HashMap::new();
        for observer in &facts.observers {
            let user = facts.devices[observer.device as usize].user;
            for ((conversation, _), runs) in &observer.held {
                owned
                    .entry((user, *conversation))
                    .or_default()
                    .add_all(runs);
            }
        }
        Self {
            owned,
            facts,
            found: BTreeMap::new(),
            findings: Vec::new(),
            marked: HashSet::new(),
            permuted: HashSet::new(),
            strays,
            disputes,
            firsts,
            readings,
            holes: BTreeMap::new(),
            last_epoch: facts.epochs.iter().copied().max().unwrap_or(0),
            proven: 0,
            discarded: 0,
        }
    }

    fn add(&mut self, rule: Rule, draft: Draft) {
        let kind = rule.kind();
        let count = self.found.entry(kind).or_default();
        *count += 1;
        if *count > GIVEN as u64 {
            return;
        }
        let facts = self.facts;
        let mut subject = Subject::default();
        let mut places = draft.places;
        let mut keys = draft.keys;
        if let Some(at) = draft.key {
            let key = &facts.keys[at];
            subject.sender = Some(facts.names.text(key.user).to_owned());
            subject.key = Some(facts.names.key_text(key.name));
            keys.insert(at);
            for place in [key.ack, key.seen].into_iter().flatten() {
                places.insert((place.conversation, place.seq));
            }
            let strays = self.strays.get(&at).into_iter().flatten();
            places.extend(strays.map(|(place, _)| (place.conversation, place.seq)));
        }
        if let Some(place) = draft.place {
            subject.conversation = Some(facts.names.text(place.conversation).to_owned());
            // A number of which nothing is known has no epoch.
            subject.log_epoch = Some(facts.epoch_value(place.epoch)).filter(|epoch| *epoch > 0);
            subject.conv_seq = Some(place.seq);
            places.insert((place.conversation, place.seq));
            keys.extend(self.seen(place).index());
        }
        if let Some((user, conversation)) = draft.mark {
            subject.sender = Some(facts.names.text(user).to_owned());
            subject.conversation = Some(facts.names.text(conversation).to_owned());
        }
        if let Some(conversation) = draft.conversation {
            subject.conversation = Some(facts.names.text(conversation).to_owned());
        }
        self.findings.push(Found {
            finding: Finding {
                kind,
                rule,
                subject,
                text: draft.text,
                witness: Vec::new(),
            },
            keys,
            places,
            mark: draft.mark,
        });
    }

    /// Whether a later epoch of the conversation replaced the place.
    fn is_discarded(&self, place: Place) -> bool {
        let Some(log) = self.facts.logs.get(&place.conversation) else {
            return false;
        };
        let epoch = self.facts.epoch_value(place.epoch);
        log.epochs().any(|later| {
            let first = self.firsts.get(&(place.conversation, later));
            self.facts.epoch_value(later) > epoch && first.is_some_and(|&first| first <= place.seq)
        })
    }

    /// Whether the loss of the place was announced: a restored store, and a later epoch, in which
    /// perhaps nothing was written yet.
    fn is_forgiven(&self, place: Place) -> bool {
        let restores = self.facts.restores;
        let later = self.facts.epoch_value(place.epoch) < self.last_epoch;
        restores > 0 && (later || restores >= self.facts.epochs.len())
    }

    /// Whether an observer shows an entry at a place.
    fn holds(&self, observer: u32, place: Place) -> bool {
        let observer = &self.facts.observers[observer as usize];
        let runs = observer.held.get(&(place.conversation, place.epoch));
        runs.is_some_and(|runs| runs.contains(place.seq))
    }

    /// Which message an observer shows at a place.
    fn shows(&self, observer: u32, place: Place) -> Who {
        if !self.holds(observer, place) {
            return Who::NOBODY;
        }
        let disputes = self.disputes.get(&place).into_iter().flatten();
        let other = disputes
            .filter(|(by, _)| *by == observer)
            .map(|(_, who)| *who)
            .next();
        other.unwrap_or_else(|| self.seen(place))
    }

    /// What the first device that showed the place has there.
    fn seen(&self, place: Place) -> Who {
        let log = self.facts.logs.get(&place.conversation);
        log.map_or(Who::NOBODY, |log| log.get(place.epoch, place.seq).seen)
    }

    /// The places at which an observer shows a message.
    fn shown_at(&self, at: usize, observer: u32) -> BTreeSet<Place> {
        let strays = self.strays.get(&at).into_iter().flatten();
        let strays = strays
            .filter(|(_, by)| *by == observer)
            .map(|(place, _)| *place);
        let home = self.facts.keys[at].seen;
        let home = home.filter(|home| self.shows(observer, *home) == Who::key(at));
        strays.chain(home).collect()
    }

    /// All places at which a message was seen.
    fn places_of(&self, at: usize) -> BTreeSet<Place> {
        let strays = self.strays.get(&at).into_iter().flatten();
        let strays = strays.map(|(place, _)| *place);
        strays.chain(self.facts.keys[at].seen).collect()
    }

    /// Whose eyes an observer is, for people.
    fn observer_name(&self, observer: u32) -> String {
        let device = self.facts.observers[observer as usize].device;
        let device = &self.facts.devices[device as usize];
        short(self.facts.names.text(device.name))
    }

    /// Names of observers, each once, the first few.
    fn observer_names(&self, observers: impl IntoIterator<Item = u32>) -> String {
        let names: BTreeSet<String> = observers
            .into_iter()
            .map(|observer| self.observer_name(observer))
            .collect();
        listed(&names.into_iter().collect::<Vec<_>>())
    }

    fn place_text(&self, place: Place) -> String {
        let conversation = short(self.facts.names.text(place.conversation));
        let epoch = self.facts.epoch_value(place.epoch);
        if self.facts.epochs.len() > 1 {
            format!("{conversation} #{} of epoch {epoch}", place.seq)
        } else {
            format!("{conversation} #{}", place.seq)
        }
    }

    fn key_text(&self, at: usize) -> String {
        let key = &self.facts.keys[at];
        let user = short(self.facts.names.text(key.user));
        format!("{} of {user}", self.facts.names.key_text(key.name))
    }

    fn who_text(&self, who: Who) -> String {
        match who.index() {
            Some(at) => self.key_text(at),
            None => "an entry of the server".into(),
        }
    }
}

/// An id of the protocol, cut for people.
fn short(text: &str) -> String {
    match text.get(..8) {
        Some(start) if text.len() == 32 => start.to_owned(),
        _ => text.to_owned(),
    }
}

/// A list for people.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names {
        [] => "nobody".into(),
        [one] => one.clone(),
        [start @ .., last] if names.len() <= SHOWN => format!("{} and {last}", start.join(", ")),
        _ => {
            let start: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
            format!("{} and {} others", start.join(", "), names.len() - SHOWN)
        }
    }
}
