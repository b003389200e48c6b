//! The devices of this user.

use eim_codec::id::DeviceId;
use eim_codec::payload::{
    DeviceClass, DeviceInfo, DeviceLogoutRequest, DevicesRequest, request, response,
};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;
use crate::store::Cursor;

/// Most pages of devices that are read: a server that always has more is not believed.
const PAGES: usize = 1000;

/// A device that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device.
    pub device: DeviceId,
    /// What it is.
    pub class: DeviceClass,
    /// Shown to the user.
    pub name: String,
    /// When it logged in, with more than a token; Unix milliseconds.
    pub logged_in_ms: u64,
    /// When it connected last; Unix milliseconds.
    pub seen_ms: u64,
    /// It has a connection now.
    pub online: bool,
    /// This device.
    pub own: bool,
    /// How far it has stored the timeline.
    pub cursor: Cursor,
}

/// The devices of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// Those that are logged in, by id.
    pub devices: Vec<Device>,
    /// Head of the timeline.
    pub head: Cursor,
}

impl Client {
    /// The devices of this user that are logged in.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn devices(&self) -> Result<Devices, RequestError> {
        let mut found = Devices::default();
        for _ in 0..PAGES {
            let after = found.devices.last().map(|last| last.device.to_bytes());
            let body = request::Body::Devices(DevicesRequest {
                after: after.unwrap_or_default(),
            });
            let response::Body::Devices(page) = self.ask(Operation::DEVICES, body).await? else {
                return Err(RequestError::Nonsense("no devices"));
            };
            found.head = Cursor {
                log_epoch: page.log_epoch,
                user_seq: page.user_seq,
            };
            let more = page.more && !page.devices.is_empty();
            for info in &page.devices {
                let device = device(info)?;
                if found
                    .devices
                    .last()
                    .is_some_and(|last| last.device >= device.device)
                {
                    return Err(RequestError::Nonsense("devices out of order"));
                }
                found.devices.push(device);
            }
            if !more {
                break;
            }
        }
        Ok(found)
    }

    /// Logs a device of this user out: its connection ends, and it has to log in again.
    ///
    /// # Errors
    /// [`RequestError`], [`NOT_FOUND`](eim_codec::registry::ErrorCode::NOT_FOUND) when no such device
    /// is logged in.
    pub async fn device_logout(&self, device: DeviceId) -> Result<(), RequestError> {
        let body = request::Body::DeviceLogout(DeviceLogoutRequest {
            device_id: device.to_bytes(),
        });
        match self.ask(Operation::DEVICE_LOGOUT, body).await? {
            response::Body::DeviceLogout(_) => Ok(()),
            _ => Err(RequestError::Nonsense("not a logout")),
        }
    }
}

fn device(info: &DeviceInfo) -> Result<Device, RequestError> {
    Ok(Device {
        device: DeviceId::from_slice(&info.device_id)
            .map_err(|_| RequestError::Nonsense("the id of a device"))?,
        class: info.class(),
        name: info.name.clone(),
        logged_in_ms: info.logged_in_ms,
        seen_ms: info.seen_ms,
        online: info.online,
        own: info.own,
        cursor: Cursor {
            log_epoch: info.log_epoch,
            user_seq: info.user_seq,
        },
    })
}
