//! Applying a batch inside a transaction.

use std::cell::RefCell;
use std::collections::BTreeMap;

use eim_codec::id::ConversationId;
use rusqlite::{Connection, OptionalExtension, params};

use super::modifier;
use super::outbox::Owner;
use super::read::{self, MESSAGE, integer};
use crate::store::epochs::Epochs;
use crate::store::{
    Applied, Arrival, ArrivalOutcome, Batch, Identity, MarkRecord, Message, Modifier, OutboxItem,
    Settlement, StoreError, Target,
};

/// See [`crate::store::Store::commit`].
pub(super) fn apply(
    connection: &Connection,
    owner: &Owner,
    batch: Batch,
) -> Result<Applied, StoreError> {
    let transaction = Transaction {
        connection,
        owner,
        epochs: RefCell::default(),
    };
    let mut applied = Applied::default();
    if let Some(identity) = &batch.identity {
        transaction.identify(identity)?;
    }
    transaction.truncate(&batch.truncate, batch.truncate_others, &mut applied)?;
    for item in &batch.outbox {
        applied.positions.push(transaction.enqueue(item)?);
    }
    for (id, time) in &batch.attempted {
        connection
            .prepare_cached("UPDATE outbox SET first_sent_at_ms = ? WHERE client_msg_id = ?")?
            .execute(params![integer(*time), id.as_bytes()])?;
    }
    for arrival in batch.arrivals {
        let outcome = transaction.arrive(arrival, &mut applied)?;
        applied.arrivals.push(outcome);
    }
    transaction.learn_all(&batch.modifiers)?;
    for settlement in batch.settlements {
        transaction.settle(settlement, &mut applied)?;
    }
    transaction.rest(
        batch.checkpoints,
        &batch.conversations,
        &batch.completed,
        &batch.users,
    )?;
    for mark in &batch.marks {
        transaction.mark(mark)?;
    }
    if let Some(change) = batch.cursor {
        // Other processes write between two transactions, never during one.
        let cursor = change.over(read::cursor(connection)?);
        transaction.set("log_epoch", integer(cursor.log_epoch))?;
        transaction.set("user_seq", integer(cursor.user_seq))?;
        applied.cursor = Some(cursor);
    }
    match batch.resume {
        Some(Some(resume)) => {
            transaction.set("session", &resume.session.as_bytes()[..])?;
            transaction.set("resume_token", &resume.token[..])?;
            transaction.set("resume_server", &resume.server)?;
        }
        Some(None) => transaction.unset("resume_token")?,
        None => {}
    }
    transaction.keep_epochs()?;
    Ok(applied)
}

pub(super) struct Transaction<'a> {
    pub(super) connection: &'a Connection,
    owner: &'a Owner,
    /// Of the conversations this transaction touches.
    pub(super) epochs: RefCell<BTreeMap<ConversationId, Epochs>>,
}

/// What a stored message is compared by.
struct Known {
    log_epoch: u64,
    shown: bool,
    hollow: bool,
    tombstone: bool,
}

