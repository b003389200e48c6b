//! Notifications for this device and this user: where they go, what they tell, and when not.

use bytes::Bytes;
use eim_codec::id::ConversationId;
use eim_codec::payload::{
    NotifyContent, NotifyMute, NotifyMuteRequest, NotifyOffer, NotifyRegisterRequest,
    NotifyService, NotifySettings, NotifySettingsRequest, NotifyStateRequest, NotifyTarget,
    request, response,
};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;

/// Most pages of muted conversations that are read: a server that always has more is not believed.
const PAGES: usize = 1000;

/// A conversation that is kept quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Muted {
    /// It.
    pub conversation: ConversationId,
    /// Until then, Unix milliseconds.
    pub until_ms: u64,
    /// Mentions are told all the same.
    pub mentions: bool,
}

/// What this user and this device have asked for, and what the server offers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notifications {
    /// Services of the server.
    pub services: Vec<NotifyService>,
    /// The key that a browser subscribes with; empty without Web Push.
    pub web_push_key: Bytes,
    /// The most that notifications of the server tell.
    pub content_limit: NotifyContent,
    /// Where they go for this device; `None` for nowhere.
    pub target: Option<NotifyTarget>,
    /// What the user wants.
    pub settings: NotifySettings,
    /// Muted conversations, by id.
    pub muted: Vec<Muted>,
}

impl Client {
    /// Says where notifications for this device go; `None` for nowhere.
    ///
    /// # Errors
    /// [`RequestError`], [`INVALID_REQUEST`](eim_codec::registry::ErrorCode::INVALID_REQUEST) for a
    /// service that the server does not have.
    pub async fn notify_register(&self, target: Option<NotifyTarget>) -> Result<(), RequestError> {
        let body = request::Body::NotifyRegister(NotifyRegisterRequest { target });
        match self.ask(Operation::NOTIFY_REGISTER, body).await? {
            response::Body::NotifyRegister(_) => Ok(()),
            _ => Err(RequestError::Nonsense("not a registration")),
        }
    }

    /// Sets what notifications tell this user, and when not, in place of what was set before.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn notify_settings(&self, settings: NotifySettings) -> Result<(), RequestError> {
        let settings = Some(settings);
        let body = request::Body::NotifySettings(NotifySettingsRequest { settings });
        match self.ask(Operation::NOTIFY_SETTINGS, body).await? {
            response::Body::NotifySettings(_) => Ok(()),
            _ => Err(RequestError::Nonsense("no settings of notifications")),
        }
    }

    /// Keeps a conversation quiet until a time, or with a time that is over not any more.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn notify_mute(&self, muted: Muted) -> Result<(), RequestError> {
        let mute = Some(NotifyMute {
            conversation: muted.conversation.to_bytes(),
            until_ms: muted.until_ms,
            mentions: muted.mentions,
        });
        let body = request::Body::NotifyMute(NotifyMuteRequest { mute });
        match self.ask(Operation::NOTIFY_MUTE, body).await? {
            response::Body::NotifyMute(_) => Ok(()),
            _ => Err(RequestError::Nonsense("not a mute")),
        }
    }

    /// What this user and this device have asked for, and what the server offers.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn notifications(&self) -> Result<Notifications, RequestError> {
        let mut found = Notifications::default();
        for _ in 0..PAGES {
            let after = found.muted.last().map(|last| last.conversation.to_bytes());
            let body = request::Body::NotifyState(NotifyStateRequest {
                after: after.unwrap_or_default(),
            });
            let response::Body::NotifyState(page) = self.ask(Operation::NOTIFY_STATE, body).await?
            else {
                return Err(RequestError::Nonsense("no state of notifications"));
            };
            found.services = page.offers.iter().map(NotifyOffer::service).collect();
            let keys = page.offers.iter().map(|offer| offer.public_key.clone());
            found.web_push_key = keys.max().unwrap_or_default();
            found.content_limit = page.content_limit();
            found.settings = page.settings.unwrap_or_default();
            found.target = page.target;
            let more = page.more && !page.mutes.is_empty();
            for mute in &page.mutes {
                let muted = read(mute)?;
                let last = found.muted.last();
                if last.is_some_and(|last| last.conversation >= muted.conversation) {
                    return Err(RequestError::Nonsense("muted conversations out of order"));
                }
                found.muted.push(muted);
            }
            if !more {
                break;
            }
        }
        Ok(found)
    }
}

fn read(mute: &NotifyMute) -> Result<Muted, RequestError> {
    Ok(Muted {
        conversation: ConversationId::from_slice(&mute.conversation)
            .map_err(|_| RequestError::Nonsense("the id of a conversation"))?,
        until_ms: mute.until_ms,
        mentions: mute.mentions,
    })
}
