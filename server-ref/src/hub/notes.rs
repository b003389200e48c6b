//! What a session is to be told about marks and about who waits to join: last values, bounded.

use std::collections::BTreeMap;

use eim_codec::id::{ConversationId, UserId};

use crate::store::{MarkNote, MarkView};

/// Registers that wait for one session; beyond that it is told to ask.
const MOST: usize = 256;

/// Last values that a session has not been told.
#[derive(Debug, Default)]
pub struct Notes {
    /// Marks, each the last of its user and conversation.
    pub marks: BTreeMap<(ConversationId, UserId), MarkView>,
    /// Groups in which somebody has read, and how far.
    pub readers: BTreeMap<ConversationId, u64>,
    /// How many wait to join groups that the user rules.
    pub waiting: BTreeMap<ConversationId, u32>,
    /// There were too many: some marks are not here.
    pub stale: bool,
    /// Some groups for which users wait are not here.
    pub waiting_stale: bool,
}

impl Notes {
    // impl[EIM-MRK-020] impl[EIM-GPO-038, EIM-GPO-040]
    pub(super) fn add(&mut self, note: MarkNote) {
        match note {
            MarkNote::Mark(mark) => {
                self.marks.insert((mark.conversation, mark.user), mark);
            }
            MarkNote::Readers {
                conversation,
                through,
            } => {
                let last = self.readers.entry(conversation).or_default();
                *last = (*last).max(through);
            }
            MarkNote::Waiting {
                conversation,
                waiting,
            } => {
                self.waiting.insert(conversation, waiting);
            }
        }
        let marks = self.marks.len() + self.readers.len();
        if marks + self.waiting.len() > MOST {
            *self = Self {
                stale: self.stale || marks > 0,
                waiting_stale: self.waiting_stale || !self.waiting.is_empty(),
                ..Self::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: u64, read: u64) -> MarkNote {
        MarkNote::Mark(MarkView {
            conversation: u128::from(number).to_be_bytes().into(),
            user: [1; 16].into(),
            read,
            delivered: read,
            marked_unread: false,
            unread: 0,
            mentions: 0,
        })
    }

    // test[EIM-MRK-020]
    #[test]
    fn last_values_stay_until_there_are_too_many() {
        let mut notes = Notes::default();
        for read in 1..=1000 {
            notes.add(mark(read % 2, read));
        }
        let read: Vec<u64> = notes.marks.values().map(|mark| mark.read).collect();
        assert_eq!((read, notes.stale), (vec![1000, 999], false));
        for number in 0..=MOST as u64 {
            notes.add(mark(number, 1));
        }
        assert!(notes.stale);
        assert!(notes.marks.is_empty());
        notes.add(mark(7, 2));
        assert!(notes.stale, "until the session was told");
        assert!(!notes.waiting_stale, "nobody waits anywhere");
    }

    // test[EIM-GPO-040]
    #[test]
    fn groups_that_are_too_many_are_left_out_and_that_is_said() {
        let mut notes = Notes::default();
        for number in 0..=MOST as u32 * 2 {
            notes.add(MarkNote::Waiting {
                conversation: u128::from(number % MOST as u32).to_be_bytes().into(),
                waiting: number,
            });
        }
        assert_eq!((notes.waiting.len(), notes.waiting_stale), (MOST, false));
        let last = notes.waiting.values().next().copied();
        assert_eq!(last, Some(MOST as u32 * 2), "the last number");
        notes.add(MarkNote::Waiting {
            conversation: [7; 16].into(),
            waiting: 1,
        });
        assert_eq!((notes.waiting.len(), notes.waiting_stale), (0, true));
        assert!(!notes.stale, "no mark was dropped");
    }
}
