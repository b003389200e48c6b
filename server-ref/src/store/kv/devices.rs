//! Devices and resume tokens.

use std::ops::ControlFlow;

use bytes::Bytes;
use eim_codec::id::{DeviceId, SessionId, UserId};

use super::committer::Committer;
use super::keys;
use super::record::state::{self, CursorRow, DeviceRow, SessionRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{
    DevicePage, DeviceRecord, LogoutReason, SessionRecord, StoreError, TenantId, TokenId,
};

impl Committer {
    /// Creates or replaces a resume token.
    pub(super) fn put_session(&mut self, tenant: TenantId, record: &SessionRecord) {
        let row = SessionRow {
            user: record.user.to_bytes(),
            device: record.device.to_bytes(),
            token_hash: Bytes::copy_from_slice(&record.token_hash),
            previous_hash: record
                .previous_hash
                .map(|hash| Bytes::copy_from_slice(&hash)),
            expires_ms: record.expires_ms,
            predecessor: record.predecessor.map(|session| session.to_bytes()),
            token_generation: record.token_generation,
            login: record.login,
        };
        self.pending
            .put_state(&keys::session(tenant, record.session), state::encode(&row));
        let expiry = keys::session_expiry(tenant, record.expires_ms, record.session);
        self.pending.batch.put(Space::Expiry, &expiry, &[]);
    }
}

/// The device behind its rows.
pub(super) fn record(device: DeviceId, row: DeviceRow, cursor: CursorRow) -> DeviceRecord {
    DeviceRecord {
        device,
        class: row.class,
        name: row.name,
        generation: row.generation,
        cursor_epoch: cursor.log_epoch,
        cursor: cursor.user_seq,
        seen_ms: row.seen_ms,
        logged_in_ms: row.logged_in_ms,
        login: row.login,
        logged_out: LogoutReason::from_number(row.logged_out),
        token: <[u8; 16]>::try_from(&row.token[..]).ok().map(TokenId),
    }
}

/// A device of a user.
pub(super) fn device(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
    device: DeviceId,
) -> Result<Option<DeviceRecord>, StoreError> {
    let Some(octets) = reader.get(Space::State, &keys::device(tenant, user, device))? else {
        return Ok(None);
    };
    let row = state::decode("device", &octets)?;
    let cursor = match reader.get(Space::State, &keys::cursor(tenant, user, device))? {
        Some(octets) => state::decode("cursor", &octets)?,
        None => CursorRow::default(),
    };
    Ok(Some(record(device, row, cursor)))
}

/// A page of the devices of a user that are logged in.
// impl[EIM-DEV-001]
pub(super) fn page(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
    after: Option<DeviceId>,
    limit: usize,
) -> Result<DevicePage, StoreError> {
    let (first, last) = keys::devices(tenant, user);
    let first = after.map_or(first, |after| keys::device(tenant, user, after));
    let mut rows = Vec::new();
    reader.scan(
        Space::State,
        &first,
        &last,
        Order::Ascending,
        &mut |key, octets| {
            let device: DeviceId = keys::last_id(key)?;
            let row: DeviceRow = state::decode("device", octets)?;
            if Some(device) != after && row.logged_out == 0 {
                rows.push((device, row));
            }
            Ok(if rows.len() > limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        },
    )?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let mut devices = Vec::with_capacity(rows.len());
    for (device, row) in rows {
        let cursor = match reader.get(Space::State, &keys::cursor(tenant, user, device))? {
            Some(octets) => state::decode("cursor", &octets)?,
            None => CursorRow::default(),
        };
        devices.push(record(device, row, cursor));
    }
    Ok(DevicePage { devices, more })
}

/// A resume token.
pub(super) fn session(
    reader: &dyn Reader,
    tenant: TenantId,
    session: SessionId,
) -> Result<Option<SessionRecord>, StoreError> {
    let Some(octets) = reader.get(Space::State, &keys::session(tenant, session))? else {
        return Ok(None);
    };
    let row: SessionRow = state::decode("session", &octets)?;
    let previous = row.previous_hash.as_deref();
    Ok(Some(SessionRecord {
        session,
        user: state::id("session", &row.user)?,
        device: state::id("session", &row.device)?,
        token_hash: state::array("session", &row.token_hash)?,
        previous_hash: previous
            .map(|hash| state::array("session", hash))
            .transpose()?,
        expires_ms: row.expires_ms,
        predecessor: row
            .predecessor
            .map(|session| state::id("session", &session))
            .transpose()?,
        token_generation: row.token_generation,
        login: row.login,
    }))
}

/// The sessions of a device. Reads all sessions of the tenant: operators ask for it, not clients.
pub(super) fn sessions_of_device(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
    device: DeviceId,
) -> Result<Vec<SessionId>, StoreError> {
    let mut found = Vec::new();
    let (first, last) = keys::sessions(tenant);
    reader.scan(
        Space::State,
        &first,
        &last,
        Order::Ascending,
        &mut |key, octets| {
            let row: SessionRow = state::decode("session", octets)?;
            if *row.user == *user.as_bytes() && *row.device == *device.as_bytes() {
                found.push(keys::last_id(key)?);
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(found)
}
