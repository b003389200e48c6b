//! Records of blobs.

use bytes::Bytes;
use eim_codec::id::BlobId;
use prost::Message;

use super::state::{array, id};
use crate::store::{BlobView, StoreError};

/// A blob, by its id.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct BlobRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) owner: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::store::kv) sha256: Bytes,
    #[prost(uint64, tag = "3")]
    pub(in crate::store::kv) size: u64,
    #[prost(string, tag = "4")]
    pub(in crate::store::kv) media_type: String,
    #[prost(string, tag = "5")]
    pub(in crate::store::kv) name: String,
    #[prost(bool, tag = "6")]
    pub(in crate::store::kv) complete: bool,
    #[prost(bytes = "bytes", tag = "7")]
    pub(in crate::store::kv) content: Bytes,
    #[prost(uint32, tag = "8")]
    pub(in crate::store::kv) part_octets: u32,
    /// Messages that refer to it.
    #[prost(uint32, tag = "9")]
    pub(in crate::store::kv) references: u32,
    /// Without references it goes then.
    #[prost(uint64, tag = "10")]
    pub(in crate::store::kv) expires_ms: u64,
    #[prost(uint64, tag = "11")]
    pub(in crate::store::kv) orphan_ms: u64,
}

impl BlobRow {
    pub(in crate::store::kv) fn view(self, blob: BlobId) -> Result<BlobView, StoreError> {
        Ok(BlobView {
            blob,
            owner: id("blob", &self.owner)?,
            sha256: array("blob", &self.sha256)?,
            size: self.size,
            media_type: self.media_type,
            name: self.name,
            complete: self.complete,
            content: id("blob", &self.content)?,
            part_octets: self.part_octets,
        })
    }
}

/// Octets that are all there, by their hash.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ContentRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) content: Bytes,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) size: u64,
    #[prost(uint32, tag = "3")]
    pub(in crate::store::kv) part_octets: u32,
    /// Blobs that share them.
    #[prost(uint32, tag = "4")]
    pub(in crate::store::kv) blobs: u32,
}

/// A message that refers to a blob.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct ReferenceRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) sender: Bytes,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) time_ms: u64,
}

/// What the blobs of a user take.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct UsageRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) octets: u64,
}
