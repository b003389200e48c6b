//! Reading a list of contacts in the order in which it changed.

use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::ContactState;

use super::keys;
use super::load::log_head;
use super::record::state::{self, ContactRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{ContactPage, ContactView, StoreError, TenantId};

/// Users on the list of `owner` whose version is above `version`.
// impl[EIM-CTC-026] impl[EIM-CTC-027]
pub(super) fn page(
    reader: &dyn Reader,
    tenant: TenantId,
    owner: UserId,
    version: u64,
    limit: usize,
) -> Result<ContactPage, StoreError> {
    let head = log_head(reader, tenant, ConversationId::personal(owner))?.conv_seq;
    let mut users: Vec<UserId> = Vec::new();
    let mut more = false;
    let from = keys::contact_version(tenant, owner, version.saturating_add(1));
    let to = keys::contact_version(tenant, owner, u64::MAX);
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |_, user| {
            if users.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            users.push(state::id("contact version", user)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let contacts: Result<Vec<ContactView>, StoreError> = users
        .into_iter()
        .map(|user| {
            let record = reader
                .get(Space::State, &keys::contact(tenant, owner, user))?
                .ok_or_else(|| StoreError::Corrupt(format!("no contact {owner}/{user}")))?;
            Ok(view(user, state::decode("contact", &record)?))
        })
        .collect();
    Ok(ContactPage {
        contacts: contacts?,
        more,
        head,
    })
}

/// One user on the list.
pub(super) fn contact(
    reader: &dyn Reader,
    tenant: TenantId,
    owner: UserId,
    user: UserId,
) -> Result<Option<ContactView>, StoreError> {
    reader
        .get(Space::State, &keys::contact(tenant, owner, user))?
        .map(|record| Ok(view(user, state::decode("contact", &record)?)))
        .transpose()
}

fn view(user: UserId, row: ContactRow) -> ContactView {
    ContactView {
        user,
        state: row.state(),
        blocked: row.blocked,
        message: row.message,
        version: row.version,
        time_ms: row.time_ms,
    }
}

impl ContactRow {
    /// What the user is to the owner of the list.
    pub(super) fn state(&self) -> ContactState {
        ContactState::try_from(self.state).unwrap_or(ContactState::None)
    }
}
