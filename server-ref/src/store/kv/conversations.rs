//! Reading conversations as their members see them.

use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, Role};

use super::keys;
use super::load::{log_head, log_head_through};
use super::marks::{Extent, MarkKey};
use super::record::state::{self, ConversationRow, MemberRow, MembershipRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{ConversationView, GroupState, MemberPage, MemberView, StoreError, TenantId};

/// Conversations read before other tasks get their turn.
pub(super) const TURN: usize = 64;

/// A page of the conversations of a user, in id order.
// impl[EIM-SYN-003] impl[EIM-SYN-032]
pub(super) async fn page(
    reader: &dyn Reader,
    log_epoch: u64,
    tenant: TenantId,
    user: UserId,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<(Vec<ConversationView>, bool), StoreError> {
    let mut rows: Vec<(ConversationId, MembershipRow)> = Vec::new();
    let mut more = false;
    let from = keys::membership(tenant, user, after.unwrap_or_else(|| [0; 16].into()));
    let to = keys::membership(tenant, user, [0xFF; 16].into());
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            let id = keys::last_id(key)?;
            if after == Some(id) {
                return Ok(ControlFlow::Continue(()));
            }
            if rows.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            rows.push((id, state::decode("membership", record)?));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let mut views = Vec::with_capacity(rows.len());
    for (id, row) in rows {
        views.push(view_of(reader, log_epoch, (tenant, user, id), row)?);
        if views.len().is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
    Ok((views, more))
}

/// One conversation; `None` when the user never was a member.
// impl[EIM-SYN-045]
pub(super) fn view(
    reader: &dyn Reader,
    log_epoch: u64,
    tenant: TenantId,
    user: UserId,
    id: ConversationId,
) -> Result<Option<ConversationView>, StoreError> {
    reader
        .get(Space::State, &keys::membership(tenant, user, id))?
        .map(|record| {
            let row = state::decode("membership", &record)?;
            view_of(reader, log_epoch, (tenant, user, id), row)
        })
        .transpose()
}

// impl[EIM-GRP-013] impl[EIM-SYN-035] a former member sees what was when the membership ended
pub(super) fn view_of(
    reader: &dyn Reader,
    log_epoch: u64,
    key: MarkKey,
    membership: MembershipRow,
) -> Result<ConversationView, StoreError> {
    let (tenant, _, id) = key;
    let record = reader
        .get(Space::State, &keys::conversation(tenant, id))?
        .ok_or_else(|| StoreError::Corrupt(format!("no conversation {id}")))?;
    let row: ConversationRow = state::decode("conversation", &record)?;
    let former = membership.visible_through > 0;
    let head = if former {
        log_head_through(reader, tenant, id, membership.visible_through)?
    } else {
        log_head(reader, tenant, id)?
    };
    let extent = Extent::new(membership.visible_from, head);
    let marks = super::unread::own(reader, key, log_epoch, extent)?;
    let group = match former {
        true => GroupState::default(),
        false => group_state(&row, &membership),
    };
    let peer = match &membership.peer[..] {
        [] => None,
        octets => Some(state::id("peer", octets)?),
    };
    Ok(ConversationView {
        conversation: id,
        fan_out: row.fan_out(),
        kind: ConversationKind::try_from(row.kind).unwrap_or(ConversationKind::Unspecified),
        name: if former { membership.name } else { row.name },
        conv_seq: head.conv_seq,
        visible_from: membership.visible_from,
        visible_through: membership.visible_through,
        role: Role::try_from(membership.role).unwrap_or(Role::Unspecified),
        peer,
        countable: head.countable,
        time_ms: head.time_ms,
        members: if former {
            membership.members
        } else {
            row.members
        },
        marks,
        group,
    })
}

/// What a member sees of what is decided about a group.
// impl[EIM-GPO-020] impl[EIM-GPO-032]
fn group_state(row: &ConversationRow, membership: &MembershipRow) -> GroupState {
    let rules = [Role::Owner as i32, Role::Admin as i32].contains(&membership.role);
    GroupState {
        dissolved: row.dissolved,
        policy: row.policy(),
        muted_until_ms: membership.muted_until_ms,
        all_muted_until_ms: row.muted_until_ms,
        announced: row.announced,
        waiting: if rules { row.waiting } else { 0 },
        follows_department: row.department,
    }
}

/// A page of members, in id order.
// impl[EIM-GRP-039] impl[EIM-GRP-040]
pub(super) fn members(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
    after: Option<UserId>,
    limit: usize,
) -> Result<MemberPage, StoreError> {
    let as_of = log_head(reader, tenant, id)?.conv_seq;
    let mut page = MemberPage {
        members: Vec::new(),
        more: false,
        as_of,
    };
    let from = keys::member(tenant, id, after.unwrap_or_else(|| [0; 16].into()));
    let to = keys::member(tenant, id, [0xFF; 16].into());
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            let user = keys::last_id(key)?;
            if after == Some(user) {
                return Ok(ControlFlow::Continue(()));
            }
            if page.members.len() >= limit {
                page.more = true;
                return Ok(ControlFlow::Break(()));
            }
            let row: MemberRow = state::decode("member", record)?;
            let role = Role::try_from(row.role).unwrap_or(Role::Unspecified);
            page.members.push(MemberView {
                user,
                role,
                joined_at: row.joined_at,
                muted_until_ms: row.muted_until_ms,
                changed_at: row.changed_at,
            });
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(page)
}
