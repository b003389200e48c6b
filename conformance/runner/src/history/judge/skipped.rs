//! Numbers that the deliveries of a device skipped, and that it was never delivered.

use std::collections::{BTreeMap, BTreeSet};

use super::super::runs::Runs;
use super::super::verdict::Rule;
use super::readings::numbers;
use super::{Draft, Judge};

impl Judge<'_> {
    /// One finding a run of numbers.
    pub(super) fn skipped(&mut self) {
        let mut skipped: BTreeMap<u32, (Runs, BTreeSet<u32>)> = BTreeMap::new();
        for (at, device) in (0..).zip(&self.facts.devices) {
            for (&conversation, holes) in &device.holes {
                let left = self.left(at, device.observer, conversation, holes);
                for (first, last) in left {
                    let (runs, observers) = skipped.entry(conversation).or_default();
                    runs.insert_run(first, last);
                    observers.insert(device.observer);
                }
            }
        }
        for (conversation, (runs, observers)) in skipped {
            for (first, last) in runs.iter() {
                let text = format!(
                    "deliveries to {} skipped {} of {}",
                    self.observer_names(observers.iter().copied()),
                    numbers(first, last),
                    super::short(self.facts.names.text(conversation)),
                );
                let around = [first.saturating_sub(1), last.saturating_add(1)];
                let draft = Draft {
                    places: around.map(|seq| (conversation, seq)).into(),
                    text,
                    ..Draft::default()
                };
                let place = super::Place {
                    conversation,
                    epoch: u32::MAX,
                    seq: first,
                };
                self.add(
                    Rule::NothingSkipped,
                    Draft {
                        place: Some(place),
                        ..draft
                    },
                );
            }
        }
    }

    /// What of the holes was not delivered in another way, nor reported as absent altogether.
    fn left(&self, device: u32, observer: u32, conversation: u32, holes: &Runs) -> Vec<(u64, u64)> {
        let mut known = self.holes.get(&conversation).cloned().unwrap_or_default();
        for ((of, _), runs) in &self.facts.observers[observer as usize].held {
            if *of == conversation {
                known.add_all(runs);
            }
        }
        // What its reading lacks was judged there.
        let readings = self.readings.get(&conversation).into_iter().flatten();
        for &reader in readings {
            let Some(reading) = self.reading(reader) else {
                continue;
            };
            if self.facts.observers[reader as usize].device != device {
                continue;
            }
            let mut read = Runs::default();
            for runs in self.facts.observers[reader as usize].held.values() {
                read.add_all(runs);
            }
            for (first, last) in reading.claimed.iter() {
                for (first, last) in read.missing(first, last) {
                    known.insert_run(first, last);
                }
            }
        }
        holes
            .iter()
            .flat_map(|(first, last)| known.missing(first, last))
            .collect()
    }
}
