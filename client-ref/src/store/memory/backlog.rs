//! How far the backlogs of conversations reach. Programs that share a device hear of different heads.

use std::collections::BTreeMap;

use eim_codec::id::ConversationId;

use super::State;
use crate::store::{Backlog, ConversationRecord};

impl State {
    /// Conversations as last heard of, and those whose backlog is read.
    pub(super) fn heard(
        &mut self,
        records: Vec<ConversationRecord>,
        completed: Vec<(ConversationId, u64)>,
    ) {
        for mut record in records {
            let told = record.backlog;
            if let Some(known) = self.conversations.get(&record.conversation) {
                record.backlog = record.backlog.max(known.backlog);
            }
            if told > Backlog::None {
                let behind = self.behind.entry(record.conversation).or_default();
                *behind = record.conv_seq.max(*behind);
            }
            self.conversations.insert(record.conversation, record);
        }
        for (conversation, through) in completed {
            let behind = self.behind.get(&conversation);
            if behind.is_none_or(|behind| *behind <= through) {
                self.behind.remove(&conversation);
                if let Some(record) = self.conversations.get_mut(&conversation) {
                    record.backlog = Backlog::None;
                }
            }
        }
    }

    /// Backlogs reach no further than what a new epoch keeps of the logs.
    pub(super) fn lower_backlogs(&mut self, kept: &[(ConversationId, u64)], others: bool) {
        let listed: BTreeMap<_, _> = kept.iter().copied().collect();
        for (conversation, through) in &mut self.behind {
            match listed.get(conversation) {
                Some(head) => *through = (*through).min(*head),
                None if others => *through = 0,
                None => {}
            }
        }
    }
}
