//! Messages keep the order in which they were sent, whatever fails in between.

use std::collections::BTreeMap;

use eim_codec::id::{ClientMsgId, ConversationId, UserId};
use eim_codec::registry::ErrorCode;

use super::{Found, Invariant};
use crate::model::{Event, Model, Send};
use crate::observation::{Observation, Process};
use crate::plan::DeviceNumber;

/// Messages from one outbox to one conversation have ascending numbers in the order in which they
/// were begun, by one program after the other.
#[derive(Debug, Default)]
pub struct OutboxOrderHolds {
    /// The newest entry of each outbox in each conversation.
    newest: BTreeMap<(Outbox, ConversationId), (u64, u64)>,
    /// The newest message that was begun when the outbox heard last that one may not send there.
    /// The same may have been said of those until then, and the result was lost with its session:
    /// they are sent again (chapter 40, "Order after an error").
    forbidden: BTreeMap<(Outbox, ConversationId), u64>,
}

/// A device, and the program that began the outbox.
type Outbox = (DeviceNumber, u32);

impl Invariant for OutboxOrderHolds {
    fn name(&self) -> &'static str {
        "outbox-order-holds"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-017",
            "EIM-MSG-051",
            "EIM-MSG-052",
            "EIM-MSG-054",
            "EIM-MSG-055",
            "EIM-RSM-014",
            "EIM-RSM-025",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        if let Event::Seen(Observation::Refused { process, key, code }) = event {
            self.refused(model, *process, *key, *code);
        }
        let Event::Server(change) = event else {
            return;
        };
        for appended in &change.entries {
            let entry = &appended.entry;
            let (Some(user), Some(key)) = (entry.sender, entry.client_msg_id) else {
                continue;
            };
            let Some(send) = model.sight.sends.get(&(user, key)) else {
                continue;
            };
            let program = model.sight.program(send.process);
            if let (Some(program), false) = (program, requeued(model, send, key)) {
                let outbox = (send.process.device, program.outbox);
                self.appended((user, key), (outbox, send), entry.conv_seq, found);
            }
        }
    }
}

/// What a new epoch took away is sent again behind what was sent since.
fn requeued(model: &Model, send: &Send, key: ClientMsgId) -> bool {
    let held = model.devices.get(send.process.device);
    held.is_some_and(|held| held.requeued.contains(&key))
}

impl OutboxOrderHolds {
    fn refused(&mut self, model: &Model, process: Process, key: ClientMsgId, code: ErrorCode) {
        let passes = [ErrorCode::FORBIDDEN, ErrorCode::NOT_FOUND];
        let Some(program) = model.sight.program(process) else {
            return;
        };
        let Some(send) = model.sight.sends.get(&(program.user, key)) else {
            return;
        };
        if passes.contains(&code) {
            let place = ((process.device, program.outbox), send.conversation);
            self.forbidden.insert(place, model.sight.begun());
        }
    }

    fn appended(
        &mut self,
        (user, key): (UserId, ClientMsgId),
        (outbox, send): (Outbox, &Send),
        conv_seq: u64,
        found: &mut Found,
    ) {
        let newest = self
            .newest
            .entry((outbox, send.conversation))
            .or_insert((0, 0));
        let place = (outbox, send.conversation);
        let forbidden = self.forbidden.get(&place).copied().unwrap_or(0);
        found.add_if(newest.0 > send.order && send.order > forbidden, || {
            format!(
                "{key} of {user} is number {conv_seq} of {}; a message that began later in {outbox:?} is {}",
                send.conversation, newest.1
            )
        });
        if newest.0 < send.order {
            *newest = (send.order, conv_seq);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn messages_that_overtake_each_other_are_found() {
        let mut bad = scene::opening();
        bad.extend(scene::begin(2));
        bad.extend(scene::begin(1));
        bad.push(Feed::Server(scene::commit(1)));
        bad.push(Feed::Server(scene::commit(2)));
        scene::assert_judges::<OutboxOrderHolds>(bad, "that began later");
    }

    #[test]
    fn what_was_begun_before_a_refusal_may_come_late() {
        let feed = |code| {
            let mut feed = scene::opening();
            for number in [3, 2, 1] {
                feed.extend(scene::begin(number));
            }
            feed.push(Feed::Seen(Observation::Refused {
                process: scene::process(0),
                key: scene::key(3),
                code,
            }));
            feed.push(Feed::Server(scene::commit(1)));
            feed.push(Feed::Server(scene::commit(2)));
            feed
        };
        let found = |code| scene::judge(OutboxOrderHolds::default(), feed(code)).len();
        assert_eq!(found(ErrorCode::FORBIDDEN), 0);
        assert_eq!(found(ErrorCode::INVALID_MESSAGE), 1);
    }
}
