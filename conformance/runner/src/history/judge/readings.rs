//! What readings say that claim to be complete: nothing acked is absent, no number is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::Reading;
use super::super::log::{Place, Who};
use super::super::runs::Runs;
use super::super::verdict::Rule;
use super::{Draft, Judge};

/// What is absent, and from which readings.
#[derive(Debug, Default)]
struct Absent {
    /// Acked messages.
    acked: BTreeMap<usize, BTreeSet<u32>>,
    /// Places that the same device was delivered.
    delivered: BTreeMap<Place, BTreeSet<u32>>,
    /// Other numbers below the end of a reading, by conversation.
    holes: BTreeMap<u32, (Runs, BTreeSet<u32>)>,
    /// What others show beyond the end of a reading, by conversation.
    behind: BTreeMap<u32, (Place, BTreeSet<u32>)>,
}

impl Judge<'_> {
    /// Everything that is absent from a complete reading.
    pub(super) fn readings(&mut self) {
        let mut absent = Absent::default();
        for (&conversation, readings) in &self.readings {
            for &observer in readings {
                self.one_reading(conversation, observer, &mut absent);
            }
        }
        self.displaced(&mut absent);
        self.replaced(&mut absent);
        self.report(absent);
    }

    /// The reading of an observer.
    pub(super) fn reading(&self, observer: u32) -> Option<&Reading> {
        self.facts.observers[observer as usize].reading.as_ref()
    }

    fn one_reading(&self, conversation: u32, observer: u32, absent: &mut Absent) {
        let Some(reading) = self.reading(observer) else {
            return;
        };
        let mut held = Runs::default();
        for ((of, _), runs) in &self.facts.observers[observer as usize].held {
            if *of == conversation {
                held.add_all(runs);
            }
        }
        for (first, last) in reading.claimed.iter() {
            for (first, last) in held.missing(first, last) {
                self.hole(conversation, observer, reading, (first, last), absent);
            }
        }
        if reading.ends
            && let Some(next) = reading.through.checked_add(1)
        {
            self.tail(conversation, observer, next, absent);
        }
    }

    /// Numbers that a reading should have and has not.
    fn hole(
        &self,
        conversation: u32,
        observer: u32,
        reading: &Reading,
        (first, last): (u64, u64),
        absent: &mut Absent,
    ) {
        let owned = self.owned.get(&(reading.user, conversation));
        // What another device of the user has, it may see.
        let away = |seq| reading.away.contains(seq) && !owned.is_some_and(|o| o.contains(seq));
        let mut explained = reading.away.clone();
        for place in self.known(conversation, first, last) {
            let acked = self.acked(place);
            if let Some(at) = acked.index() {
                let own = self.facts.keys[at].user == reading.user;
                if own || !away(place.seq) {
                    explained.insert(place.seq);
                    self.miss(at, observer, absent);
                }
                continue;
            }
            if self.is_explained(self.seen(place)) {
                explained.insert(place.seq);
            } else if self.was_delivered(observer, place) {
                explained.insert(place.seq);
                absent.delivered.entry(place).or_default().insert(observer);
            } else if !away(place.seq) {
                explained.remove(place.seq);
            }
        }
        for (first, last) in explained.missing(first, last) {
            let (runs, observers) = absent.holes.entry(conversation).or_default();
            runs.insert_run(first, last);
            observers.insert(observer);
        }
    }

    /// What is known beyond the end of a reading that says that there is nothing.
    fn tail(&self, conversation: u32, observer: u32, next: u64, absent: &mut Absent) {
        for place in self.known(conversation, next, u64::MAX) {
            if self.is_forgiven(place) {
                continue;
            }
            if let Some(at) = self.acked(place).index() {
                self.miss(at, observer, absent);
            } else if self.is_explained(self.seen(place)) {
            } else if self.was_delivered(observer, place) {
                absent.delivered.entry(place).or_default().insert(observer);
            } else {
                let entry = absent.behind.entry(conversation);
                let (first, observers) = entry.or_insert_with(|| (place, BTreeSet::new()));
                *first = place.min(*first);
                observers.insert(observer);
            }
        }
    }

    /// An acked message is absent from a reading, unless something else explains it.
    fn miss(&self, at: usize, observer: u32, absent: &mut Absent) {
        if !self.is_explained(Who::key(at)) && self.shown_at(at, observer).is_empty() {
            absent.acked.entry(at).or_default().insert(observer);
        }
    }

    fn is_explained(&self, who: Who) -> bool {
        who.index()
            .is_some_and(|at| self.marked.contains(&at) || self.permuted.contains(&at))
    }

    fn was_delivered(&self, observer: u32, place: Place) -> bool {
        let device = self.facts.observers[observer as usize].device;
        self.holds(self.facts.devices[device as usize].observer, place)
    }

    /// Places of which something is known.
    fn known(&self, conversation: u32, first: u64, last: u64) -> Vec<Place> {
        let Some(log) = self.facts.logs.get(&conversation) else {
            return Vec::new();
        };
        let mut places = Vec::new();
        for epoch in log.epochs() {
            let slots = log.slots(epoch, first, last);
            places.extend(slots.map(|(seq, _)| Place {
                conversation,
                epoch,
                seq,
            }));
        }
        places
    }

    /// Acked messages whose place has another message, in readings that have them nowhere.
    fn displaced(&self, absent: &mut Absent) {
        let mut displaced = BTreeSet::new();
        for (at, key) in self.facts.keys.iter().enumerate() {
            if let Some(ack) = key.ack
                && ![Who::NOBODY, Who::key(at)].contains(&self.seen(ack))
            {
                displaced.insert((ack, at));
            }
        }
        let disputes = self.disputes.keys();
        displaced.extend(disputes.filter_map(|place| Some((*place, self.acked(*place).index()?))));
        for (place, at) in displaced {
            let readings = self.readings.get(&place.conversation).into_iter().flatten();
            for &observer in readings {
                let shows = self.shows(observer, place);
                if shows != Who::NOBODY && shows != Who::key(at) {
                    self.miss(at, observer, absent);
                }
            }
        }
    }

    /// Whether a complete reading says what is at a place.
    pub(super) fn is_covered(&self, place: Place) -> bool {
        let readings = self.readings.get(&place.conversation).into_iter().flatten();
        let mut readings = readings.filter_map(|observer| self.reading(*observer));
        readings.any(|reading| reading.claimed.contains(place.seq))
    }

    /// Acked messages whose place a new epoch has taken.
    fn replaced(&mut self, absent: &mut Absent) {
        for at in 0..self.facts.keys.len() {
            let Some(ack) = self.facts.keys[at].ack else {
                continue;
            };
            if self.is_explained(Who::key(at)) {
                continue;
            }
            let elsewhere = |place: &Place| *place != ack && !self.is_discarded(*place);
            let acks = self.facts.marks.results.iter();
            let mut acks = acks.filter(|(key, _)| *key == at).map(|(_, place)| place);
            if !self.is_discarded(ack) {
                // Beyond the end of all readings, with a newer epoch elsewhere.
                let gone = self.is_forgiven(ack) && self.seen_by_none(ack);
                self.discarded += u64::from(gone);
                continue;
            }
            if self.places_of(at).iter().any(elsewhere) || acks.any(elsewhere) {
                continue;
            }
            let readings = self.readings.get(&ack.conversation).into_iter().flatten();
            let readings: BTreeSet<u32> = readings.copied().collect();
            if readings.iter().any(|observer| self.holds(*observer, ack)) {
                continue;
            }
            if self.is_forgiven(ack) {
                self.discarded += 1;
            } else if !readings.is_empty() {
                absent.acked.entry(at).or_default().extend(readings);
            }
        }
    }

    /// Whether there are complete readings, and none has the place.
    fn seen_by_none(&self, place: Place) -> bool {
        let readings = self.readings.get(&place.conversation);
        readings.is_some_and(|readings| readings.iter().all(|o| !self.holds(*o, place)))
    }

    fn report(&mut self, absent: Absent) {
        for (at, readings) in absent.acked {
            let Some(ack) = self.facts.keys[at].ack else {
                continue;
            };
            let text = format!(
                "{} was acked at {}, but is absent from {} of {} complete readings: {}",
                self.key_text(at),
                self.place_text(ack),
                readings.len(),
                self.readings.get(&ack.conversation).map_or(0, Vec::len),
                self.observer_names(readings)
            );
            self.mark(at, Rule::AckedIsThere, text);
        }
        for (place, readings) in absent.delivered {
            let text = format!(
                "{} was delivered to {}, but is absent from its reading",
                self.place_text(place),
                self.observer_names(readings)
            );
            self.explain(place);
            self.add(Rule::DeliveredStays, Draft::place(place, text));
        }
        for (conversation, (runs, observers)) in absent.holes {
            for (first, last) in runs.iter() {
                let text = format!(
                    "{} of {} is missing in the complete reading of {}",
                    numbers(first, last),
                    super::short(self.facts.names.text(conversation)),
                    self.observer_names(observers.iter().copied())
                );
                self.add_hole(Rule::NoHole, conversation, first, text);
            }
            self.holes.insert(conversation, runs);
        }
        for (conversation, (first, observers)) in absent.behind {
            let text = format!(
                "the complete reading of {} ends before {}, which others have",
                self.observer_names(observers),
                self.place_text(first)
            );
            let draft = Draft::place(first, text);
            self.holes
                .entry(conversation)
                .or_default()
                .insert_run(first.seq, u64::MAX);
            self.add(Rule::NotBehind, draft);
        }
    }

    fn explain(&mut self, place: Place) {
        self.holes
            .entry(place.conversation)
            .or_default()
            .insert(place.seq);
        if let Some(at) = self.seen(place).index() {
            self.marked.insert(at);
        }
    }

    /// A finding about a number without an entry.
    pub(super) fn add_hole(&mut self, rule: Rule, conversation: u32, first: u64, text: String) {
        let place = Place {
            conversation,
            epoch: u32::MAX,
            seq: first,
        };
        self.add(rule, Draft::place(place, text));
    }

    /// How many acked messages stand where a complete reading looked.
    pub(super) fn prove(&mut self) {
        let mut covered: BTreeMap<u32, (Runs, u64)> = BTreeMap::new();
        for (&conversation, readings) in &self.readings {
            let (runs, end) = covered
                .entry(conversation)
                .or_insert_with(|| (Runs::default(), u64::MAX));
            for reading in readings
                .iter()
                .filter_map(|observer| self.reading(*observer))
            {
                runs.add_all(&reading.claimed);
                if reading.ends {
                    *end = reading.through.min(*end);
                }
            }
        }
        let acks = self.facts.keys.iter().filter_map(|key| key.ack);
        let proven = acks.filter(|ack| {
            let covered = covered.get(&ack.conversation);
            covered.is_some_and(|(runs, end)| runs.contains(ack.seq) || ack.seq > *end)
        });
        self.proven = proven.count() as u64;
    }
}

/// Numbers for people.
pub(super) fn numbers(first: u64, last: u64) -> String {
    if first == last {
        format!("#{first}")
    } else {
        format!("#{first} to #{last}")
    }
}
