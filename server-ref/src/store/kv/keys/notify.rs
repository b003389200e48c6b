//! Keys of notifications.

use eim_codec::id::{ConversationId, DeviceId, UserId};

use super::{Key, Kind, key};
use crate::store::{NotifyKey, StoreError, TenantId};

/// Where notifications for a device go.
pub(in crate::store::kv) fn notify_target(at: TenantId, user: UserId, device: DeviceId) -> Key {
    let kind = [Kind::NotifyTarget as u8];
    key(at, [&kind, user.as_bytes(), device.as_bytes()])
}

/// First and last key of the targets of a user.
pub(in crate::store::kv) fn notify_targets(at: TenantId, user: UserId) -> (Key, Key) {
    let [first, last] = [[0; 16], [u8::MAX; 16]].map(DeviceId::from);
    (
        notify_target(at, user, first),
        notify_target(at, user, last),
    )
}

/// Whose address it is, by the hash of service and address.
pub(in crate::store::kv) fn notify_address(at: TenantId, hash: &[u8; 16]) -> Key {
    key(at, [&[Kind::NotifyAddress as u8], hash])
}

pub(in crate::store::kv) fn notify_settings(at: TenantId, user: UserId) -> Key {
    key(at, [&[Kind::NotifySettings as u8], user.as_bytes()])
}

/// A conversation that a user keeps quiet.
pub(in crate::store::kv) fn notify_mute(at: TenantId, user: UserId, id: ConversationId) -> Key {
    let kind = [Kind::NotifyMute as u8];
    key(at, [&kind, user.as_bytes(), id.as_bytes()])
}

/// First and last key of the mutes of a user.
pub(in crate::store::kv) fn notify_mutes(at: TenantId, user: UserId) -> (Key, Key) {
    let [first, last] = [[0; 16], [u8::MAX; 16]].map(ConversationId::from);
    (notify_mute(at, user, first), notify_mute(at, user, last))
}

/// A notification that is owed.
pub(in crate::store::kv) fn owed(at: TenantId, of: &NotifyKey) -> Key {
    let kind = [Kind::Owed as u8];
    let (user, device) = (of.user.as_bytes(), of.device.as_bytes());
    key(at, [&kind, user, device, of.conversation.as_bytes()])
}

/// Notifications of a service by the time they are due.
pub(in crate::store::kv) fn owed_due(
    at: TenantId,
    service: u8,
    due_ms: u64,
    of: &NotifyKey,
) -> Key {
    let (user, device) = (of.user.as_bytes(), of.device.as_bytes());
    let (kind, conversation) = ([3, service], of.conversation.as_bytes());
    key(
        at,
        [&kind, &due_ms.to_be_bytes(), user, device, conversation],
    )
}

/// First and last key of the notifications of a service that are due through `due_ms`.
pub(in crate::store::kv) fn owed_dues(at: TenantId, service: u8, due_ms: u64) -> (Key, Key) {
    let [first, last] = [[0; 16], [u8::MAX; 16]].map(|id| NotifyKey {
        user: id.into(),
        device: id.into(),
        conversation: id.into(),
    });
    (
        owed_due(at, service, 0, &first),
        owed_due(at, service, due_ms, &last),
    )
}

/// When a notification is due, and which, from the end of a key.
pub(in crate::store::kv) fn due(key: &[u8]) -> Result<(u64, NotifyKey), StoreError> {
    let short = || StoreError::Corrupt(format!("key: {} octets", key.len()));
    let tail: &[u8; 56] = key.last_chunk().ok_or_else(short)?;
    let (time, ids) = tail.split_first_chunk::<8>().ok_or_else(short)?;
    let (ids, _) = ids.as_chunks::<16>();
    match ids {
        [user, device, conversation] => Ok((
            u64::from_be_bytes(*time),
            NotifyKey {
                user: (*user).into(),
                device: (*device).into(),
                conversation: (*conversation).into(),
            },
        )),
        _ => Err(short()),
    }
}
