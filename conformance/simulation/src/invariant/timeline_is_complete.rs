//! Every entry is in the timeline of everybody who may read it, once, with the entry.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{ConversationId, UserId};

use super::{Found, Invariant};
use crate::model::{Event, Model, ServerChange};

/// Timelines are numbered 1, 2, 3 …; the references of a batch are exactly those that its entries
/// ask for, in the order of each log; none moves, and only the oldest go.
#[derive(Debug, Default)]
pub struct TimelineIsComplete {
    /// The last number of each conversation in each timeline.
    last: BTreeMap<(UserId, ConversationId), u64>,
}

impl Invariant for TimelineIsComplete {
    fn name(&self) -> &'static str {
        "timeline-is-complete"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-TML-001",
            "EIM-TML-002",
            "EIM-TML-003",
            "EIM-TML-004",
            "EIM-TML-005",
            "EIM-TML-006",
            "EIM-TML-007",
            "EIM-TML-011",
            "EIM-LGR-002",
            "EIM-LGR-004",
            "EIM-LGR-005",
            "EIM-SYN-034",
            "EIM-SYN-052",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        let mut due = BTreeSet::new();
        for appended in &change.entries {
            let entry = &appended.entry;
            let place = (entry.conversation, entry.conv_seq);
            due.extend(appended.effect.readers.iter().map(|user| (*user, place)));
        }
        for (user, number, expected, place) in &change.references {
            found.add_if(number != expected, || {
                format!("the timeline of {user} has {number} where {expected} is due")
            });
            found.add_if(!due.remove(&(*user, *place)), || {
                format!(
                    "{number} in the timeline of {user} is {place:?}: twice, or of another batch"
                )
            });
            let last = self.last.entry((*user, place.0)).or_insert(0);
            found.add_if(place.1 <= *last, || {
                format!("the timeline of {user} has {place:?} after number {last}")
            });
            *last = place.1;
        }
        for (user, place) in due {
            found.add(format!("{place:?} is not in the timeline of {user}"));
        }
        moved(model, change, found);
    }
}

fn moved(model: &Model, change: &ServerChange, found: &mut Found) {
    for (user, number, before, after) in &change.moved {
        match after {
            Some(after) => {
                found.add(format!(
                    "{number} of {user} was {before:?} and is {after:?}"
                ));
            }
            None => {
                let floor = model.server.floors.get(user).copied().unwrap_or(0);
                found.add_if(*number > floor, || {
                    format!("{number} of {user}, which was {before:?}, is gone above {floor}")
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn an_entry_without_its_references_is_found() {
        let mut bad = scene::opening();
        let mut batch = scene::commit(1);
        batch.retain(|(name, _)| *name != Name::Chunk(scene::user(2), 1));
        bad.push(Feed::Server(batch));
        scene::assert_judges::<TimelineIsComplete>(bad, "is not in the timeline of");
    }

    #[test]
    fn a_gap_and_a_reference_that_comes_later_are_found() {
        let mut bad = scene::opening();
        let chunk = Record::Chunk(vec![(2, scene::direct(), 1)]);
        bad.push(Feed::Server(vec![(
            Name::Chunk(scene::user(1), 2),
            Some(chunk),
        )]));
        scene::assert_judges::<TimelineIsComplete>(bad.clone(), "has 2 where 1 is due");
        scene::assert_judges::<TimelineIsComplete>(bad, "of another batch");
    }

    #[test]
    fn references_that_move_or_go_are_found() {
        let name = Name::Chunk(scene::user(1), 1);
        let chunk = Record::Chunk(vec![(1, scene::direct(), 2)]);
        let mut bad = scene::good();
        bad.push(Feed::Server(vec![(name, Some(chunk))]));
        scene::assert_judges::<TimelineIsComplete>(bad, "and is");
        let mut bad = scene::good();
        bad.push(Feed::Server(vec![(name, None)]));
        scene::assert_judges::<TimelineIsComplete>(bad, "is gone above 0");
    }

    #[test]
    fn the_oldest_may_go() {
        let mut good = scene::good();
        good.push(Feed::Server(vec![
            (Name::Chunk(scene::user(1), 1), None),
            (Name::Floor(scene::user(1)), Some(Record::Floor(1))),
        ]));
        assert_eq!(scene::judge(TimelineIsComplete::default(), good), []);
    }
}
