//! Presence and typing: who may see whom. What there is to see is known to [`crate::presence`].

use std::sync::Arc;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    ContactState, ConversationKind, Presence, PresenceQueryRequest, PresenceResponse,
    PresenceSetRequest, PresenceSetResponse, PresenceState, PresenceSubscribeRequest,
    PresenceUnsubscribeRequest, PresenceUnsubscribeResponse, TypingRequest, TypingResponse,
    response,
};
use eim_codec::registry::{ErrorCode, limits};
use serde::Deserialize;

use super::page::Page;
use super::requests::{Body, Requests, conversation_id, user_id};
use super::{Caller, Refusal};
use crate::presence::{NotWatched, Shown};
use crate::store::{StoreError, TenantId};

/// Devices of a user that are looked at to find out when it was here.
const DEVICES: usize = 64;

/// Who sees the presence of others.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SeenBy {
    /// Everybody sees everybody.
    #[default]
    Everybody,
    /// Contacts see each other.
    Contacts,
    /// Nobody sees anybody.
    Nobody,
}

/// What is told of presence, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct PresencePolicy {
    /// Who sees others.
    pub seen_by: SeenBy,
    /// Whether it is told when somebody was here last.
    pub last_seen: bool,
    /// Most members of a conversation in which typing is told.
    pub typing_members: usize,
}

impl Default for PresencePolicy {
    fn default() -> Self {
        Self {
            seen_by: SeenBy::default(),
            last_seen: true,
            typing_members: usize_of(limits::TYPING_MEMBERS.default),
        }
    }
}

impl Requests {
    // impl[EIM-PRS-001, EIM-PRS-012, EIM-PRS-013]
    pub(super) async fn presence_subscribe(
        &self,
        caller: Caller,
        ask: &PresenceSubscribeRequest,
        page: Page,
    ) -> Result<Body, Refusal> {
        let users = user_ids(&ask.users)?;
        let presence = Arc::clone(self.hub.presence());
        presence
            .watch(caller.connection, &users)
            .map_err(|refused| match refused {
                NotWatched::SendOnly => Refusal::invalid("a connection that only sends"),
                NotWatched::Full => {
                    Refusal::new(ErrorCode::LIMIT_REACHED, "too many subscriptions")
                }
            })?;
        let answer = self.admit(caller, &users, page).await;
        if answer.is_err() {
            presence.unwatch(caller.connection, Some(&users));
        }
        answer
    }

    async fn admit(
        &self,
        caller: Caller,
        users: &[UserId],
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let (tenant, me) = (caller.origin.tenant, caller.origin.user);
        let mut presences = Vec::with_capacity(users.len());
        for user in users {
            // First the watch, then the look: whoever blocks in between cuts it off.
            let may = self.may_see(tenant, me, *user).await?;
            let presence = self.hub.presence();
            let shown = presence.admit(caller.connection, (tenant, *user), may);
            let seen = self.last_seen_ms(tenant, *user, &shown, may).await?;
            presences.push(told(*user, &shown, seen));
        }
        answer(presences, &mut page)
    }

    // impl[EIM-PRS-010, EIM-PRS-012]
    pub(super) fn presence_unsubscribe(
        &self,
        caller: Caller,
        ask: &PresenceUnsubscribeRequest,
    ) -> Result<Body, Refusal> {
        let users = user_ids(&ask.users)?;
        let some = (!users.is_empty()).then_some(&users[..]);
        self.hub.presence().unwatch(caller.connection, some);
        Ok(response::Body::PresenceUnsubscribe(PresenceUnsubscribeResponse {}).into())
    }

    // impl[EIM-PRS-001, EIM-PRS-012]
    pub(super) async fn presence_query(
        &self,
        caller: Caller,
        ask: &PresenceQueryRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let (tenant, me) = (caller.origin.tenant, caller.origin.user);
        let mut presences = Vec::new();
        for user in user_ids(&ask.users)? {
            let may = self.may_see(tenant, me, user).await?;
            let shown = if may {
                self.hub.presence().shown(tenant, user)
            } else {
                Shown::default()
            };
            let seen = self.last_seen_ms(tenant, user, &shown, may).await?;
            presences.push(told(user, &shown, seen));
        }
        answer(presences, &mut page)
    }

    // impl[EIM-PRS-005, EIM-PRS-006]
    pub(super) fn presence_set(
        &self,
        caller: Caller,
        ask: PresenceSetRequest,
    ) -> Result<Body, Refusal> {
        let most = usize_of(limits::PRESENCE_STATUS_OCTETS.default);
        if ask.status.len() > most {
            return Err(Refusal::invalid(format!("more than {most} octets")));
        }
        let origin = caller.origin;
        let presence = self.hub.presence();
        presence.set(origin.tenant, origin.user, ask.away, ask.status);
        Ok(response::Body::PresenceSet(PresenceSetResponse {}).into())
    }

