//! What devices and users ask for about notifications.

use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::registry::ErrorCode;
use sha2::{Digest as _, Sha256};

use super::committer::{Committer, Failure, refuse};
use super::keys;
use super::owed::mute;
use super::record::notify::{AddressRow, MuteRow, SettingsRow, TargetRow, target};
use super::record::state;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{
    NotifyChange, NotifyKey, NotifyMute, NotifySettings, NotifyState, NotifyTarget, Origin,
    StoreError, TenantId,
};

impl Committer {
    /// Applies what a device asks for.
    pub(super) fn notify(&mut self, origin: &Origin, change: NotifyChange) -> Result<(), Failure> {
        self.check_origin(origin)?;
        let (tenant, user) = (origin.tenant, origin.user);
        match change {
            NotifyChange::Target(None) => {
                self.forget_target(tenant, user, origin.device)?;
            }
            NotifyChange::Target(Some(target)) => self.put_target(origin, target)?,
            // impl[EIM-NTF-006]
            NotifyChange::Settings(settings) => {
                self.check_room()?;
                let row = SettingsRow::from(settings);
                let key = keys::notify_settings(tenant, user);
                self.pending.put_state(&key, state::encode(&row));
                self.caches.notified.remove(&(tenant, user));
            }
            NotifyChange::Mute(mute) => self.put_mute(origin, mute)?,
        }
        Ok(())
    }

    // impl[EIM-NTF-001, EIM-NTF-003, EIM-NTF-005]
    fn put_target(&mut self, origin: &Origin, target: NotifyTarget) -> Result<(), Failure> {
        let (tenant, user, device) = (origin.tenant, origin.user, origin.device);
        let row = self.device_row(tenant, user, device)?;
        if row.is_none_or(|row| row.logged_out != 0) {
            return refuse(ErrorCode::NOT_FOUND, "this device is not logged in");
        }
        self.check_room()?;
        let address = keys::notify_address(tenant, &hash_of(&target));
        if let Some(record) = self.pending.state(&*self.engine, &address)? {
            let row: AddressRow = state::decode("address of notifications", &record)?;
            let (other, of) = (
                state::id("user", &row.user)?,
                state::id("device", &row.device)?,
            );
            self.forget_target(tenant, other, of)?;
        }
        self.forget_target(tenant, user, device)?;
        let row = AddressRow {
            user: user.to_bytes(),
            device: device.to_bytes(),
        };
        self.pending.put_state(&address, state::encode(&row));
        let key = keys::notify_target(tenant, user, device);
        self.pending
            .put_state(&key, state::encode(&TargetRow::from(target)));
        self.caches.notified.remove(&(tenant, user));
        Ok(())
    }

    /// The device has no target any more.
    // impl[EIM-NTF-004]
    pub(super) fn forget_target(
        &mut self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<(), StoreError> {
        let key = keys::notify_target(tenant, user, device);
        let Some(record) = self.pending.state(&*self.engine, &key)? else {
            return Ok(());
        };
        let known = target(state::decode("target", &record)?)?;
        self.pending.delete_state(&key);
        let address = keys::notify_address(tenant, &hash_of(&known));
        self.pending.delete_state(&address);
        self.caches.notified.remove(&(tenant, user));
        Ok(())
    }

    /// There is no such address any more.
    // impl[EIM-NTF-018]
    pub(super) fn forget_address(
        &mut self,
        tenant: TenantId,
        of: &NotifyKey,
        gone: &NotifyTarget,
    ) -> Result<(), StoreError> {
        let key = keys::notify_target(tenant, of.user, of.device);
        if let Some(record) = self.pending.state(&*self.engine, &key)?
            && target(state::decode("target", &record)?)? == *gone
        {
            self.forget_target(tenant, of.user, of.device)?;
        }
        Ok(())
    }

    // impl[EIM-NTF-008, EIM-NTF-009, EIM-NTF-010]
    fn put_mute(&mut self, origin: &Origin, wanted: NotifyMute) -> Result<(), Failure> {
        let (tenant, user) = (origin.tenant, origin.user);
        let id = wanted.conversation;
        let membership = self.membership_row(tenant, user, id)?;
        if membership.is_none_or(|row| row.visible_through > 0) {
            return refuse(ErrorCode::NOT_FOUND, "no such conversation");
        }
        let key = keys::notify_mute(tenant, user, id);
        if wanted.until_ms <= self.now_ms {
            self.pending.delete_state(&key);
            return Ok(());
        }
        self.check_room()?;
        let (first, last) = keys::notify_mutes(tenant, user);
        let mut others = 0;
        for (at, record) in self.pending.states(&*self.engine, &first, &last)? {
            let other: ConversationId = keys::last_id(&at)?;
            if mute(other, &record)?.until_ms <= self.now_ms {
                self.pending.delete_state(&at);
            } else if other != id {
                others += 1;
            }
        }
        if others >= self.options.notify_mutes {
            return refuse(ErrorCode::LIMIT_REACHED, "too many muted conversations");
        }
        let row = MuteRow {
            until_ms: wanted.until_ms,
            mentions: wanted.mentions,
        };
        self.pending.put_state(&key, state::encode(&row));
        Ok(())
    }
}

/// Names a service and an address.
fn hash_of(target: &NotifyTarget) -> [u8; 16] {
    let hash = Sha256::new()
        .chain_update([target.service.number()])
        .chain_update(target.address.as_bytes())
        .finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
}

/// The target of a device.
pub(super) fn target_of(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
    device: DeviceId,
) -> Result<Option<NotifyTarget>, StoreError> {
    let key = keys::notify_target(tenant, user, device);
    match reader.get(Space::State, &key)? {
        Some(record) => Ok(Some(target(state::decode("target", &record)?)?)),
        None => Ok(None),
    }
}

/// The settings of a user.
pub(super) fn settings_of(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
) -> Result<NotifySettings, StoreError> {
    match reader.get(Space::State, &keys::notify_settings(tenant, user))? {
        Some(record) => {
            Ok(state::decode::<SettingsRow>("settings of notifications", &record)?.into())
        }
        None => Ok(NotifySettings::default()),
    }
}

/// Whose state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) tenant: TenantId,
    pub(super) user: UserId,
    pub(super) device: DeviceId,
    pub(super) after: Option<ConversationId>,
    pub(super) limit: usize,
    pub(super) now_ms: u64,
}

impl Asked {
    /// What the user has asked for.
    // impl[EIM-NTF-011]
    pub(super) fn read(self, reader: &dyn Reader) -> Result<NotifyState, StoreError> {
        let (first, last) = keys::notify_mutes(self.tenant, self.user);
        let first = self.after.map_or(first, |after| {
            keys::notify_mute(self.tenant, self.user, after)
        });
        let mut mutes = Vec::new();
        reader.scan(
            Space::State,
            &first,
            &last,
            Order::Ascending,
            &mut |key, record| {
                let conversation = keys::last_id(key)?;
                let mute = mute(conversation, record)?;
                if Some(conversation) != self.after && mute.until_ms > self.now_ms {
                    mutes.push(mute);
                }
                Ok(if mutes.len() > self.limit {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            },
        )?;
        let more = mutes.len() > self.limit;
        mutes.truncate(self.limit);
        Ok(NotifyState {
            target: target_of(reader, self.tenant, self.user, self.device)?,
            settings: settings_of(reader, self.tenant, self.user)?,
            mutes,
            more,
        })
    }
}
