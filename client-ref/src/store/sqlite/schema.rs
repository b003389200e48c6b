//! The file: how it is opened and what is in it.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::store::StoreError;

/// Version of the tables below. A change of meaning raises it.
const FORMAT: u64 = 1;

/// How long a transaction waits for another process of the device.
const BUSY: Duration = Duration::from_secs(60);

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE message (
    conversation BLOB NOT NULL,
    conv_seq INTEGER NOT NULL,
    log_epoch INTEGER NOT NULL,
    type INTEGER NOT NULL,
    sender BLOB,
    sender_device BLOB,
    client_msg_id BLOB,
    time_ms INTEGER NOT NULL,
    user_seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    fallback_text TEXT NOT NULL,
    tombstone INTEGER NOT NULL,
    -- The application has seen it.
    shown INTEGER NOT NULL,
    -- An echo whose body is still to be fetched.
    hollow INTEGER NOT NULL,
    PRIMARY KEY (conversation, conv_seq)
) WITHOUT ROWID;
CREATE INDEX message_hollow ON message (conversation, conv_seq) WHERE hollow;
-- How far each epoch reaches in a conversation, or further.
CREATE TABLE epoch (
    conversation BLOB NOT NULL,
    log_epoch INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (conversation, log_epoch)
) WITHOUT ROWID;
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    client_msg_id BLOB NOT NULL UNIQUE,
    owner BLOB NOT NULL,
    direct INTEGER NOT NULL,
    target BLOB NOT NULL,
    type INTEGER NOT NULL,
    body BLOB NOT NULL,
    fallback_text TEXT NOT NULL,
    first_sent_at_ms INTEGER NOT NULL
);
CREATE TABLE checkpoint (source TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE conversation (
    conversation BLOB PRIMARY KEY,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    conv_seq INTEGER NOT NULL,
    visible_from INTEGER NOT NULL,
    visible_through INTEGER NOT NULL,
    role INTEGER NOT NULL,
    peer BLOB,
    time_ms INTEGER NOT NULL,
    members INTEGER NOT NULL,
    backlog INTEGER NOT NULL,
    fan_out INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE user (
    user BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX user_name ON user (name);
";

/// Tables that came later; a file that lacks them has nothing for them.
const LATER: &str = "
CREATE TABLE IF NOT EXISTS modifier (
    conversation BLOB NOT NULL,
    -- The message it is about.
    target INTEGER NOT NULL,
    conv_seq INTEGER NOT NULL,
    log_epoch INTEGER NOT NULL,
    type INTEGER NOT NULL,
    user BLOB,
    time_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (conversation, target, conv_seq)
) WITHOUT ROWID;
-- Through which number the backlog of a conversation reaches.
CREATE TABLE IF NOT EXISTS behind (
    conversation BLOB PRIMARY KEY,
    through INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mark (
    conversation BLOB NOT NULL,
    user BLOB NOT NULL,
    log_epoch INTEGER NOT NULL,
    read INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    told INTEGER NOT NULL,
    marked_unread INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) WITHOUT ROWID;
";

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

/// Creates the folder of a device, readable for this user alone.
// impl[EIM-SEC-013]
pub(super) fn private_folder(folder: &Path) -> Result<(), StoreError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    Ok(())
}

/// Opens the file, creating its tables when it is new.
pub(super) fn open(file: &Path) -> Result<Connection, StoreError> {
    create_private(file)?;
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // impl[EIM-CUR-001] What CURSOR says is stored survives a loss of power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.set_prepared_statement_cache_capacity(64);
    create_tables(&connection)?;
    Ok(connection)
}

/// The file holds a resume token: nobody else may read it.
// impl[EIM-AUT-045]
fn create_private(file: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?;
    Ok(())
}

/// Creates the tables in a new file. A file that has them is only read, so that a second process
/// opens it even while another one is in the middle of a transaction.
fn create_tables(connection: &Connection) -> Result<(), StoreError> {
    if version(connection)? == FORMAT && has_table(connection, "mark")? {
        return add_columns(connection);
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    match version(connection)? {
        0 => {
            connection.execute_batch(TABLES)?;
            connection.execute_batch(LATER)?;
            connection.pragma_update(None, "user_version", FORMAT)?;
        }
        FORMAT => connection.execute_batch(LATER)?,
        found => {
            return Err(StoreError::Format {
                found,
                known: FORMAT,
            });
        }
    }
    connection.execute_batch("COMMIT")?;
    add_columns(connection)
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let mut tables = connection.prepare("SELECT 1 FROM sqlite_master WHERE name = ?")?;
    Ok(tables.exists([name])?)
}

/// Columns that came later, with what they are in files that do not have them.
const COLUMNS: &[(&str, &str, &str)] = &[("conversation", "fan_out", "INTEGER NOT NULL DEFAULT 0")];

/// Adds what a file of an earlier release does not have. Such a file is one that nobody else has
/// open: whoever updates does so with all programs.
fn add_columns(connection: &Connection) -> Result<(), StoreError> {
    for (table, column, kind) in COLUMNS {
        let mut known =
            connection.prepare("SELECT count(*) FROM pragma_table_info(?) WHERE name = ?")?;
        let known: u32 = known.query_row([table, column], |row| row.get(0))?;
        if known == 0 {
            let add = format!("ALTER TABLE {table} ADD COLUMN {column} {kind}");
            connection.execute_batch(&add)?;
        }
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<u64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}