    // impl[EIM-PRS-017, EIM-PRS-018, EIM-PRS-019]
    pub(super) async fn typing(&self, caller: Caller, ask: TypingRequest) -> Result<Body, Refusal> {
        let conversation = conversation_id(&ask.conversation)?;
        let view = self.view(caller, conversation).await?;
        if view.visible_through > 0 {
            return Err(Refusal::not_found());
        }
        let (tenant, me) = (caller.origin.tenant, caller.origin.user);
        let to = match (view.kind, view.peer) {
            (ConversationKind::Direct, Some(peer)) => {
                let told =
                    !self.blocks(tenant, me, peer).await? && !self.blocks(tenant, peer, me).await?;
                if told { vec![peer] } else { Vec::new() }
            }
            (ConversationKind::Group, _) => self.who_hears(tenant, conversation).await?,
            _ => Vec::new(),
        };
        let presence = self.hub.presence();
        presence.typing((tenant, me), conversation, ask.typing, &to);
        Ok(response::Body::Typing(TypingResponse {}).into())
    }

    /// All members, or nobody if they are too many.
    async fn who_hears(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Vec<UserId>, StoreError> {
        let most = self.presence.typing_members;
        let page = self
            .store
            .members(tenant, conversation, None, most.saturating_add(1))
            .await?;
        if page.more || page.members.len() > most {
            return Ok(Vec::new());
        }
        Ok(page.members.iter().map(|member| member.user).collect())
    }

    /// What two users are to each other has changed: whoever may not see the other any more is told
    /// so. Where the store cannot say, nobody sees anybody.
    // impl[EIM-PRS-015]
    pub(super) async fn contacts_changed(&self, tenant: TenantId, one: UserId, other: UserId) {
        let presence = self.hub.presence();
        for (viewer, user) in [(one, other), (other, one)] {
            if presence.is_watched(tenant, user, viewer)
                && !self.may_see(tenant, viewer, user).await.unwrap_or(false)
            {
                presence.cut(tenant, user, viewer);
            }
        }
    }

    // impl[EIM-PRS-014]
    async fn may_see(
        &self,
        tenant: TenantId,
        viewer: UserId,
        user: UserId,
    ) -> Result<bool, StoreError> {
        if viewer == user {
            return Ok(true);
        }
        if self.presence.seen_by == SeenBy::Nobody {
            return Ok(false);
        }
        let listed = self.store.contact(tenant, user, viewer).await?;
        let contact = |it: &crate::store::ContactView| it.state == ContactState::Contact;
        Ok(match self.presence.seen_by {
            SeenBy::Everybody => !listed.is_some_and(|it| it.blocked),
            _ => listed.is_some_and(|it| contact(&it) && !it.blocked),
        })
    }

    async fn blocks(
        &self,
        tenant: TenantId,
        user: UserId,
        other: UserId,
    ) -> Result<bool, StoreError> {
        let listed = self.store.contact(tenant, user, other).await?;
        Ok(listed.is_some_and(|it| it.blocked))
    }

    // impl[EIM-PRS-016]
    async fn last_seen_ms(
        &self,
        tenant: TenantId,
        user: UserId,
        shown: &Shown,
        may: bool,
    ) -> Result<u64, StoreError> {
        if !may || !self.presence.last_seen || shown.state != PresenceState::Offline {
            return Ok(0);
        }
        if let Some(seen) = self.hub.presence().last_seen_ms(tenant, user) {
            return Ok(seen);
        }
        let page = self.store.devices(tenant, user, None, DEVICES).await?;
        let connected = page.devices.iter().map(|device| device.seen_ms);
        Ok(connected.max().unwrap_or(0))
    }
}

fn told(user: UserId, shown: &Shown, last_seen_ms: u64) -> Presence {
    Presence {
        last_seen_ms,
        ..to_presence(user, shown)
    }
}

/// The wire form of how a user is shown.
pub(crate) fn to_presence(user: UserId, shown: &Shown) -> Presence {
    Presence {
        user: user.to_bytes(),
        state: shown.state.into(),
        status: shown.status.clone(),
        last_seen_ms: 0,
    }
}

fn answer(presences: Vec<Presence>, page: &mut Page) -> Result<Body, Refusal> {
    if !presences.iter().all(|one| page.take(one)) {
        let detail = "the answer does not fit; name fewer users";
        return Err(Refusal::invalid(detail));
    }
    Ok(response::Body::Presence(PresenceResponse { presences }).into())
}

// impl[EIM-PRS-012]
fn user_ids(users: &[bytes::Bytes]) -> Result<Vec<UserId>, Refusal> {
    let most = usize_of(limits::PRESENCE_USERS.default);
    if users.len() > most {
        return Err(Refusal::invalid(format!("more than {most} users")));
    }
    users.iter().map(|user| user_id(user)).collect()
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
