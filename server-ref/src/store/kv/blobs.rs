//! Blobs in the commit loop: begun, complete, referred to, released, gone.
//!
//! A message takes its references in the batch that holds it. What nothing refers to is given a time
//! at which it goes; its octets are then listed as garbage until somebody has removed them.

use std::ops::ControlFlow;

use eim_codec::id::{BlobId, ConversationId, UserId};
use eim_codec::registry::ErrorCode;

use super::blob_reads::readable;
use super::committer::{Committer, Failure, refuse};
use super::deliver::Numbered;
use super::keys::{self, Key};
use super::record::blob::{BlobRow, ContentRow, ReferenceRow, UsageRow};
use super::record::state;
use crate::store::engine::{Order, Space};
use crate::store::{BlobView, NewBlob, Origin, StoreError, TenantId};

/// What every blob takes of its owner's quota at least: records are not free.
const LEAST_CHARGE: u64 = 4096;

impl Committer {
    // impl[EIM-BLB-003, EIM-BLB-004, EIM-BLB-005, EIM-BLB-006, EIM-BLB-009]
    pub(super) fn blob_create(
        &mut self,
        origin: &Origin,
        new: NewBlob,
    ) -> Result<BlobView, Failure> {
        self.check_origin(origin)?;
        let (tenant, user) = (origin.tenant, origin.user);
        let own = keys::blob_of(tenant, user, &new.sha256);
        if let Some(record) = self.pending.state(&*self.engine, &own)? {
            let blob = state::id("blob of a user", &record)?;
            if let Some(mut row) = self.blob(tenant, blob)?
                && row.size == new.size
            {
                // Whoever asks again and again leaves no more than a few records.
                let left = row.expires_ms.saturating_sub(self.now_ms);
                if row.references == 0 && left < new.orphan_ms / 4 * 3 {
                    (row.media_type, row.name) = (new.media_type, new.name);
                    self.keep_for_now(tenant, blob, &mut row, new.orphan_ms);
                }
                return Ok(row.view(blob)?);
            }
        }
        self.check_room()?;
        self.charge(tenant, user, new.size, new.quota_octets)?;
        let known = self.content(tenant, &new.sha256)?;
        let known = known.filter(|content| new.shared && content.size == new.size);
        let mut row = BlobRow {
            owner: user.to_bytes(),
            sha256: new.sha256.to_vec().into(),
            size: new.size,
            media_type: new.media_type,
            name: new.name,
            complete: false,
            content: new.blob.to_bytes(),
            part_octets: new.part_octets,
            ..BlobRow::default()
        };
        if let Some(mut content) = known {
            (row.complete, row.part_octets) = (true, content.part_octets);
            row.content = content.content.clone();
            content.blobs += 1;
            self.put_content(tenant, &new.sha256, &content);
        }
        self.pending.put_state(&own, new.blob.as_bytes().to_vec());
        self.keep_for_now(tenant, new.blob, &mut row, new.orphan_ms);
        Ok(row.view(new.blob)?)
    }

    // impl[EIM-BLB-008, EIM-BLB-010]
    pub(super) fn blob_complete(
        &mut self,
        tenant: TenantId,
        blob: BlobId,
    ) -> Result<Option<BlobView>, StoreError> {
        let Some(mut row) = self.blob(tenant, blob)? else {
            return Ok(None);
        };
        if row.complete {
            return row.view(blob).map(Some);
        }
        row.complete = true;
        let sha256 = row.sha256.clone();
        let content = match self.content(tenant, &sha256)? {
            Some(mut content) if content.size == row.size => {
                // Somebody else was faster: one copy is enough.
                self.put_garbage(tenant, &row.content);
                row.content = content.content.clone();
                row.part_octets = content.part_octets;
                content.blobs += 1;
                content
            }
            _ => ContentRow {
                content: row.content.clone(),
                size: row.size,
                part_octets: row.part_octets,
                blobs: 1,
            },
        };
        self.put_content(tenant, &sha256, &content);
        let orphan_ms = row.orphan_ms;
        self.keep_for_now(tenant, blob, &mut row, orphan_ms);
        row.view(blob).map(Some)
    }

    pub(super) fn blob_discard(
        &mut self,
        tenant: TenantId,
        blob: BlobId,
    ) -> Result<(), StoreError> {
        match self.blob(tenant, blob)? {
            Some(row) if !row.complete => self.delete_blob(tenant, blob, &row),
            _ => Ok(()),
        }
    }

