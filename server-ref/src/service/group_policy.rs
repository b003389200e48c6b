//! What owner and admins decide about groups, and joining by invitation. Roles and membership are
//! checked by the store, inside the commit.

use bytes::Bytes;
use eim_codec::id::{ConversationId, RequestId};
use eim_codec::payload::{
    Announcement, ConversationKind, GroupAnnounceRequest, GroupAnswerRequest, GroupDissolveRequest,
    GroupInviteRequest, GroupInviteResponse, GroupJoinRequest, GroupJoinResponse,
    GroupMembersSinceRequest, GroupMembersSinceResponse, GroupMuteRequest, GroupPolicy,
    GroupRequestsRequest, GroupRequestsResponse, GroupSetPolicyRequest, JoinRequest, Role, request,
    response,
};
use eim_codec::registry::{ErrorCode, limits};
use sha2::{Digest, Sha256};

use super::dispatch::not_of_operation;
use super::groups::to_member;
use super::page::Page;
use super::requests::{Body, Requests, conversation_id, user_id};
use super::{Caller, Refusal};
use crate::store::{Change, ConversationView, GroupAct, Origin, Policy};

/// What a request wants of which group.
fn asked(ask: request::Body) -> Result<(ConversationId, GroupAct), Refusal> {
    let (conversation, act) = match ask {
        request::Body::GroupDissolve(GroupDissolveRequest { conversation }) => {
            (conversation, GroupAct::Dissolve)
        }
        request::Body::GroupMute(GroupMuteRequest {
            conversation,
            user,
            for_ms,
        }) => {
            let user = match user.is_empty() {
                true => None,
                false => Some(user_id(&user)?),
            };
            (conversation, GroupAct::Mute { user, for_ms })
        }
        request::Body::GroupAnnounce(GroupAnnounceRequest { conversation, text }) => {
            (conversation, GroupAct::Announce { text })
        }
        request::Body::GroupSetPolicy(GroupSetPolicyRequest {
            conversation,
            policy: asked,
        }) => {
            let policy = policy(&asked.unwrap_or_default())?;
            (conversation, GroupAct::SetPolicy { policy })
        }
        request::Body::GroupAnswer(GroupAnswerRequest {
            conversation,
            user,
            accept,
        }) => {
            let user = user_id(&user)?;
            (conversation, GroupAct::Answer { user, accept })
        }
        _ => return Err(not_of_operation()),
    };
    Ok((conversation_id(&conversation)?, act))
}

// impl[EIM-GPO-015] impl[EIM-GPO-017]
fn policy(asked: &GroupPolicy) -> Result<Policy, Refusal> {
    let role = |number: i32, default: Role| match Role::try_from(number) {
        Ok(Role::Unspecified) => Ok(default),
        Ok(role) => Ok(role),
        Err(_) => Err(Refusal::invalid("no such role")),
    };
    let default = Policy::default();
    Ok(Policy {
        post: role(asked.post, default.post)?,
        invite: role(asked.invite, default.invite)?,
        approval: asked.approval,
    })
}

/// A token is the group and the secret of an invitation.
fn parts(token: &[u8]) -> Option<(ConversationId, [u8; 16])> {
    let (group, secret) = token.split_first_chunk::<16>()?;
    Some((ConversationId::from(*group), secret.try_into().ok()?))
}

/// The secret of the invitation that a request makes. The same request makes the same, so nothing
/// has to remember it.
// impl[EIM-GPO-031]
fn secret_of(key: &[u8; 32], origin: &Origin, request: RequestId) -> [u8; 16] {
    let digest = Sha256::new()
        .chain_update(key)
        .chain_update(origin.tenant.0.to_be_bytes())
        .chain_update(origin.user)
        .chain_update(request)
        .finalize();
    let mut secret = [0; 16];
    secret
        .iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    secret
}

impl Requests {
    pub(super) async fn group_act(
        &self,
        caller: Caller,
        request: RequestId,
        ask: request::Body,
    ) -> Result<Body, Refusal> {
        let (conversation, act) = asked(ask)?;
        let origin = caller.origin;
        self.change(Change::Group {
            origin,
            request,
            conversation,
            act,
        })
        .await
    }

    // impl[EIM-GPO-021] impl[EIM-GPO-022]
    pub(super) async fn group_invite(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &GroupInviteRequest,
    ) -> Result<Body, Refusal> {
        let conversation = conversation_id(&ask.conversation)?;
        let origin = caller.origin;
        let key = self.store.derive_secret("group invitations");
        let secret = secret_of(&key, &origin, request);
        let lifetime_ms = match ask.lifetime_ms {
            0 => limits::INVITATION_MS.default,
            asked => asked,
        };
        let act = match ask.revoke {
            true => GroupAct::Revoke,
            false => GroupAct::Invite {
                secret,
                lifetime_ms,
                uses: ask.uses,
            },
        };
        let change = Change::Group {
            origin,
            request,
            conversation,
            act,
        };
        let changed = self.store.change(change).await??;
        let made = match ask.revoke {
            true => GroupInviteResponse::default(),
            false => GroupInviteResponse {
                token: [&conversation.as_bytes()[..], &secret].concat().into(),
                expires_ms: changed.time_ms.saturating_add(lifetime_ms),
            },
        };
        Ok(response::Body::GroupInvite(made).into())
    }

