//! Reading what operations have made of messages.

use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{EntryState, Pin, ReactionCount, UserReactions};

use super::keys;
use super::load::log_head;
use super::modify::{is_message, user_of};
use super::record::entry;
use super::record::modified::{ModifiedRow, PinsRow, UserReactionsRow};
use super::record::state;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{PinPage, ReactionPage, StoreError, TenantId};

/// The rows of messages `first..=last`, by number.
pub(super) fn rows(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
    first: u64,
    last: u64,
) -> Result<Vec<(u64, ModifiedRow)>, StoreError> {
    let from = keys::modified(tenant, id, first);
    let to = keys::modified(tenant, id, last);
    let mut rows = Vec::new();
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            rows.push((keys::number(key), state::decode("modified", record)?));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(rows)
}

/// The state of one message as of `as_of`, the head unless `former`.
// impl[EIM-OPS-031, EIM-OPS-032, EIM-OPS-034, EIM-OPS-033]
pub(super) fn state_of(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
    row: ModifiedRow,
    as_of: u64,
    former: bool,
) -> Result<Option<EntryState>, StoreError> {
    let mut state = EntryState::default();
    if row.recall_seq != 0 && row.recall_seq <= as_of {
        (state.recall_seq, state.recalled_by) = (row.recall_seq, row.recalled_by);
    }
    let edit = row.edits.iter().rev().find(|edit| **edit <= as_of);
    if let Some(conv_seq) = edit {
        let key = keys::log(tenant, id, *conv_seq);
        if let Some(record) = reader.get(Space::Log, &key)? {
            let entry = entry::decode(id, *conv_seq, &record)?;
            (state.edit_seq, state.edit_time_ms) = (*conv_seq, entry.time_ms);
            state.edit_body = entry.body;
        }
    }
    if !former {
        let counted = row.reactions.into_iter();
        state.reactions = counted
            .map(|row| ReactionCount {
                reaction: row.reaction,
                count: row.count,
            })
            .collect();
    }
    if row.pin_seq <= as_of {
        state.pin_seq = row.pin_seq;
    }
    if state == EntryState::default() {
        return Ok(None);
    }
    state.as_of = as_of;
    Ok(Some(state))
}

/// A page of pins.
// impl[EIM-OPS-029]
pub(super) fn pins(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
    after: u64,
    limit: usize,
) -> Result<PinPage, StoreError> {
    let as_of = log_head(reader, tenant, id)?.conv_seq;
    let row: PinsRow = match reader.get(Space::State, &keys::pins(tenant, id))? {
        Some(record) => state::decode("pins", &record)?,
        None => PinsRow::default(),
    };
    let mut pins: Vec<Pin> = row
        .pins
        .into_iter()
        .filter(|pin| pin.target > after)
        .map(|pin| Pin {
            target: pin.target,
            pin_seq: pin.pin_seq,
            user: pin.user,
            time_ms: pin.time_ms,
        })
        .collect();
    let more = pins.len() > limit;
    pins.truncate(limit);
    Ok(PinPage { pins, more, as_of })
}

/// A page of users with their reactions; `None` when there is no such message.
// impl[EIM-OPS-025]
pub(super) fn reactions(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
    target: u64,
    after: Option<UserId>,
    limit: usize,
) -> Result<Option<ReactionPage>, StoreError> {
    let as_of = log_head(reader, tenant, id)?.conv_seq;
    let Some(record) = reader.get(Space::Log, &keys::log(tenant, id, target))? else {
        return Ok(None);
    };
    let message = entry::decode(id, target, &record)?;
    if !is_message(&message) || message.tombstone {
        return Ok(None);
    }
    let (first, to) = keys::user_reactions_of(tenant, id, target);
    let from = after.map_or(first, |user| keys::user_reactions(tenant, id, target, user));
    let (mut users, mut more) = (Vec::new(), false);
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            let user = user_of(key)?;
            if after == Some(user) {
                return Ok(ControlFlow::Continue(()));
            }
            if users.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            let row: UserReactionsRow = state::decode("user reactions", record)?;
            users.push(UserReactions {
                user: user.to_bytes(),
                reactions: row.reactions,
            });
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(Some(ReactionPage { users, more, as_of }))
}
