//! Nobody hears of an entry before it is durable.

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::Observation;

/// When the server hears from its store of a commit, and when an application is shown a message,
/// the entry is durable as it was shown.
#[derive(Debug, Default)]
pub struct AnnouncedIsDurable;

impl Invariant for AnnouncedIsDurable {
    fn name(&self) -> &'static str {
        "announced-is-durable"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &["EIM-MSG-002", "EIM-TML-009", "EIM-GRP-002"]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::Committed { entry, recipients }) => {
                let place = (entry.conversation, entry.conv_seq);
                let durable = model.server.entry(place);
                found.add_if(durable != Some(entry), || {
                    format!("the hub was told {entry:?}; durable is {durable:?}")
                });
                for (user, user_seq) in recipients.iter() {
                    let timeline = model.server.timelines.get(user);
                    let there = timeline.and_then(|timeline| timeline.get(user_seq));
                    found.add_if(there != Some(&place), || {
                        format!("the hub was told {user_seq} of {user}; durable is {there:?}")
                    });
                }
            }
            Event::Seen(Observation::Delivered { process, message }) => {
                let place = (message.conversation, message.conv_seq);
                let durable = model.server.entry(place);
                let stale = message.log_epoch < model.server.log_epoch;
                let same = durable.is_some_and(|entry| {
                    entry.client_msg_id == message.client_msg_id && entry.sender == message.sender
                });
                found.add_if(!same && !stale, || {
                    format!("{process:?} was shown {message:?}; durable is {durable:?}")
                });
                let held = model.devices.get(process.device);
                let stored = held.is_some_and(|held| held.messages.contains_key(&place));
                found.add_if(!stored, || {
                    format!("{process:?} was shown {place:?}, which its device has not stored")
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_push_before_the_commit_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Seen(Observation::Committed {
            entry: scene::entry(1).into(),
            recipients: [(scene::user(1), 1)].into(),
        }));
        scene::assert_judges::<AnnouncedIsDurable>(bad, "the hub was told");
    }

    #[test]
    fn a_message_that_is_shown_before_it_is_stored_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(Feed::Server(scene::commit(1)));
        bad.push(scene::delivered(1, scene::message(1)));
        scene::assert_judges::<AnnouncedIsDurable>(bad, "has not stored");
    }
}
