//! What time takes away: timeline references, idempotency keys and resume tokens. Log entries stay.
//!
//! A call does a bounded amount of work, inside the commit loop; the next one goes on where it
//! ended.

use std::collections::HashMap;
use std::ops::ControlFlow;

use eim_codec::id::{SessionId, UserId};

use super::committer::Committer;
use super::keys::{self, ActKey};
use super::load::timeline_floor;
use super::record::state::{self, FloorRow, SessionRow};
use super::record::{act, timeline};
use crate::store::engine::{Order, Space};
use crate::store::{StoreError, Swept, TenantId};

/// Where the walk over timelines goes on, for each tenant.
#[derive(Debug, Default)]
pub(super) struct SweepPositions(HashMap<TenantId, UserId>);

impl Committer {
    /// Removes what is older than `now_ms` allows, at most about `limit` records.
    // impl[EIM-TML-012] nothing here touches the log
    pub(super) fn sweep(
        &mut self,
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
    ) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        let acts = self.sweep_acts(tenant, now_ms, limit)?;
        let (expired, sessions) =
            self.sweep_sessions(tenant, now_ms, limit.saturating_sub(acts))?;
        let blobs = self.sweep_blobs(tenant, now_ms, limit.saturating_sub(acts + expired))?;
        let expired = expired + blobs;
        let left = limit.saturating_sub(acts + expired);
        let (references, through) = self.sweep_timelines(tenant, now_ms, left)?;
        swept.idempotency = acts as u64;
        swept.sessions = sessions as u64;
        swept.blobs = blobs as u64;
        swept.timeline = references as u64;
        swept.more = !through || acts + expired + references >= limit;
        Ok(swept)
    }

    fn sweep_acts(
        &mut self,
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let Some(before) = now_ms.checked_sub(self.options.idempotency_ms) else {
            return Ok(0);
        };
        let mut lists = Vec::new();
        let mut found = 0;
        let from = keys::act_expiry(tenant, 0, &[0; ActKey::TAIL]);
        let to = keys::act_expiry(tenant, before, &[0xFF; ActKey::TAIL]);
        self.engine.scan(
            Space::Expiry,
            &from,
            &to,
            Order::Ascending,
            &mut |key, record| {
                if found >= limit {
                    return Ok(ControlFlow::Break(()));
                }
                let list = act::expiring(record)?;
                found += list.len();
                lists.push((key.to_vec(), list));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let mut removed = 0;
        for (key, list) in lists {
            let (now, later) = list.split_at(list.len().min(limit - removed));
            for tail in now {
                self.pending
                    .batch
                    .delete(Space::Idempotency, &keys::act(tenant, tail));
            }
            removed += now.len();
            if later.is_empty() {
                self.pending.batch.delete(Space::Expiry, &key);
            } else {
                let mut record = Vec::new();
                later
                    .iter()
                    .for_each(|tail| act::put_expiring(&mut record, tail));
                self.pending.batch.put(Space::Expiry, &key, &record);
            }
        }
        Ok(removed)
    }

    /// Gives back how many expiries were due, and how many of them ended a session.
    fn sweep_sessions(
        &mut self,
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
    ) -> Result<(usize, usize), StoreError> {
        let mut expired: Vec<(Vec<u8>, SessionId)> = Vec::new();
        let from = keys::session_expiry(tenant, 0, SessionId::from([0; 16]));
        let to = keys::session_expiry(tenant, now_ms, SessionId::from([0xFF; 16]));
        self.engine.scan(
            Space::Expiry,
            &from,
            &to,
            Order::Ascending,
            &mut |key, _| {
                if expired.len() >= limit {
                    return Ok(ControlFlow::Break(()));
                }
                let session = keys::last_id(key)?;
                expired.push((key.to_vec(), session));
                Ok(ControlFlow::Continue(()))
            },
        )?;
        let (due, mut removed) = (expired.len(), 0);
        for (expiry, session) in expired {
            let key = keys::session(tenant, session);
            if let Some(record) = self.pending.state(&*self.engine, &key)? {
                let row: SessionRow = state::decode("session", &record)?;
                // A token that was renewed has a later expiry of its own.
                if row.expires_ms <= now_ms {
                    self.pending.delete_state(&key);
                    removed += 1;
                }
            }
            self.pending.batch.delete(Space::Expiry, &expiry);
        }
        Ok((due, removed))
    }

    /// Walks over the timelines of the tenant's users, as many as `limit`. Gives back how many
    /// references went, and whether the walk came through.
    fn sweep_timelines(
        &mut self,
        tenant: TenantId,
        now_ms: u64,
        limit: usize,
    ) -> Result<(usize, bool), StoreError> {
        let Some(before) = now_ms.checked_sub(self.options.timeline_ms) else {
            return Ok((0, true));
        };
        let users = self.users_from(tenant, self.sweep.0.get(&tenant).copied(), limit)?;
        let through = users.len() < limit;
        let mut removed = 0;
        for user in users {
            self.sweep.0.insert(tenant, user);
            let left = limit.saturating_sub(removed);
            if left == 0 {
                return Ok((removed, false));
            }
            let (references, whole) = self.sweep_timeline(tenant, user, before, left)?;
            removed += references;
            if !whole {
                return Ok((removed, false));
            }
            self.sweep.0.insert(tenant, next(user));
        }
        if through {
            self.sweep.0.remove(&tenant);
        }
        Ok((removed, through))
    }

    fn users_from(
        &self,
        tenant: TenantId,
        from: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut users = Vec::new();
        let from = keys::user(tenant, from.unwrap_or_else(|| UserId::from([0; 16])));
        let to = keys::user(tenant, UserId::from([0xFF; 16]));
        self.engine
            .scan(Space::State, &from, &to, Order::Ascending, &mut |key, _| {
                if users.len() >= limit {
                    return Ok(ControlFlow::Break(()));
                }
                users.push(keys::last_id(key)?);
                Ok(ControlFlow::Continue(()))
            })?;
        Ok(users)
    }

    /// Removes whole chunks from the lower end of one timeline. Gives back how many references
    /// went, and whether all went that are old.
    // impl[EIM-TML-010] impl[EIM-TML-011] impl[EIM-SYN-052]
    fn sweep_timeline(
        &mut self,
        tenant: TenantId,
        user: UserId,
        before_ms: u64,
        limit: usize,
    ) -> Result<(usize, bool), StoreError> {
        let floor = timeline_floor(&*self.engine, tenant, user)?;
        let from = keys::timeline(tenant, user, floor + 1);
        let to = keys::timeline(tenant, user, u64::MAX);
        let mut chunks = Vec::new();
        let mut removed = 0;
        let mut whole = true;
        self.engine.scan(
            Space::Timeline,
            &from,
            &to,
            Order::Ascending,
            &mut |key, record| {
                let last = keys::number(key);
                let references = timeline::decode(last, record)?;
                let old = references
                    .iter()
                    .all(|(_, reference)| reference.time_ms <= before_ms);
                // The first chunk goes even when it is larger than the limit.
                whole = !old || removed == 0 || removed + references.len() <= limit;
                if !old || !whole {
                    return Ok(ControlFlow::Break(()));
                }
                removed += references.len();
                chunks.push(last);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        if let Some(&floor) = chunks.last() {
            let row = FloorRow { floor };
            self.pending
                .put_state(&keys::floor(tenant, user), state::encode(&row));
        }
        for last in chunks {
            self.pending
                .batch
                .delete(Space::Timeline, &keys::timeline(tenant, user, last));
        }
        Ok((removed, whole))
    }
}

/// The id after `user`.
fn next(user: UserId) -> UserId {
    UserId::from(
        u128::from_be_bytes(user.into())
            .saturating_add(1)
            .to_be_bytes(),
    )
}
