//! Marks rise, stand on the log, and say what people have read.

use std::collections::BTreeMap;

use eim_codec::id::{ConversationId, UserId};

use super::{Found, Invariant};
use crate::model::{Event, Held, Model, ServerChange};
use crate::observation::{Observation, Process, Question};

/// A mark at the server never falls, counts what the log counts, is not beyond what its user may
/// read, and rises because the user has read or written. In the end the server and all devices of a
/// user know what the user has read anywhere.
#[derive(Debug, Default)]
pub struct MarksAreTrue {
    /// How far somebody began to read.
    begun: BTreeMap<(ConversationId, UserId), u64>,
    /// What a device promised to remember.
    stored: BTreeMap<(ConversationId, UserId), u64>,
}

impl Invariant for MarksAreTrue {
    fn name(&self) -> &'static str {
        "marks-are-true"
    }

    fn requirements(&self) -> &'static [&'static str] {
        &[
            "EIM-MRK-002",
            "EIM-MRK-003",
            "EIM-MRK-007",
            "EIM-MRK-009",
            "EIM-MRK-013",
            "EIM-MRK-014",
            "EIM-MRK-022",
            "EIM-MRK-023",
        ]
    }

    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found) {
        match event {
            Event::Seen(Observation::MarkBegun {
                process,
                conversation,
                through,
            }) => note(&mut self.begun, model, *process, (*conversation, *through)),
            Event::Seen(Observation::MarkStored {
                process,
                conversation,
                through,
            }) => note(&mut self.stored, model, *process, (*conversation, *through)),
            Event::Server(change) => {
                for ((id, user), before, after) in &change.marks {
                    self.moved(model, (*id, *user), (*before, *after), found);
                }
                for (key, set) in &change.flags {
                    flagged(model, change, *key, *set, found);
                }
                for appended in &change.entries {
                    let entry = &appended.entry;
                    let sender = entry.sender.filter(|_| entry.frame_type.0 < 0x40);
                    let Some(sender) = sender else { continue };
                    let mark = model.server.marks.get(&(entry.conversation, sender));
                    found.add_if(mark.is_none_or(|mark| mark.0 < entry.conv_seq), || {
                        let (id, number) = (entry.conversation, entry.conv_seq);
                        format!("{sender} sent {id}/{number} and has read {mark:?}")
                    });
                }
            }
            Event::End if model.sight.quiet => self.at_the_end(model, found),
            _ => {}
        }
    }
}

/// A flag is set because somebody asked for it, and goes because somebody asked, read on or wrote.
fn flagged(
    model: &Model,
    change: &ServerChange,
    key: (ConversationId, UserId),
    set: bool,
    found: &mut Found,
) {
    let (id, user) = key;
    let asked = model.sight.questions.iter().any(|((process, _), (it, _))| {
        let wanted = Question::Flag {
            conversation: id,
            set,
        };
        *it == wanted && model.sight.user_of(process.device) == Some(user)
    });
    let wrote = change.entries.iter().any(|appended| {
        let entry = &appended.entry;
        let message = (0x20..0x40).contains(&entry.frame_type.0);
        message && entry.conversation == id && entry.sender == Some(user)
    });
    let mut moves = change.marks.iter();
    let read = moves.any(|(of, before, after)| *of == key && after.0 > before.0);
    found.add_if(!asked && (set || !wrote && !read), || {
        let word = if set { "set" } else { "cleared" };
        format!("the flag of {user} in {id} was {word} by nobody")
    });
}

/// How far a device knows its user to have read: whoever writes has read.
fn known(held: &Held, key: (ConversationId, UserId)) -> u64 {
    let (id, user) = key;
    let marked = held.read.get(&key).copied().unwrap_or(0);
    let messages = held.messages.range((id, 0)..=(id, u64::MAX)).rev();
    let mut own = messages.filter(|(_, it)| it.sender == Some(user) && it.frame_type.0 < 0x40);
    marked.max(own.next().map_or(0, |((_, number), _)| *number))
}

type Reading = BTreeMap<(ConversationId, UserId), u64>;

fn note(
    reading: &mut Reading,
    model: &Model,
    process: Process,
    (id, through): (ConversationId, u64),
) {
    if let Some(user) = model.sight.user_of(process.device) {
        let most = reading.entry((id, user)).or_default();
        *most = (*most).max(through);
    }
}

