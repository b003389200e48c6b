//! Groups. Roles and membership are checked by the store, inside the commit.

use std::collections::BTreeSet;

use eim_codec::id::{RequestId, UserId};
use eim_codec::payload::{
    Conversation, ConversationKind, FanOut, GroupAddRequest, GroupChangeResponse,
    GroupCreateRequest, GroupCreateResponse, GroupLeaveRequest, GroupMembersRequest,
    GroupMembersResponse, GroupRemoveRequest, GroupRenameRequest, GroupSetRoleRequest, Member,
    MembershipChange, Role, response,
};
use eim_codec::registry::{ErrorCode, limits};

use super::page::Page;
use super::requests::{Body, Requests, conversation_id, user_id};
use super::{Caller, Refusal};
use crate::store::{Change, Changed, MemberView};

impl Requests {
    pub(super) async fn group_create(
        &self,
        caller: Caller,
        request: RequestId,
        ask: GroupCreateRequest,
    ) -> Result<Body, Refusal> {
        check_name(&ask.name)?;
        let members = user_ids(&ask.members)?;
        self.check_size(distinct(&members))?;
        // impl[EIM-LIM-014]
        if let Some(limits) = &self.limits {
            limits.group(caller.origin.tenant, caller.origin.user)?;
        }
        let others = members.iter().filter(|user| **user != caller.origin.user);
        let count = 1 + others.collect::<BTreeSet<_>>().len();
        let name = ask.name;
        let change = Change::CreateGroup {
            origin: caller.origin,
            request,
            name: name.clone(),
            members,
        };
        let changed = self.store.change(change).await??;
        let fan_out = if count > self.write_fanout_members {
            FanOut::Read
        } else {
            FanOut::Write
        };
        // impl[EIM-GRP-007]: as it was created, whatever became of it when this is asked again.
        let conversation = Some(Conversation {
            conversation: changed.conversation.to_bytes(),
            kind: ConversationKind::Group.into(),
            name,
            conv_seq: changed.conv_seq,
            visible_from: 1,
            role: Role::Owner.into(),
            time_ms: changed.time_ms,
            members: u32::try_from(count).unwrap_or(u32::MAX),
            fan_out: fan_out.into(),
            ..Conversation::default()
        });
        Ok(response::Body::GroupCreate(GroupCreateResponse { conversation }).into())
    }

    pub(super) async fn group_add(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &GroupAddRequest,
    ) -> Result<Body, Refusal> {
        let (conversation, users) = (conversation_id(&ask.conversation)?, user_ids(&ask.users)?);
        check_somebody(&users)?;
        self.check_size(distinct(&users))?;
        let origin = caller.origin;
        self.change(Change::AddMembers {
            origin,
            request,
            conversation,
            users,
        })
        .await
    }

    // impl[EIM-GRP-023]
    pub(super) async fn group_remove(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &GroupRemoveRequest,
    ) -> Result<Body, Refusal> {
        let (conversation, users) = (conversation_id(&ask.conversation)?, user_ids(&ask.users)?);
        check_somebody(&users)?;
        if users.contains(&caller.origin.user) {
            return Err(Refusal::invalid("to leave a group, ask GROUP_LEAVE"));
        }
        let (origin, change) = (caller.origin, MembershipChange::Removed);
        self.change(Change::RemoveMembers {
            origin,
            request,
            conversation,
            users,
            change,
        })
        .await
    }

    pub(super) async fn group_leave(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &GroupLeaveRequest,
    ) -> Result<Body, Refusal> {
        let conversation = conversation_id(&ask.conversation)?;
        let (origin, change) = (caller.origin, MembershipChange::Left);
        let users = vec![origin.user];
        self.change(Change::RemoveMembers {
            origin,
            request,
            conversation,
            users,
            change,
        })
        .await
    }

