//! Messages keep the order in which they were sent, whatever fails in between.

use std::collections::BTreeMap;

use eim_codec::id::{ClientMsgId, ConversationId, UserId};

use super::{Found, Invariant};
use crate::model::{Event, Model, Send};
use crate::plan::DeviceNumber;

/// Messages from one outbox to one conversation have ascending numbers in the order in which they
/// were begun, by one program after the other.
#[derive(Debug, Default)]
pub struct OutboxOrderHolds {
    /// The newest entry of each outbox in each conversation.
    newest: BTreeMap<(Outbox, ConversationId), (u64, u64)>,
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
        found.add_if(newest.0 > send.order, || {
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
}
