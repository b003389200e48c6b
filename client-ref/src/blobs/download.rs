//! Downloads.

use eim_codec::id::{BlobId, ConversationId};
use eim_codec::payload::{BlobReadRequest, request, response};
use eim_codec::registry::Operation;
use sha2::{Digest as _, Sha256};

use super::{Attempt, BlobError, Progress, Sink, ended, refused};
use crate::client::Client;
use crate::engine::blobs::{TransferCommand, TransferEvent};
use crate::error::RequestError;

/// What is downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Download {
    /// The blob.
    pub blob: BlobId,
    /// A conversation with a message that refers to it.
    pub conversation: Option<ConversationId>,
    /// SHA-256 that the message has told.
    pub sha256: [u8; 32],
}

/// What of a download is here already.
#[derive(Clone, Debug, Default)]
pub struct Partial {
    /// Octets from the beginning.
    pub offset: u64,
    /// Hash of them.
    pub hash: Sha256,
}

impl Client {
    /// Downloads what is not here yet, and gives back how many octets the blob has. Goes on after a
    /// lost connection.
    ///
    /// # Errors
    /// [`BlobError`]; [`BlobError::Mismatch`] when the octets, those that were here included, are not
    /// those of the hash.
    // impl[EIM-BLB-033]
    pub async fn download(
        &self,
        download: Download,
        mut partial: Partial,
        sink: &mut dyn Sink,
        progress: &mut Progress<'_>,
    ) -> Result<u64, BlobError> {
        let size = loop {
            let attempt = self
                .try_download(download, &mut partial, sink, progress)
                .await?;
            if let Attempt::Done(size) = attempt {
                break size;
            }
        };
        if partial.hash.finalize()[..] == download.sha256[..] {
            Ok(size)
        } else {
            Err(BlobError::Mismatch)
        }
    }

    async fn try_download(
        &self,
        download: Download,
        partial: &mut Partial,
        sink: &mut dyn Sink,
        progress: &mut Progress<'_>,
    ) -> Result<Attempt<u64>, BlobError> {
        let conversation = download.conversation.map(ConversationId::to_bytes);
        let body = request::Body::BlobRead(BlobReadRequest {
            blob: download.blob.to_bytes(),
            offset: partial.offset,
            length: 0,
            conversation: conversation.unwrap_or_default(),
        });
        let mut events = self.begin(Operation::BLOB_READ, body).await?;
        let (key, answer) = match events.recv().await {
            Some(TransferEvent::Opened(key, answer)) => (key, answer),
            Some(TransferEvent::Refused(error, wait)) => return refused(error, wait).await,
            _ => return Ok(Attempt::Again),
        };
        let response::Body::BlobRead(answer) = *answer else {
            return Err(RequestError::Nonsense("not a blob").into());
        };
        progress(partial.offset);
        while partial.offset < answer.size {
            match events.recv().await {
                Some(TransferEvent::Octets(octets)) => {
                    sink.write(&octets).await?;
                    partial.hash.update(&octets);
                    let count = octets.len();
                    partial.offset = partial.offset.saturating_add(count as u64);
                    self.transfer(TransferCommand::Consumed(key, count)).await?;
                    progress(partial.offset);
                }
                Some(TransferEvent::Ended(Some(error))) => return ended(error).await,
                Some(TransferEvent::Ended(None)) | None => return Ok(Attempt::Again),
                Some(_) => {}
            }
        }
        self.transfer(TransferCommand::Done(key)).await?;
        Ok(Attempt::Done(answer.size))
    }
}
