//! Nothing is in a log that nobody sent.
//!
//! An EDIT that was erased in its own batch has no body to compare.

use sha2::{Digest as _, Sha256};

use super::{Found, Invariant};
use crate::model::{Event, Model};

/// Each message in a log was begun by an application of that user on that device, for that
/// conversation, with that type and body.
#[derive(Debug, Default)]
pub struct NobodyInvents;

impl Invariant for NobodyInvents {
    fn name(&self) -> &'static str {
        "nobody-invents"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-007",
            "EIM-MSG-020",
            "EIM-MSG-040",
            "EIM-MSG-045",
            "EIM-RSM-015",
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
                found.add(format!("nobody sent {entry:?}"));
                continue;
            };
            let program = model.sight.program(send.process);
            let device = program.map(|program| program.device);
            let sha256: [u8; 32] = Sha256::digest(&entry.body).into();
            let differs = [
                ("device", entry.sender_device == device),
                ("conversation", entry.conversation == send.conversation),
                ("type", entry.frame_type == send.frame_type),
                ("body", entry.tombstone || sha256 == send.sha256),
            ];
            for (what, same) in differs {
                found.add_if(!same, || format!("another {what}: {entry:?} of {send:?}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::Record;

    use super::*;
    use crate::model::scene::{self, Feed};

    #[test]
    fn a_message_that_nobody_sent_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Server(scene::commit(1)));
        scene::assert_judges::<NobodyInvents>(bad, "nobody sent");
    }

    #[test]
    fn another_body_or_device_is_found() {
        let with = |change: fn(&mut eim_server::store::Entry)| {
            let mut bad = scene::opening();
            bad.extend(scene::begin(1));
            let mut batch = scene::commit(1);
            for (_, record) in &mut batch {
                if let Some(Record::Entry(entry)) = record {
                    change(entry);
                }
            }
            bad.push(Feed::Server(batch));
            bad
        };
        let bad = with(|entry| entry.body = scene::body(4));
        scene::assert_judges::<NobodyInvents>(bad, "another body");
        let bad = with(|entry| entry.sender_device = Some(scene::device_id(1)));
        scene::assert_judges::<NobodyInvents>(bad, "another device");
    }
}
