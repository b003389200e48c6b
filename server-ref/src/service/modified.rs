//! Pins and reactions.

use eim_codec::id::UserId;
use eim_codec::payload::{
    PinsRequest, PinsResponse, ReactionsRequest, ReactionsResponse, response,
};

use super::page::Page;
use super::requests::{Body, Requests, conversation_id, user_id};
use super::{Caller, Refusal};
use crate::store::ConversationView;

impl Requests {
    // impl[EIM-OPS-029, EIM-OPS-030]
    pub(super) async fn pins(
        &self,
        caller: Caller,
        ask: &PinsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let view = self.joined(caller, &ask.conversation).await?;
        let found = self
            .store
            .pins(
                caller.origin.tenant,
                view.conversation,
                ask.after.max(view.visible_from.saturating_sub(1)),
                page.items(),
            )
            .await?;
        let asked = found.pins.len();
        let fits = |pin: &_| page.take(pin);
        let pins: Vec<_> = found.pins.into_iter().take_while(fits).collect();
        let answer = PinsResponse {
            more: found.more || pins.len() < asked,
            pins,
            as_of: found.as_of,
        };
        Ok(response::Body::Pins(answer).into())
    }

    // impl[EIM-OPS-025, EIM-OPS-030]
    pub(super) async fn reactions(
        &self,
        caller: Caller,
        ask: &ReactionsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let view = self.joined(caller, &ask.conversation).await?;
        let after: Option<UserId> = if ask.after.is_empty() {
            None
        } else {
            Some(user_id(&ask.after)?)
        };
        if ask.target < view.visible_from {
            return Err(Refusal::not_found());
        }
        let found = self
            .store
            .reactions(
                caller.origin.tenant,
                view.conversation,
                ask.target,
                after,
                page.items(),
            )
            .await?
            .ok_or_else(Refusal::not_found)?;
        let asked = found.users.len();
        let fits = |user: &_| page.take(user);
        let users: Vec<_> = found.users.into_iter().take_while(fits).collect();
        let answer = ReactionsResponse {
            more: found.more || users.len() < asked,
            users,
            as_of: found.as_of,
        };
        Ok(response::Body::Reactions(answer).into())
    }

    /// A conversation of which the caller is a member now.
    async fn joined(
        &self,
        caller: Caller,
        conversation: &[u8],
    ) -> Result<ConversationView, Refusal> {
        let view = self.view(caller, conversation_id(conversation)?).await?;
        if view.visible_through != 0 {
            return Err(Refusal::not_found());
        }
        Ok(view)
    }
}