    // impl[EIM-GPO-024] impl[EIM-GPO-025] impl[EIM-GPO-026]
    pub(super) async fn group_join(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &GroupJoinRequest,
    ) -> Result<Body, Refusal> {
        let Some((conversation, secret)) = parts(&ask.token) else {
            return Err(Refusal::not_found());
        };
        let origin = caller.origin;
        let change = Change::Group {
            origin,
            request,
            conversation,
            act: GroupAct::Join { secret },
        };
        let changed = self.store.change(change).await??;
        let view = self
            .store
            .conversation(origin.tenant, origin.user, conversation)
            .await?;
        let joined = GroupJoinResponse {
            conversation: conversation.to_bytes(),
            log_epoch: self.store.log_epoch(),
            conv_seq: changed.conv_seq,
            time_ms: changed.time_ms,
            waiting: view.is_none_or(|view| view.visible_through != 0),
        };
        Ok(response::Body::GroupJoin(joined).into())
    }

    // impl[EIM-GPO-028]
    pub(super) async fn group_requests(
        &self,
        caller: Caller,
        ask: &GroupRequestsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let (conversation, after) = (conversation_id(&ask.conversation)?, after(&ask.after)?);
        let view = self.group_view(caller, conversation).await?;
        if !matches!(view.role, Role::Owner | Role::Admin) {
            return Err(Refusal::new(ErrorCode::FORBIDDEN, "not owner or admin"));
        }
        let (found, mut more) = self
            .store
            .waiting(caller.origin.tenant, conversation, after, page.items())
            .await?;
        let mut requests = Vec::with_capacity(found.len());
        for waiting in found {
            let request = JoinRequest {
                user: waiting.user.to_bytes(),
                invited_by: waiting.invited_by.to_bytes(),
                time_ms: waiting.time_ms,
            };
            if !page.take(&request) {
                more = true;
                break;
            }
            requests.push(request);
        }
        Ok(response::Body::GroupRequests(GroupRequestsResponse { requests, more }).into())
    }

    // impl[EIM-GPO-033] impl[EIM-GPO-034] impl[EIM-GPO-035]
    pub(super) async fn group_members_since(
        &self,
        caller: Caller,
        ask: &GroupMembersSinceRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let (conversation, after) = (conversation_id(&ask.conversation)?, after(&ask.after)?);
        self.group_view(caller, conversation).await?;
        let tenant = caller.origin.tenant;
        let found = self
            .store
            .members_since(tenant, conversation, ask.since, after, page.items())
            .await?;
        let as_of = found.as_of;
        if ask.since > as_of {
            return Err(Refusal::new(ErrorCode::TOO_OLD, "beyond the head"));
        }
        let mut more = found.more;
        let mut members = Vec::with_capacity(found.members.len());
        for view in &found.members {
            let mut member = to_member(view);
            member.changed_at = view.changed_at;
            if !page.take(&member) {
                more = true;
                break;
            }
            members.push(member);
        }
        let body = GroupMembersSinceResponse {
            members,
            more,
            as_of,
        };
        Ok(response::Body::GroupMembersSince(body).into())
    }

    /// The announcement of a group that `view` shows to a member.
    // impl[EIM-GPO-012]
    pub(super) async fn announcement(
        &self,
        caller: Caller,
        view: &ConversationView,
    ) -> Result<Option<Announcement>, Refusal> {
        if view.group.announced == 0 {
            return Ok(None);
        }
        let tenant = caller.origin.tenant;
        let found = self.store.announcement(tenant, view.conversation).await?;
        Ok(found.map(|found| Announcement {
            text: found.text,
            conv_seq: found.conv_seq,
            user: found.user.to_bytes(),
            time_ms: found.time_ms,
        }))
    }

    /// The group as the caller, a member, sees it.
    // impl[EIM-GRP-010, EIM-GRP-012]
    pub(super) async fn group_view(
        &self,
        caller: Caller,
        conversation: ConversationId,
    ) -> Result<ConversationView, Refusal> {
        let view = self.view(caller, conversation).await?;
        if view.visible_through != 0 {
            return Err(Refusal::not_found());
        }
        if view.kind != ConversationKind::Group {
            return Err(Refusal::invalid("not a group"));
        }
        Ok(view)
    }
}

fn after(octets: &Bytes) -> Result<Option<eim_codec::id::UserId>, Refusal> {
    match octets.is_empty() {
        true => Ok(None),
        false => user_id(octets).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::store::TenantId;

    use super::*;

    // test[EIM-GPO-031]
    #[test]
    fn a_secret_follows_from_the_key_the_user_and_the_request() {
        let origin = |tenant, user| Origin {
            tenant: TenantId(tenant),
            user: [user; 16].into(),
            device: [7; 16].into(),
            generation: None,
        };
        let make = |key, tenant, user, request: u8| {
            secret_of(&[key; 32], &origin(tenant, user), [request; 16].into())
        };
        let first = make(1, 1, 1, 1);
        assert_eq!(first, make(1, 1, 1, 1));
        let all = [
            first,
            make(2, 1, 1, 1),
            make(1, 2, 1, 1),
            make(1, 1, 2, 1),
            make(1, 1, 1, 2),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn a_token_names_the_group_and_the_secret() {
        let token: Vec<u8> = (0..32).collect();
        let (group, secret) = parts(&token).expect("whole");
        assert_eq!(
            (group.as_bytes(), &secret[..]),
            (&token[..16].try_into().unwrap(), &token[16..])
        );
        for wrong in [0, 15, 16, 31, 33] {
            assert_eq!(parts(&vec![0; wrong]), None, "{wrong}");
        }
    }
}
