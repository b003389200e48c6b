//! What people have read, and what they are told is unread.

use std::collections::{BTreeMap, BTreeSet};

use super::super::facts::Told;
use super::super::log::Place;
use super::super::verdict::Rule;
use super::{Draft, Judge};

impl Judge<'_> {
    /// Marks that were forgotten, then numbers of unread messages that nothing else explains.
    pub(super) fn marks(&mut self) {
        let facts = self.facts;
        let mut lowest: BTreeMap<(u32, u32, u32), u64> = BTreeMap::new();
        for told in &facts.told {
            let key = (told.user, told.conversation, told.epoch);
            let read = lowest.entry(key).or_insert(told.read);
            *read = told.read.min(*read);
        }
        for (key, confirmed) in &facts.confirmed {
            let (user, conversation, _) = *key;
            if let Some(read) = lowest.get(key).filter(|read| *read < confirmed) {
                let text = format!(
                    "{} has read {} through {confirmed}; at the end it is said to be {read}",
                    super::short(facts.names.text(user)),
                    super::short(facts.names.text(conversation)),
                );
                let mark = Some((user, conversation));
                let draft = Draft {
                    text,
                    mark,
                    ..Draft::default()
                };
                self.add(Rule::MarkStays, draft);
            }
        }
        let mut judged = BTreeSet::new();
        for told in &facts.told {
            let mark = (told.user, told.conversation);
            if judged.contains(&mark) || self.is_found(told.conversation) {
                continue;
            }
            if let Some(draft) = self.miscounted(*told) {
                judged.insert(mark);
                self.add(Rule::UnreadCounts, draft);
            }
        }
    }

    /// Whether a finding explains what may be wrong with a conversation.
    fn is_found(&self, conversation: u32) -> bool {
        let name = self.facts.names.text(conversation);
        self.findings.iter().any(|found| {
            let rule = found.finding.rule;
            let places = found.places.iter();
            let mut places = places.filter(|(of, _)| *of == conversation);
            let named = found.finding.subject.conversation.as_deref() == Some(name);
            rule != Rule::UnreadCounts && (named || places.next().is_some())
        })
    }

    /// More messages stand behind the mark in a reading of the user than are unread, or fewer in one
    /// that shows all.
    fn miscounted(&self, told: Told) -> Option<Draft> {
        let base = told.read.max(told.from.saturating_sub(1));
        let readings = self.readings.get(&told.conversation)?;
        for &observer in readings {
            let Some(reading) = self.reading(observer) else {
                continue;
            };
            if reading.user != told.user {
                continue;
            }
            let unread = self.behind(observer, told.conversation, base);
            let through = reading.through;
            let all = reading.ends
                && reading
                    .claimed
                    .missing(base.saturating_add(1), through)
                    .is_empty();
            let count = unread.len() as u64;
            if count <= told.unread && (count == told.unread || !all) {
                continue;
            }
            let text = format!(
                "{} is told of {} unread messages of {} behind {base}; {} shows {count}",
                super::short(self.facts.names.text(told.user)),
                told.unread,
                super::short(self.facts.names.text(told.conversation)),
                self.observer_name(observer),
            );
            let end = through.saturating_add(1);
            let places = (base.saturating_add(1)..=end).map(|seq| (told.conversation, seq));
            // What was not sent would explain it; the end of the reading is always shown.
            let shown = base.min(through.saturating_sub(1));
            let keys = self.sent_behind(observer, told.conversation, shown);
            return Some(Draft {
                text,
                mark: Some((told.user, told.conversation)),
                keys,
                places: places.collect(),
                ..Draft::default()
            });
        }
        None
    }

    /// Messages with keys beyond `base` that an observer shows.
    fn sent_behind(&self, observer: u32, conversation: u32, base: u64) -> BTreeSet<usize> {
        let mut keys = BTreeSet::new();
        for ((of, epoch), runs) in &self.facts.observers[observer as usize].held {
            if *of != conversation {
                continue;
            }
            for (first, last) in runs.iter() {
                for seq in first.max(base.saturating_add(1))..=last {
                    let place = Place {
                        conversation,
                        epoch: *epoch,
                        seq,
                    };
                    keys.extend(self.seen(place).index());
                }
            }
        }
        keys
    }

    /// Messages beyond `base` that an observer shows.
    fn behind(&self, observer: u32, conversation: u32, base: u64) -> BTreeSet<u64> {
        let mut behind = BTreeSet::new();
        let Some(log) = self.facts.logs.get(&conversation) else {
            return behind;
        };
        for ((of, epoch), runs) in &self.facts.observers[observer as usize].held {
            if *of != conversation {
                continue;
            }
            for (first, last) in runs.iter() {
                let numbers = first.max(base.saturating_add(1))..=last;
                behind.extend(numbers.filter(|seq| log.get(*epoch, *seq).countable));
            }
        }
        behind
    }
}
