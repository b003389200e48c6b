//! Octets in an object store: S3, or whatever speaks like it. One object a part.
//!
//! Parts are objects of their own, not parts of a multipart upload: an upload that was interrupted is
//! told by the objects that are there, and nothing has to be remembered of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::signer::{Method, Signer};
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutPayload};

use super::{BlobError, BlobStore, Content};

/// Where an S3 store is. Credentials come from the environment, as every tool for S3 reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct S3Place {
    /// Address; empty for the one of the region.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Folder in the bucket.
    pub prefix: String,
}

/// Octets in an object store.
#[derive(Clone, Debug)]
pub struct ObjectBlobs {
    store: Arc<dyn ObjectStore>,
    /// What makes addresses for others, where the store has it.
    signer: Option<Arc<dyn Signer>>,
    prefix: Path,
}

impl ObjectBlobs {
    /// Keeps octets below `prefix` in any object store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        Self {
            store,
            signer: None,
            prefix: Path::from(prefix),
        }
    }

    /// Keeps octets in a bucket. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When the place makes no sense.
    pub fn s3(place: &S3Place) -> Result<Self, BlobError> {
        Self::s3_with(place, AmazonS3Builder::from_env())
    }

    /// As [`ObjectBlobs::s3`], with credentials (and whatever else the place does not say) of `builder`.
    ///
    /// # Errors
    /// When the place makes no sense.
    pub fn s3_with(place: &S3Place, builder: AmazonS3Builder) -> Result<Self, BlobError> {
        // Somebody may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = builder
            .with_bucket_name(&place.bucket)
            .with_region(&place.region);
        if !place.endpoint.is_empty() {
            builder = builder
                .with_endpoint(&place.endpoint)
                .with_allow_http(place.endpoint.starts_with("http://"));
        }
        let store = Arc::new(builder.build().map_err(failed)?);
        let signer: Arc<dyn Signer> = Arc::clone(&store) as _;
        Ok(Self {
            signer: Some(signer),
            ..Self::new(store, &place.prefix)
        })
    }

    fn folder(&self, content: Content) -> Path {
        let tenant = self.prefix.clone().join(content.tenant.0.to_string());
        tenant.join(content.id.to_string())
    }

    fn part(&self, content: Content, part: u32) -> Path {
        self.folder(content).join(part.to_string())
    }
}

fn failed(error: Error) -> BlobError {
    match error {
        Error::NotFound { .. } => BlobError::Missing,
        other => BlobError::Failed(other.to_string()),
    }
}

#[async_trait]
impl BlobStore for ObjectBlobs {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        let payload = PutPayload::from_bytes(octets);
        let put = self.store.put(&self.part(content, part), payload).await;
        put.map(drop).map_err(failed)
    }

    async fn get(
        &self,
        content: Content,
        part: u32,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        let path = self.part(content, part);
        let start = range.start;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        match self.store.get_opts(&path, options).await {
            Ok(found) => found.bytes().await.map_err(failed),
            Err(error) => {
                // Some stores refuse a range behind the end.
                let whole = self.store.head(&path).await.map_err(failed)?;
                match whole.size <= start {
                    true => Ok(Bytes::new()),
                    false => Err(failed(error)),
                }
            }
        }
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        let mut parts = BTreeMap::new();
        let mut listed = self.store.list(Some(&self.folder(content)));
        while let Some(object) = listed.try_next().await.map_err(failed)? {
            let part = object.location.filename().and_then(|it| it.parse().ok());
            if let Some(part) = part {
                parts.insert(part, object.size);
            }
        }
        Ok(parts)
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        let listed = self.store.list(Some(&self.folder(content)));
        let parts = listed.map_ok(|object| object.location).boxed();
        // Many in one request, where the store can.
        let mut removed = self.store.delete_stream(parts);
        while let Some(part) = removed.next().await {
            match part {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    // impl[EIM-BLB-036]
    async fn url(
        &self,
        content: Content,
        part: u32,
        life: Duration,
    ) -> Result<Option<String>, BlobError> {
        let Some(signer) = &self.signer else {
            return Ok(None);
        };
        let path = self.part(content, part);
        let url = signer.signed_url(Method::GET, &path, life).await;
        url.map(|url| Some(url.into())).map_err(failed)
    }
}
