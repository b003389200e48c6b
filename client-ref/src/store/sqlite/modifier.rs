//! Operations on messages.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::FrameType;
use rusqlite::{Connection, Row, params};

use super::read::integer;
use crate::store::{Message, Modifier, StoreError};

const MODIFIER: &str = "conversation, target, conv_seq, log_epoch, type, user, time_ms, body";

fn modifier(row: &Row<'_>) -> rusqlite::Result<Modifier> {
    Ok(Modifier {
        conversation: ConversationId::from(row.get::<_, [u8; 16]>(0)?),
        target: row.get(1)?,
        conv_seq: row.get(2)?,
        log_epoch: row.get(3)?,
        frame_type: FrameType(row.get(4)?),
        user: row.get::<_, Option<[u8; 16]>>(5)?.map(UserId::from),
        time_ms: row.get(6)?,
        body: Bytes::from(row.get::<_, Vec<u8>>(7)?),
    })
}

/// Operations on messages `first..=last`, by message, then by their own number.
pub(super) fn modifiers(
    connection: &Connection,
    conversation: ConversationId,
    first: u64,
    last: u64,
) -> Result<Vec<Modifier>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MODIFIER} FROM modifier WHERE conversation = ? AND target BETWEEN ? AND ? \
         ORDER BY target, conv_seq"
    ))?;
    let key = params![conversation.as_bytes(), integer(first), integer(last)];
    let found = statement.query_map(key, modifier)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Keeps an operation; an entry says more than a state in history did.
pub(super) fn put(
    connection: &Connection,
    modifier: &Modifier,
    only_new: bool,
) -> Result<(), StoreError> {
    let or = if only_new { "IGNORE" } else { "REPLACE" };
    connection
        .prepare_cached(&format!(
            "INSERT OR {or} INTO modifier ({MODIFIER}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        ))?
        .execute(params![
            modifier.conversation.as_bytes(),
            integer(modifier.target),
            integer(modifier.conv_seq),
            integer(modifier.log_epoch),
            modifier.frame_type.0,
            modifier.user.as_ref().map(|id| &id.as_bytes()[..]),
            integer(modifier.time_ms),
            &modifier.body[..],
        ])?;
    Ok(())
}

/// Whether a message was recalled.
pub(super) fn recalled(
    connection: &Connection,
    conversation: ConversationId,
    target: u64,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM modifier WHERE conversation = ? AND target = ? AND type = ?",
    )?;
    let key = params![
        conversation.as_bytes(),
        integer(target),
        FrameType::RECALL.0
    ];
    Ok(statement.exists(key)?)
}

/// Erases a message that was recalled, and its EDITs.
// impl[EIM-OPS-020]
pub(super) fn erase(
    connection: &Connection,
    conversation: ConversationId,
    target: u64,
) -> Result<(), StoreError> {
    const CONTENT: &str = "tombstone = 1, hollow = 0, body = x'', fallback_text = ''";
    let (id, target, edit) = (conversation.as_bytes(), integer(target), FrameType::EDIT.0);
    connection
        .prepare_cached(&format!(
            "UPDATE message SET {CONTENT} WHERE conversation = ?1 AND (conv_seq = ?2 OR conv_seq \
             IN (SELECT conv_seq FROM modifier WHERE conversation = ?1 AND target = ?2 AND \
             type = ?3))"
        ))?
        .execute(params![id, target, edit])?;
    connection
        .prepare_cached("DELETE FROM modifier WHERE conversation = ? AND target = ? AND type = ?")?
        .execute(params![id, target, edit])?;
    Ok(())
}

/// Forgets operations from number `from` on that are of an epoch below `below`.
pub(super) fn cut(
    connection: &Connection,
    conversation: ConversationId,
    from: u64,
    below: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "DELETE FROM modifier WHERE conversation = ? AND conv_seq >= ? AND log_epoch < ?",
        )?
        .execute(params![
            conversation.as_bytes(),
            integer(from),
            integer(below)
        ])?;
    Ok(())
}

/// Applies what is known about an entry, and takes over what it does to others.
// impl[EIM-OPS-020, EIM-OPS-021]
pub(super) fn take_over(connection: &Connection, message: &mut Message) -> Result<(), StoreError> {
    let conversation = message.conversation;
    let modifier = Modifier::of(message);
    let target = match &modifier {
        Some(modifier) if modifier.edits() => modifier.target,
        _ => message.conv_seq,
    };
    if !message.tombstone && recalled(connection, conversation, target)? {
        message.erase();
        return erase(connection, conversation, message.conv_seq);
    }
    if message.tombstone {
        return erase(connection, conversation, message.conv_seq);
    }
    let Some(modifier) = modifier else {
        return Ok(());
    };
    put(connection, &modifier, false)?;
    if modifier.recalls() {
        erase(connection, conversation, modifier.target)?;
    }
    Ok(())
}
