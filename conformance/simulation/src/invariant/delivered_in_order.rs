//! Each message is shown once, in the order of the timeline.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::ConversationId;

use super::{Found, Invariant};
use crate::model::{Event, Model};
use crate::observation::{Observation, Process};
use crate::plan::DeviceNumber;

/// A device shows each entry once over all its programs, and a program shows those of its timeline
/// in ascending order.
#[derive(Debug, Default)]
pub struct DeliveredInOrder {
    shown: BTreeSet<(DeviceNumber, ConversationId, u64, u64)>,
    last: BTreeMap<(Process, u64), u64>,
}

impl Invariant for DeliveredInOrder {
    fn name(&self) -> &'static str {
        "delivered-in-order"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-058",
            "EIM-MSG-062",
            "EIM-MSG-063",
            "EIM-SYN-011",
            "EIM-SYN-020",
            "EIM-SYN-049",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Seen(Observation::Delivered { process, message }) = event else {
            return;
        };
        let device = process.device;
        let (conversation, epoch) = (message.conversation, message.log_epoch);
        let new = self
            .shown
            .insert((device, conversation, epoch, message.conv_seq));
        found.add_if(!new, || {
            format!(
                "{process:?} was shown {conversation}/{} twice",
                message.conv_seq
            )
        });
        if message.user_seq == 0 {
            return;
        }
        // The timeline has one epoch, whatever the epochs of its entries.
        let held = model.devices.get(device).map(|held| held.cursor);
        let last = self
            .last
            .entry((*process, held.unwrap_or_default().log_epoch))
            .or_insert(0);
        found.add_if(message.user_seq <= *last, || {
            format!("{process:?} was shown {} after {last}", message.user_seq)
        });
        *last = message.user_seq;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene;

    #[test]
    fn a_message_that_is_shown_twice_is_found() {
        let mut bad = scene::good();
        bad.push(scene::delivered(1, scene::message(2)));
        scene::assert_judges::<DeliveredInOrder>(bad, "twice");
    }

    #[test]
    fn messages_that_are_shown_in_another_order_are_found() {
        let mut bad = scene::opening();
        bad.push(scene::delivered(1, scene::message(2)));
        bad.push(scene::delivered(1, scene::message(1)));
        scene::assert_judges::<DeliveredInOrder>(bad, "was shown 1 after 2");
    }
}