    // impl[EIM-GRP-036]
    pub(super) async fn group_set_role(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &GroupSetRoleRequest,
    ) -> Result<Body, Refusal> {
        let (conversation, user) = (conversation_id(&ask.conversation)?, user_id(&ask.user)?);
        let role = match Role::try_from(ask.role) {
            Ok(role @ (Role::Member | Role::Admin | Role::Owner)) => role,
            Ok(Role::Unspecified) | Err(_) => {
                return Err(Refusal::invalid("role must be member, admin or owner"));
            }
        };
        let origin = caller.origin;
        self.change(Change::SetRole {
            origin,
            request,
            conversation,
            user,
            role,
        })
        .await
    }

    pub(super) async fn group_rename(
        &self,
        caller: Caller,
        request: RequestId,
        ask: GroupRenameRequest,
    ) -> Result<Body, Refusal> {
        let conversation = conversation_id(&ask.conversation)?;
        check_name(&ask.name)?;
        let (origin, name) = (caller.origin, ask.name);
        self.change(Change::Rename {
            origin,
            request,
            conversation,
            name,
        })
        .await
    }

    // impl[EIM-GRP-010, EIM-GRP-012, EIM-GRP-039, EIM-GRP-040]
    pub(super) async fn group_members(
        &self,
        caller: Caller,
        ask: &GroupMembersRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let conversation = conversation_id(&ask.conversation)?;
        let after = if ask.after.is_empty() {
            None
        } else {
            Some(user_id(&ask.after)?)
        };
        self.group_view(caller, conversation).await?;
        let found = self
            .store
            .members(caller.origin.tenant, conversation, after, page.items())
            .await?;
        let mut more = found.more;
        let mut members = Vec::with_capacity(found.members.len());
        for member in &found.members {
            let member = to_member(member);
            if !page.take(&member) {
                more = true;
                break;
            }
            members.push(member);
        }
        let as_of = found.as_of;
        Ok(response::Body::GroupMembers(GroupMembersResponse {
            members,
            more,
            as_of,
        })
        .into())
    }

    pub(super) async fn change(&self, change: Change) -> Result<Body, Refusal> {
        let Changed {
            conv_seq, time_ms, ..
        } = self.store.change(change).await??;
        let log_epoch = self.store.log_epoch();
        let changed = GroupChangeResponse {
            log_epoch,
            conv_seq,
            time_ms,
        };
        Ok(response::Body::GroupChange(changed).into())
    }

    // impl[EIM-GRP-019]: this bounds the request; the store bounds the group.
    fn check_size(&self, named: usize) -> Result<(), Refusal> {
        if named > self.max_members {
            let detail = format!("a group has at most {} members", self.max_members);
            return Err(Refusal::new(ErrorCode::LIMIT_REACHED, detail));
        }
        Ok(())
    }
}

pub(super) fn to_member(member: &MemberView) -> Member {
    Member {
        user: member.user.to_bytes(),
        role: member.role.into(),
        joined_at: member.joined_at,
        muted_until_ms: member.muted_until_ms,
        changed_at: 0,
    }
}

/// How many users are named, each counted once.
// impl[EIM-GRP-016]
fn distinct(users: &[UserId]) -> usize {
    users.iter().collect::<BTreeSet<_>>().len()
}

// impl[EIM-GRP-018]
fn check_name(name: &str) -> Result<(), Refusal> {
    let max = usize::try_from(limits::GROUP_NAME_OCTETS.default).unwrap_or(usize::MAX);
    if name.is_empty() || name.len() > max {
        return Err(Refusal::invalid(format!(
            "a group name has 1 to {max} octets"
        )));
    }
    Ok(())
}

fn check_somebody(users: &[UserId]) -> Result<(), Refusal> {
    if users.is_empty() {
        Err(Refusal::invalid("no user is named"))
    } else {
        Ok(())
    }
}

// impl[EIM-GRP-016]
fn user_ids(octets: &[bytes::Bytes]) -> Result<Vec<UserId>, Refusal> {
    let mut users = octets
        .iter()
        .map(|id| user_id(id))
        .collect::<Result<Vec<UserId>, Refusal>>()?;
    users.sort_unstable();
    users.dedup();
    Ok(users)
}