    /// The blobs that a message of `origin` refers to, if it may.
    // impl[EIM-BLB-011, EIM-BLB-012]
    pub(super) fn check_blobs(
        &self,
        origin: &Origin,
        blobs: &[BlobId],
    ) -> Result<Vec<(BlobId, BlobRow)>, Failure> {
        let mut found = Vec::with_capacity(blobs.len());
        for blob in blobs {
            let Some(row) = self.blob(origin.tenant, *blob)? else {
                return refuse(ErrorCode::NOT_FOUND, "no such blob");
            };
            let own = row.owner == origin.user.as_bytes()[..];
            if !own && !readable(&*self.engine, origin.tenant, origin.user, *blob, None)? {
                return refuse(ErrorCode::NOT_FOUND, "no such blob");
            }
            if !row.complete {
                return refuse(ErrorCode::BLOB_INCOMPLETE, "octets of the blob are missing");
            }
            found.push((*blob, row));
        }
        Ok(found)
    }

    /// Takes the references of a message that has its number.
    // impl[EIM-BLB-013]
    pub(super) fn refer_to(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        blobs: Vec<(BlobId, BlobRow)>,
        numbered: Numbered,
    ) {
        let (tenant, conv_seq) = (origin.tenant, numbered.conv_seq);
        for (blob, mut row) in blobs {
            row.references = row.references.saturating_add(1);
            self.put_blob(tenant, blob, &row);
            let reference = ReferenceRow {
                sender: origin.user.to_bytes(),
                time_ms: numbered.time_ms,
            };
            let key = keys::reference(tenant, id, conv_seq, blob);
            self.pending.put_state(&key, state::encode(&reference));
            let key = keys::referrer(tenant, blob, id, conv_seq);
            self.pending.put_state(&key, vec![1]);
        }
    }

    /// The blobs that a message refers to.
    pub(super) fn referred(
        &self,
        tenant: TenantId,
        id: ConversationId,
        conv_seq: u64,
    ) -> Result<Vec<(BlobId, BlobRow)>, StoreError> {
        let (first, last) = keys::references(tenant, id, conv_seq, conv_seq);
        let mut blobs = Vec::new();
        for key in self.pending.states(&*self.engine, &first, &last)?.keys() {
            let blob = keys::last_id(key)?;
            if let Some(row) = self.blob(tenant, blob)? {
                blobs.push((blob, row));
            }
        }
        Ok(blobs)
    }

    /// A message is recalled: it refers to nothing any more.
    // impl[EIM-BLB-014]
    pub(super) fn release(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        conv_seq: u64,
        blobs: Vec<(BlobId, BlobRow)>,
    ) {
        for (blob, mut row) in blobs {
            self.pending
                .delete_state(&keys::reference(tenant, id, conv_seq, blob));
            self.pending
                .delete_state(&keys::referrer(tenant, blob, id, conv_seq));
            row.references = row.references.saturating_sub(1);
            if row.references == 0 {
                let orphan_ms = row.orphan_ms;
                self.keep_for_now(tenant, blob, &mut row, orphan_ms);
            } else {
                self.put_blob(tenant, blob, &row);
            }
        }
    }

    /// Forgets blobs that nothing has referred to for long enough. Gives back how many expiries were
    /// due.
    // impl[EIM-BLB-025]
    pub(super) fn sweep_blobs(
        &mut self,
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut due: Vec<(Vec<u8>, BlobId)> = Vec::new();
        let from = keys::blob_expiry(tenant, 0, [0; 16].into());
        let to = keys::blob_expiry(tenant, now_ms, [0xFF; 16].into());
        let mut take = |key: &[u8], _: &[u8]| {
            if due.len() >= limit {
                return Ok(ControlFlow::Break(()));
            }
            due.push((key.to_vec(), keys::last_id(key)?));
            Ok(ControlFlow::Continue(()))
        };
        self.engine
            .scan(Space::Expiry, &from, &to, Order::Ascending, &mut take)?;
        let count = due.len();
        for (expiry, blob) in due {
            self.pending.batch.delete(Space::Expiry, &expiry);
            match self.blob(tenant, blob)? {
                // One that was renewed has a later expiry of its own.
                Some(row) if row.references == 0 && row.expires_ms <= now_ms => {
                    self.delete_blob(tenant, blob, &row)?;
                }
                _ => {}
            }
        }
        Ok(count)
    }

