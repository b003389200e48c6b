//! Downloads from addresses that the server gives, beside the connection.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::ConversationId;
use eim_codec::payload::{BlobUrlRequest, BlobUrlResponse, request, response};
use eim_codec::registry::{Operation, limits};
use sha2::Digest as _;

use super::{BlobError, Download, Partial, Progress, Sink};
use crate::client::Client;
use crate::error::RequestError;

/// Fetches octets from addresses.
///
/// An address is a secret for as long as it lives: it stands in no log and no error.
#[async_trait]
pub trait Fetcher: Send {
    /// Begins with an address. Which ones are fetched from is for the fetcher to decide (EIM-BLB-037).
    async fn begin(&mut self, url: &str) -> io::Result<()>;

    /// The next octets; `None` at the end.
    async fn next(&mut self) -> io::Result<Option<Bytes>>;
}

/// How a download from addresses went.
#[derive(Debug)]
pub struct Fetched {
    /// Octets of the blob.
    pub size: u64,
    /// Why octets came over the connection after all.
    pub missed: Option<BlobError>,
}

impl Client {
    /// As [`download`](Self::download), from addresses as far as the server gives them and they bring
    /// anything, and over the connection from there.
    ///
    /// # Errors
    /// As [`download`](Self::download); that there are no addresses is no error.
    // impl[EIM-BLB-033, EIM-BLB-039]
    pub async fn download_from_addresses(
        &self,
        download: Download,
        mut partial: Partial,
        sink: &mut dyn Sink,
        progress: &mut Progress<'_>,
        fetcher: &mut dyn Fetcher,
    ) -> Result<Fetched, BlobError> {
        let fetched = self
            .fetch(&download, &mut partial, sink, progress, fetcher)
            .await;
        let missed = match fetched {
            Err(BlobError::File(error)) => return Err(BlobError::File(error)),
            other => other.err(),
        };
        let size = self.download(download, partial, sink, progress).await?;
        Ok(Fetched { size, missed })
    }

    async fn fetch(
        &self,
        download: &Download,
        partial: &mut Partial,
        sink: &mut dyn Sink,
        progress: &mut Progress<'_>,
        fetcher: &mut dyn Fetcher,
    ) -> Result<(), BlobError> {
        loop {
            let address = self.address(download, partial.offset).await?;
            if partial.offset >= address.size {
                return Ok(());
            }
            progress(partial.offset);
            fetcher
                .begin(&address.url)
                .await
                .map_err(BlobError::Address)?;
            // What of it is here already.
            let mut known = partial.offset.saturating_sub(address.offset);
            let mut left = address.length;
            while let Some(octets) = fetcher.next().await.map_err(BlobError::Address)? {
                let count = octets.len() as u64;
                // impl[EIM-BLB-038]
                left = left.checked_sub(count).ok_or_else(|| {
                    BlobError::Address(io::Error::other("more octets than the server has told"))
                })?;
                let skipped = known.min(count);
                known -= skipped;
                let new = octets.slice(usize::try_from(skipped).unwrap_or(octets.len())..);
                if !new.is_empty() {
                    sink.write(&new).await?;
                    partial.hash.update(&new);
                    partial.offset = partial.offset.saturating_add(new.len() as u64);
                    progress(partial.offset);
                }
            }
            if left > 0 {
                let short = io::Error::other("fewer octets than the server has told");
                return Err(BlobError::Address(short));
            }
        }
    }

    /// An address of the octet at `offset`.
    async fn address(
        &self,
        download: &Download,
        offset: u64,
    ) -> Result<BlobUrlResponse, BlobError> {
        let conversation = download.conversation.map(ConversationId::to_bytes);
        let body = request::Body::BlobUrl(BlobUrlRequest {
            blob: download.blob.to_bytes(),
            offset,
            conversation: conversation.unwrap_or_default(),
        });
        let response::Body::BlobUrl(answer) = self.ask(Operation::BLOB_URL, body).await? else {
            return Err(RequestError::Nonsense("no address of a blob").into());
        };
        let end = answer.offset.saturating_add(answer.length);
        let bound = usize::try_from(limits::BLOB_URL_OCTETS.default).unwrap_or(usize::MAX);
        let held = answer.offset <= offset && (offset < end || offset == answer.size);
        if !held || end > answer.size || answer.url.len() > bound {
            return Err(RequestError::Nonsense("an address of other octets").into());
        }
        Ok(answer)
    }
}
