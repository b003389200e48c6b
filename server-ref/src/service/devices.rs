//! The devices of a user: listing them, logging them out.

use eim_codec::id::{DeviceId, RequestId};
use eim_codec::payload::{
    DeviceInfo, DeviceLogoutRequest, DeviceLogoutResponse, DevicesRequest, DevicesResponse,
    response,
};

use super::page::Page;
use super::requests::{Body, Requests};
use super::{Caller, Refusal};
use crate::store::{ClassLimits, LogOut, LogoutReason};

impl Requests {
    // impl[EIM-DEV-001, EIM-DEV-002, EIM-DEV-003]
    pub(super) async fn devices(
        &self,
        caller: Caller,
        ask: &DevicesRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let after = if ask.after.is_empty() {
            None
        } else {
            Some(device_id(&ask.after)?)
        };
        let found = self
            .store
            .devices(origin.tenant, origin.user, after, page.items())
            .await?;
        let (mut more, mut devices) = (found.more, Vec::with_capacity(found.devices.len()));
        let online = self.hub.online(origin.tenant, origin.user);
        for record in found.devices {
            let info = DeviceInfo {
                device_id: record.device.to_bytes(),
                class: ClassLimits::class(record.class).into(),
                name: record.name,
                logged_in_ms: record.logged_in_ms,
                seen_ms: record.seen_ms,
                online: online.contains(&record.device),
                own: record.device == origin.device,
                log_epoch: record.cursor_epoch,
                user_seq: record.cursor,
            };
            if !page.take(&info) {
                more = true;
                break;
            }
            devices.push(info);
        }
        let (user_seq, _) = self.head(caller).await?;
        let listed = DevicesResponse {
            devices,
            more,
            log_epoch: self.store.log_epoch(),
            user_seq,
        };
        Ok(response::Body::Devices(listed).into())
    }

    // impl[EIM-DEV-004, EIM-DEV-005, EIM-DEV-006]
    pub(super) async fn device_logout(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &DeviceLogoutRequest,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let log_out = LogOut {
            device: device_id(&ask.device_id)?,
            reason: LogoutReason::User,
            asked: Some((origin, request)),
        };
        self.store
            .log_out(origin.tenant, origin.user, log_out)
            .await??;
        Ok(response::Body::DeviceLogout(DeviceLogoutResponse {}).into())
    }
}

fn device_id(octets: &[u8]) -> Result<DeviceId, Refusal> {
    DeviceId::from_slice(octets).map_err(|error| Refusal::invalid(format!("device: {error}")))
}
