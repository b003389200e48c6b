//! What is said of a place: one message, unaltered, delivered once.

use std::collections::BTreeSet;

use super::super::log::{Place, Who};
use super::super::verdict::Rule;
use super::{Draft, Judge};

impl Judge<'_> {
    /// Places where devices show different messages, unless that is explained.
    pub(super) fn disputes(&mut self) {
        let disputes: Vec<Place> = self.disputes.keys().copied().collect();
        for place in disputes {
            let others = self.disputes.get(&place).into_iter().flatten();
            let all: BTreeSet<Who> = others
                .map(|(_, who)| *who)
                .chain([self.seen(place)])
                .collect();
            let explained = |who: &Who| {
                let at = who.index();
                at.is_some_and(|at| self.marked.contains(&at) || self.permuted.contains(&at))
            };
            let left: Vec<Who> = all.iter().filter(|who| !explained(who)).copied().collect();
            if left.len() < 2 {
                continue;
            }
            let names: Vec<String> = all.iter().map(|who| self.who_text(*who)).collect();
            let text = format!(
                "at {} stand {}, for different devices",
                self.place_text(place),
                super::listed(&names)
            );
            let mut draft = Draft::place(place, text);
            for at in all.into_iter().filter_map(Who::index) {
                self.marked.insert(at);
                draft = draft.with_key(at);
            }
            self.add(Rule::OneMessage, draft);
        }
    }

    /// Entries that are not what was sent, or not the same for all.
    pub(super) fn altered(&mut self) {
        let mut altered: BTreeSet<Place> = self.facts.marks.altered.iter().copied().collect();
        for key in self.facts.keys.iter().filter(|key| key.sent != 0) {
            let Some(place) = key.seen else { continue };
            let Some(log) = self.facts.logs.get(&place.conversation) else {
                continue;
            };
            let slot = log.get(place.epoch, place.seq);
            let device = self.facts.outboxes[key.outbox as usize].device;
            let device = self.facts.devices[device as usize].name + 1;
            let content = slot.content != 0 && slot.content != key.content;
            let own = slot
                .seen
                .index()
                .is_some_and(|at| self.facts.keys[at].name == key.name);
            if own && (content || (slot.device != 0 && slot.device != device)) {
                altered.insert(place);
            }
        }
        for place in altered {
            let who = self.seen(place);
            if who.index().is_some_and(|at| self.marked.contains(&at)) {
                continue;
            }
            let text = format!(
                "{} is not as it was sent, or not the same for all: {}",
                self.place_text(place),
                self.who_text(who)
            );
            let mut draft = Draft::place(place, text);
            if let Some(at) = who.index() {
                self.marked.insert(at);
                draft = draft.with_key(at);
            }
            self.add(Rule::Unaltered, draft);
        }
    }

    /// Deliveries and readings that are out of order in themselves.
    pub(super) fn deliveries(&mut self) {
        let mut seen = BTreeSet::new();
        for &(device, place) in &self.facts.marks.twice {
            let observer = self.facts.devices[device as usize].observer;
            let disputes = self.disputes.get(&place).into_iter().flatten();
            let disputed = disputes.into_iter().any(|(by, _)| *by == observer);
            if disputed || !seen.insert(place) {
                continue;
            }
            let text = format!(
                "{} was delivered to {} twice",
                self.place_text(place),
                self.observer_name(observer)
            );
            self.add(Rule::DeliveredOnce, Draft::place(place, text));
        }
        for &(device, before, to) in &self.facts.marks.back {
            let observer = self.facts.devices[device as usize].observer;
            if self.older(to, before) {
                continue;
            }
            let text = format!(
                "{} was delivered to {} after {}",
                self.place_text(to),
                self.observer_name(observer),
                self.place_text(before)
            );
            self.add(Rule::NeverBack, Draft::place(to, text).with_place(before));
        }
        for &(observer, before, to) in &self.facts.marks.unordered {
            let text = format!(
                "{} comes after {} in the reading of {}",
                self.place_text(to),
                self.place_text(before),
                self.observer_name(observer)
            );
            self.add(Rule::ReadInOrder, Draft::place(to, text).with_place(before));
        }
    }

    /// Whether a place is of an older epoch than another.
    pub(super) fn older(&self, place: Place, than: Place) -> bool {
        self.facts.epoch_value(place.epoch) < self.facts.epoch_value(than.epoch)
    }
}