impl Transaction<'_> {
    fn set(&self, key: &str, value: impl rusqlite::ToSql) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")?
            .execute(params![key, value])?;
        Ok(())
    }

    fn unset(&self, key: &str) -> Result<(), StoreError> {
        self.connection
            .prepare_cached("DELETE FROM meta WHERE key = ?")?
            .execute([key])?;
        Ok(())
    }

    fn identify(&self, identity: &Identity) -> Result<(), StoreError> {
        self.set("device", &identity.device.as_bytes()[..])?;
        if let Some(user) = identity.user {
            self.set("user", &user.as_bytes()[..])?;
        }
        self.set("user_name", &identity.user_name)
    }

    pub(super) fn enqueue(&self, item: &OutboxItem) -> Result<u64, StoreError> {
        let (direct, target) = match &item.target {
            Target::User(user) => (true, user.as_bytes()),
            Target::Conversation(conversation) => (false, conversation.as_bytes()),
        };
        let inserted = self
            .connection
            .prepare_cached(
                "INSERT OR IGNORE INTO outbox (client_msg_id, owner, direct, target, type, body, \
                 fallback_text, first_sent_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                item.client_msg_id.as_bytes(),
                self.owner.id(),
                direct,
                target,
                item.frame_type.0,
                &item.body[..],
                item.fallback_text,
                integer(item.first_sent_at_ms),
            ])?;
        if inserted > 0 {
            return u64::try_from(self.connection.last_insert_rowid())
                .map_err(|_| StoreError::Corrupt("outbox position"));
        }
        let mut known = self
            .connection
            .prepare_cached("SELECT position FROM outbox WHERE client_msg_id = ?")?;
        Ok(known.query_row([item.client_msg_id.as_bytes()], |row| row.get(0))?)
    }

    fn known(&self, message: &Message) -> Result<Option<Known>, StoreError> {
        let mut known = self.connection.prepare_cached(
            "SELECT log_epoch, shown, hollow, tombstone FROM message \
             WHERE conversation = ? AND conv_seq = ?",
        )?;
        let key = params![message.conversation.as_bytes(), integer(message.conv_seq)];
        let known = known.query_row(key, |row| {
            Ok(Known {
                log_epoch: row.get(0)?,
                shown: row.get(1)?,
                hollow: row.get(2)?,
                tombstone: row.get(3)?,
            })
        });
        Ok(known.optional()?)
    }

    fn arrive(
        &self,
        arrival: Arrival,
        applied: &mut Applied,
    ) -> Result<ArrivalOutcome, StoreError> {
        let Arrival {
            mut message,
            echo,
            presented,
        } = arrival;
        let mut known = self.known(&message)?;
        if known
            .as_ref()
            .is_none_or(|known| known.log_epoch < message.log_epoch)
        {
            // The common case, a number beyond all others, finds nothing to cut.
            self.cut(
                message.conversation,
                message.conv_seq,
                message.log_epoch,
                applied,
            )?;
            known = self.known(&message)?;
        }
        if let Some(known) = known {
            return self.arrive_again(message, &known, echo, presented);
        }
        let mut hollow = false;
        // What was taken back has no body, whoever still has it.
        if echo && !message.tombstone {
            match self.outbox_body(&message)? {
                Some((body, fallback_text)) => {
                    message.body = body.into();
                    message.fallback_text = fallback_text;
                }
                None => hollow = true,
            }
        }
        let hollow = self.insert(&mut message, presented, hollow)?;
        Ok(if hollow {
            ArrivalOutcome::Hollow(message.conversation, message.conv_seq)
        } else {
            ArrivalOutcome::New(message)
        })
    }

    // impl[EIM-MSG-062]
    fn arrive_again(
        &self,
        message: Message,
        known: &Known,
        echo: bool,
        presented: bool,
    ) -> Result<ArrivalOutcome, StoreError> {
        let key = (message.conversation, integer(message.conv_seq));
        if known.log_epoch != message.log_epoch {
            return Ok(ArrivalOutcome::Duplicate);
        }
        // impl[EIM-MSG-069]
        if message.tombstone && !known.tombstone {
            self.connection.execute(
                "UPDATE message SET tombstone = 1, hollow = 0, body = x'', fallback_text = '' \
                 WHERE conversation = ? AND conv_seq = ?",
                params![key.0.as_bytes(), key.1],
            )?;
        } else if known.hollow && !echo {
            self.connection.execute(
                "UPDATE message SET hollow = 0, shown = 1, body = ?, fallback_text = ? \
                 WHERE conversation = ? AND conv_seq = ?",
                params![
                    &message.body[..],
                    message.fallback_text,
                    key.0.as_bytes(),
                    key.1
                ],
            )?;
            let mut whole = self.stored(&message)?;
            modifier::take_over(self.connection, &mut whole)?;
            return Ok(ArrivalOutcome::New(self.stored(&message)?));
        }
        if !presented || known.shown || known.hollow {
            return Ok(ArrivalOutcome::Duplicate);
        }
        self.connection
            .prepare_cached(
                "UPDATE message SET shown = 1, user_seq = max(user_seq, ?) \
                 WHERE conversation = ? AND conv_seq = ?",
            )?
            .execute(params![integer(message.user_seq), key.0.as_bytes(), key.1])?;
        Ok(ArrivalOutcome::New(self.stored(&message)?))
    }

    fn stored(&self, message: &Message) -> Result<Message, StoreError> {
        let seq = message.conv_seq;
        let found = read::messages(self.connection, message.conversation, seq, seq, 1)?;
        found
            .into_iter()
            .next()
            .ok_or(StoreError::Corrupt("message gone"))
    }

    fn outbox_body(&self, message: &Message) -> Result<Option<(Vec<u8>, String)>, StoreError> {
        let Some(id) = message.client_msg_id else {
            return Ok(None);
        };
        let mut body = self
            .connection
            .prepare_cached("SELECT body, fallback_text FROM outbox WHERE client_msg_id = ?")?;
        let body = body.query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(body.optional()?)
    }

    fn learn_all(&self, told: &[Modifier]) -> Result<(), StoreError> {
        told.iter().try_for_each(|told| self.learn(told))
    }

    /// Takes over what a state in history told of, unless the entries said it already.
    // impl[EIM-OPS-035]
    fn learn(&self, told: &Modifier) -> Result<(), StoreError> {
        let (conversation, target) = (told.conversation, told.target);
        if told.edits() && modifier::recalled(self.connection, conversation, target)? {
            return Ok(());
        }
        self.epochs(conversation, |epochs| {
            epochs.note(told.log_epoch, told.conv_seq);
        })?;
        modifier::put(self.connection, told, true)?;
        if told.recalls() {
            modifier::erase(self.connection, conversation, target)?;
        }
        Ok(())
    }

    /// Returns whether its body is missing; an entry is shown when it is whole.
    fn insert(
        &self,
        message: &mut Message,
        presented: bool,
        hollow: bool,
    ) -> Result<bool, StoreError> {
        modifier::take_over(self.connection, message)?;
        let hollow = hollow && !message.tombstone;
        self.epochs(message.conversation, |epochs| {
            epochs.note(message.log_epoch, message.conv_seq);
        })?;
        self.connection
            .prepare_cached(&format!(
                "INSERT INTO message ({MESSAGE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            ))?
            .execute(params![
                message.conversation.as_bytes(),
                integer(message.conv_seq),
                integer(message.log_epoch),
                message.frame_type.0,
                message.sender.as_ref().map(|id| &id.as_bytes()[..]),
                message.sender_device.as_ref().map(|id| &id.as_bytes()[..]),
                message.client_msg_id.as_ref().map(|id| &id.as_bytes()[..]),
                integer(message.time_ms),
                integer(message.user_seq),
                &message.body[..],
                message.fallback_text,
                message.tombstone,
                presented && !hollow,
                hollow,
            ])?;
        Ok(hollow)
    }

    fn settle(&self, settlement: Settlement, applied: &mut Applied) -> Result<(), StoreError> {
        if let Some(mut message) = settlement.message {
            let mut known = self.known(&message)?;
            if known
                .as_ref()
                .is_none_or(|known| known.log_epoch < message.log_epoch)
            {
                self.cut(
                    message.conversation,
                    message.conv_seq,
                    message.log_epoch,
                    applied,
                )?;
                known = self.known(&message)?;
            }
            if known.is_none() {
                self.insert(&mut message, false, false)?;
            }
        }
        self.connection
            .prepare_cached("DELETE FROM outbox WHERE client_msg_id = ?")?
            .execute([settlement.client_msg_id.as_bytes()])?;
        Ok(())
    }

    fn mark(&self, mark: &MarkRecord) -> Result<(), StoreError> {
        let mut merged = *mark;
        if let Some(mut known) = read::mark(self.connection, mark.conversation, mark.user)? {
            known.merge(mark);
            merged = known;
        }
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO mark (conversation, user, log_epoch, read, delivered, told, \
                 marked_unread) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                merged.conversation.as_bytes(),
                merged.user.as_bytes(),
                integer(merged.log_epoch),
                integer(merged.read),
                integer(merged.delivered),
                integer(merged.told),
                merged.marked_unread,
            ])?;
        Ok(())
    }

    fn rest(
        &self,
        checkpoints: Vec<crate::store::Checkpoint>,
        conversations: &[crate::store::ConversationRecord],
        completed: &[(ConversationId, u64)],
        users: &[crate::store::UserRecord],
    ) -> Result<(), StoreError> {
        for checkpoint in checkpoints {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO checkpoint (source, place) VALUES (?, ?)")?
                .execute(params![checkpoint.source, integer(checkpoint.place)])?;
        }
        for record in conversations {
            self.connection
                .prepare_cached(
                    "INSERT INTO conversation (conversation, kind, name, conv_seq, visible_from, \
                     visible_through, role, peer, time_ms, members, backlog, \
                     fan_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
                     kind = excluded.kind, name = excluded.name, conv_seq = excluded.conv_seq, \
                     visible_from = excluded.visible_from, \
                     visible_through = excluded.visible_through, role = excluded.role, \
                     peer = excluded.peer, time_ms = excluded.time_ms, \
                     members = excluded.members, backlog = max(backlog, excluded.backlog), \
                     fan_out = excluded.fan_out",
                )?
                .execute(params![
                    record.conversation.as_bytes(),
                    i32::from(record.kind),
                    record.name,
                    integer(record.conv_seq),
                    integer(record.visible_from),
                    integer(record.visible_through),
                    i32::from(record.role),
                    record.peer.as_ref().map(|id| &id.as_bytes()[..]),
                    integer(record.time_ms),
                    record.members,
                    record.backlog as u8,
                    i32::from(record.fan_out),
                ])?;
            self.behind(record)?;
        }
        for (conversation, through) in completed {
            self.completed(*conversation, *through)?;
        }
        for user in users {
            self.connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO user (user, name, display_name) VALUES (?, ?, ?)",
                )?
                .execute(params![user.user.as_bytes(), user.name, user.display_name])?;
        }
        Ok(())
    }
}
