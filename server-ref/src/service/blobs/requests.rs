//! BLOB_CREATE, BLOB_READ, BLOB_URL and BLOBS.

use eim_codec::id::BlobId;
use eim_codec::payload::{
    BlobCreateRequest, BlobCreateResponse, BlobItem, BlobReadRequest, BlobReadResponse,
    BlobUrlRequest, BlobUrlResponse, BlobsRequest, BlobsResponse, describes_blob, response,
};
use eim_codec::registry::ErrorCode;

use super::{Blobs, Transfer, content};
use crate::service::page::Page;
use crate::service::requests::{Body, Requests, conversation_id};
use crate::service::{Caller, Refusal};
use crate::store::{BlobReference, BlobView, BlobsWanted, NewBlob};

impl Requests {
    fn blobs(&self) -> Result<&Blobs, Refusal> {
        let none = || Refusal::new(ErrorCode::UNKNOWN_OPERATION, "this server keeps no blobs");
        self.blobs.as_deref().ok_or_else(none)
    }

    // impl[EIM-BLB-003, EIM-BLB-004, EIM-BLB-007]
    pub(in crate::service) async fn blob_create(
        &self,
        caller: Caller,
        ask: BlobCreateRequest,
    ) -> Result<Body, Refusal> {
        let blobs = self.blobs()?;
        let sha256 = <[u8; 32]>::try_from(&ask.sha256[..])
            .map_err(|_| Refusal::invalid("sha256 has 32 octets"))?;
        if ask.size == 0 || !describes_blob(&ask.media_type, &ask.name) {
            return Err(Refusal::invalid("size, media_type or name of a blob"));
        }
        let options = &blobs.options;
        if ask.size > options.octets {
            let detail = format!("a blob has at most {} octets here", options.octets);
            return Err(Refusal::new(ErrorCode::LIMIT_REACHED, detail));
        }
        let allowed = |begin: &String| ask.media_type.starts_with(begin.as_str());
        if !options.media_types.is_empty() && !options.media_types.iter().any(allowed) {
            let detail = "blobs of this media type are not kept here";
            return Err(Refusal::new(ErrorCode::FORBIDDEN, detail));
        }
        let new = NewBlob {
            blob: BlobId::from(blobs.random.octets::<16>()),
            sha256,
            size: ask.size,
            media_type: ask.media_type,
            name: ask.name,
            part_octets: options.part_octets,
            quota_octets: options.quota_octets,
            orphan_ms: options.orphan_ms,
            shared: options.shared,
        };
        let blob = self.store.blob_create(caller.origin, new).await??;
        let mut answer = BlobCreateResponse {
            blob: blob.blob.to_bytes(),
            complete: blob.complete,
            ..BlobCreateResponse::default()
        };
        if blob.complete {
            return Ok(response::Body::BlobCreate(answer).into());
        }
        let tenant = caller.origin.tenant;
        let writer = blobs.take_over(content(tenant, &blob)).await;
        let store = &self.store;
        let kept = store.blob_readable(tenant, caller.origin.user, blob.blob, None);
        if kept.await?.is_none() {
            // Given up just before: what is written now would never be removed.
            let detail = "the upload before has ended; ask again";
            return Err(Refusal::new(ErrorCode::UNAVAILABLE, detail));
        }
        answer.offset = blobs.stored(tenant, &blob).await?;
        tracing::debug!(blob = %blob.blob, offset = answer.offset, "an upload goes on");
        let transfer = Transfer::Upload {
            offset: answer.offset,
            blob,
            writer,
        };
        Ok(Body {
            transfer: Some(Box::new(transfer)),
            ..response::Body::BlobCreate(answer).into()
        })
    }

    // impl[EIM-BLB-023, EIM-BLB-024]
    pub(in crate::service) async fn blob_read(
        &self,
        caller: Caller,
        ask: &BlobReadRequest,
    ) -> Result<Body, Refusal> {
        self.blobs()?;
        let blob = self
            .readable(caller, &ask.blob, &ask.conversation, ask.offset)
            .await?;
        let end = match ask.length {
            0 => blob.size,
            length => ask.offset.saturating_add(length).min(blob.size),
        };
        let answer = BlobReadResponse {
            transfer: 0,
            size: blob.size,
            sha256: blob.sha256.to_vec().into(),
            media_type: blob.media_type.clone(),
            name: blob.name.clone(),
            offset: ask.offset,
            length: end.saturating_sub(ask.offset),
        };
        let transfer = Transfer::Download {
            blob,
            offset: ask.offset,
            end,
        };
        Ok(Body {
            transfer: (end > ask.offset).then(|| Box::new(transfer)),
            ..response::Body::BlobRead(answer).into()
        })
    }

