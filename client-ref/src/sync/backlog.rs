//! What snapshots left to be read, conversation by conversation. No IO.
//!
//! After TOO_OLD the cursor jumps to the snapshot; the entries in between are read with HISTORY.
//! Holes are filled upwards. After a change of the epoch the newest entries come first, downwards
//! until one is met that is stored already: below it the log is the one this device knows.

use std::collections::VecDeque;

use eim_codec::id::ConversationId;

use crate::store::{Backlog, ConversationRecord};

/// The conversations that are behind; one is looked into at a time.
#[derive(Debug, Default)]
pub(crate) struct Backlogs {
    waiting: VecDeque<Task>,
    current: Option<Task>,
    under_way: bool,
}

/// One conversation that is behind.
#[derive(Clone, Debug)]
struct Task {
    conversation: ConversationId,
    first: u64,
    last: u64,
    stage: Stage,
    /// Read downwards as long as there is one hole only, a page of each conversation in turn.
    newest_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Downwards from here until something known.
    Down(u64),
    /// Holes, upwards.
    Fill,
}

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// HISTORY of the range, newest first.
    Down {
        conversation: ConversationId,
        first: u64,
        last: u64,
    },
    /// Ask the store for the first hole in the range, then HISTORY of it.
    Hole {
        conversation: ConversationId,
        first: u64,
        last: u64,
    },
}

impl Backlogs {
    /// Adds a conversation that is behind; what is known of it already is replaced.
    pub(crate) fn add(&mut self, record: &ConversationRecord) {
        self.put(record, record.visible_from, false);
    }

    /// The same where nothing below `first` is missing.
    pub(crate) fn add_from(&mut self, record: &ConversationRecord, first: u64) {
        self.put(record, first, false);
    }

    /// As [`add`](Self::add), for a device that begins with the newest entries.
    pub(crate) fn add_newest_first(&mut self, record: &ConversationRecord) {
        self.put(record, record.visible_from, true);
    }

    fn put(&mut self, record: &ConversationRecord, first: u64, newest_first: bool) {
        let last = if record.visible_through == 0 {
            record.conv_seq
        } else {
            record.visible_through.min(record.conv_seq)
        };
        let stage = match record.backlog {
            Backlog::None => return,
            Backlog::Holes => Stage::Fill,
            Backlog::Replaced => Stage::Down(last),
        };
        let task = Task {
            conversation: record.conversation,
            first: first.max(1),
            last,
            stage,
            newest_first,
        };
        self.waiting
            .retain(|waiting| waiting.conversation != record.conversation);
        self.waiting.push_back(task);
    }

    /// The connection is gone; what was under way begins again.
    pub(crate) const fn disconnected(&mut self) {
        self.under_way = false;
    }

