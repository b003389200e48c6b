//! Reading.

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, SessionId, UserId};
use eim_codec::payload::{ConversationKind, FanOut, Role};
use eim_codec::registry::FrameType;
use rusqlite::{Connection, OptionalExtension, Row};

use super::outbox::Owner;
use crate::store::epochs::Epochs;
use crate::store::{
    Backlog, ConversationRecord, Cursor, Identity, Loaded, MarkRecord, Message, OutboxItem,
    ResumeCredential, StoreError, Target, UserRecord,
};

/// Columns of a message, in the order [`message`] reads them.
pub(super) const MESSAGE: &str = "conversation, conv_seq, log_epoch, type, sender, sender_device, \
     client_msg_id, time_ms, user_seq, body, fallback_text, tombstone, shown, hollow";

/// SQLite integers are signed; numbers beyond do not occur, as arrivals are checked.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        conversation: ConversationId::from(row.get::<_, [u8; 16]>(0)?),
        conv_seq: row.get(1)?,
        log_epoch: row.get(2)?,
        frame_type: FrameType(row.get(3)?),
        sender: row.get::<_, Option<[u8; 16]>>(4)?.map(UserId::from),
        sender_device: row.get::<_, Option<[u8; 16]>>(5)?.map(DeviceId::from),
        client_msg_id: row.get::<_, Option<[u8; 16]>>(6)?.map(ClientMsgId::from),
        time_ms: row.get(7)?,
        user_seq: row.get(8)?,
        body: Bytes::from(row.get::<_, Vec<u8>>(9)?),
        fallback_text: row.get(10)?,
        tombstone: row.get(11)?,
    })
}

fn outbox_item(row: &Row<'_>) -> rusqlite::Result<OutboxItem> {
    let target: [u8; 16] = row.get(3)?;
    Ok(OutboxItem {
        position: row.get(0)?,
        client_msg_id: ClientMsgId::from(row.get::<_, [u8; 16]>(1)?),
        target: if row.get(2)? {
            Target::User(target.into())
        } else {
            Target::Conversation(target.into())
        },
        frame_type: FrameType(row.get(4)?),
        body: Bytes::from(row.get::<_, Vec<u8>>(5)?),
        fallback_text: row.get(6)?,
        first_sent_at_ms: row.get(7)?,
    })
}

fn conversation(row: &Row<'_>) -> rusqlite::Result<ConversationRecord> {
    let kind: i32 = row.get(1)?;
    let role: i32 = row.get(6)?;
    Ok(ConversationRecord {
        conversation: ConversationId::from(row.get::<_, [u8; 16]>(0)?),
        kind: ConversationKind::try_from(kind).unwrap_or_default(),
        name: row.get(2)?,
        conv_seq: row.get(3)?,
        visible_from: row.get(4)?,
        visible_through: row.get(5)?,
        role: Role::try_from(role).unwrap_or_default(),
        peer: row.get::<_, Option<[u8; 16]>>(7)?.map(UserId::from),
        time_ms: row.get(8)?,
        members: row.get(9)?,
        backlog: match row.get(10)? {
            0 => Backlog::None,
            1 => Backlog::Holes,
            _ => Backlog::Replaced,
        },
        fan_out: FanOut::try_from(row.get::<_, i32>(11)?).unwrap_or_default(),
    })
}

const MARK: &str =
    "SELECT conversation, user, log_epoch, read, delivered, told, marked_unread FROM mark";

fn mark_record(row: &Row<'_>) -> rusqlite::Result<MarkRecord> {
    Ok(MarkRecord {
        conversation: ConversationId::from(row.get::<_, [u8; 16]>(0)?),
        user: UserId::from(row.get::<_, [u8; 16]>(1)?),
        log_epoch: row.get(2)?,
        read: row.get(3)?,
        delivered: row.get(4)?,
        told: row.get(5)?,
        marked_unread: row.get(6)?,
    })
}

