//! Devices that log in and out, and those that have to make room.

use std::collections::BTreeMap;

use bytes::Bytes;
use eim_codec::id::{DeviceId, UserId};
use eim_codec::registry::ErrorCode;

use super::cache::Standing;
use super::committer::{Committer, Failure, refuse};
use super::devices::record;
use super::keys::{self, Act, ActKey};
use super::record::act::{ContentHash, Outcome};
use super::record::state::{self, CursorRow, DeviceRow, ForgottenRow};
use crate::store::{
    ClassLimits, LogOut, LoggedIn, LoggedOut, Login, LogoutReason, Proof, StoreError, TenantId,
};

/// The other devices of a user.
type Others = BTreeMap<DeviceId, DeviceRow>;

impl Committer {
    /// The row of a device as this batch leaves it.
    pub(super) fn device_row(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRow>, StoreError> {
        self.pending
            .state(&*self.engine, &keys::device(tenant, user, device))?
            .map(|row| state::decode("device", &row))
            .transpose()
    }

    fn put_device(&mut self, tenant: TenantId, user: UserId, device: DeviceId, row: &DeviceRow) {
        self.pending
            .put_state(&keys::device(tenant, user, device), state::encode(row));
        let standing = Standing {
            generation: row.generation,
            logged_out: LogoutReason::from_number(row.logged_out),
        };
        self.caches
            .standings
            .insert((tenant, user, device), standing);
    }

    /// Registers a device or notes its new connection; others make room for one that is new.
    // impl[EIM-AUT-049] impl[EIM-DEV-009] impl[EIM-DEV-011] impl[EIM-DEV-012]
    pub(super) fn log_in(
        &mut self,
        tenant: TenantId,
        user: UserId,
        login: Login,
    ) -> Result<LoggedIn, Failure> {
        let Login {
            device,
            class,
            name,
            proof,
            limits,
        } = login;
        let known = self.device_row(tenant, user, device)?;
        match proof {
            Proof::Full => {}
            Proof::Token(number) => check_token(known.as_ref(), number)?,
            Proof::Bot(token) => self.check_bot_token(tenant, user, token)?,
        }
        let is_new = known
            .as_ref()
            .is_none_or(|row| row.logged_out != 0 || row.class != class);
        let logged_in_ms = match (proof, &known) {
            (Proof::Token(_), Some(row)) => row.logged_in_ms,
            _ => self.now_ms,
        };
        let (generation, number) = match &known {
            Some(row) => (row.generation, row.login),
            None => self.forgotten(tenant, user)?,
        };
        let row = DeviceRow {
            class,
            name,
            generation: generation + 1,
            seen_ms: self.now_ms,
            logged_in_ms,
            login: number,
            logged_out: 0,
            token: match proof {
                Proof::Bot(token) => Bytes::copy_from_slice(&token.0),
                Proof::Full | Proof::Token(_) => Bytes::new(),
            },
        };
        self.put_device(tenant, user, device, &row);
        let made_room = if is_new {
            self.make_room(tenant, user, device, class, &limits)?
        } else {
            Vec::new()
        };
        let cursor: CursorRow = match self
            .pending
            .state(&*self.engine, &keys::cursor(tenant, user, device))?
        {
            Some(record) => state::decode("cursor", &record)?,
            None => CursorRow::default(),
        };
        Ok(LoggedIn {
            record: record(device, row, cursor),
            made_room,
        })
    }

    /// Logs a device out, once.
    // impl[EIM-DEV-004] impl[EIM-DEV-005] impl[EIM-DEV-006]
    pub(super) fn log_out(
        &mut self,
        tenant: TenantId,
        user: UserId,
        log_out: LogOut,
        hash: ContentHash,
    ) -> Result<(), Failure> {
        let LogOut {
            device,
            reason,
            asked,
        } = log_out;
        let key = match asked {
            Some((origin, request)) => {
                self.check_origin(&origin)?;
                let (act, id) = (Act::Request, request.into());
                let key = ActKey {
                    tenant,
                    user,
                    act,
                    id,
                };
                if let Some(first) = self.pending.act(&*self.engine, &key)? {
                    if first.hash != hash {
                        return refuse(ErrorCode::CONFLICT, "this request_id has other content");
                    }
                    return Ok(());
                }
                Some(key)
            }
            None => None,
        };
        let row = self.device_row(tenant, user, device)?;
        let Some(row) = row.filter(|row| row.logged_out == 0) else {
            return refuse(ErrorCode::NOT_FOUND, "no such device is logged in");
        };
        self.put_out(tenant, user, device, row, reason)?;
        if let Some(key) = key {
            let outcome = Outcome {
                conversation: [0; 16].into(),
                conv_seq: 0,
                time_ms: self.now_ms,
                user_seq: 0,
                hash,
            };
            self.pending.put_act(key, outcome);
        }
        Ok(())
    }

    /// A device is out: its tokens and its connections are worth nothing from this batch on.
    pub(super) fn put_out(
        &mut self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        row: DeviceRow,
        reason: LogoutReason,
    ) -> Result<(), StoreError> {
        let row = DeviceRow {
            login: row.login + 1,
            logged_out: reason.to_number(),
            ..row
        };
        self.put_device(tenant, user, device, &row);
        self.pending.logged_out.push(LoggedOut {
            tenant,
            user,
            device,
            reason,
        });
        self.forget_target(tenant, user, device)
    }

    /// Logs out what the policy does not allow beside `device`, the oldest login first, and forgets
    /// devices that were logged out long ago.
    fn make_room(
        &mut self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        class: i32,
        limits: &ClassLimits,
    ) -> Result<Vec<DeviceId>, StoreError> {
        if limits.of(class) == 0 && limits.total == 0 {
            return Ok(Vec::new());
        }
        let (first, last) = keys::devices(tenant, user);
        let mut others = Others::new();
        for (key, row) in self.pending.states(&*self.engine, &first, &last)? {
            others.insert(keys::last_id(&key)?, state::decode("device", &row)?);
        }
        others.remove(&device);
        let same = |row: &DeviceRow| ClassLimits::class(row.class) == ClassLimits::class(class);
        let of_class = surplus(&others, limits.of(class), same);
        let mut made_room = self.put_all_out(
            (tenant, user),
            &mut others,
            of_class,
            LogoutReason::Class(class),
        )?;
        let of_all = surplus(&others, limits.total, |_| true);
        made_room.extend(self.put_all_out(
            (tenant, user),
            &mut others,
            of_all,
            LogoutReason::Devices,
        )?);
        self.forget(tenant, user, &others, limits.total)?;
        Ok(made_room)
    }

    fn put_all_out(
        &mut self,
        (tenant, user): (TenantId, UserId),
        others: &mut Others,
        out: Vec<DeviceId>,
        reason: LogoutReason,
    ) -> Result<Vec<DeviceId>, StoreError> {
        for device in &out {
            if let Some(row) = others.get_mut(device) {
                self.put_out(tenant, user, *device, row.clone(), reason)?;
                row.logged_out = reason.to_number();
            }
        }
        Ok(out)
    }

    /// Forgets the oldest devices that are logged out, all but `most`.
    fn forget(
        &mut self,
        tenant: TenantId,
        user: UserId,
        others: &Others,
        most: u32,
    ) -> Result<(), StoreError> {
        let out = others.iter().filter(|(_, row)| row.logged_out != 0);
        let mut out: Vec<_> = out
            .map(|(device, row)| (row.seen_ms, *device, row))
            .collect();
        let surplus = match usize::try_from(most) {
            Ok(most) if most > 0 => out.len().saturating_sub(most),
            _ => return Ok(()),
        };
        if surplus == 0 {
            return Ok(());
        }
        out.sort_unstable_by_key(|(seen_ms, device, _)| (*seen_ms, *device));
        let (generation, login) = self.forgotten(tenant, user)?;
        let mut left = ForgottenRow { generation, login };
        for (_, device, row) in out.into_iter().take(surplus) {
            left.generation = left.generation.max(row.generation);
            left.login = left.login.max(row.login);
            self.pending
                .delete_state(&keys::device(tenant, user, device));
            self.pending
                .delete_state(&keys::cursor(tenant, user, device));
            let standing = Standing::default();
            self.caches
                .standings
                .insert((tenant, user, device), standing);
        }
        self.pending
            .put_state(&keys::forgotten(tenant, user), state::encode(&left));
        Ok(())
    }

    /// The highest generation and login of devices of the user that are not remembered.
    fn forgotten(&self, tenant: TenantId, user: UserId) -> Result<(u64, u64), StoreError> {
        let key = keys::forgotten(tenant, user);
        let row = match self.pending.state(&*self.engine, &key)? {
            Some(record) => state::decode("forgotten", &record)?,
            None => ForgottenRow::default(),
        };
        Ok((row.generation, row.login))
    }
}

/// Which of the logged in devices that count have to make room for one more, oldest login first.
// impl[EIM-DEV-011]
fn surplus(others: &Others, most: u32, counts: impl Fn(&DeviceRow) -> bool) -> Vec<DeviceId> {
    let Ok(most @ 1..) = usize::try_from(most) else {
        return Vec::new();
    };
    let mut logged_in: Vec<_> = others
        .iter()
        .filter(|(_, row)| row.logged_out == 0 && counts(row))
        .map(|(device, row)| (row.logged_in_ms, *device))
        .collect();
    logged_in.sort_unstable();
    let surplus = (logged_in.len() + 1).saturating_sub(most);
    logged_in.truncate(surplus);
    logged_in.into_iter().map(|(_, device)| device).collect()
}

/// A token opens a connection of a device that is still logged in, under the same login.
// impl[EIM-AUT-042] impl[EIM-DEV-007]
fn check_token(known: Option<&DeviceRow>, login: u64) -> Result<(), Failure> {
    match known {
        Some(row) if row.login == login && row.logged_out == 0 => Ok(()),
        Some(DeviceRow { logged_out, .. }) => match LogoutReason::from_number(*logged_out) {
            Some(reason) => refuse(ErrorCode::LOGGED_OUT, reason.detail()),
            None => refuse(ErrorCode::RESUME_REJECTED, "the token is not valid"),
        },
        None => refuse(ErrorCode::RESUME_REJECTED, "the token is not valid"),
    }
}
