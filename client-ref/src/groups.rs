//! Groups.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    GroupAddRequest, GroupCreateRequest, GroupLeaveRequest, GroupMembersRequest,
    GroupRemoveRequest, GroupRenameRequest, GroupSetRoleRequest, Role, request, response,
};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;
use crate::store::ConversationRecord;
use crate::sync::conversation_record;

/// How often the members of a group are read from the beginning because they changed meanwhile.
const ATTEMPTS: u32 = 8;

/// A member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: UserId,
    /// Its role.
    pub role: Role,
    /// Number of the entry that added it.
    pub joined_at: u64,
}

/// The log entry a change of a group became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// Epoch of the log.
    pub log_epoch: u64,
    /// Its number; 0 when nothing had to change.
    pub conv_seq: u64,
    /// Server time of the commit, Unix milliseconds.
    pub time_ms: u64,
}

impl Client {
    /// Creates a group; this user becomes its owner.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_create(
        &self,
        name: &str,
        members: &[UserId],
    ) -> Result<ConversationRecord, RequestError> {
        let body = request::Body::GroupCreate(GroupCreateRequest {
            name: name.to_owned(),
            members: members.iter().map(|user| user.to_bytes()).collect(),
        });
        match self.ask(Operation::GROUP_CREATE, body).await? {
            response::Body::GroupCreate(created) => created
                .conversation
                .as_ref()
                .and_then(|conversation| conversation_record(conversation).ok())
                .ok_or(RequestError::Nonsense("a group")),
            _ => Err(RequestError::Nonsense("not a group")),
        }
    }

    /// Adds members.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_add(
        &self,
        group: ConversationId,
        users: &[UserId],
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupAdd(GroupAddRequest {
            conversation: group.to_bytes(),
            users: users.iter().map(|user| user.to_bytes()).collect(),
        });
        self.change(Operation::GROUP_ADD, body).await
    }

    /// Removes members.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_remove(
        &self,
        group: ConversationId,
        users: &[UserId],
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupRemove(GroupRemoveRequest {
            conversation: group.to_bytes(),
            users: users.iter().map(|user| user.to_bytes()).collect(),
        });
        self.change(Operation::GROUP_REMOVE, body).await
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_leave(&self, group: ConversationId) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupLeave(GroupLeaveRequest {
            conversation: group.to_bytes(),
        });
        self.change(Operation::GROUP_LEAVE, body).await
    }

    /// Changes the role of a member; another owner takes over the group.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_role(
        &self,
        group: ConversationId,
        user: UserId,
        role: Role,
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupSetRole(GroupSetRoleRequest {
            conversation: group.to_bytes(),
            user: user.to_bytes(),
            role: role.into(),
        });
        self.change(Operation::GROUP_SET_ROLE, body).await
    }

    /// Renames a group.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_rename(
        &self,
        group: ConversationId,
        name: &str,
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupRename(GroupRenameRequest {
            conversation: group.to_bytes(),
            name: name.to_owned(),
        });
        self.change(Operation::GROUP_RENAME, body).await
    }

    /// All members of a group.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_members(&self, group: ConversationId) -> Result<Vec<Member>, RequestError> {
        let mut members: Vec<Member> = Vec::new();
        let mut as_of = None;
        let mut attempts = ATTEMPTS;
        loop {
            let after = members
                .last()
                .map(|member| member.user.to_bytes())
                .unwrap_or_default();
            let body = request::Body::GroupMembers(GroupMembersRequest {
                conversation: group.to_bytes(),
                after,
            });
            let answer = self.ask(Operation::GROUP_MEMBERS, body).await?;
            let response::Body::GroupMembers(page) = answer else {
                return Err(RequestError::Nonsense("not members"));
            };
            // impl[EIM-GRP-041] Pages of different states do not make one list.
            if as_of.is_some_and(|as_of| as_of != page.as_of) {
                attempts -= 1;
                if attempts == 0 {
                    return Err(RequestError::Nonsense("members that change all the time"));
                }
                members.clear();
                as_of = None;
                continue;
            }
            as_of = Some(page.as_of);
            for member in &page.members {
                members.push(Member {
                    user: UserId::from_slice(&member.user)
                        .map_err(|_| RequestError::Nonsense("a member"))?,
                    role: member.role(),
                    joined_at: member.joined_at,
                });
            }
            if !page.more || page.members.is_empty() {
                return Ok(members);
            }
        }
    }

    pub(crate) async fn change(
        &self,
        operation: Operation,
        body: request::Body,
    ) -> Result<GroupChange, RequestError> {
        match self.ask(operation, body).await? {
            response::Body::GroupChange(change) => Ok(GroupChange {
                log_epoch: change.log_epoch,
                conv_seq: change.conv_seq,
                time_ms: change.time_ms,
            }),
            _ => Err(RequestError::Nonsense("not a change of a group")),
        }
    }
}
