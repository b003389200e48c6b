//! Blobs as callers see them.

use std::ops::ControlFlow;

use async_trait::async_trait;
use eim_codec::id::{BlobId, ConversationId, UserId};

use super::command::{BlobCommand, Command};
use super::keys;
use super::record::blob::{BlobRow, ReferenceRow};
use super::record::state::{self, MembershipRow};
use super::store::KvStore;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{
    BlobPage, BlobRecords, BlobReference, BlobView, BlobsWanted, Garbage, NewBlob, Origin, Refused,
    StoreError, TenantId,
};

/// Messages that are looked at for whether one of them shows a blob.
const REFERRERS: usize = 1024;

/// References that one page looks at.
const LOOKED_AT: usize = 512;

#[async_trait]
impl BlobRecords for KvStore {
    async fn blob_create(
        &self,
        origin: Origin,
        new: NewBlob,
    ) -> Result<Result<BlobView, Refused>, StoreError> {
        self.submit(|reply| Command::Blob(BlobCommand::Create { origin, new, reply }))
            .await
    }

    async fn blob_complete(
        &self,
        tenant: TenantId,
        blob: BlobId,
    ) -> Result<Option<BlobView>, StoreError> {
        self.submit(|reply| {
            Command::Blob(BlobCommand::Complete {
                tenant,
                blob,
                reply,
            })
        })
        .await
    }

    async fn blob_discard(&self, tenant: TenantId, blob: BlobId) -> Result<(), StoreError> {
        self.submit(|reply| {
            Command::Blob(BlobCommand::Discard {
                tenant,
                blob,
                reply,
            })
        })
        .await
    }

    // impl[EIM-BLB-023]
    async fn blob_readable(
        &self,
        tenant: TenantId,
        user: UserId,
        blob: BlobId,
        conversation: Option<ConversationId>,
    ) -> Result<Option<BlobView>, StoreError> {
        let reader = self.reader()?;
        let Some(row) = row(&*reader, tenant, blob)? else {
            return Ok(None);
        };
        let own = row.owner == user.as_bytes()[..];
        if own || readable(&*reader, tenant, user, blob, conversation)? {
            return row.view(blob).map(Some);
        }
        Ok(None)
    }

    // impl[EIM-BLB-026, EIM-BLB-027]
    async fn blobs_of(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        wanted: BlobsWanted,
    ) -> Result<BlobPage, StoreError> {
        page(&*self.reader()?, tenant, conversation, &wanted)
    }

    async fn garbage(&self, tenant: TenantId, limit: usize) -> Result<Vec<Garbage>, StoreError> {
        let mut found = Vec::new();
        let from = keys::garbage(tenant, [0; 16].into());
        let to = keys::garbage(tenant, [0xFF; 16].into());
        let mut take = |key: &[u8], _: &[u8]| {
            if found.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            let content = keys::last_id(key)?;
            found.push(Garbage { content });
            Ok(ControlFlow::Continue(()))
        };
        self.reader()?
            .scan(Space::State, &from, &to, Order::Ascending, &mut take)?;
        Ok(found)
    }

    async fn collected(&self, tenant: TenantId, removed: Vec<Garbage>) -> Result<(), StoreError> {
        self.submit(|reply| {
            Command::Blob(BlobCommand::Collected {
                tenant,
                removed,
                reply,
            })
        })
        .await
    }
}

fn row(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
    blob: BlobId,
) -> Result<Option<BlobRow>, StoreError> {
    let record = reader.get(Space::State, &keys::blob(tenant, blob))?;
    record
        .map(|record| state::decode("blob", &record))
        .transpose()
}

/// Whether a message that `user` may read refers to a blob.
pub(super) fn readable(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
    user: UserId,
    blob: BlobId,
    conversation: Option<ConversationId>,
) -> Result<bool, StoreError> {
    let (from, to) = keys::referrers(tenant, blob, conversation);
    let mut referrers: Vec<(ConversationId, u64)> = Vec::new();
    let mut take = |key: &[u8], _: &[u8]| {
        if referrers.len() >= REFERRERS {
            return Ok(ControlFlow::Break(()));
        }
        let conversation = key.len().checked_sub(8).and_then(|end| key.get(..end));
        let conversation = keys::last_id(conversation.unwrap_or_default())?;
        referrers.push((conversation, keys::number(key)));
        Ok(ControlFlow::Continue(()))
    };
    reader.scan(Space::State, &from, &to, Order::Ascending, &mut take)?;
    let mut known: Option<(ConversationId, Option<MembershipRow>)> = None;
    for (id, conv_seq) in referrers {
        let membership = match known.take() {
            Some((of, membership)) if of == id => membership,
            _ => {
                let record = reader.get(Space::State, &keys::membership(tenant, user, id))?;
                let record = record.map(|record| state::decode("membership", &record));
                record.transpose()?
            }
        };
        if membership.as_ref().is_some_and(|row| shows(row, conv_seq)) {
            return Ok(true);
        }
        known = Some((id, membership));
    }
    Ok(false)
}

const fn shows(row: &MembershipRow, conv_seq: u64) -> bool {
    row.visible_from > 0
        && conv_seq >= row.visible_from
        && (row.visible_through == 0 || conv_seq <= row.visible_through)
}

fn page(
    reader: &dyn Reader,
    tenant: TenantId,
    conversation: ConversationId,
    wanted: &BlobsWanted,
) -> Result<BlobPage, StoreError> {
    let (from, mut to) = keys::references(tenant, conversation, wanted.first, wanted.last);
    if let Some((conv_seq, blob)) = wanted.before
        && conv_seq <= wanted.last
    {
        to = keys::reference(tenant, conversation, conv_seq, blob);
    }
    let mut found: Vec<(u64, BlobId, ReferenceRow)> = Vec::new();
    let mut more = false;
    let mut take = |key: &[u8], record: &[u8]| {
        let blob: BlobId = keys::last_id(key)?;
        let number = key.len().checked_sub(16).and_then(|end| key.get(..end));
        let conv_seq = number.map_or(0, keys::number);
        if wanted.before == Some((conv_seq, blob)) {
            return Ok(ControlFlow::Continue(()));
        }
        if found.len() >= LOOKED_AT {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        found.push((conv_seq, blob, state::decode("reference", record)?));
        Ok(ControlFlow::Continue(()))
    };
    reader.scan(Space::State, &from, &to, Order::Descending, &mut take)?;
    let mut page = BlobPage::default();
    for (conv_seq, blob, reference) in found {
        if page.references.len() >= wanted.limit {
            return Ok(page);
        }
        page.next = Some((conv_seq, blob));
        let Some(row) = row(reader, tenant, blob)? else {
            continue;
        };
        let fits = row.media_type.starts_with(&wanted.media_type)
            && row.name.to_lowercase().contains(&wanted.name);
        if fits {
            page.references.push(BlobReference {
                conv_seq,
                sender: state::id("reference", &reference.sender)?,
                time_ms: reference.time_ms,
                blob: row.view(blob)?,
            });
        }
    }
    if !more {
        page.next = None;
    }
    Ok(page)
}
