//! What a new epoch may do: go on from a head, and replace what was beyond it.

use std::collections::BTreeMap;

use super::super::log::Place;
use super::super::verdict::Rule;
use super::{Draft, Judge};

impl Judge<'_> {
    /// One finding a conversation: its epochs do not ascend.
    pub(super) fn epochs(&mut self) {
        let mut found: BTreeMap<u32, (Place, Place, u32)> = BTreeMap::new();
        for &(observer, before, to) in &self.facts.marks.epochs {
            found
                .entry(to.conversation)
                .or_insert((before, to, observer));
        }
        for &(device, before, to) in &self.facts.marks.back {
            if self.older(to, before) {
                let observer = self.facts.devices[device as usize].observer;
                found
                    .entry(to.conversation)
                    .or_insert((before, to, observer));
            }
        }
        for (&conversation, readings) in &self.readings {
            for &observer in readings {
                if let Some((kept, by)) = self.kept(conversation, observer) {
                    found.entry(conversation).or_insert((by, kept, observer));
                }
            }
        }
        for (conversation, (before, to, observer)) in found {
            let text = format!(
                "{} has {}, which {} has replaced",
                self.observer_name(observer),
                self.place_text(to),
                self.place_text(before)
            );
            let draft = Draft {
                conversation: Some(conversation),
                text,
                ..Draft::default()
            };
            self.add(Rule::EpochsAscend, draft.with_place(before).with_place(to));
        }
    }

    /// A place that a complete reading still has although a later epoch replaced it.
    fn kept(&self, conversation: u32, observer: u32) -> Option<(Place, Place)> {
        let log = self.facts.logs.get(&conversation)?;
        let held = &self.facts.observers[observer as usize].held;
        for ((of, epoch), runs) in held {
            let (_, last) = runs.iter().last()?;
            for later in log.epochs().filter(|_| *of == conversation) {
                let &first = self.firsts.get(&(conversation, later))?;
                let kept = Place {
                    conversation,
                    epoch: *epoch,
                    seq: last,
                };
                let by = Place {
                    conversation,
                    epoch: later,
                    seq: first,
                };
                if self.older(kept, by) && first <= last {
                    return Some((kept, by));
                }
            }
        }
        None
    }
}
