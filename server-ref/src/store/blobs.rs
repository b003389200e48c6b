//! What must survive of blobs beside their octets: whose they are, who refers to them, what may go.

use async_trait::async_trait;
use eim_codec::id::{BlobId, ConversationId, UserId};

use super::{Origin, Refused, StoreError, TenantId};

/// A blob to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlob {
    /// Id it gets, if it is none that is known.
    pub blob: BlobId,
    /// SHA-256 of its octets.
    pub sha256: [u8; 32],
    /// Octets; not 0.
    pub size: u64,
    /// As given; may be empty.
    pub media_type: String,
    /// As given; may be empty.
    pub name: String,
    /// Octets of each part but the last.
    pub part_octets: u32,
    /// Octets that the blobs of one user may have together.
    pub quota_octets: u64,
    /// How long it is kept without a reference, in milliseconds.
    pub orphan_ms: u64,
    /// Who knows hash and size of octets that the tenant has need not upload them.
    pub shared: bool,
}

/// A blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobView {
    /// Its id.
    pub blob: BlobId,
    /// Who uploads it, or has.
    pub owner: UserId,
    /// SHA-256 of its octets.
    pub sha256: [u8; 32],
    /// Octets.
    pub size: u64,
    /// As given.
    pub media_type: String,
    /// As given.
    pub name: String,
    /// All octets are there and right.
    pub complete: bool,
    /// Under which its octets are kept: blobs with the same octets share them.
    pub content: BlobId,
    /// Octets of each part but the last.
    pub part_octets: u32,
}

/// A blob as a message refers to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobReference {
    /// The message.
    pub conv_seq: u64,
    /// Who sent it.
    pub sender: UserId,
    /// Server time of the message.
    pub time_ms: u64,
    /// The blob.
    pub blob: BlobView,
}

/// What of a conversation's references is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobsWanted {
    /// First message, inclusive.
    pub first: u64,
    /// Last message, inclusive.
    pub last: u64,
    /// Below this place only.
    pub before: Option<(u64, BlobId)>,
    /// Lower-case part of names; empty for all.
    pub name: String,
    /// Beginning of media types; empty for all.
    pub media_type: String,
    /// Most references.
    pub limit: usize,
}

/// References of a conversation, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlobPage {
    /// In descending order of messages and blobs.
    pub references: Vec<BlobReference>,
    /// Where to go on; `None` at the end. A page may be empty and go on: it looks at so many only.
    pub next: Option<(u64, BlobId)>,
}

/// Octets that nothing needs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// Under which they are kept.
    pub content: BlobId,
}

/// Blobs beside their octets. Part of [`Store`](super::Store).
#[async_trait]
pub trait BlobRecords: Send + Sync + 'static {
    /// Begins a blob of the caller, or finds the one with these octets that it has begun or has;
    /// durable when this returns.
    async fn blob_create(
        &self,
        origin: Origin,
        new: NewBlob,
    ) -> Result<Result<BlobView, Refused>, StoreError>;

    /// The octets of a blob are all there and right; durable when this returns. `None` when the
    /// blob is gone.
    async fn blob_complete(
        &self,
        tenant: TenantId,
        blob: BlobId,
    ) -> Result<Option<BlobView>, StoreError>;

    /// The octets of a blob are wrong: unless it is complete, it is forgotten.
    async fn blob_discard(&self, tenant: TenantId, blob: BlobId) -> Result<(), StoreError>;

    /// A blob that `user` may read: its own, or one that a visible message refers to, of
    /// `conversation` if that is given.
    async fn blob_readable(
        &self,
        tenant: TenantId,
        user: UserId,
        blob: BlobId,
        conversation: Option<ConversationId>,
    ) -> Result<Option<BlobView>, StoreError>;

    /// What messages of a conversation refer to. The caller has checked visibility.
    async fn blobs_of(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        wanted: BlobsWanted,
    ) -> Result<BlobPage, StoreError>;

    /// Some of the octets that nothing needs any more, at most `limit`.
    async fn garbage(&self, tenant: TenantId, limit: usize) -> Result<Vec<Garbage>, StoreError>;

    /// These octets are removed.
    async fn collected(&self, tenant: TenantId, removed: Vec<Garbage>) -> Result<(), StoreError>;
}
