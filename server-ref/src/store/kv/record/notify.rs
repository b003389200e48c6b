//! Records of notifications.

use bytes::Bytes;
use eim_codec::payload::NotifyContent;
use prost::Message;

use crate::store::kv::keys;
use crate::store::{
    NotifyKey, NotifySettings, NotifyTarget, QuietHours, Service, StoreError, TenantId,
};

/// Where notifications for a device go.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct TargetRow {
    #[prost(uint32, tag = "1")]
    pub(in crate::store::kv) service: u32,
    #[prost(string, tag = "2")]
    pub(in crate::store::kv) address: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub(in crate::store::kv) public_key: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    pub(in crate::store::kv) auth_secret: Bytes,
}

/// Whose address it is.
#[derive(Clone, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct AddressRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(in crate::store::kv) user: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(in crate::store::kv) device: Bytes,
}

/// What a user wants to be told.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct SettingsRow {
    #[prost(int32, tag = "1")]
    pub(in crate::store::kv) content: i32,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) quiet_until_ms: u64,
    #[prost(message, optional, tag = "3")]
    pub(in crate::store::kv) quiet_hours: Option<HoursRow>,
}

/// A time of each day.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct HoursRow {
    #[prost(uint32, tag = "1")]
    pub(in crate::store::kv) from_minute: u32,
    #[prost(uint32, tag = "2")]
    pub(in crate::store::kv) to_minute: u32,
    #[prost(uint32, tag = "3")]
    pub(in crate::store::kv) offset_minutes: u32,
}

/// A conversation that is kept quiet.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct MuteRow {
    #[prost(uint64, tag = "1")]
    pub(in crate::store::kv) until_ms: u64,
    #[prost(bool, tag = "2")]
    pub(in crate::store::kv) mentions: bool,
}

/// A notification that is owed.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(in crate::store::kv) struct OwedRow {
    #[prost(uint32, tag = "1")]
    pub(in crate::store::kv) service: u32,
    #[prost(uint64, tag = "2")]
    pub(in crate::store::kv) due_ms: u64,
    #[prost(uint64, tag = "3")]
    pub(in crate::store::kv) log_epoch: u64,
    #[prost(uint64, tag = "4")]
    pub(in crate::store::kv) conv_seq: u64,
    #[prost(uint64, tag = "5")]
    pub(in crate::store::kv) user_seq: u64,
    #[prost(uint64, tag = "6")]
    pub(in crate::store::kv) time_ms: u64,
    #[prost(uint32, tag = "7")]
    pub(in crate::store::kv) count: u32,
    #[prost(bool, tag = "8")]
    pub(in crate::store::kv) mention: bool,
    #[prost(uint32, tag = "9")]
    pub(in crate::store::kv) attempts: u32,
}

impl OwedRow {
    /// Its key in the order of time.
    pub(in crate::store::kv) fn index(&self, at: TenantId, key: &NotifyKey) -> keys::Key {
        let service = u8::try_from(self.service).unwrap_or(0);
        keys::owed_due(at, service, self.due_ms, key)
    }
}

/// The target behind its row.
pub(in crate::store::kv) fn target(row: TargetRow) -> Result<NotifyTarget, StoreError> {
    let number = i32::try_from(row.service).unwrap_or(0);
    let service = Service::from_number(number)
        .ok_or_else(|| StoreError::Corrupt(format!("target: service {number}")))?;
    Ok(NotifyTarget {
        service,
        address: row.address,
        public_key: row.public_key,
        auth_secret: row.auth_secret,
    })
}

impl From<NotifyTarget> for TargetRow {
    fn from(target: NotifyTarget) -> Self {
        Self {
            service: target.service.number().into(),
            address: target.address,
            public_key: target.public_key,
            auth_secret: target.auth_secret,
        }
    }
}

impl From<SettingsRow> for NotifySettings {
    fn from(row: SettingsRow) -> Self {
        Self {
            content: NotifyContent::try_from(row.content).unwrap_or(NotifyContent::None),
            quiet_until_ms: row.quiet_until_ms,
            quiet_hours: row.quiet_hours.map(|hours| QuietHours {
                from_minute: hours.from_minute,
                to_minute: hours.to_minute,
                offset_minutes: hours.offset_minutes,
            }),
        }
    }
}

impl From<NotifySettings> for SettingsRow {
    fn from(settings: NotifySettings) -> Self {
        Self {
            content: settings.content.into(),
            quiet_until_ms: settings.quiet_until_ms,
            quiet_hours: settings.quiet_hours.map(|hours| HoursRow {
                from_minute: hours.from_minute,
                to_minute: hours.to_minute,
                offset_minutes: hours.offset_minutes,
            }),
        }
    }
}
