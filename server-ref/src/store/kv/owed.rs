//! Notifications that are owed: made in the batch of their entry, gone when they are delivered, or
//! when nobody needs them any more.
//!
//! There is one record for a device and conversation, and one in the order of time, by which those
//! that are due are found. Users without a target cost a look into a cache.

use std::ops::ControlFlow;
use std::sync::Arc;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::registry::FrameType;

use super::cache::Notified;
use super::committer::Committer;
use super::deliver::Draft;
use super::keys;
use super::pending::Pending;
use super::record::notify::{MuteRow, OwedRow, SettingsRow, TargetRow, target};
use super::record::state;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{
    Fate, NotifyKey, NotifyMute, NotifySettings, Owed, Service, StoreError, TenantId,
};

/// Notifications that an entry changes, before it has its number.
#[derive(Debug, Default)]
pub(super) struct Notifying {
    /// To be owed.
    owes: Vec<Owing>,
    /// Of the sender, who has read everything.
    read: Vec<(NotifyKey, OwedRow)>,
}

#[derive(Debug)]
struct Owing {
    key: NotifyKey,
    before: Option<OwedRow>,
    service: Service,
    /// Not to be tried earlier.
    quiet_ms: u64,
    mention: bool,
}

/// An entry that has its number.
#[derive(Debug)]
pub(super) struct Told<'a> {
    pub(super) tenant: TenantId,
    pub(super) log_epoch: u64,
    pub(super) conv_seq: u64,
    pub(super) time_ms: u64,
    /// Timelines that it is in, in order.
    pub(super) recipients: &'a [(UserId, u64)],
}

