//! Writing the octets of a blob: part by part, hashed on the way, by one writer at a time.

use std::sync::Arc;

use bytes::Bytes;
use eim_codec::registry::ErrorCode;
use sha2::{Digest as _, Sha256};

use super::{Blobs, content, place};
use crate::blobs::{BlobError, Content};
use crate::service::Refusal;
use crate::store::{BlobView, TenantId};

/// Octets hashed before other tasks get their turn.
const HASHED: usize = 64 * 1024;

/// What is written in place of the newest writer of a content that is to be removed.
const CLOSED: u64 = u64::MAX;

/// The hash of what was written so far.
pub type Hash = Sha256;

/// One of those who write a content; only the last of them may.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// Held while a part is written.
    newest: Arc<tokio::sync::Mutex<u64>>,
    number: u64,
}

impl Writer {
    /// Whether anybody beside the table has it.
    pub(super) fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.newest) > 1
    }

    /// The next writer, once the one before has finished its part.
    pub(super) async fn next(self) -> Self {
        let mut newest = self.newest.lock().await;
        *newest = newest.saturating_add(1);
        let number = *newest;
        drop(newest);
        Self {
            newest: self.newest,
            number,
        }
    }

    /// The last one: once the one before has finished its part, nobody writes any more.
    pub(super) async fn close(self) {
        *self.newest.lock().await = CLOSED;
    }
}

impl Blobs {
    /// How many octets of an upload are there: whole parts only.
    pub(super) async fn stored(&self, tenant: TenantId, blob: &BlobView) -> Result<u64, Refusal> {
        let parts = self.octets.parts(content(tenant, blob)).await?;
        let mut stored = 0;
        while stored < blob.size {
            let (part, _) = place(stored, blob.part_octets);
            let due = u64::from(blob.part_octets).min(blob.size - stored);
            if parts.get(&part) != Some(&due) {
                break;
            }
            stored += due;
        }
        Ok(stored)
    }

    /// Hashes what is there before `offset`, for an upload that goes on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn rehash(
        &self,
        tenant: TenantId,
        blob: BlobView,
        offset: u64,
    ) -> Result<Hash, Refusal> {
        let mut hash = Hash::default();
        let mut at = 0;
        while at < offset {
            let octets = self.read(tenant, &blob, at, offset, usize::MAX).await?;
            at = at.saturating_add(octets.len() as u64);
            hash = digest(hash, &octets).await;
        }
        Ok(hash)
    }

    /// Writes the part that begins at `offset`; durable when this returns.
    ///
    /// # Errors
    /// CONFLICT when another connection has taken over, NOT_FOUND when nobody waits for the octets any
    /// more; others when they cannot be written.
    pub async fn write(
        &self,
        tenant: TenantId,
        blob: &BlobView,
        writer: &Writer,
        offset: u64,
        octets: Bytes,
        hash: Hash,
    ) -> Result<Hash, Refusal> {
        let hash = digest(hash, &octets).await;
        let (part, _) = place(offset, blob.part_octets);
        let (kept, content) = (Arc::clone(&self.octets), content(tenant, blob));
        let (newest, number) = (Arc::clone(&writer.newest), writer.number);
        // The end of the connection does not stop what keeps the octets: so it does not let the next
        // writer begin, nor anybody remove what is there, before this part is written.
        let writing = tokio::spawn(async move {
            let newest = newest.lock_owned().await;
            if *newest == CLOSED {
                return Err(Refusal::not_found());
            }
            if *newest != number {
                let detail = "another connection goes on with this upload";
                return Err(Refusal::new(ErrorCode::CONFLICT, detail));
            }
            kept.put(content, part, octets).await?;
            Ok(())
        });
        match writing.await {
            Ok(written) => written?,
            Err(_) => return Err(BlobError::Failed("writing has ended".to_owned()).into()),
        }
        Ok(hash)
    }

    /// All octets are written: they have to be those of the hash.
    ///
    /// # Errors
    /// BLOB_MISMATCH when they are others: what was uploaded is forgotten. NOT_FOUND when nobody
    /// waited for them any more.
    // impl[EIM-BLB-008, EIM-BLB-010]
    pub async fn finish(
        &self,
        tenant: TenantId,
        blob: &BlobView,
        hash: Hash,
    ) -> Result<(), Refusal> {
        if hash.finalize()[..] != blob.sha256[..] {
            self.store.blob_discard(tenant, blob.blob).await?;
            let detail = "the octets are not those of the hash";
            return Err(Refusal::new(ErrorCode::BLOB_MISMATCH, detail));
        }
        if self.store.blob_complete(tenant, blob.blob).await?.is_some() {
            return Ok(());
        }
        // It was given up meanwhile.
        let Content { tenant, id } = content(tenant, blob);
        self.octets.remove(Content { tenant, id }).await?;
        Err(Refusal::not_found())
    }
}

async fn digest(mut hash: Hash, octets: &[u8]) -> Hash {
    for some in octets.chunks(HASHED) {
        hash.update(some);
        tokio::task::yield_now().await;
    }
    hash
}
