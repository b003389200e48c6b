//! The conversations of a user by the time of their last entry.
//!
//! No index holds that order: it would have to be written for every member with every message. The
//! few who ask look at the heads of all their conversations instead.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, UserId};

use super::conversations::{TURN, view_of};
use super::keys;
use super::load::{log_head, log_head_through};
use super::record::state::{self, MembershipRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{ConversationView, StoreError, TenantId};

/// A page in descending order of time and id, after `before`.
// impl[EIM-DEV-015]
pub(super) async fn page(
    reader: &dyn Reader,
    log_epoch: u64,
    (tenant, user): (TenantId, UserId),
    before: Option<(u64, ConversationId)>,
    limit: usize,
) -> Result<(Vec<ConversationView>, bool), StoreError> {
    let mut rows: Vec<(ConversationId, MembershipRow)> = Vec::new();
    let from = keys::membership(tenant, user, [0; 16].into());
    let to = keys::membership(tenant, user, [0xFF; 16].into());
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            rows.push((keys::last_id(key)?, state::decode("membership", record)?));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let mut places = Vec::with_capacity(rows.len());
    for (index, (id, row)) in rows.iter().enumerate() {
        let head = match row.visible_through {
            0 => log_head(reader, tenant, *id)?,
            through => log_head_through(reader, tenant, *id, through)?,
        };
        let place = (head.time_ms, *id);
        if before.is_none_or(|before| place < before) {
            places.push((Reverse(place), index));
        }
        if (index + 1).is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
    places.sort_unstable();
    let more = places.len() > limit;
    let mut views = Vec::with_capacity(limit.min(places.len()));
    for (_, index) in places.into_iter().take(limit) {
        if let Some((id, row)) = rows.get(index) {
            views.push(view_of(
                reader,
                log_epoch,
                (tenant, user, *id),
                row.clone(),
            )?);
        }
    }
    Ok((views, more))
}
