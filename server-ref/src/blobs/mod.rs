//! Where the octets of blobs are kept: in parts, each written whole.
//!
//! A part is all there or not at all, so what is stored of an upload is told by the parts that are
//! there: nothing has to be remembered beside them, and an upload goes on after any end of the process.
//! One contract suite runs against every implementation.

mod folder;
mod guarded;
mod memory;
mod object;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::BlobId;

pub use folder::FolderBlobs;
pub use guarded::GuardedBlobs;
pub use memory::MemoryBlobs;
pub use object::{ObjectBlobs, S3Place};

use crate::store::TenantId;

/// Octets that are kept together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    /// Whose they are.
    pub tenant: TenantId,
    /// By which they are known.
    pub id: BlobId,
}

/// The octets could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BlobError {
    /// Nothing is kept there.
    #[error("no such part")]
    Missing,
    /// What keeps the octets reports an error.
    #[error("blob store: {0}")]
    Failed(String),
    /// It has failed again and again, and is left alone for so long.
    #[error("blob store: left alone for {0:?}")]
    LeftAlone(Duration),
}

/// Keeps octets. Whoever calls sees to it that nobody else writes the same content.
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync + 'static {
    /// Writes a part, or writes it again: all of it or nothing, durable when this returns.
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError>;

    /// Octets of a part; fewer when the part ends earlier.
    async fn get(&self, content: Content, part: u32, range: Range<u64>)
    -> Result<Bytes, BlobError>;

    /// The parts that are there, with their octets.
    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError>;

    /// Removes all parts. What is not there is removed.
    async fn remove(&self, content: Content) -> Result<(), BlobError>;

    /// An address from which anybody can fetch a part, for so long; `None` where there are none.
    async fn url(
        &self,
        _content: Content,
        _part: u32,
        _life: Duration,
    ) -> Result<Option<String>, BlobError> {
        Ok(None)
    }
}
