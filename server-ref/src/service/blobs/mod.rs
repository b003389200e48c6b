//! Blobs: who may upload and read what, and where its octets are.

mod requests;
mod upload;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use eim_codec::registry::{ErrorCode, limits};

pub use upload::{Hash, Writer};

use super::{Refusal, millis};
use crate::blobs::{BlobError, BlobStore, Content};
use crate::hub::Budget;
use crate::random::Random;
use crate::store::{BlobView, Store, StoreError, TenantId};

/// What the operator decides about blobs.
#[derive(Clone, Debug)]
pub struct BlobOptions {
    /// Largest blob.
    pub octets: u64,
    /// Octets that the blobs of one user may have together.
    pub quota_octets: u64,
    /// Octets that are written at once.
    pub part_octets: u32,
    /// Octets of a transfer that may be under way.
    pub window_octets: u32,
    /// Transfers of one connection.
    pub transfers: usize,
    /// How long a blob is kept without a reference, in milliseconds.
    pub orphan_ms: u64,
    /// Who knows hash and size of octets that the tenant has need not upload them.
    pub shared: bool,
    /// Beginnings of the media types that may be uploaded; none: all.
    pub media_types: Vec<String>,
    /// Octets that all transfers may hold together.
    pub memory_octets: usize,
    /// How long an address lives from which anybody can fetch octets, in milliseconds; 0: there
    /// are none.
    pub presigned_ms: u64,
}

impl Default for BlobOptions {
    fn default() -> Self {
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            octets: limits::BLOB_OCTETS.default,
            quota_octets: u64::MAX,
            part_octets: 1 << 20,
            window_octets: limits::BLOB_WINDOW_OCTETS.default,
            transfers: count(limits::BLOB_TRANSFERS.default),
            orphan_ms: limits::BLOB_ORPHAN_MS.default,
            shared: false,
            media_types: Vec::new(),
            memory_octets: 256 << 20,
            presigned_ms: 0,
        }
    }
}

/// A transfer that a request has begun.
#[derive(Clone, Debug)]
pub enum Transfer {
    /// Octets from `offset` on are wanted.
    Upload {
        /// What is uploaded.
        blob: BlobView,
        /// The first octet that is wanted: the beginning of a part, or the end.
        offset: u64,
        /// Who may write.
        writer: Writer,
    },
    /// Octets are sent.
    Download {
        /// What is downloaded.
        blob: BlobView,
        /// First octet.
        offset: u64,
        /// Octet after the last.
        end: u64,
    },
}

/// Blobs of a server.
#[derive(Debug)]
pub struct Blobs {
    store: Arc<dyn Store>,
    octets: Arc<dyn BlobStore>,
    random: Arc<dyn Random>,
    /// What the operator decides.
    pub options: BlobOptions,
    /// What all transfers hold together.
    pub memory: Budget,
    writers: Mutex<HashMap<Content, Writer>>,
}

impl std::fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Blobs {
    /// Blobs whose octets are in `octets`.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        octets: Arc<dyn BlobStore>,
        random: Arc<dyn Random>,
        options: BlobOptions,
    ) -> Self {
        Self {
            store,
            octets,
            random,
            memory: Budget::new(options.memory_octets),
            options,
            writers: Mutex::default(),
        }
    }

    /// Octets of a blob from `offset` on: up to `most`, and not beyond `end` or the part that holds
    /// the first of them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn read(
        &self,
        tenant: TenantId,
        blob: &BlobView,
        offset: u64,
        end: u64,
        most: usize,
    ) -> Result<Bytes, Refusal> {
        let (part, start) = place(offset, blob.part_octets);
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        let left = u64::from(blob.part_octets).saturating_sub(start);
        let wanted = end.saturating_sub(offset).min(most).min(left);
        let content = content(tenant, blob);
        let octets = self
            .octets
            .get(content, part, start..start.saturating_add(wanted))
            .await?;
        if octets.is_empty() {
            return Err(BlobError::Missing.into());
        }
        Ok(octets)
    }

    /// An address of the part that holds the octet at `offset`, with where it begins and how many
    /// octets it has; `None` where there are none.
    async fn url(
        &self,
        tenant: TenantId,
        blob: &BlobView,
        offset: u64,
    ) -> Result<Option<(String, u64, u64)>, Refusal> {
        let life = Duration::from_millis(self.options.presigned_ms);
        if life.is_zero() {
            return Ok(None);
        }
        let (part, within) = place(offset, blob.part_octets);
        let url = self.octets.url(content(tenant, blob), part, life).await?;
        let begin = offset.saturating_sub(within);
        let length = u64::from(blob.part_octets).min(blob.size.saturating_sub(begin));
        let bound = usize::try_from(limits::BLOB_URL_OCTETS.default).unwrap_or(usize::MAX);
        let url = url.filter(|url| url.len() <= bound);
        Ok(url.map(|url| (url, begin, length)))
    }

    /// Removes octets that nothing needs any more: at most `limit` contents. Gives back how many.
    ///
    /// # Errors
    /// When they cannot be removed now.
    // impl[EIM-BLB-025]
    pub async fn collect(&self, tenant: TenantId, limit: usize) -> Result<usize, StoreError> {
        let garbage = self.store.garbage(tenant, limit).await?;
        let mut removed = Vec::with_capacity(garbage.len());
        for one in garbage {
            let id = one.content;
            let content = Content { tenant, id };
            // Whoever still writes would leave something behind.
            self.writer(content).close().await;
            match self.octets.remove(content).await {
                Ok(()) => removed.push(one),
                Err(error) => tracing::warn!(%error, %id, "octets of a blob are still there"),
            }
        }
        let count = removed.len();
        if count > 0 {
            self.store.collected(tenant, removed).await?;
        }
        Ok(count)
    }

    /// The only one who may write from now on; whoever wrote before has finished the part at hand.
    async fn take_over(&self, content: Content) -> Writer {
        self.writer(content).next().await
    }

    fn writer(&self, content: Content) -> Writer {
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        writers.retain(|_, writer| writer.is_wanted());
        writers.entry(content).or_default().clone()
    }
}

/// The part that holds an octet, and the place there.
fn place(offset: u64, part_octets: u32) -> (u32, u64) {
    let part_octets = u64::from(part_octets).max(1);
    let part = u32::try_from(offset / part_octets).unwrap_or(u32::MAX);
    (part, offset % part_octets)
}

fn content(tenant: TenantId, blob: &BlobView) -> Content {
    let id = blob.content;
    Content { tenant, id }
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        let mut refusal = Self::new(ErrorCode::UNAVAILABLE, "the octets cannot be reached now");
        match error {
            // impl[EIM-LIM-021]
            BlobError::LeftAlone(wait) => refusal.retry_after_ms = millis(wait),
            error => tracing::error!(%error, "the blob store failed"),
        }
        refusal
    }
}