impl Committer {
    /// Devices of a user that have a target, as this batch leaves them.
    pub(super) fn notified(
        &mut self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Arc<Notified>>, StoreError> {
        let key = (tenant, user);
        if let Some(known) = self.caches.notified.get_mut(&key) {
            return Ok(known.clone());
        }
        let (first, last) = keys::notify_targets(tenant, user);
        let mut devices = Vec::new();
        for (key, record) in self.pending.states(&*self.engine, &first, &last)? {
            let row: TargetRow = state::decode("target", &record)?;
            devices.push((keys::last_id(&key)?, target(row)?.service));
        }
        let found = if devices.is_empty() {
            None
        } else {
            let settings = self.notify_settings(tenant, user)?;
            Some(Arc::new(Notified { devices, settings }))
        };
        self.caches.notified.insert(key, found.clone());
        Ok(found)
    }

    pub(super) fn notify_settings(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<NotifySettings, StoreError> {
        let record = self
            .pending
            .state(&*self.engine, &keys::notify_settings(tenant, user))?;
        match record {
            Some(record) => {
                Ok(state::decode::<SettingsRow>("settings of notifications", &record)?.into())
            }
            None => Ok(NotifySettings::default()),
        }
    }

    /// What a message is going to change; `recipients` are those whose timelines it enters, in
    /// order as the `mentioned` are.
    // impl[EIM-NTF-012, EIM-NTF-013, EIM-NTF-014]
    pub(super) fn notifying(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        draft: &Draft,
        recipients: &[UserId],
        mentioned: &[UserId],
    ) -> Result<Notifying, StoreError> {
        let mut found = Notifying::default();
        if !self.options.notifications || !is_message(draft.frame_type) || draft.sender.is_none() {
            return Ok(found);
        }
        found.read = self.owed_of((tenant, draft.actor), id)?;
        let named = mentioned
            .iter()
            .filter(|user| recipients.binary_search(user).is_err());
        for user in recipients.iter().chain(named).copied() {
            if user == draft.actor {
                continue;
            }
            let mention = draft.mentions.all || mentioned.binary_search(&user).is_ok();
            self.notifying_user((tenant, user), id, mention, &mut found.owes)?;
        }
        Ok(found)
    }

    fn notifying_user(
        &mut self,
        (tenant, user): (TenantId, UserId),
        conversation: ConversationId,
        mention: bool,
        owes: &mut Vec<Owing>,
    ) -> Result<(), StoreError> {
        let Some(notified) = self.notified(tenant, user)? else {
            return Ok(());
        };
        let mute = self
            .pending
            .mute(&*self.engine, tenant, user, conversation)?;
        if mute.is_some_and(|mute| mute.keeps_back(mention, self.now_ms)) {
            return Ok(());
        }
        let waited = self.now_ms.saturating_add(self.options.notify_delay_ms);
        let quiet_ms = notified.settings.quiet_through(waited);
        for (device, service) in notified.devices.iter().copied() {
            if self.sink.attends(tenant, user, device) {
                continue;
            }
            let key = NotifyKey {
                user,
                device,
                conversation,
            };
            let before = self.pending.owed(&*self.engine, tenant, &key)?;
            owes.push(Owing {
                key,
                before,
                service,
                quiet_ms,
                mention,
            });
        }
        Ok(())
    }

    /// What is owed to the devices of a user for a conversation.
    fn owed_of(
        &mut self,
        (tenant, user): (TenantId, UserId),
        conversation: ConversationId,
    ) -> Result<Vec<(NotifyKey, OwedRow)>, StoreError> {
        let Some(notified) = self.notified(tenant, user)? else {
            return Ok(Vec::new());
        };
        let mut rows = Vec::new();
        for (device, _) in notified.devices.iter().copied() {
            let key = NotifyKey {
                user,
                device,
                conversation,
            };
            if let Some(row) = self.pending.owed(&*self.engine, tenant, &key)? {
                rows.push((key, row));
            }
        }
        Ok(rows)
    }

    /// The entry has its number.
    pub(super) fn owe(&mut self, told: &Told<'_>, notifying: Notifying) {
        for (key, row) in notifying.read {
            self.pending.owe_no_more(told.tenant, &key, &row);
        }
        for owing in notifying.owes {
            let Owing { key, before, .. } = owing;
            let place = told
                .recipients
                .binary_search_by_key(&key.user, |(user, _)| *user);
            let user_seq = place.ok().and_then(|at| told.recipients.get(at));
            // A service that fails is not asked more often for it.
            let due_ms = match before {
                Some(row) if row.attempts > 0 => row.due_ms,
                Some(row) => row.due_ms.min(owing.quiet_ms),
                None => owing.quiet_ms,
            };
            let row = OwedRow {
                service: owing.service.number().into(),
                due_ms,
                log_epoch: told.log_epoch,
                conv_seq: told.conv_seq,
                user_seq: user_seq.map_or(0, |(_, user_seq)| *user_seq),
                time_ms: told.time_ms,
                count: before.map_or(0, |row| row.count).saturating_add(1),
                mention: owing.mention || before.is_some_and(|row| row.mention),
                attempts: before.map_or(0, |row| row.attempts),
            };
            self.pending.owe(told.tenant, &key, before.as_ref(), &row);
        }
    }

    /// The user has read a conversation through `conv_seq`.
    // impl[EIM-NTF-015]
    pub(super) fn owe_unread(
        &mut self,
        (tenant, user): (TenantId, UserId),
        conversation: ConversationId,
        conv_seq: u64,
    ) -> Result<(), StoreError> {
        if !self.options.notifications {
            return Ok(());
        }
        for (key, row) in self.owed_of((tenant, user), conversation)? {
            if row.conv_seq <= conv_seq {
                self.pending.owe_no_more(tenant, &key, &row);
            }
        }
        Ok(())
    }

    /// Takes down what became of attempts.
    // impl[EIM-NTF-017]
    pub(super) fn settle(
        &mut self,
        tenant: TenantId,
        fates: &[(Owed, Fate)],
    ) -> Result<(), StoreError> {
        for (owed, fate) in fates {
            self.settle_one(tenant, owed, fate)?;
        }
        Ok(())
    }

    fn settle_one(&mut self, tenant: TenantId, owed: &Owed, fate: &Fate) -> Result<(), StoreError> {
        if let (Fate::Gone, Some(target)) = (fate, &owed.target) {
            self.forget_address(tenant, &owed.key, target)?;
        }
        let key = &owed.key;
        let Some(row) = self.pending.owed(&*self.engine, tenant, key)? else {
            return Ok(());
        };
        let same = row.conv_seq == owed.conv_seq && row.log_epoch == owed.log_epoch;
        let after = match fate {
            Fate::Over | Fate::Gone if same => {
                self.pending.owe_no_more(tenant, key, &row);
                return Ok(());
            }
            Fate::Over | Fate::Gone => OwedRow {
                count: row.count.saturating_sub(owed.count).max(1),
                due_ms: self.now_ms,
                attempts: 0,
                ..row
            },
            Fate::Later { due_ms, failed } => OwedRow {
                due_ms: *due_ms,
                attempts: row.attempts.saturating_add(u32::from(*failed)),
                ..row
            },
        };
        // The device may have another service by now.
        let service = self.service_of(tenant, key)?;
        let after = OwedRow {
            service: service.map_or(after.service, |service| service.number().into()),
            ..after
        };
        self.pending.owe(tenant, key, Some(&row), &after);
        Ok(())
    }

    fn service_of(
        &mut self,
        tenant: TenantId,
        key: &NotifyKey,
    ) -> Result<Option<Service>, StoreError> {
        let notified = self.notified(tenant, key.user)?;
        let devices = notified.iter().flat_map(|notified| &notified.devices);
        Ok(devices
            .copied()
            .find(|(device, _)| *device == key.device)
            .map(|(_, service)| service))
    }
}

impl Pending {
    /// Owes a notification, or owes it at another time.
    fn owe(&mut self, at: TenantId, key: &NotifyKey, before: Option<&OwedRow>, row: &OwedRow) {
        let index = row.index(at, key);
        let old = before.map(|row| row.index(at, key));
        if old != Some(index) {
            if let Some(old) = old {
                self.batch.delete(Space::Expiry, &old);
            }
            self.batch.put(Space::Expiry, &index, &[]);
            self.owes = true;
        }
        self.put_state(&keys::owed(at, key), state::encode(row));
    }

    /// Owes a notification no more.
    fn owe_no_more(&mut self, at: TenantId, key: &NotifyKey, row: &OwedRow) {
        self.batch.delete(Space::Expiry, &row.index(at, key));
        self.delete_state(&keys::owed(at, key));
    }

    /// A notification as this batch leaves it.
    fn owed(
        &self,
        engine: &(impl Reader + ?Sized),
        at: TenantId,
        key: &NotifyKey,
    ) -> Result<Option<OwedRow>, StoreError> {
        self.state(engine, &keys::owed(at, key))?
            .map(|record| state::decode("owed notification", &record))
            .transpose()
    }

    /// A mute as this batch leaves it.
    pub(super) fn mute(
        &self,
        engine: &(impl Reader + ?Sized),
        at: TenantId,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Option<NotifyMute>, StoreError> {
        self.state(engine, &keys::notify_mute(at, user, conversation))?
            .map(|record| mute(conversation, &record))
            .transpose()
    }
}

/// The mute behind its record.
pub(super) fn mute(conversation: ConversationId, record: &[u8]) -> Result<NotifyMute, StoreError> {
    let row: MuteRow = state::decode("muted conversation", record)?;
    Ok(NotifyMute {
        conversation,
        until_ms: row.until_ms,
        mentions: row.mentions,
    })
}

/// What is owed by a service and due at `now_ms`, and when the next is due.
pub(super) fn due(
    reader: &dyn Reader,
    tenant: TenantId,
    service: Service,
    now_ms: u64,
    limit: usize,
) -> Result<(Vec<Owed>, Option<u64>), StoreError> {
    let (first, last) = keys::owed_dues(tenant, service.number(), u64::MAX);
    let (mut keys, mut next) = (Vec::new(), None);
    reader.scan(
        Space::Expiry,
        &first,
        &last,
        Order::Ascending,
        &mut |key, _| {
            let (due_ms, key) = keys::due(key)?;
            if due_ms > now_ms || keys.len() >= limit {
                next = Some(due_ms);
                return Ok(ControlFlow::Break(()));
            }
            keys.push(key);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.extend(owed(reader, tenant, key)?);
    }
    Ok((found, next))
}

/// A notification as it is owed.
fn owed(reader: &dyn Reader, tenant: TenantId, key: NotifyKey) -> Result<Option<Owed>, StoreError> {
    let Some(record) = reader.get(Space::State, &keys::owed(tenant, &key))? else {
        return Ok(None);
    };
    let row: OwedRow = state::decode("owed notification", &record)?;
    let NotifyKey {
        user,
        device,
        conversation,
    } = key;
    let muted = reader.get(Space::State, &keys::notify_mute(tenant, user, conversation))?;
    Ok(Some(Owed {
        key,
        log_epoch: row.log_epoch,
        conv_seq: row.conv_seq,
        user_seq: row.user_seq,
        time_ms: row.time_ms,
        count: row.count,
        mention: row.mention,
        attempts: row.attempts,
        due_ms: row.due_ms,
        target: super::notify::target_of(reader, tenant, user, device)?,
        settings: super::notify::settings_of(reader, tenant, user)?,
        mute: muted
            .map(|record| mute(conversation, &record))
            .transpose()?,
    }))
}

/// How many are owed by a service, up to `limit`, and the commit time of the first.
pub(super) fn count(
    reader: &dyn Reader,
    tenant: TenantId,
    service: Service,
    limit: usize,
) -> Result<(usize, Option<u64>), StoreError> {
    let (first, last) = keys::owed_dues(tenant, service.number(), u64::MAX);
    let (mut count, mut oldest) = (0, None);
    reader.scan(
        Space::Expiry,
        &first,
        &last,
        Order::Ascending,
        &mut |key, _| {
            if count == 0 {
                oldest = Some(keys::due(key)?.1);
            }
            count += 1;
            Ok(if count >= limit {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        },
    )?;
    let oldest = oldest.map(|key| owed(reader, tenant, key)).transpose()?;
    Ok((count, oldest.flatten().map(|owed| owed.time_ms)))
}

/// Whether somebody is to be told of it: messages, not operations.
const fn is_message(frame_type: FrameType) -> bool {
    matches!(frame_type.0, 0x20..=0x3F)
}
