//! Nobody gets what it may not read.

use super::{Found, Invariant};
use crate::model::{Event, Model};

/// A device stores only entries that its user may read, now or at some time before.
#[derive(Debug, Default)]
pub struct NobodyPeeks;

impl Invariant for NobodyPeeks {
    fn name(&self) -> &'static str {
        "nobody-peeks"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-TML-003",
            "EIM-TML-004",
            "EIM-SYN-035",
            "EIM-SYN-042",
            "EIM-SYN-045",
            "EIM-GRP-028",
            "EIM-GRP-029",
            "EIM-GRP-030",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Device(device, change) = event else {
            return;
        };
        let Some(user) = model.sight.user_of(*device) else {
            return;
        };
        for message in &change.stored {
            let (id, number) = (message.conversation, message.conv_seq);
            // What is in no log is the business of another invariant.
            let Some(conversation) = model.server.conversations.get(&id) else {
                continue;
            };
            found.add_if(!conversation.may_hold(user, number), || {
                let spans = conversation.spans.get(&user);
                format!("{device:?} of {user} got {id}/{number}; it may read {spans:?}")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scene;

    #[test]
    fn an_entry_from_before_the_member_was_added_is_found() {
        let mut bad = scene::good();
        let mut message = scene::message(1);
        message.conversation = scene::GROUP.into();
        bad.push(scene::arrive(1, vec![message], 3));
        scene::assert_judges::<NobodyPeeks>(bad, "it may read Some([(2, None)])");
    }
}
