//! The run as a history: what the drivers of a real deployment would have written, for the same
//! checker.

use eim_client::store::{Message, Target};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::ErrorCode;
use eim_conformance::history::{
    Ack, Deliver, Entry, Event, Fail, Fault, Op, Read, ReadMark, Send, Start, Unread,
};
use sha2::{Digest as _, Sha256};

use super::Model;
use crate::observation::{Ending, Observation, Process};

/// Writes the history of a run down while it goes on.
#[derive(Debug, Default)]
pub struct History {
    events: Vec<Event>,
}

impl History {
    /// Takes down an observation that `model` has taken over.
    #[expect(clippy::too_many_lines, reason = "one arm an observation")]
    pub fn see(&mut self, model: &Model, observation: &Observation) {
        let (process, op) = match observation {
            Observation::DeviceStarted {
                process,
                device,
                user,
                ..
            } => {
                let start = Start {
                    user: user.to_string(),
                    device: device.to_string(),
                    outbox: model
                        .sight
                        .program(*process)
                        .map(|program| format!("{device}-{}", program.outbox)),
                };
                (*process, Op::Start(start))
            }
            Observation::DeviceEnded { process, how } => match how {
                Ending::Orderly | Ending::Over(_) => (*process, Op::End),
                Ending::Crash | Ending::StoreFailed(_) => (*process, Op::Crash),
            },
            Observation::SendBegun {
                process,
                key,
                target,
                frame_type,
                sha256,
                ..
            } => {
                let (conversation, to_user) = match target {
                    Target::Conversation(id) => (Some(id.to_string()), None),
                    Target::User(user) => (None, Some(user.to_string())),
                };
                let send = Send {
                    key: key.to_string(),
                    conversation,
                    to_user,
                    frame_type: frame_type.0,
                    sha256: hex(sha256),
                };
                (*process, Op::Send(send))
            }
            Observation::Acked { process, sent } => {
                let ack = Ack {
                    key: sent.client_msg_id.to_string(),
                    conversation: sent.conversation.to_string(),
                    log_epoch: sent.log_epoch,
                    conv_seq: sent.conv_seq,
                };
                (*process, Op::Ack(ack))
            }
            Observation::Refused { process, key, code } => {
                let fail = Fail {
                    key: key.to_string(),
                    code: name(*code),
                };
                (*process, Op::Fail(fail))
            }
            Observation::Delivered { process, message } => {
                // What a timeline has of a large group are single entries.
                let conversation = model.server.conversations.get(&message.conversation);
                let mode = conversation.and_then(|conversation| conversation.mode);
                let large = mode.is_some_and(|mode| message.conv_seq > mode);
                let deliver = Deliver {
                    conversation: message.conversation.to_string(),
                    entry: entry(message),
                    // Two programs of a device show what they store side by side.
                    past: message.user_seq == 0 || large || model.sight.had_two(process.device),
                };
                (*process, Op::Deliver(deliver))
            }
            Observation::MarkStored {
                process,
                conversation,
                through,
            } => {
                let mark = ReadMark {
                    conversation: conversation.to_string(),
                    log_epoch: model.server.log_epoch,
                    read: *through,
                };
                (*process, Op::Mark(mark))
            }
            Observation::Fault(fault) => {
                let fault = Fault {
                    kind: "fault".to_owned(),
                    detail: format!("{fault:?}"),
                    for_us: None,
                };
                self.push(model, "world".to_owned(), Op::Fault(fault));
                return;
            }
            _ => return,
        };
        self.push(model, word(process), op);
    }

    fn push(&mut self, model: &Model, process: String, op: Op) {
        self.events.push(Event {
            at_us: u64::try_from(model.now.as_micros()).unwrap_or(u64::MAX),
            process,
            op,
        });
    }

    /// All events, and at their end what each running device holds.
    #[must_use]
    pub fn with_readings(&self, model: &Model) -> Vec<Event> {
        let mut all = Self {
            events: self.events.clone(),
        };
        for (process, program) in &model.sight.processes {
            if program.ended.is_some() || program.send_only {
                continue;
            }
            let Some(held) = model.devices.get(process.device) else {
                continue;
            };
            for (id, conversation) in &model.server.conversations {
                let Some((from, through)) = conversation.visible(program.user) else {
                    continue;
                };
                let member = conversation.members.contains_key(&program.user);
                let entries = held
                    .messages
                    .range((*id, from)..=(*id, through))
                    .map(|(_, message)| entry(message));
                let read = Read {
                    conversation: ConversationId::to_string(id),
                    from,
                    through,
                    complete: model.sight.quiet,
                    more: false,
                    visible_through: (!member).then_some(through),
                    entries: entries.collect(),
                };
                all.push(model, word(*process), Op::Read(read));
                if member && model.sight.quiet {
                    let told = unread(model, *id, program.user, from);
                    all.push(model, word(*process), Op::Unread(told));
                }
            }
        }
        all.events
    }
}

/// What the server would say now, by the numbers that it keeps.
fn unread(model: &Model, id: ConversationId, user: UserId, from: u64) -> Unread {
    let conversation = model.server.conversations.get(&id);
    let through = |number| {
        let entry = conversation.and_then(|it| it.entry(number));
        entry.map_or(0, |entry| entry.countable)
    };
    let head = conversation.map_or(0, |it| it.head());
    let mark = model.server.marks.get(&(id, user)).copied();
    let (read, countable, _) = mark.unwrap_or_default();
    Unread {
        conversation: id.to_string(),
        log_epoch: model.server.log_epoch,
        from,
        read,
        unread: through(head).saturating_sub(countable.max(through(from.saturating_sub(1)))),
    }
}

fn word(process: Process) -> String {
    format!("device-{}-{}", process.device.0, process.incarnation)
}

fn name(code: ErrorCode) -> String {
    code.to_string()
}

fn entry(message: &Message) -> Entry {
    Entry {
        log_epoch: message.log_epoch,
        conv_seq: message.conv_seq,
        key: message.client_msg_id.map(|key| key.to_string()),
        sender: message.sender.map(|user| user.to_string()),
        sender_device: message.sender_device.map(|device| device.to_string()),
        frame_type: message.frame_type.0,
        sha256: hex(&Sha256::digest(&message.body)),
        tombstone: message.tombstone,
    }
}

fn hex(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string does not fail.
        _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariant::Judge;
    use crate::model::scene;

    #[test]
    fn a_run_becomes_a_history_with_readings() {
        let mut judge = Judge::new();
        assert_eq!(scene::run(&mut judge, scene::good()), []);
        let events = judge.history();
        let count = |of: fn(&Op) -> bool| events.iter().filter(|event| of(&event.op)).count();
        assert_eq!(count(|op| matches!(op, Op::Start(_))), 2);
        assert_eq!(count(|op| matches!(op, Op::Send(_))), 2);
        assert_eq!(count(|op| matches!(op, Op::Ack(_))), 2);
        assert_eq!(count(|op| matches!(op, Op::Deliver(_))), 4);
        let complete = |op: &Op| matches!(op, Op::Read(read) if read.complete && read.entries.len() as u64 == read.through - read.from + 1);
        assert_eq!(count(complete), 4, "two devices, two conversations");
    }
}
