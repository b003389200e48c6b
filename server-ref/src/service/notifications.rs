//! What devices and users ask for about notifications. Passing them on is the [outbox](crate::outbox).

use bytes::Bytes;
use eim_codec::id::ConversationId;
use eim_codec::payload::{
    NotifyContent, NotifyMute as WireMute, NotifyMuteRequest, NotifyMuteResponse, NotifyOffer,
    NotifyRegisterRequest, NotifyRegisterResponse, NotifyService, NotifySettings as WireSettings,
    NotifySettingsRequest, NotifySettingsResponse, NotifyStateRequest, NotifyStateResponse,
    NotifyTarget as WireTarget, QuietHours as WireHours, response,
};
use eim_codec::registry::limits;

use super::page::Page;
use super::requests::{Body, Requests, conversation_id};
use super::{Caller, Refusal};
use crate::store::{NotifyChange, NotifyMute, NotifySettings, NotifyTarget, QuietHours, Service};

/// Minutes of a day.
const DAY: u32 = 24 * 60;
/// Octets of a key of Web Push: an uncompressed point of P-256.
const PUBLIC_KEY: usize = 65;
/// Octets of a secret of Web Push.
const AUTH_SECRET: usize = 16;

/// What a server offers.
#[derive(Clone, Debug)]
pub struct NotifyPolicy {
    /// Services that notifications go through.
    pub services: Vec<Service>,
    /// The most that they tell.
    pub content: NotifyContent,
    /// The key that browsers subscribe with.
    pub web_push_key: Bytes,
}

impl Default for NotifyPolicy {
    fn default() -> Self {
        Self {
            services: Vec::new(),
            content: NotifyContent::None,
            web_push_key: Bytes::new(),
        }
    }
}

impl Requests {
    // impl[EIM-NTF-001]
    pub(super) async fn notify_register(
        &self,
        caller: Caller,
        ask: NotifyRegisterRequest,
    ) -> Result<Body, Refusal> {
        let target = match ask.target {
            Some(target) => Some(self.target(target)?),
            None => None,
        };
        self.store
            .notify(caller.origin, NotifyChange::Target(target))
            .await??;
        Ok(response::Body::NotifyRegister(NotifyRegisterResponse {}).into())
    }

    // impl[EIM-NTF-002]
    fn target(&self, target: WireTarget) -> Result<NotifyTarget, Refusal> {
        let service = Service::from_number(target.service);
        let service = service.filter(|service| self.notify.services.contains(service));
        let Some(service) = service else {
            return Err(Refusal::invalid("no such service here"));
        };
        let most = usize::try_from(limits::NOTIFY_ADDRESS_OCTETS.default).unwrap_or(usize::MAX);
        if target.address.is_empty() || target.address.len() > most {
            return Err(Refusal::invalid(format!(
                "an address has 1 to {most} octets"
            )));
        }
        if service == Service::WebPush {
            if !target.address.starts_with("https://") {
                return Err(Refusal::invalid("the address is not https://"));
            }
            if target.public_key.len() != PUBLIC_KEY || target.public_key.first() != Some(&4) {
                return Err(Refusal::invalid("public_key is no uncompressed point"));
            }
            if target.auth_secret.len() != AUTH_SECRET {
                return Err(Refusal::invalid("auth_secret has not 16 octets"));
            }
        }
        Ok(NotifyTarget {
            service,
            address: target.address,
            public_key: target.public_key,
            auth_secret: target.auth_secret,
        })
    }

    // impl[EIM-NTF-006]
    pub(super) async fn notify_settings(
        &self,
        caller: Caller,
        ask: &NotifySettingsRequest,
    ) -> Result<Body, Refusal> {
        let settings = settings(ask.settings.unwrap_or_default())?;
        self.store
            .notify(caller.origin, NotifyChange::Settings(settings))
            .await??;
        Ok(response::Body::NotifySettings(NotifySettingsResponse {}).into())
    }

