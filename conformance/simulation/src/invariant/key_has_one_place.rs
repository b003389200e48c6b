//! One key, one place.

use super::{Found, Invariant};
use crate::model::{Event, Model};

/// Each key of a user is at one place of all logs; the key and its result become durable in the
/// same batch as the entry, and the result never changes.
#[derive(Debug, Default)]
pub struct KeyHasOnePlace;

impl Invariant for KeyHasOnePlace {
    fn name(&self) -> &'static str {
        "key-has-one-place"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-027",
            "EIM-MSG-037",
            "EIM-MSG-038",
            "EIM-MSG-039",
            "EIM-MSG-042",
            "EIM-MSG-043",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        for appended in &change.entries {
            let entry = &appended.entry;
            let (Some(user), Some(key)) = (entry.sender, entry.client_msg_id) else {
                continue;
            };
            let places = model.server.places.get(&(user, key));
            found.add_if(places.is_some_and(|places| places.len() > 1), || {
                format!("{key} of {user} is at {places:?}")
            });
            let place = (entry.conversation, entry.conv_seq);
            let kept = change
                .keys
                .iter()
                .find(|kept| (kept.0, kept.1) == (user, key));
            let same = kept.is_some_and(|(_, _, outcome)| {
                let timeline = model.server.timelines.get(&user);
                let there = timeline.and_then(|timeline| timeline.get(&outcome.user_seq));
                outcome.place == place
                    && outcome.time_ms == entry.time_ms
                    && if appended.effect.readers.contains(&user) {
                        there == Some(&place)
                    } else {
                        outcome.user_seq == 0
                    }
            });
            found.add_if(!same, || {
                format!("{key} of {user} went to {place:?}; its batch remembers {kept:?}")
            });
        }
        for (user, key, outcome) in &change.keys {
            let written = change.entries.iter().any(|appended| {
                let entry = &appended.entry;
                entry.sender == Some(*user) && entry.client_msg_id == Some(*key)
            });
            found.add_if(!written, || {
                format!(
                    "{key} of {user} is remembered as {outcome:?} without an entry in its batch"
                )
            });
        }
        for changed in &change.changed_keys {
            found.add(changed.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_key_outside_of_the_batch_is_found() {
        let mut bad = scene::opening();
        let (late, batch): (Vec<_>, Vec<_>) = scene::commit(1)
            .into_iter()
            .partition(|(name, _)| matches!(name, Name::Message(..)));
        bad.push(Feed::Server(batch));
        bad.push(Feed::Server(late));
        scene::assert_judges::<KeyHasOnePlace>(bad.clone(), "its batch remembers None");
        scene::assert_judges::<KeyHasOnePlace>(bad, "without an entry");
    }

    #[test]
    fn a_key_at_two_places_is_found() {
        let mut bad = scene::good();
        let mut again = scene::commit(3);
        for (name, record) in &mut again {
            match (name, record) {
                (_, Some(Record::Entry(entry))) => entry.client_msg_id = Some(scene::key(1)),
                (Name::Message(_, id), _) => *id = [1; 16],
                _ => {}
            }
        }
        bad.push(Feed::Server(again));
        scene::assert_judges::<KeyHasOnePlace>(bad.clone(), "is at Some");
        scene::assert_judges::<KeyHasOnePlace>(bad, "then Outcome");
    }
}
