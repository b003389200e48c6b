//! Moved cursors on their way to the store: only the last value of each device counts, so they
//! are collected and written together.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eim_codec::id::{DeviceId, UserId};
use tokio::sync::Notify;

use super::committer::Committer;
use super::keys;
use super::record::state::{self, CursorRow};
use crate::store::{StoreError, TenantId};

/// Cursors written at once.
const WRITTEN: usize = 4096;
/// Devices whose cursors may wait; beyond that the oldest value stands until the device moves on.
const WAITING: usize = 262_144;

type Device = (TenantId, UserId, DeviceId);

/// Cursors that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    // In key order: what is written must not depend on how a hash map iterates.
    moved: Mutex<BTreeMap<Device, CursorRow>>,
    first: Notify,
}

impl Cursors {
    /// Notes a cursor. Cheap: no IO, no waiting.
    pub(super) fn move_to(&self, device: Device, cursor: CursorRow) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let first = moved.is_empty();
        if moved.len() >= WAITING && !moved.contains_key(&device) {
            return;
        }
        let noted = moved.entry(device).or_insert(cursor);
        if noted.log_epoch != cursor.log_epoch || noted.user_seq < cursor.user_seq {
            *noted = cursor;
        }
        drop(moved);
        if first {
            self.first.notify_one();
        }
    }

    /// Returns when cursors have waited for `delay`.
    pub(super) async fn due(&self, delay: Duration) {
        while self.lock_is_empty() {
            self.first.notified().await;
        }
        tokio::time::sleep(delay).await;
    }

    fn lock_is_empty(&self) -> bool {
        self.moved
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Takes some cursors, and says whether more wait.
    fn take(&self) -> (Vec<(Device, CursorRow)>, bool) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::iter::from_fn(|| moved.pop_first())
            .take(WRITTEN)
            .collect();
        (taken, !moved.is_empty())
    }
}

impl Committer {
    /// Adds moved cursors to the batch, at most some thousand; says whether more wait.
    pub(super) fn write_cursors(&mut self) -> bool {
        let (taken, more) = self.cursors.take();
        for ((tenant, user, device), cursor) in taken {
            if let Err(error) = self.write_cursor(tenant, user, device, cursor) {
                tracing::error!(%error, %user, %device, "a cursor was not written");
            }
        }
        more
    }

    // impl[EIM-SYN-018] impl[EIM-SYN-019]
    fn write_cursor(
        &mut self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        cursor: CursorRow,
    ) -> Result<(), StoreError> {
        if cursor.log_epoch != self.meta.log_epoch || self.generation(tenant, user, device)? == 0 {
            return Ok(());
        }
        let head = self.timeline(tenant, user)?.head;
        if cursor.user_seq > head {
            let beyond = cursor.user_seq;
            tracing::error!(%user, %device, beyond, head, "a cursor is beyond the timeline: data is gone");
            return Ok(());
        }
        let key = keys::cursor(tenant, user, device);
        let stored = match self.pending.state(&*self.engine, &key)? {
            Some(record) => state::decode("cursor", &record)?,
            None => CursorRow::default(),
        };
        if stored.log_epoch != cursor.log_epoch || stored.user_seq < cursor.user_seq {
            self.pending.put_state(&key, state::encode(&cursor));
        }
        Ok(())
    }
}