    /// Whether nothing is behind.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.current.is_none()
    }

    /// The next step, unless one is under way.
    pub(crate) fn next(&mut self) -> Option<Look> {
        if self.under_way {
            return None;
        }
        if self.current.is_none() {
            self.current = self.waiting.pop_front();
        }
        let task = self.current.as_ref()?;
        self.under_way = true;
        let Task {
            conversation,
            first,
            last,
            stage,
            ..
        } = *task;
        Some(match stage {
            Stage::Down(from) => Look::Down {
                conversation,
                first,
                last: from,
            },
            Stage::Fill => Look::Hole {
                conversation,
                first,
                last,
            },
        })
    }

    /// A page of a downward look was stored: `lowest` is the lowest number it answered, `met`
    /// whether something known was in it.
    pub(crate) fn went_down(&mut self, lowest: u64, met: bool) {
        self.under_way = false;
        if let Some(task) = &mut self.current {
            task.stage = match task.stage {
                Stage::Down(from) if !met && lowest > task.first && lowest <= from => {
                    Stage::Down(lowest - 1)
                }
                _ => Stage::Fill,
            };
        }
    }

    /// Numbers through `through` are stored or will never be.
    pub(crate) fn filled(&mut self, through: u64) {
        self.under_way = false;
        if let Some(task) = &mut self.current {
            task.first = task.first.max(through.saturating_add(1));
        }
    }

    /// Whether the conversation under way is read newest first.
    pub(crate) fn is_newest_first(&self) -> bool {
        self.current.as_ref().is_some_and(|task| task.newest_first)
    }

    /// Numbers from `lowest` on are stored or will never be; it is the turn of the others.
    pub(crate) fn filled_down(&mut self, lowest: u64) {
        self.under_way = false;
        if let Some(mut task) = self.current.take() {
            task.last = task.last.min(lowest.saturating_sub(1));
            self.waiting.push_back(task);
        }
    }

    /// The conversation under way has no holes any more: it is done, unless more was heard of it
    /// meanwhile.
    pub(crate) fn complete(&mut self) -> Option<ConversationId> {
        self.under_way = false;
        let done = self.current.take()?.conversation;
        let more = self.waiting.iter().any(|task| task.conversation == done);
        (!more).then_some(done)
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::payload::{ConversationKind, Role};

    use super::*;

    fn record(octet: u8, from: u64, head: u64, backlog: Backlog) -> ConversationRecord {
        ConversationRecord {
            conversation: [octet; 16].into(),
            kind: ConversationKind::Group,
            name: String::new(),
            conv_seq: head,
            visible_from: from,
            visible_through: 0,
            role: Role::Member,
            peer: None,
            time_ms: 0,
            members: 2,
            fan_out: eim_codec::payload::FanOut::Write,
            backlog,
        }
    }

    #[test]
    fn fills_holes_upwards_then_goes_on_with_the_next() {
        let mut backlogs = Backlogs::default();
        backlogs.add(&record(1, 3, 10, Backlog::Holes));
        backlogs.add(&record(2, 1, 4, Backlog::Holes));
        backlogs.add(&record(3, 1, 4, Backlog::None));
        let first = ConversationId::from([1; 16]);
        assert_eq!(
            backlogs.next(),
            Some(Look::Hole {
                conversation: first,
                first: 3,
                last: 10
            })
        );
        assert_eq!(backlogs.next(), None, "one at a time");
        backlogs.filled(6);
        assert_eq!(
            backlogs.next(),
            Some(Look::Hole {
                conversation: first,
                first: 7,
                last: 10
            })
        );
        assert_eq!(backlogs.complete(), Some(first));
        assert!(matches!(backlogs.next(), Some(Look::Hole { last: 4, .. })));
        backlogs.complete();
        assert!(backlogs.is_empty());
    }

    #[test]
    fn goes_down_until_something_known_is_met() {
        let mut backlogs = Backlogs::default();
        backlogs.add(&record(1, 1, 10, Backlog::Replaced));
        let conversation = ConversationId::from([1; 16]);
        assert_eq!(
            backlogs.next(),
            Some(Look::Down {
                conversation,
                first: 1,
                last: 10
            })
        );
        backlogs.went_down(7, false);
        assert_eq!(
            backlogs.next(),
            Some(Look::Down {
                conversation,
                first: 1,
                last: 6
            })
        );
        backlogs.went_down(4, true);
        assert_eq!(
            backlogs.next(),
            Some(Look::Hole {
                conversation,
                first: 1,
                last: 10
            })
        );
    }

    #[test]
    fn a_lost_connection_repeats_the_step() {
        let mut backlogs = Backlogs::default();
        backlogs.add(&record(1, 1, 10, Backlog::Holes));
        let step = backlogs.next();
        backlogs.disconnected();
        assert_eq!(backlogs.next(), step);
    }

    #[test]
    fn newest_first_takes_turns() {
        let mut backlogs = Backlogs::default();
        backlogs.add_newest_first(&record(1, 1, 100, Backlog::Holes));
        backlogs.add_newest_first(&record(2, 1, 50, Backlog::Holes));
        let look = |conversation: u8, last: u64| {
            Some(Look::Hole {
                conversation: [conversation; 16].into(),
                first: 1,
                last,
            })
        };
        assert_eq!(backlogs.next(), look(1, 100));
        assert!(backlogs.is_newest_first());
        backlogs.filled_down(61);
        assert_eq!(backlogs.next(), look(2, 50));
        backlogs.filled_down(1);
        assert_eq!(backlogs.next(), look(1, 60));
        backlogs.disconnected();
        assert_eq!(backlogs.next(), look(1, 60));
        backlogs.filled_down(1);
        assert_eq!(
            backlogs.next(),
            look(2, 0),
            "nothing is left: the store finds no hole"
        );
        backlogs.complete();
        backlogs.next();
        backlogs.complete();
        assert!(backlogs.is_empty());
    }

    #[test]
    fn former_members_read_what_they_may() {
        let mut backlogs = Backlogs::default();
        let mut record = record(1, 2, 10, Backlog::Holes);
        record.visible_through = 5;
        backlogs.add(&record);
        assert!(matches!(
            backlogs.next(),
            Some(Look::Hole {
                first: 2,
                last: 5,
                ..
            })
        ));
    }
}
