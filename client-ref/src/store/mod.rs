//! What a device must remember: messages, cursor, outbox, identity and credentials.
//!
//! The engine knows this trait, never an implementation. Everything that belongs together is one
//! [`Batch`]: a message and the cursor past it, a result and the removal from the outbox, a new
//! outbox item and the place in the input it came from. A batch is durable when
//! [`Store::commit`] returns, or nothing of it is.

mod epochs;
mod memory;
mod model;
mod modifier;
mod sqlite;

use async_trait::async_trait;
use eim_codec::id::{ConversationId, UserId};

pub use self::memory::MemoryStore;
pub use self::model::{
    Applied, Arrival, ArrivalOutcome, Backlog, Batch, Checkpoint, ConversationRecord, Cursor,
    CursorChange, Identity, Loaded, MarkRecord, Message, OutboxItem, ResumeCredential, Settlement,
    Target, UserRecord,
};
pub use self::modifier::Modifier;
pub use self::sqlite::SqliteStore;

/// The store failed; what was not committed is not remembered.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The engine reported an error.
    #[error("local store: {0}")]
    Engine(String),
    /// The file was written by an unknown version of this program.
    #[error("local store has format {found}, this program knows {known}")]
    Format {
        /// Version in the file.
        found: u64,
        /// Version this program writes.
        known: u64,
    },
    /// A stored value does not decode.
    #[error("local store is corrupt: {0}")]
    Corrupt(&'static str),
    /// The store is closed.
    #[error("local store is closed")]
    Closed,
}

/// Everything one device remembers. One contract suite runs against every implementation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Identity, cursor, credentials and outbox. With `adopt`, outbox items that a dead process
    /// of this device left behind become this process's, in their order.
    async fn load(&self, adopt: bool) -> Result<Loaded, StoreError>;

    /// Applies everything in the batch, or nothing; durable when this returns.
    ///
    /// Order inside a batch: identity, truncations, outbox items, arrivals, settlements, the
    /// rest. Arrivals are dropped as duplicates by (conversation, log_epoch, conv_seq). An entry
    /// of a newer log_epoch removes entries of older ones from its number on; what this device
    /// sent itself among them goes back into the outbox, but for operations on messages: the number
    /// they name may be another message by now. A RECALL erases what is stored of its message and
    /// of the EDITs of it, and what arrives of them later.
    ///
    /// The cursor is shared by all programs of the device. [`CursorChange::Advance`] raises it
    /// within its log_epoch, the first of which it may begin: at a number that is not higher, or of
    /// another log_epoch, it changes nothing, for another program was further or began anew. [`CursorChange::Reset`] sets it.
    /// [`Applied::cursor`] tells what the store holds then. The rest of the batch applies either way.
    async fn commit(&self, batch: Batch) -> Result<Applied, StoreError>;

    /// The credential as it is now: another process of the device may have renewed it.
    async fn resume(&self) -> Result<Option<ResumeCredential>, StoreError>;

    /// All known conversations, by id.
    async fn conversations(&self) -> Result<Vec<ConversationRecord>, StoreError>;

    /// Conversations that have messages here, by id.
    async fn message_conversations(&self) -> Result<Vec<ConversationId>, StoreError>;

    /// Messages `first..=last` of a conversation, at most `limit`, in order.
    async fn messages(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Operations on messages `first..=last` of a conversation, by message, then by their own number.
    async fn modifiers(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
    ) -> Result<Vec<Modifier>, StoreError>;

    /// The newest `limit` messages of a conversation, in order.
    async fn latest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// Ranges within `first..=last` that are not stored, at most `limit`, in order.
    async fn missing(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<(u64, u64)>, StoreError>;

    /// The place in `source` up to which input is in the outbox or beyond; `None` at first.
    async fn checkpoint(&self, source: &str) -> Result<Option<u64>, StoreError>;

    /// A user seen before, by name.
    async fn user_by_name(&self, name: &str) -> Result<Option<UserRecord>, StoreError>;

    /// A user seen before, by id.
    async fn user(&self, user: UserId) -> Result<Option<UserRecord>, StoreError>;

    /// All known marks, by conversation and user.
    async fn marks(&self) -> Result<Vec<MarkRecord>, StoreError>;

    /// Number of outbox items of this device, of all its processes.
    async fn outbox_len(&self) -> Result<usize, StoreError>;
}