pub(super) fn mark(
    connection: &Connection,
    conversation: ConversationId,
    user: UserId,
) -> Result<Option<MarkRecord>, StoreError> {
    let of = format!("{MARK} WHERE conversation = ? AND user = ?");
    let mut statement = connection.prepare_cached(&of)?;
    let ids = [conversation.as_bytes(), user.as_bytes()];
    Ok(statement.query_row(ids, mark_record).optional()?)
}

pub(super) fn marks(connection: &Connection) -> Result<Vec<MarkRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached(&format!("{MARK} ORDER BY conversation, user"))?;
    let rows = statement.query_map([], mark_record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn user_record(row: &Row<'_>) -> rusqlite::Result<UserRecord> {
    Ok(UserRecord {
        user: UserId::from(row.get::<_, [u8; 16]>(0)?),
        name: row.get(1)?,
        display_name: row.get(2)?,
    })
}

pub(super) fn meta<T: rusqlite::types::FromSql>(
    connection: &Connection,
    key: &str,
) -> Result<Option<T>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// The device, once it has an identity.
pub(super) fn device(connection: &Connection) -> Result<Option<DeviceId>, StoreError> {
    Ok(meta::<[u8; 16]>(connection, "device")?.map(DeviceId::from))
}

pub(super) fn credential(connection: &Connection) -> Result<Option<ResumeCredential>, StoreError> {
    let session = meta::<[u8; 16]>(connection, "session")?;
    let token = meta::<Vec<u8>>(connection, "resume_token")?;
    let (Some(session), Some(token)) = (session, token) else {
        return Ok(None);
    };
    Ok(Some(ResumeCredential {
        session: SessionId::from(session),
        token: token.into(),
        server: meta(connection, "resume_server")?.unwrap_or_default(),
    }))
}

pub(super) fn cursor(connection: &Connection) -> Result<Cursor, StoreError> {
    Ok(Cursor {
        log_epoch: meta(connection, "log_epoch")?.unwrap_or_default(),
        user_seq: meta(connection, "user_seq")?.unwrap_or_default(),
    })
}

pub(super) fn load(connection: &Connection, owner: &Owner) -> Result<Loaded, StoreError> {
    let identity = match device(connection)? {
        Some(device) => Some(Identity {
            device,
            user: meta::<[u8; 16]>(connection, "user")?.map(UserId::from),
            user_name: meta(connection, "user_name")?.unwrap_or_default(),
        }),
        None => None,
    };
    let mut outbox = connection.prepare(
        "SELECT position, client_msg_id, direct, target, type, body, fallback_text, \
         first_sent_at_ms FROM outbox WHERE owner = ? ORDER BY position",
    )?;
    let mut hollow =
        connection.prepare("SELECT conversation, conv_seq FROM message WHERE hollow")?;
    Ok(Loaded {
        identity,
        cursor: cursor(connection)?,
        resume: credential(connection)?,
        outbox: outbox
            .query_map([&owner.id()[..]], outbox_item)?
            .collect::<Result<_, _>>()?,
        hollow: hollow
            .query_map([], |row| {
                Ok((row.get::<_, [u8; 16]>(0)?.into(), row.get(1)?))
            })?
            .collect::<Result<_, _>>()?,
    })
}

pub(super) fn conversations(
    connection: &Connection,
) -> Result<Vec<ConversationRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT conversation, kind, name, conv_seq, visible_from, visible_through, role, peer, \
         time_ms, members, backlog, fan_out FROM conversation ORDER BY conversation",
    )?;
    Ok(statement
        .query_map([], conversation)?
        .collect::<Result<_, _>>()?)
}

/// How far each epoch of a conversation reaches.
pub(super) fn epochs(
    connection: &Connection,
    conversation: ConversationId,
) -> Result<Epochs, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT log_epoch, last FROM epoch WHERE conversation = ?")?;
    let mut rows = statement.query([conversation.as_bytes()])?;
    let mut epochs = Epochs::default();
    while let Some(row) = rows.next()? {
        epochs.note(row.get(0)?, row.get(1)?);
    }
    Ok(epochs)
}

