//! Every message that was kept ends, in exactly one way.

use eim_codec::id::{ClientMsgId, UserId};

use super::{Found, Invariant};
use crate::model::{Event, Model, Send};
use crate::observation::Ending;

/// At the end no running device has anything in its outbox; every message that was durable there
/// was settled, with its entry in the log if it succeeded; every message of a process that lived on
/// was answered to its application; what was acked is still in the log.
#[derive(Debug, Default)]
pub struct EverySendEnds;

impl Invariant for EverySendEnds {
    fn name(&self) -> &'static str {
        "every-send-ends"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-004",
            "EIM-MSG-037",
            "EIM-MSG-047",
            "EIM-RES-001",
            "EIM-RES-008",
            "EIM-RES-009",
            "EIM-RSM-016",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        if !matches!(event, Event::End) {
            return;
        }
        for ((user, key), send) in &model.sight.sends {
            for sent in &send.acked {
                let entry = model.server.entry((sent.conversation, sent.conv_seq));
                let kept = entry.is_some_and(|entry| {
                    entry.client_msg_id == Some(*key) && entry.sender == Some(*user)
                });
                found.add_if(!kept, || {
                    format!("{key} of {user} was acked at {sent:?}; the log has {entry:?}")
                });
            }
            if model.sight.quiet && model.sight.running().contains(&send.process.device) {
                ended(model, (*user, *key), send, found);
            }
        }
    }
}

fn ended(model: &Model, id: (UserId, ClientMsgId), send: &Send, found: &mut Found) {
    let (user, key) = id;
    let Some(held) = model.devices.get(send.process.device) else {
        return;
    };
    let position = held.positions.get(&key);
    found.add_if(send.stored && position.is_none(), || {
        format!("{key} of {user} was said to be in the outbox and never was")
    });
    let Some(position) = position else {
        return;
    };
    let waits = held.outbox.contains_key(position);
    found.add_if(waits, || {
        format!("{key} of {user} is still in the outbox: {send:?}")
    });
    let ends = held.settled.get(&key).map_or(&[][..], Vec::as_slice);
    found.add_if(!waits && ends.is_empty(), || {
        format!("{key} of {user} left the outbox without a result")
    });
    let places = model.server.places.get(&id);
    found.add_if(ends.iter().any(Option::is_some) && places.is_none(), || {
        format!("{key} of {user} was settled as a success and is in no log")
    });
    found.add_if(ends == [None] && places.is_some(), || {
        format!("{key} of {user} was settled as refused and is at {places:?}")
    });
    let program = model.sight.program(send.process);
    let told = !send.acked.is_empty() || !send.refused.is_empty();
    let lives = program.is_some_and(|program| {
        matches!(program.ended, None | Some(Ending::Orderly)) && !program.send_only
    });
    let orderly = program.is_some_and(|program| program.ended.is_some());
    found.add_if(lives && !told && !orderly, || {
        format!("{key} of {user} ended and its application was not told: {send:?}")
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};
    use crate::observation::Observation;

    #[test]
    fn a_message_that_stays_in_the_outbox_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<EverySendEnds>(bad, "still in the outbox");
    }

    #[test]
    fn an_ack_that_the_log_does_not_keep_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(scene::acked(1));
        scene::assert_judges::<EverySendEnds>(bad, "the log has None");
    }

    #[test]
    fn a_settled_message_that_the_application_never_hears_of_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(Feed::Server(scene::commit(1)));
        bad.push(scene::settle(1));
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<EverySendEnds>(bad, "was not told");
    }

    #[test]
    fn a_message_that_is_settled_as_a_success_without_an_entry_is_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(1));
        bad.push(scene::settle(1));
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<EverySendEnds>(bad, "in no log");
    }
}
