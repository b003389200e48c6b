//! Octets of files of which a server that is asked says that none are there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::blobs::{BlobError, BlobStore, Content};

#[derive(Debug)]
pub(super) struct ForgetfulOctets(pub(super) Arc<dyn BlobStore>);

#[async_trait]
impl BlobStore for ForgetfulOctets {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        self.0.put(content, part, octets).await
    }

    async fn get(
        &self,
        content: Content,
        part: u32,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        self.0.get(content, part, range).await
    }

    async fn parts(&self, _: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        Ok(BTreeMap::new())
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        self.0.remove(content).await
    }
}