/// The peer of a direct conversation, where it is known.
pub(super) fn peer(
    connection: &Connection,
    conversation: ConversationId,
) -> Result<Option<UserId>, StoreError> {
    let peer = connection
        .prepare_cached("SELECT peer FROM conversation WHERE conversation = ?")?
        .query_row([conversation.as_bytes()], |row| {
            row.get::<_, Option<[u8; 16]>>(0)
        })
        .optional()?;
    Ok(peer.flatten().map(UserId::from))
}

pub(super) fn message_conversations(
    connection: &Connection,
) -> Result<Vec<ConversationId>, StoreError> {
    // Skips from one conversation to the next instead of reading every message.
    let mut statement = connection.prepare_cached(
        "SELECT conversation FROM message WHERE conversation > ? ORDER BY conversation LIMIT 1",
    )?;
    let mut found: Vec<ConversationId> = Vec::new();
    loop {
        let after: &[u8] = found.last().map_or(&[], |last| last.as_bytes());
        match statement
            .query_row([after], |row| row.get::<_, [u8; 16]>(0))
            .optional()?
        {
            Some(id) => found.push(id.into()),
            None => return Ok(found),
        }
    }
}

pub(super) fn messages(
    connection: &Connection,
    conversation: ConversationId,
    first: u64,
    last: u64,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE} FROM message WHERE conversation = ? AND conv_seq BETWEEN ? AND ? \
         ORDER BY conv_seq LIMIT ?"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = statement.query_map(
        (
            &conversation.as_bytes()[..],
            integer(first),
            integer(last),
            limit,
        ),
        message,
    )?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn latest(
    connection: &Connection,
    conversation: ConversationId,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE} FROM message WHERE conversation = ? ORDER BY conv_seq DESC LIMIT ?"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut newest: Vec<Message> = statement
        .query_map((&conversation.as_bytes()[..], limit), message)?
        .collect::<Result<_, _>>()?;
    newest.reverse();
    Ok(newest)
}

pub(super) fn missing(
    connection: &Connection,
    conversation: ConversationId,
    first: u64,
    last: u64,
    limit: usize,
) -> Result<Vec<(u64, u64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT conv_seq FROM message WHERE conversation = ? AND conv_seq BETWEEN ? AND ? \
         ORDER BY conv_seq",
    )?;
    let mut rows =
        statement.query((&conversation.as_bytes()[..], integer(first), integer(last)))?;
    let mut holes = Vec::new();
    let mut next = first;
    while let Some(row) = rows.next()? {
        let seq: u64 = row.get(0)?;
        if seq > next {
            holes.push((next, seq - 1));
        }
        next = seq.saturating_add(1);
        if holes.len() >= limit {
            return Ok(holes);
        }
    }
    if next <= last && first <= last {
        holes.push((next, last));
    }
    holes.truncate(limit);
    Ok(holes)
}

pub(super) fn checkpoint(connection: &Connection, source: &str) -> Result<Option<u64>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT place FROM checkpoint WHERE source = ?")?;
    Ok(statement.query_row([source], |row| row.get(0)).optional()?)
}

pub(super) fn user_by_name(
    connection: &Connection,
    name: &str,
) -> Result<Option<UserRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT user, name, display_name FROM user WHERE name = ?")?;
    Ok(statement.query_row([name], user_record).optional()?)
}

pub(super) fn user(
    connection: &Connection,
    user: UserId,
) -> Result<Option<UserRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT user, name, display_name FROM user WHERE user = ?")?;
    Ok(statement
        .query_row([&user.as_bytes()[..]], user_record)
        .optional()?)
}

pub(super) fn outbox_len(connection: &Connection) -> Result<usize, StoreError> {
    let count: i64 = connection.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}
