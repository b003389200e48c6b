//! What a message says of itself: results, places, content.

use std::collections::BTreeSet;

use super::super::log::{Place, Who};
use super::super::verdict::Rule;
use super::{Draft, Judge};

impl Judge<'_> {
    /// Rules that need one message only.
    pub(super) fn keys(&mut self) {
        let contents: BTreeSet<usize> = self.facts.marks.contents.iter().copied().collect();
        for at in contents {
            let key = self.key_text(at);
            let text =
                format!("{key} was sent twice with different content or to different places");
            self.mark(at, Rule::OneContent, text);
        }
        for at in 0..self.facts.keys.len() {
            if !self.marked.contains(&at) {
                self.one_key(at);
            }
        }
    }

    fn one_key(&mut self, at: usize) {
        let key = self.facts.keys[at];
        if key.sent == 0 {
            self.unsent(at);
            return;
        }
        if key.refused
            && let Some(place) = key.seen.or(key.ack)
        {
            let how = if key.seen.is_some() {
                "stands at"
            } else {
                "was acked at"
            };
            let text = format!(
                "{} was refused for good, but {how} {}",
                self.key_text(at),
                self.place_text(place)
            );
            self.mark(at, Rule::RefusedIsAbsent, text);
            return;
        }
        let wrong = [key.seen, key.ack]
            .into_iter()
            .flatten()
            .find(|place| key.target != 0 && place.conversation + 1 != key.target);
        if let Some(place) = wrong {
            let target = self.facts.names.text(key.target - 1);
            let text = format!(
                "{} was sent to {}, but is at {}",
                self.key_text(at),
                super::short(target),
                self.place_text(place)
            );
            self.mark(at, Rule::RightConversation, text);
        }
    }

    fn unsent(&mut self, at: usize) {
        let key = self.facts.keys[at];
        let name = self.key_text(at);
        if key.result {
            let text = format!("{name} has a result, but was not sent");
            self.mark(at, Rule::ResultOfSent, text);
            return;
        }
        let Some(place) = key.seen else { return };
        if self.facts.rules.open && !self.is_from_here(place) {
            return;
        }
        let text = format!(
            "{name} stands at {}, but was not sent",
            self.place_text(place)
        );
        self.mark(at, Rule::WasSent, text);
    }

    /// Whether the entry says that a device of this history sent it.
    fn is_from_here(&self, place: Place) -> bool {
        let log = self.facts.logs.get(&place.conversation);
        let device = log.map_or(0, |log| log.get(place.epoch, place.seq).device);
        device != 0 && self.facts.device_names.contains(&(device - 1))
    }

    pub(super) fn mark(&mut self, at: usize, rule: Rule, text: String) {
        self.marked.insert(at);
        self.add(rule, Draft::key(at, text));
    }

    /// Messages that were seen at more than one place.
    pub(super) fn observed(&mut self) {
        let mut strays: Vec<usize> = self.strays.keys().copied().collect();
        strays.sort_unstable();
        let mut orders: Vec<(Place, usize)> = Vec::new();
        for at in strays {
            if self.marked.contains(&at) {
                continue;
            }
            let mut places = self.places_of(at);
            if places.iter().any(|place| !self.is_discarded(*place)) {
                places.retain(|place| !self.is_discarded(*place));
            }
            let Some(&first) = places.first().filter(|_| places.len() > 1) else {
                continue;
            };
            if let Some(observer) = self.holds_twice(at, &places) {
                let all: Vec<String> = places.iter().map(|p| self.place_text(*p)).collect();
                let text = format!(
                    "{} stands at {}, for {}",
                    self.key_text(at),
                    super::listed(&all),
                    self.observer_name(observer)
                );
                self.mark(at, Rule::OnePlace, text);
            } else if places.iter().any(|place| self.is_disputed(*place, at)) {
                self.permuted.insert(at);
                orders.push((first, at));
            } else {
                let all: Vec<String> = places.iter().map(|p| self.place_text(*p)).collect();
                let text = format!(
                    "{} stands at {}, for different devices",
                    self.key_text(at),
                    super::listed(&all)
                );
                self.mark(at, Rule::OnePlace, text);
            }
        }
        self.other_orders(orders);
    }

    /// An observer that shows a message at more than one of these places.
    fn holds_twice(&self, at: usize, places: &BTreeSet<Place>) -> Option<u32> {
        let strays = self.strays.get(&at)?;
        let observers: BTreeSet<u32> = strays.iter().map(|(_, observer)| *observer).collect();
        observers.into_iter().find(|observer| {
            let shown = self.shown_at(at, *observer);
            shown.intersection(places).count() > 1
        })
    }

    /// Whether somebody shows another sent message at a place.
    fn is_disputed(&self, place: Place, at: usize) -> bool {
        let others = self.disputes.get(&place).into_iter().flatten();
        let mut others = others.map(|(_, who)| *who).chain([self.seen(place)]);
        others.any(|who| {
            let other = who.index().filter(|other| *other != at);
            other.is_some_and(|other| {
                !self.marked.contains(&other) && self.places_of(other).len() > 1
            })
        })
    }

    /// One finding a conversation: devices disagree about the order.
    pub(super) fn other_orders(&mut self, mut orders: Vec<(Place, usize)>) {
        orders.sort_unstable();
        let mut rest = orders.into_iter().peekable();
        while let Some((first, at)) = rest.next() {
            let mut draft = Draft::default().with_key(at);
            let mut count = 1;
            while let Some((place, other)) =
                rest.next_if(|(p, _)| p.conversation == first.conversation)
            {
                count += 1;
                // What stands at the first place is enough to show it, with where it is elsewhere.
                if place == first || self.places_of(other).contains(&first) {
                    draft = draft.with_key(other);
                }
            }
            let keys: Vec<usize> = draft.keys.iter().copied().collect();
            for at in keys {
                let places = self
                    .places_of(at)
                    .into_iter()
                    .chain(self.facts.keys[at].ack);
                for place in places.collect::<Vec<_>>() {
                    draft = draft.with_place(place);
                }
            }
            draft.place = Some(first);
            draft.text = format!(
                "not all have {} messages of {} in the same order, beginning with {}",
                count,
                super::short(self.facts.names.text(first.conversation)),
                self.place_text(first)
            );
            self.add(Rule::SameOrder, draft);
        }
    }

    /// What acks say, compared with each other and with what was seen.
    pub(super) fn acks(&mut self) {
        let results = self.facts.marks.results.clone();
        for (at, second) in results {
            let Some(first) = self.facts.keys[at].ack else {
                continue;
            };
            let replaced = first.epoch != second.epoch
                && (self.is_discarded(first) || self.is_discarded(second));
            if replaced || self.marked.contains(&at) {
                continue;
            }
            let text = format!(
                "{} was acked at {} and at {}",
                self.key_text(at),
                self.place_text(first),
                self.place_text(second)
            );
            self.marked.insert(at);
            self.add(Rule::OneResult, Draft::key(at, text).with_place(second));
        }
        let mut orders = Vec::new();
        for at in 0..self.facts.keys.len() {
            let key = self.facts.keys[at];
            let (Some(ack), Some(seen)) = (key.ack, key.seen) else {
                continue;
            };
            if ack != seen && !self.marked.contains(&at) && !self.permuted.contains(&at) {
                self.ack_elsewhere(at, ack, seen, &mut orders);
            }
        }
        self.other_orders(orders);
        let shared = self.facts.marks.shared.clone();
        for (place, who) in shared {
            self.shared(place, who);
        }
    }

    fn ack_elsewhere(
        &mut self,
        at: usize,
        ack: Place,
        seen: Place,
        orders: &mut Vec<(Place, usize)>,
    ) {
        let discarded = ack.epoch != seen.epoch && self.is_discarded(ack);
        if discarded || self.places_of(at).contains(&ack) {
            return;
        }
        let acked_here = self.acked(seen).index().filter(|other| *other != at);
        let moved = acked_here.map(|other| self.facts.keys[other]);
        if moved.is_some_and(|other| other.seen.is_some_and(|place| place != seen)) {
            self.permuted.insert(at);
            orders.push((ack.min(seen), at));
            return;
        }
        let text = format!(
            "{} was acked at {}, but stands at {}",
            self.key_text(at),
            self.place_text(ack),
            self.place_text(seen)
        );
        self.mark(at, Rule::AckNamesPlace, text);
    }

    pub(super) fn acked(&self, place: Place) -> Who {
        let log = self.facts.logs.get(&place.conversation);
        log.map_or(Who::NOBODY, |log| log.get(place.epoch, place.seq).acked)
    }

    /// Two acks that name one place.
    fn shared(&mut self, place: Place, second: Who) {
        let first = self.acked(place);
        let both = [first, second].map(Who::index);
        let explained = |at: &usize| self.marked.contains(at) || self.permuted.contains(at);
        // Where a complete reading shows which one it is, the other one is lost, and reported so.
        let unseen = |at: &usize| self.facts.keys[*at].seen.is_none();
        let lost = both.iter().flatten().any(unseen) && self.is_covered(place);
        if lost || both.iter().flatten().any(explained) {
            return;
        }
        let text = format!(
            "{} was given to {} and to {}",
            self.place_text(place),
            self.who_text(first),
            self.who_text(second)
        );
        let mut draft = Draft::place(place, text);
        for at in both.into_iter().flatten() {
            self.marked.insert(at);
            draft = draft.with_key(at);
        }
        self.add(Rule::OneMessage, draft);
    }
}
