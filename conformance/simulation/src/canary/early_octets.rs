//! Octets of files that are said to be durable before they are.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::blobs::{BlobError, BlobStore, Content};

use crate::world::Life;

#[derive(Debug)]
pub(super) struct EarlyOctets {
    real: Arc<dyn BlobStore>,
    life: Life,
}

impl EarlyOctets {
    pub(super) fn new(real: Arc<dyn BlobStore>, life: &Life) -> Self {
        let life = life.clone();
        Self { real, life }
    }
}

#[async_trait]
impl BlobStore for EarlyOctets {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        let real = Arc::clone(&self.real);
        self.life.spawn(async move {
            // Whoever put them is told already.
            let _ = real.put(content, part, octets).await;
        });
        Ok(())
    }

    async fn get(
        &self,
        content: Content,
        part: u32,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        self.real.get(content, part, range).await
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        self.real.parts(content).await
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        self.real.remove(content).await
    }
}
