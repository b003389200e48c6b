//! One epoch, which only rises.

use super::{Found, Invariant};
use crate::model::{Event, Model};

/// The epoch of the store never falls and is at least 1; each entry carries the epoch in which it
/// was committed.
#[derive(Debug, Default)]
pub struct EpochOnlyRises;

impl Invariant for EpochOnlyRises {
    fn name(&self) -> &'static str {
        "epoch-only-rises"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-MSG-021", "EIM-MSG-022", "EIM-MSG-060", "EIM-RES-004"]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        if let Some((before, after)) = change.epoch {
            found.add_if(after < before.max(1), || {
                format!("the epoch went from {before} to {after}")
            });
        }
        for appended in &change.entries {
            let entry = &appended.entry;
            found.add_if(entry.log_epoch != model.server.log_epoch, || {
                let now = model.server.log_epoch;
                format!("{entry:?} was committed in epoch {now}")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn an_epoch_that_falls_is_found() {
        let mut bad = scene::good();
        let record = Record::Meta { log_epoch: 3 };
        bad.push(Feed::Server(vec![(Name::Meta, Some(record))]));
        scene::assert_judges::<EpochOnlyRises>(bad, "from 7 to 3");
    }

    #[test]
    fn an_entry_of_another_epoch_is_found() {
        let record = Record::Meta { log_epoch: 8 };
        let bad = vec![
            Feed::Server(vec![(Name::Meta, Some(record))]),
            Feed::Server(scene::commit(1)),
        ];
        scene::assert_judges::<EpochOnlyRises>(bad, "in epoch 8");
    }
}
