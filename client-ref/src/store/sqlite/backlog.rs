//! How far the backlogs of conversations reach. Programs that share a device hear of different heads.

use std::collections::BTreeMap;

use eim_codec::id::ConversationId;
use rusqlite::params;

use super::apply::Transaction;
use super::read::integer;
use crate::store::{Backlog, ConversationRecord, StoreError};

impl Transaction<'_> {
    /// A record may say that something is left to be read.
    pub(super) fn behind(&self, record: &ConversationRecord) -> Result<(), StoreError> {
        if record.backlog > Backlog::None {
            self.connection
                .prepare_cached(
                    "INSERT INTO behind (conversation, through) VALUES (?, ?) ON CONFLICT DO \
                     UPDATE SET through = max(through, excluded.through)",
                )?
                .execute(params![
                    record.conversation.as_bytes(),
                    integer(record.conv_seq)
                ])?;
        }
        Ok(())
    }

    /// Everything through a number is read.
    pub(super) fn completed(
        &self,
        conversation: ConversationId,
        through: u64,
    ) -> Result<(), StoreError> {
        let conversation = conversation.as_bytes();
        self.connection
            .prepare_cached("DELETE FROM behind WHERE conversation = ? AND through <= ?")?
            .execute(params![conversation, integer(through)])?;
        self.connection
            .prepare_cached(
                "UPDATE conversation SET backlog = 0 WHERE conversation = ?1 AND NOT EXISTS \
                 (SELECT 1 FROM behind WHERE conversation = ?1)",
            )?
            .execute([conversation])?;
        Ok(())
    }

    /// Backlogs reach no further than what a new epoch keeps of the logs.
    pub(super) fn lower_backlogs(
        &self,
        kept: &[(ConversationId, u64)],
        others: bool,
    ) -> Result<(), StoreError> {
        let listed: BTreeMap<_, _> = kept.iter().copied().collect();
        let mut known = self
            .connection
            .prepare_cached("SELECT conversation, through FROM behind")?;
        let known = known.query_map([], |row| {
            let id: [u8; 16] = row.get(0)?;
            Ok((ConversationId::from(id), row.get::<_, u64>(1)?))
        })?;
        for row in known.collect::<Result<Vec<(ConversationId, u64)>, _>>()? {
            let (conversation, through) = row;
            let head = match listed.get(&conversation) {
                Some(head) => *head,
                None if others => 0,
                None => continue,
            };
            self.connection
                .prepare_cached("UPDATE behind SET through = ? WHERE conversation = ?")?
                .execute(params![integer(through.min(head)), conversation.as_bytes()])?;
        }
        Ok(())
    }
}