impl MarksAreTrue {
    fn moved(
        &self,
        model: &Model,
        key: (ConversationId, UserId),
        (before, after): ((u64, u64, u64), (u64, u64, u64)),
        found: &mut Found,
    ) {
        let (id, user) = key;
        let what =
            |why: &str| format!("marks of {user} in {id}: {before:?}, then {after:?}: {why}");
        let fell = after.0 < before.0 || after.1 < before.1 || after.2 < before.2;
        found.add_if(fell, || what("fell"));
        let Some(conversation) = model.server.conversations.get(&id) else {
            return found.add(what("no such log"));
        };
        let Some((_, last)) = conversation.visible(user) else {
            return found.add(what("never was a member"));
        };
        found.add_if(after.0 > last || after.2 > last, || {
            what("beyond what may be read")
        });
        let entry = conversation.entry(after.0);
        let countable = entry.map_or(0, |entry| entry.countable);
        found.add_if(after.1 != countable, || what("counts something else"));
        found.add_if(after.2 < after.0, || what("read and not delivered"));
        let asked = self.begun.get(&key).copied().unwrap_or(0);
        let sent = entry.is_some_and(|entry| entry.sender == Some(user));
        found.add_if(after.0 > before.0 && after.0 > asked && !sent, || {
            what("nobody has read that")
        });
    }

    fn at_the_end(&self, model: &Model, found: &mut Found) {
        for (key, through) in &self.stored {
            let (id, user) = *key;
            let visible = model.server.conversations.get(&id);
            let Some((_, last)) = visible.and_then(|it| it.visible(user)) else {
                continue;
            };
            let due = (*through).min(last);
            let mark = model.server.marks.get(key).map_or(0, |mark| mark.0);
            found.add_if(mark < due, || {
                format!("{user} has read {id} through {due}, the server knows {mark}")
            });
            for device in model.sight.running() {
                if model.sight.user_of(device) != Some(user) {
                    continue;
                }
                let known = model
                    .devices
                    .get(device)
                    .map_or(0, |held| known(held, *key));
                found.add_if(known < due, || {
                    format!("{user} has read {id} through {due}, {device:?} knows {known}")
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eim_server::store::kv::inspect::{Name, Record};

    use super::*;
    use crate::model::scene::{self, Feed};

    fn mark(read: u64, countable: u64, delivered: u64) -> Feed {
        let record = Record::Mark {
            log_epoch: scene::EPOCH,
            read,
            countable,
            delivered,
            marked_unread: false,
        };
        let name = Name::Mark(scene::user(2), scene::direct());
        Feed::Server(vec![(name, Some(record))])
    }

    fn reads(through: u64) -> [Feed; 2] {
        let (process, conversation) = (scene::process(1), scene::direct());
        [
            Feed::Seen(Observation::MarkBegun {
                process,
                conversation,
                through,
            }),
            Feed::Seen(Observation::MarkStored {
                process,
                conversation,
                through,
            }),
        ]
    }

    #[test]
    fn marks_that_say_something_else_are_found() {
        for (marks, why) in [
            (vec![mark(1, 1, 1), mark(0, 0, 1)], "fell"),
            (vec![mark(1, 0, 1)], "counts something else"),
            (vec![mark(99, 0, 99)], "beyond what may be read"),
            (vec![mark(1, 1, 0)], "read and not delivered"),
        ] {
            let mut bad = scene::good();
            bad.extend(reads(1));
            bad.extend(marks);
            scene::assert_judges::<MarksAreTrue>(bad, why);
        }
        let mut bad = scene::good();
        bad.push(mark(1, 1, 1));
        scene::assert_judges::<MarksAreTrue>(bad, "nobody has read that");
    }

    #[test]
    fn a_flag_that_nobody_set_or_cleared_is_found() {
        let flag = |marked_unread| {
            let record = Record::Mark {
                log_epoch: scene::EPOCH,
                read: 0,
                countable: 0,
                delivered: 0,
                marked_unread,
            };
            let name = Name::Mark(scene::user(2), scene::direct());
            Feed::Server(vec![(name, Some(record))])
        };
        let mut bad = scene::good();
        bad.push(flag(true));
        scene::assert_judges::<MarksAreTrue>(bad, "set by nobody");
        let mut asked = scene::good();
        asked.push(Feed::Seen(Observation::Asked {
            process: scene::process(1),
            step: 3,
            question: Question::Flag {
                conversation: scene::direct(),
                set: true,
            },
        }));
        asked.push(flag(true));
        assert_eq!(scene::judge(MarksAreTrue::default(), asked.clone()), []);
        asked.push(flag(false));
        scene::assert_judges::<MarksAreTrue>(asked, "cleared by nobody");
    }

    #[test]
    fn a_mark_that_is_forgotten_is_found() {
        let mut bad = scene::good();
        bad.extend(reads(1));
        bad.push(Feed::Seen(Observation::Quiet));
        scene::assert_judges::<MarksAreTrue>(bad, "the server knows 0");
    }
}