    // impl[EIM-NTF-008]
    pub(super) async fn notify_mute(
        &self,
        caller: Caller,
        ask: &NotifyMuteRequest,
    ) -> Result<Body, Refusal> {
        let Some(mute) = &ask.mute else {
            return Err(Refusal::invalid("no conversation"));
        };
        let mute = NotifyMute {
            conversation: conversation_id(&mute.conversation)?,
            until_ms: mute.until_ms,
            mentions: mute.mentions,
        };
        self.store
            .notify(caller.origin, NotifyChange::Mute(mute))
            .await??;
        Ok(response::Body::NotifyMute(NotifyMuteResponse {}).into())
    }

    // impl[EIM-NTF-001, EIM-NTF-006, EIM-NTF-011]
    pub(super) async fn notify_state(
        &self,
        caller: Caller,
        ask: &NotifyStateRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let after: Option<ConversationId> = if ask.after.is_empty() {
            None
        } else {
            Some(conversation_id(&ask.after)?)
        };
        let (user, device) = (origin.user, origin.device);
        let found = self
            .store
            .notify_state(origin.tenant, user, device, after, page.items())
            .await?;
        let offers = self.notify.services.iter().map(|service| NotifyOffer {
            service: i32::from(service.number()),
            public_key: match service {
                Service::WebPush => self.notify.web_push_key.clone(),
                _ => Bytes::new(),
            },
        });
        let offers = offers.collect();
        let target = found.target.map(|target| WireTarget {
            service: i32::from(target.service.number()),
            address: target.address,
            public_key: target.public_key,
            auth_secret: target.auth_secret,
        });
        if let Some(target) = &target {
            page.take(target);
        }
        let (mut more, mut mutes) = (found.more, Vec::with_capacity(found.mutes.len()));
        for mute in found.mutes {
            let mute = WireMute {
                conversation: mute.conversation.to_bytes(),
                until_ms: mute.until_ms,
                mentions: mute.mentions,
            };
            if !page.take(&mute) {
                more = true;
                break;
            }
            mutes.push(mute);
        }
        let settings = found.settings;
        let state = NotifyStateResponse {
            offers,
            content_limit: self.notify.content.into(),
            target,
            settings: Some(WireSettings {
                content: settings.content.into(),
                quiet_hours: settings.quiet_hours.map(|hours| WireHours {
                    from_minute: hours.from_minute,
                    to_minute: hours.to_minute,
                    offset_minutes: hours.offset_minutes,
                }),
                quiet_until_ms: settings.quiet_until_ms,
            }),
            mutes,
            more,
        };
        Ok(response::Body::NotifyState(state).into())
    }
}

// impl[EIM-NTF-007]
fn settings(wanted: WireSettings) -> Result<NotifySettings, Refusal> {
    let content = NotifyContent::try_from(wanted.content)
        .map_err(|_| Refusal::invalid("content: no such value"))?;
    let quiet_hours = match wanted.quiet_hours {
        Some(hours) => {
            let minutes = [hours.from_minute, hours.to_minute, hours.offset_minutes];
            if minutes.iter().any(|minute| *minute >= DAY) {
                return Err(Refusal::invalid("a day has 1440 minutes"));
            }
            if hours.from_minute == hours.to_minute {
                return Err(Refusal::invalid("quiet hours that end as they begin"));
            }
            Some(QuietHours {
                from_minute: hours.from_minute,
                to_minute: hours.to_minute,
                offset_minutes: hours.offset_minutes,
            })
        }
        None => None,
    };
    Ok(NotifySettings {
        content,
        quiet_hours,
        quiet_until_ms: wanted.quiet_until_ms,
    })
}

/// The numbers of the wire are those of the store.
const _: () = assert!(
    NotifyService::Webhook as u8 == Service::Webhook.number()
        && NotifyService::WebPush as u8 == Service::WebPush.number()
);
