//! The order in which a sender's messages stand, and answers after what they answer.

use std::collections::HashMap;

use super::super::log::Place;
use super::super::verdict::Rule;
use super::{Draft, Judge};

impl Judge<'_> {
    /// Orders that a sender may rely on.
    pub(super) fn order(&mut self) {
        let facts = self.facts;
        for (&conversation, log) in &facts.logs {
            let mut epochs: Vec<u32> = log.epochs().collect();
            epochs.sort_by_key(|epoch| facts.epoch_value(*epoch));
            let mut last: HashMap<u32, usize> = HashMap::new();
            for epoch in epochs {
                for (seq, slot) in log.slots(epoch, 0, u64::MAX) {
                    let place = Place {
                        conversation,
                        epoch,
                        seq,
                    };
                    let Some(at) = slot.who().index().filter(|at| self.stands(*at, place)) else {
                        continue;
                    };
                    let before = last.insert(facts.keys[at].outbox, at);
                    self.after_predecessor(at, place, before);
                    self.after_delivered(at, place);
                }
            }
        }
    }

    /// Whether this is the one place of a message that nothing else was found about.
    fn stands(&self, at: usize, place: Place) -> bool {
        let key = &self.facts.keys[at];
        key.sent != 0
            && !self.marked.contains(&at)
            && !self.permuted.contains(&at)
            && [key.ack, key.seen]
                .into_iter()
                .flatten()
                .all(|known| known == place)
            && !self.strays.contains_key(&at)
            && !self.is_discarded(place)
    }

    fn after_predecessor(&mut self, at: usize, place: Place, before: Option<usize>) {
        let Some(before) = before.filter(|b| self.facts.keys[*b].sent > self.facts.keys[at].sent)
        else {
            return;
        };
        let text = format!(
            "{} stands at {}, after {}, which was sent later",
            self.key_text(at),
            self.place_text(place),
            self.key_text(before)
        );
        let mut draft = Draft::key(at, text).with_key(before);
        let other = self.facts.keys[before];
        for place in [other.ack, other.seen].into_iter().flatten() {
            draft = draft.with_place(place);
        }
        self.marked.insert(at);
        self.add(Rule::SenderOrder, draft);
    }

    fn after_delivered(&mut self, at: usize, place: Place) {
        let Some((epoch, seq)) = self.facts.keys[at].after else {
            return;
        };
        let known = self.facts.rank(epoch, seq);
        if self.marked.contains(&at) || self.facts.rank(place.epoch, place.seq) > known {
            return;
        }
        let conversation = place.conversation;
        let after = Place {
            conversation,
            epoch,
            seq,
        };
        let text = format!(
            "{} stands at {}, but was sent after {} had been delivered to its sender",
            self.key_text(at),
            self.place_text(place),
            self.place_text(after)
        );
        self.marked.insert(at);
        self.add(Rule::AnswerAfter, Draft::key(at, text).with_place(after));
    }
}
