//! What a session is to be told about marks: last values, bounded.

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
    /// There were too many: some are not here.
    pub stale: bool,
}

impl Notes {
    // impl[EIM-MRK-020]
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
        }
        if self.marks.len() + self.readers.len() > MOST {
            *self = Self {
                stale: true,
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
    }
}