    fn blob(&self, tenant: TenantId, blob: BlobId) -> Result<Option<BlobRow>, StoreError> {
        let record = self
            .pending
            .state(&*self.engine, &keys::blob(tenant, blob))?;
        record
            .map(|record| state::decode("blob", &record))
            .transpose()
    }

    fn put_blob(&mut self, tenant: TenantId, blob: BlobId, row: &BlobRow) {
        let key = keys::blob(tenant, blob);
        self.pending.put_state(&key, state::encode(row));
    }

    /// Writes a blob; without references it is kept for `orphan_ms` from now on.
    fn keep_for_now(&mut self, tenant: TenantId, blob: BlobId, row: &mut BlobRow, orphan_ms: u64) {
        row.orphan_ms = orphan_ms;
        if row.references == 0 {
            row.expires_ms = self.now_ms.saturating_add(orphan_ms);
            let key = keys::blob_expiry(tenant, row.expires_ms, blob);
            self.pending.batch.put(Space::Expiry, &key, &[1]);
        }
        self.put_blob(tenant, blob, row);
    }

    fn delete_blob(
        &mut self,
        tenant: TenantId,
        blob: BlobId,
        row: &BlobRow,
    ) -> Result<(), StoreError> {
        self.pending.delete_state(&keys::blob(tenant, blob));
        let owner: UserId = state::id("blob", &row.owner)?;
        let own = keys::blob_of(tenant, owner, &row.sha256);
        let current = self.pending.state(&*self.engine, &own)?;
        if current.is_some_and(|id| id[..] == blob.as_bytes()[..]) {
            self.pending.delete_state(&own);
        }
        let key = keys::blob_usage(tenant, owner);
        let mut usage = self.usage(&key)?;
        usage.octets = usage.octets.saturating_sub(row.size.max(LEAST_CHARGE));
        if usage.octets == 0 {
            self.pending.delete_state(&key);
        } else {
            self.pending.put_state(&key, state::encode(&usage));
        }
        if !row.complete {
            self.put_garbage(tenant, &row.content);
            return Ok(());
        }
        let Some(mut content) = self.content(tenant, &row.sha256)? else {
            return Ok(());
        };
        content.blobs = content.blobs.saturating_sub(1);
        if content.blobs > 0 {
            self.put_content(tenant, &row.sha256, &content);
        } else {
            self.pending
                .delete_state(&keys::content(tenant, &row.sha256));
            self.put_garbage(tenant, &content.content);
        }
        Ok(())
    }

    // impl[EIM-BLB-007]
    fn charge(
        &mut self,
        tenant: TenantId,
        user: UserId,
        size: u64,
        quota: u64,
    ) -> Result<(), Failure> {
        let key = keys::blob_usage(tenant, user);
        let mut usage = self.usage(&key)?;
        usage.octets = usage.octets.saturating_add(size.max(LEAST_CHARGE));
        if usage.octets > quota {
            return refuse(
                ErrorCode::LIMIT_REACHED,
                "no room is left for blobs of this user",
            );
        }
        self.pending.put_state(&key, state::encode(&usage));
        Ok(())
    }

    fn usage(&self, key: &Key) -> Result<UsageRow, StoreError> {
        match self.pending.state(&*self.engine, key)? {
            Some(record) => state::decode("blob usage", &record),
            None => Ok(UsageRow::default()),
        }
    }

    fn content(&self, tenant: TenantId, sha256: &[u8]) -> Result<Option<ContentRow>, StoreError> {
        let key = keys::content(tenant, sha256);
        let record = self.pending.state(&*self.engine, &key)?;
        record
            .map(|record| state::decode("content", &record))
            .transpose()
    }

    fn put_content(&mut self, tenant: TenantId, sha256: &[u8], content: &ContentRow) {
        let key = keys::content(tenant, sha256);
        self.pending.put_state(&key, state::encode(content));
    }

    fn put_garbage(&mut self, tenant: TenantId, content: &[u8]) {
        if let Ok(content) = BlobId::from_slice(content) {
            self.pending
                .put_state(&keys::garbage(tenant, content), vec![1]);
        }
    }
}
