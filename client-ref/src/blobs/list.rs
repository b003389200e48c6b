//! The files of a conversation.

use eim_codec::id::{BlobId, ConversationId, UserId};
use eim_codec::payload::{BlobItem, BlobsRequest, request, response};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;

/// Most pages that are read: a server that always has more is not believed.
const PAGES: usize = 1000;

/// A file that a message refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileItem {
    /// Number of the message.
    pub conv_seq: u64,
    /// Who sent it.
    pub sender: UserId,
    /// Server time of the message, Unix milliseconds.
    pub time_ms: u64,
    /// The blob.
    pub blob: BlobId,
    /// Octets.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
    /// As its uploader has said; may be empty.
    pub media_type: String,
    /// As its uploader has said; may be empty.
    pub name: String,
}

impl Client {
    /// Files of a conversation, the newest first, at most `limit`: those whose names contain `name`,
    /// whatever the case, and whose media types begin with `media_type`.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn files(
        &self,
        conversation: ConversationId,
        name: &str,
        media_type: &str,
        limit: usize,
    ) -> Result<Vec<FileItem>, RequestError> {
        let mut found = Vec::new();
        let mut ask = BlobsRequest {
            conversation: conversation.to_bytes(),
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            ..BlobsRequest::default()
        };
        for _ in 0..PAGES {
            let body = request::Body::Blobs(ask.clone());
            let response::Body::Blobs(page) = self.ask(Operation::BLOBS, body).await? else {
                return Err(RequestError::Nonsense("no blobs"));
            };
            for item in &page.items {
                found.push(file_item(item)?);
            }
            if !page.more || found.len() >= limit {
                break;
            }
            (ask.before, ask.before_blob) = (page.next, page.next_blob);
        }
        found.truncate(limit);
        Ok(found)
    }
}

fn file_item(item: &BlobItem) -> Result<FileItem, RequestError> {
    let nonsense = RequestError::Nonsense("a blob of a conversation");
    let (Ok(sender), Ok(blob), Ok(sha256)) = (
        UserId::from_slice(&item.sender),
        BlobId::from_slice(&item.blob),
        <[u8; 32]>::try_from(&item.sha256[..]),
    ) else {
        return Err(nonsense);
    };
    Ok(FileItem {
        conv_seq: item.conv_seq,
        sender,
        time_ms: item.time_ms,
        blob,
        size: item.size,
        sha256,
        media_type: item.media_type.clone(),
        name: item.name.clone(),
    })
}