    /// A whole blob that the caller may read, with an octet at `offset`, or ending there.
    async fn readable(
        &self,
        caller: Caller,
        blob: &[u8],
        conversation: &[u8],
        offset: u64,
    ) -> Result<BlobView, Refusal> {
        let id =
            BlobId::from_slice(blob).map_err(|error| Refusal::invalid(format!("blob: {error}")))?;
        let conversation = match conversation {
            [] => None,
            octets => Some(conversation_id(octets)?),
        };
        let origin = caller.origin;
        let found = self
            .store
            .blob_readable(origin.tenant, origin.user, id, conversation)
            .await?;
        let blob = found.ok_or_else(Refusal::not_found)?;
        if !blob.complete {
            let detail = "octets of the blob are missing";
            return Err(Refusal::new(ErrorCode::BLOB_INCOMPLETE, detail));
        }
        if offset > blob.size {
            return Err(Refusal::invalid("offset beyond the end of the blob"));
        }
        Ok(blob)
    }

    // impl[EIM-BLB-034, EIM-BLB-035, EIM-BLB-036]
    pub(in crate::service) async fn blob_url(
        &self,
        caller: Caller,
        ask: &BlobUrlRequest,
    ) -> Result<Body, Refusal> {
        let blobs = self.blobs()?;
        let blob = self
            .readable(caller, &ask.blob, &ask.conversation, ask.offset)
            .await?;
        // At the end, the address is that of the last octets.
        let offset = ask.offset.min(blob.size.saturating_sub(1));
        let found = blobs.url(caller.origin.tenant, &blob, offset).await?;
        let Some((url, offset, length)) = found else {
            let detail = "this server gives no addresses of blobs";
            return Err(Refusal::new(ErrorCode::UNKNOWN_OPERATION, detail));
        };
        let answer = BlobUrlResponse {
            url,
            offset,
            length,
            expires_ms: blobs.options.presigned_ms,
            size: blob.size,
            sha256: blob.sha256.to_vec().into(),
        };
        Ok(response::Body::BlobUrl(answer).into())
    }

    // impl[EIM-BLB-026, EIM-BLB-027]
    pub(in crate::service) async fn blobs_of(
        &self,
        caller: Caller,
        ask: &BlobsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        self.blobs()?;
        let origin = caller.origin;
        let conversation = conversation_id(&ask.conversation)?;
        let view = self
            .store
            .conversation(origin.tenant, origin.user, conversation)
            .await?
            .ok_or_else(Refusal::not_found)?;
        let before = match &ask.before_blob[..] {
            [] => None,
            octets => Some((
                ask.before,
                BlobId::from_slice(octets)
                    .map_err(|error| Refusal::invalid(format!("before_blob: {error}")))?,
            )),
        };
        let wanted = BlobsWanted {
            first: view.visible_from,
            last: view.conv_seq,
            before,
            name: ask.name.to_lowercase(),
            media_type: ask.media_type.clone(),
            limit: page.items(),
        };
        let found = self
            .store
            .blobs_of(origin.tenant, conversation, wanted)
            .await?;
        let mut answer = BlobsResponse::default();
        let mut next = found.next;
        for reference in found.references {
            let item = item(&reference);
            if !page.take(&item) {
                let last = answer.items.last();
                let last = last.and_then(|last: &BlobItem| {
                    Some((last.conv_seq, BlobId::from_slice(&last.blob).ok()?))
                });
                next = last.or(before);
                break;
            }
            answer.items.push(item);
        }
        if let Some((conv_seq, blob)) = next {
            answer.more = true;
            (answer.next, answer.next_blob) = (conv_seq, blob.to_bytes());
        }
        Ok(response::Body::Blobs(answer).into())
    }
}

fn item(reference: &BlobReference) -> BlobItem {
    let blob = &reference.blob;
    BlobItem {
        conv_seq: reference.conv_seq,
        sender: reference.sender.to_bytes(),
        time_ms: reference.time_ms,
        blob: blob.blob.to_bytes(),
        size: blob.size,
        sha256: blob.sha256.to_vec().into(),
        media_type: blob.media_type.clone(),
        name: blob.name.clone(),
    }
}
