//! What is cut off logs by a new epoch, and what goes back into the outbox.

use std::collections::btree_map::Entry;

use eim_codec::id::ConversationId;
use rusqlite::params;

use super::apply::Transaction;
use super::modifier;
use super::read::{self, MESSAGE, integer};
use crate::store::epochs::Epochs;
use crate::store::{Applied, Message, StoreError};

impl Transaction<'_> {
    /// Cuts logs at what a new epoch keeps of them; with `others`, those that are not listed whole.
    pub(super) fn truncate(
        &self,
        kept: &[(ConversationId, u64)],
        others: bool,
        applied: &mut Applied,
    ) -> Result<(), StoreError> {
        for (conversation, beyond) in kept {
            self.cut(*conversation, beyond.saturating_add(1), u64::MAX, applied)?;
        }
        self.lower_backlogs(kept, others)?;
        if others {
            for conversation in read::message_conversations(self.connection)? {
                if !kept.iter().any(|(listed, _)| *listed == conversation) {
                    self.cut(conversation, 1, u64::MAX, applied)?;
                }
            }
        }
        Ok(())
    }

    /// Looks at or changes what is known of a conversation's epochs.
    pub(super) fn epochs<T>(
        &self,
        conversation: ConversationId,
        look: impl FnOnce(&mut Epochs) -> T,
    ) -> Result<T, StoreError> {
        let mut known = self.epochs.borrow_mut();
        match known.entry(conversation) {
            Entry::Occupied(mut entry) => Ok(look(entry.get_mut())),
            Entry::Vacant(entry) => Ok(look(
                entry.insert(read::epochs(self.connection, conversation)?),
            )),
        }
    }

    pub(super) fn keep_epochs(&self) -> Result<(), StoreError> {
        for (conversation, epochs) in self.epochs.borrow().iter() {
            for (log_epoch, last) in epochs.iter() {
                self.connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO epoch (conversation, log_epoch, last) \
                         VALUES (?, ?, ?)",
                    )?
                    .execute(params![
                        conversation.as_bytes(),
                        integer(log_epoch),
                        integer(last)
                    ])?;
            }
        }
        Ok(())
    }

    // impl[EIM-MSG-024]
    /// Removes entries from `from` on that are of an epoch below `below`; what this device sent
    /// goes back into the outbox.
    pub(super) fn cut(
        &self,
        conversation: ConversationId,
        from: u64,
        below: u64,
        applied: &mut Applied,
    ) -> Result<(), StoreError> {
        let may_hold = self.epochs(conversation, |epochs| {
            let may_hold = epochs.may_hold(from, below);
            epochs.cut(from, below);
            may_hold
        })?;
        if !may_hold {
            return Ok(());
        }
        modifier::cut(self.connection, conversation, from, below)?;
        const DOOMED: &str = "conversation = ? AND conv_seq >= ? AND log_epoch < ?";
        let key = params![conversation.as_bytes(), integer(from), integer(below)];
        let mut doomed = self.connection.prepare_cached(&format!(
            "SELECT {MESSAGE} FROM message WHERE {DOOMED} ORDER BY conv_seq"
        ))?;
        let doomed: Vec<(Message, bool)> = doomed
            .query_map(key, |row| Ok((read::message(row)?, row.get(13)?)))?
            .collect::<Result<_, _>>()?;
        if doomed.is_empty() {
            return Ok(());
        }
        self.connection
            .prepare_cached(&format!("DELETE FROM message WHERE {DOOMED}"))?
            .execute(key)?;
        let device = read::device(self.connection)?;
        let peer = read::peer(self.connection, conversation)?;
        for (message, hollow) in doomed {
            if let Some(mut item) = message.into_retry(device, peer, hollow) {
                item.position = self.enqueue(&item)?;
                applied.requeued.push(item);
            }
        }
        Ok(())
    }
}
