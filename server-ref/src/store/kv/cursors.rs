//! Moved cursors on their way to the store: only the last value of each device counts, so they
//! are collected and written together.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use eim_codec::id::{ConversationId, DeviceId, UserId};
use tokio::sync::Notify;

use super::committer::Committer;
use super::keys;
use super::record::state::{self, CursorRow};
use super::record::timeline;
use crate::store::engine::{Order, Space};
use crate::store::{StoreError, TenantId};

/// Cursors written at once.
const WRITTEN: usize = 4096;
/// Timeline entries of one cursor looked at in one batch, about.
const DELIVERED: usize = 4096;
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
        if cursor.log_epoch != self.meta.log_epoch
            || self.standing(tenant, user, device)?.generation == 0
        {
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
        let before = if stored.log_epoch == cursor.log_epoch {
            stored.user_seq
        } else {
            0
        };
        if stored.log_epoch != cursor.log_epoch || before < cursor.user_seq {
            let through = self.deliveries(tenant, user, before, cursor.user_seq)?;
            let reached = CursorRow {
                user_seq: through,
                ..cursor
            };
            self.pending.put_state(&key, state::encode(&reached));
            if through < cursor.user_seq {
                self.cursors.move_to((tenant, user, device), cursor);
            }
        }
        Ok(())
    }

    /// What a device has stored is delivered: raises the marks of the direct conversations among
    /// the entries after `before`. Gives back how far it came, at most some thousand entries.
    // impl[EIM-MRK-013]
    fn deliveries(
        &mut self,
        tenant: TenantId,
        user: UserId,
        before: u64,
        through: u64,
    ) -> Result<u64, StoreError> {
        let from = keys::timeline(tenant, user, before.saturating_add(1));
        let to = keys::timeline(tenant, user, u64::MAX);
        let mut last = BTreeMap::<ConversationId, u64>::new();
        let (mut seen, mut reached) = (0, through);
        self.engine.scan(
            Space::Timeline,
            &from,
            &to,
            Order::Ascending,
            &mut |key, record| {
                for (user_seq, reference) in timeline::decode(keys::number(key), record)? {
                    if user_seq > through {
                        return Ok(ControlFlow::Break(()));
                    }
                    if user_seq > before {
                        let highest = last.entry(reference.conversation).or_default();
                        *highest = (*highest).max(reference.conv_seq);
                        seen += 1;
                    }
                }
                if seen < DELIVERED {
                    return Ok(ControlFlow::Continue(()));
                }
                reached = keys::number(key).min(through);
                Ok(ControlFlow::Break(()))
            },
        )?;
        for (id, conv_seq) in last {
            let Some(membership) = self.membership_row(tenant, user, id)? else {
                continue;
            };
            if let Ok(peer) = state::id::<UserId>("peer", &membership.peer) {
                self.delivered((tenant, user, id), peer, conv_seq)?;
            }
        }
        Ok(reached)
    }
}
