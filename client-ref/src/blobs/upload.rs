//! Uploads.

use eim_codec::id::BlobId;
use eim_codec::payload::{BlobCreateRequest, request, response};
use eim_codec::registry::Operation;

use super::{Attempt, BlobError, Progress, Source, ended, refused};
use crate::client::Client;
use crate::engine::blobs::{TransferCommand, TransferEvent};
use crate::error::RequestError;

/// What is uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// SHA-256 of all octets.
    pub sha256: [u8; 32],
    /// How many there are.
    pub size: u64,
    /// May be empty.
    pub media_type: String,
    /// May be empty.
    pub name: String,
}

impl Client {
    /// Uploads octets, or what of them the server does not have yet; they are durable when this
    /// returns. Goes on after a lost connection, and where an earlier process was.
    ///
    /// # Errors
    /// [`BlobError`].
    // impl[EIM-BLB-032]
    pub async fn upload(
        &self,
        upload: &Upload,
        source: &mut dyn Source,
        progress: &mut Progress<'_>,
    ) -> Result<BlobId, BlobError> {
        loop {
            let attempt = self.try_upload(upload, source, progress).await?;
            if let Attempt::Done(blob) = attempt {
                return Ok(blob);
            }
        }
    }

    async fn try_upload(
        &self,
        upload: &Upload,
        source: &mut dyn Source,
        progress: &mut Progress<'_>,
    ) -> Result<Attempt<BlobId>, BlobError> {
        let body = request::Body::BlobCreate(BlobCreateRequest {
            sha256: upload.sha256.to_vec().into(),
            size: upload.size,
            media_type: upload.media_type.clone(),
            name: upload.name.clone(),
        });
        let mut events = self.begin(Operation::BLOB_CREATE, body).await?;
        let (key, answer) = match events.recv().await {
            Some(TransferEvent::Opened(key, answer)) => (key, answer),
            Some(TransferEvent::Refused(error, wait)) => return refused(error, wait).await,
            _ => return Ok(Attempt::Again),
        };
        let response::Body::BlobCreate(answer) = *answer else {
            return Err(RequestError::Nonsense("not a blob").into());
        };
        let blob = BlobId::from_slice(&answer.blob)
            .map_err(|_| RequestError::Nonsense("the id of a blob"))?;
        if answer.complete {
            progress(upload.size);
            return Ok(Attempt::Done(blob));
        }
        if answer.offset > upload.size {
            return Err(RequestError::Nonsense("an offset beyond the end").into());
        }
        let mut at = answer.offset;
        progress(at);
        while let Some(event) = events.recv().await {
            match event {
                TransferEvent::Room(room) => {
                    let octets = source.read(at, room).await?;
                    let octets = octets.slice(..octets.len().min(room));
                    at = at.saturating_add(octets.len() as u64);
                    self.transfer(TransferCommand::Push(key, octets)).await?;
                    progress(at);
                }
                TransferEvent::Ended(None) => return Ok(Attempt::Done(blob)),
                TransferEvent::Ended(Some(error)) => return ended(error).await,
                _ => {}
            }
        }
        Ok(Attempt::Again)
    }
}
