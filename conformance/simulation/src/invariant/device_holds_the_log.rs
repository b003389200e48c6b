//! What a device stores is what the log says.

use std::collections::BTreeMap;

use eim_client::store::Message;

use super::{Found, Invariant};
use crate::model::device::same_entry;
use crate::model::{Event, Model};
use crate::observation::Observation;
use crate::plan::DeviceNumber;

/// Each entry that a device stores is durable at the server and the same in every field; at the
/// end no body is missing, and the store itself gives what was stored.
#[derive(Debug, Default)]
pub struct DeviceHoldsTheLog;

impl Invariant for DeviceHoldsTheLog {
    fn name(&self) -> &'static str {
        "device-holds-the-log"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-002",
            "EIM-MSG-016",
            "EIM-MSG-020",
            "EIM-MSG-023",
            "EIM-MSG-057",
            "EIM-MSG-059",
            "EIM-MSG-060",
            "EIM-SYN-017",
            "EIM-SYN-044",
            "EIM-OPS-018",
            "EIM-OPS-020",
            "EIM-OPS-021",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Device(device, change) => {
                for message in &change.stored {
                    let place = (message.conversation, message.conv_seq);
                    let Some(mut entry) = model.server.entry(place) else {
                        // Of an epoch that lost it; it goes when the device learns of the new one.
                        found.add_if(message.log_epoch >= model.server.log_epoch, || {
                            format!("{device:?} stored {place:?}, which is not in the log")
                        });
                        continue;
                    };
                    // On its way when it was taken back: the RECALL follows.
                    if entry.tombstone && !message.tombstone {
                        entry = model.server.original(place).unwrap_or(entry);
                    }
                    let echo = message.body.is_empty()
                        && message.sender_device == model.sight.id_of(*device);
                    let differs =
                        same_entry(message, entry).filter(|what| !(echo && *what == "body"));
                    found.add_if(differs.is_some(), || {
                        format!("{device:?} stored {message:?}; {differs:?} is not of {entry:?}")
                    });
                }
            }
            Event::Seen(Observation::Stored { device, messages }) => {
                let held = model.devices.get(*device);
                let due = held.iter().flat_map(|held| held.messages.iter());
                let due: BTreeMap<_, _> = due.map(|(at, it)| (*at, content(it))).collect();
                let stored = messages.iter();
                let stored: BTreeMap<_, _> = stored
                    .map(|it| ((it.conversation, it.conv_seq), content(it)))
                    .collect();
                for place in due.keys().chain(stored.keys()) {
                    let (due, is) = (due.get(place), stored.get(place));
                    found.add_if(due != is, || {
                        format!("{device:?} was to store {due:?} at {place:?}, and has {is:?}")
                    });
                }
            }
            Event::End if model.sight.quiet => {
                let running = model.sight.running();
                for device in running {
                    let Some(held) = model.devices.get(device) else {
                        continue;
                    };
                    for (place, message) in &held.messages {
                        let entry = model.server.entry(*place);
                        let differs = match entry {
                            Some(_) if unheard(model, device, message) => None,
                            Some(entry) => same_entry(message, entry),
                            None => Some("everything"),
                        };
                        found.add_if(differs.is_some(), || {
                            format!("{device:?} holds {message:?}; {differs:?} is not of {entry:?}")
                        });
                    }
                }
            }
            _ => {}
        }
    }
}

/// What must be the same in the store of a device as in the model of it.
fn content(message: &Message) -> (u64, &bytes::Bytes, &str, bool) {
    let Message {
        log_epoch,
        body,
        fallback_text,
        tombstone,
        ..
    } = message;
    (*log_epoch, body, fallback_text, *tombstone)
}

/// Whether the message was taken back while the user of the device was no member, who does not
/// hear of it: what it was then is still there.
fn unheard(model: &Model, device: DeviceNumber, message: &Message) -> bool {
    let place = (message.conversation, message.conv_seq);
    let original = model.server.original(place);
    let conversation = model.server.conversations.get(&message.conversation);
    let (Some(conversation), Some(original)) = (conversation, original) else {
        return false;
    };
    let user = model.sight.user_of(device);
    let recall = conversation.recall_of(original);
    let hears = recall
        .zip(user)
        .is_none_or(|(recall, user)| conversation.may_hold(user, recall));
    !hears && same_entry(message, original).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    fn stored(message: Message) -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.extend(scene::begin(1));
        feeds.push(Feed::Server(scene::commit(1)));
        feeds.push(scene::arrive(1, vec![message], 1));
        feeds
    }

    #[test]
    fn another_body_is_found() {
        let mut message = scene::message(1);
        message.body = scene::body(9);
        scene::assert_judges::<DeviceHoldsTheLog>(stored(message), "body");
    }

    #[test]
    fn another_sender_is_found() {
        let mut message = scene::message(1);
        message.sender = Some(scene::user(3));
        scene::assert_judges::<DeviceHoldsTheLog>(stored(message), "sender");
    }

    #[test]
    fn an_entry_that_is_not_in_the_log_is_found() {
        let mut bad = scene::good();
        bad.push(scene::arrive(1, vec![scene::message(3)], 3));
        scene::assert_judges::<DeviceHoldsTheLog>(bad, "not in the log");
    }

    #[test]
    fn a_body_that_is_missing_at_the_end_is_found() {
        let mut message = scene::message(1);
        message.body = bytes::Bytes::new();
        let mut bad = scene::opening();
        bad.push(Feed::Server(scene::commit(1)));
        bad.push(scene::arrive(0, vec![message], 1));
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<DeviceHoldsTheLog>(bad, "holds");
    }

    #[test]
    fn a_store_that_gives_something_else_is_found() {
        let stored = |messages: Vec<Message>| {
            let mut feeds = scene::opening();
            feeds.extend(scene::sent(1));
            feeds.push(Feed::Seen(Observation::Stored {
                device: DeviceNumber(1),
                messages,
            }));
            feeds
        };
        let good = stored(vec![scene::message(1)]);
        assert_eq!(scene::judge(DeviceHoldsTheLog, good), []);
        let mut erased = scene::message(1);
        erased.tombstone = true;
        for bad in [
            vec![],
            vec![erased],
            vec![scene::message(1), scene::message(2)],
        ] {
            scene::assert_judges::<DeviceHoldsTheLog>(stored(bad), "was to store");
        }
    }
}
