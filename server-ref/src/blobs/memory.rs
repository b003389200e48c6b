//! Octets in memory: for tests, and for servers that forget everything at the end.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::{BlobError, BlobStore, Content};

/// Octets in memory.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    contents: Mutex<BTreeMap<Content, BTreeMap<u32, Bytes>>>,
}

impl MemoryBlobs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Content, BTreeMap<u32, Bytes>>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept at all.
    #[must_use]
    pub fn contents(&self) -> Vec<Content> {
        self.lock().keys().copied().collect()
    }
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        self.lock().entry(content).or_default().insert(part, octets);
        Ok(())
    }

    async fn get(
        &self,
        content: Content,
        part: u32,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let contents = self.lock();
        let octets = contents.get(&content).and_then(|parts| parts.get(&part));
        let octets = octets.ok_or(BlobError::Missing)?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(octets.len());
        let start = place(range.start);
        Ok(octets.slice(start..place(range.end).max(start)))
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        let contents = self.lock();
        let parts = contents.get(&content).into_iter().flatten();
        Ok(parts
            .map(|(part, octets)| (*part, octets.len() as u64))
            .collect())
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        self.lock().remove(&content);
        Ok(())
    }
}
