//! User accounts.

use std::ops::ControlFlow;

use eim_codec::id::UserId;
use eim_codec::registry::ErrorCode;

use super::committer::Committer;
use super::keys;
use super::record::state::{self, ProfileRow, UserRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{Refused, ScramVerifier, StoreError, TenantId, UserRecord};

impl Committer {
    /// Creates users; each outcome stands for itself.
    pub(super) fn create_users(
        &mut self,
        tenant: TenantId,
        users: Vec<UserRecord>,
    ) -> Result<Vec<Result<(), Refused>>, StoreError> {
        users
            .into_iter()
            .map(|user| self.create_user(tenant, user))
            .collect()
    }

    // impl[EIM-MSG-006] a known id is never given to another user
    pub(super) fn create_user(
        &mut self,
        tenant: TenantId,
        user: UserRecord,
    ) -> Result<Result<(), Refused>, StoreError> {
        let key = keys::user(tenant, user.user);
        let name_key = keys::user_name(tenant, user.name.as_bytes());
        for key in [&key[..], &name_key] {
            if self.pending.state(&*self.engine, key)?.is_some() {
                let detail = format!("user {:?} exists", user.name);
                return Ok(Err(Refused::new(ErrorCode::ALREADY_EXISTS, detail)));
            }
        }
        self.pending
            .put_state(&name_key, user.user.as_bytes().to_vec());
        let id = user.user;
        self.pending.put_state(&key, state::encode(&row(user)));
        self.put_profile(tenant, id, ProfileRow::default())?;
        Ok(Ok(()))
    }

    /// Enables or disables a user; `false` when unknown. Resume tokens given before do not work
    /// again when the user is enabled.
    // impl[EIM-AUT-042]
    pub(super) fn set_disabled(
        &mut self,
        tenant: TenantId,
        user: UserId,
        disabled: bool,
    ) -> Result<bool, StoreError> {
        let Some(mut row) = self.user_row(tenant, user)? else {
            return Ok(false);
        };
        row.disabled = disabled;
        if disabled {
            row.token_generation += 1;
        }
        self.pending
            .put_state(&keys::user(tenant, user), state::encode(&row));
        Ok(true)
    }
}

fn row(user: UserRecord) -> UserRow {
    let ScramVerifier {
        iterations,
        salt,
        stored_key,
        server_key,
    } = user.verifier;
    UserRow {
        name: user.name,
        display_name: user.display_name,
        disabled: user.disabled,
        iterations,
        salt,
        stored_key,
        server_key,
        created_ms: user.created_ms,
        token_generation: user.token_generation,
    }
}

/// The account behind a row.
pub(super) fn record(user: UserId, row: UserRow) -> UserRecord {
    let UserRow {
        iterations,
        salt,
        stored_key,
        server_key,
        ..
    } = row;
    UserRecord {
        user,
        name: row.name,
        display_name: row.display_name,
        disabled: row.disabled,
        verifier: ScramVerifier {
            iterations,
            salt,
            stored_key,
            server_key,
        },
        created_ms: row.created_ms,
        token_generation: row.token_generation,
    }
}

/// A user by id.
pub(super) fn by_id(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
) -> Result<Option<UserRecord>, StoreError> {
    let Some(octets) = reader.get(Space::State, &keys::user(tenant, user))? else {
        return Ok(None);
    };
    Ok(Some(record(user, state::decode("user", &octets)?)))
}

/// A user by name.
pub(super) fn by_name(
    reader: &dyn Reader,
    tenant: TenantId,
    name: &str,
) -> Result<Option<UserRecord>, StoreError> {
    match reader.get(Space::State, &keys::user_name(tenant, name.as_bytes()))? {
        Some(octets) => by_id(reader, tenant, state::id("user name", &octets)?),
        None => Ok(None),
    }
}

/// A page of users in name order.
pub(super) fn page(
    reader: &dyn Reader,
    tenant: TenantId,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<UserRecord>, bool), StoreError> {
    let mut ids = Vec::new();
    let mut more = false;
    // The name after `after` in octet order.
    let from = after.map_or_else(Vec::new, |after| [after.as_bytes(), &[0]].concat());
    let from = keys::user_name(tenant, &from);
    let to = keys::user_names_end(tenant);
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, octets| {
            if *key == *to {
                return Ok(ControlFlow::Break(()));
            }
            if ids.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            ids.push(state::id("user name", octets)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let users: Result<Vec<_>, StoreError> = ids
        .into_iter()
        .filter_map(|user| by_id(reader, tenant, user).transpose())
        .collect();
    Ok((users?, more))
}
