//! Logs grow by one and never change, but for what is taken back.

use eim_codec::registry::FrameType;
use eim_server::store::Entry;

use super::{Found, Invariant};
use crate::model::{Event, Model, ServerChange};

/// Each log is numbered 1, 2, 3 …, its times do not fall, `countable` counts its messages, and no
/// durable entry changes or goes. A RECALL erases its message and the EDITs of it, in its own
/// batch; nothing else is ever erased.
#[derive(Debug, Default)]
pub struct LogHasNoGaps;

impl Invariant for LogHasNoGaps {
    fn name(&self) -> &'static str {
        "log-has-no-gaps"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MSG-015",
            "EIM-MSG-016",
            "EIM-MSG-018",
            "EIM-MSG-019",
            "EIM-TML-012",
            "EIM-OPS-017",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        let Event::Server(change) = event else {
            return;
        };
        for appended in &change.entries {
            let (entry, before) = (&appended.entry, appended.before.as_deref());
            found.add_if(entry.conv_seq != appended.due, || {
                let due = appended.due;
                format!(
                    "{}: {} where {due} is due",
                    entry.conversation, entry.conv_seq
                )
            });
            let time = before.map_or(0, |before| before.time_ms);
            found.add_if(entry.time_ms < time, || {
                format!("{entry:?} is older than the one before it, of {time}")
            });
            let message = (0x20..0x40).contains(&entry.frame_type.0);
            let due = before.map_or(0, |before| before.countable) + u64::from(message);
            found.add_if(entry.countable != due, || {
                format!("{entry:?}: countable {due} is due")
            });
        }
        for (before, after) in &change.rewritten {
            let conversation = model.server.conversations.get(&before.conversation);
            let recalled = conversation.is_some_and(|it| it.recall_of(before).is_some());
            found.add_if(!recalled || **after != erased(before), || {
                format!("{before:?} became {after:?}")
            });
        }
        for place in &change.removed {
            found.add(format!("{place:?} was removed"));
        }
        unseen(change, found);
    }
}

/// The entry without what its sender took back.
fn erased(entry: &Entry) -> Entry {
    Entry {
        body: bytes::Bytes::new(),
        fallback_text: String::new(),
        tombstone: true,
        ..entry.clone()
    }
}

/// What nobody ever saw was taken back in the batch that brought it.
fn unseen(change: &ServerChange, found: &mut Found) {
    for appended in change.entries.iter().filter(|it| it.effect.unseen) {
        let recalled = change.entries.iter().any(|other| {
            other.entry.frame_type == FrameType::RECALL
                && other.entry.conversation == appended.entry.conversation
                && other.entry.conv_seq > appended.entry.conv_seq
        });
        found.add_if(!recalled, || {
            format!("{:?} was erased by nobody", appended.entry)
        });
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    fn second(change: impl Fn(&mut Entry)) -> Vec<Feed> {
        let mut feeds = scene::opening();
        feeds.extend(scene::sent(1));
        let mut batch = scene::commit(2);
        for (_, record) in &mut batch {
            if let Some(Record::Entry(entry)) = record {
                change(entry);
            }
        }
        feeds.push(Feed::Server(batch));
        feeds
    }

    #[test]
    fn a_gap_is_found() {
        let mut bad = scene::opening();
        bad.push(Feed::Server(scene::commit(2)));
        scene::assert_judges::<LogHasNoGaps>(bad, "2 where 1 is due");
    }

    #[test]
    fn a_time_that_falls_and_a_wrong_count_are_found() {
        let bad = second(|entry| entry.time_ms = 999);
        scene::assert_judges::<LogHasNoGaps>(bad, "is older");
        let bad = second(|entry| entry.countable = 7);
        scene::assert_judges::<LogHasNoGaps>(bad, "countable 2 is due");
    }

    #[test]
    fn an_entry_that_changes_or_goes_is_found() {
        let mut bad = scene::good();
        let mut entry = scene::entry(1);
        entry.body = scene::body(9);
        let name = Name::Entry(scene::direct(), 1);
        let again = Some(Record::Entry(Box::new(entry)));
        bad.push(Feed::Server(vec![(name, again)]));
        scene::assert_judges::<LogHasNoGaps>(bad, "became");
        let mut bad = scene::good();
        bad.push(Feed::Server(vec![(name, None)]));
        scene::assert_judges::<LogHasNoGaps>(bad, "was removed");
    }

    #[test]
    fn what_is_taken_back_is_erased_and_nothing_else() {
        let mut good = scene::good();
        good.push(Feed::Server(scene::recall(3, 1)));
        assert_eq!(scene::judge(LogHasNoGaps, good.clone()), []);
        let mut bad = good;
        bad.push(Feed::Server(scene::erasure(2)));
        scene::assert_judges::<LogHasNoGaps>(bad, "became");
    }
}
