//! What owner and admins decide about groups, and joining by invitation.

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    Conversation, ConversationRequest, GroupAnnounceRequest, GroupAnswerRequest,
    GroupDissolveRequest, GroupInviteRequest, GroupJoinRequest, GroupMembersSinceRequest,
    GroupMuteRequest, GroupPolicy, GroupRequestsRequest, GroupSetPolicyRequest, Role,
    conversation_request, request, response,
};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;
use crate::groups::{GroupChange, Member};
use crate::store::ConversationRecord;
use crate::sync::conversation_record;

/// Most pages that are read: a server that always has more is not believed.
const PAGES: usize = 10_000;

/// What a group permits its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Least role that may send.
    pub post: Role,
    /// Least role that may invite.
    pub invite: Role,
    /// Who comes by an invitation waits for owner or admin.
    pub approval: bool,
}

impl Policy {
    fn of(policy: Option<&GroupPolicy>) -> Self {
        let known = |role: Role, default| match role {
            Role::Unspecified => default,
            role => role,
        };
        let policy = policy.copied().unwrap_or_default();
        Self {
            post: known(policy.post(), Role::Member),
            invite: known(policy.invite(), Role::Admin),
            approval: policy.approval,
        }
    }
}

/// What owner or admin want everybody to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// What it says.
    pub text: String,
    /// Number of the entry that made it, its version.
    pub conv_seq: u64,
    /// Who made it.
    pub user: UserId,
    /// When, in Unix milliseconds.
    pub time_ms: u64,
}

/// A group as this user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// What every conversation has.
    pub record: ConversationRecord,
    /// Nobody sends or joins any more.
    pub dissolved: bool,
    /// What it permits.
    pub policy: Policy,
    /// Until when this user may not send, in Unix milliseconds of the server; 0: never muted.
    pub muted_until_ms: u64,
    /// The same for all plain members.
    pub all_muted_until_ms: u64,
    /// The announcement, if there is one.
    pub announcement: Option<Announcement>,
    /// Users who wait to join; for owner and admins.
    pub waiting: u32,
    /// The members are those of a department: nobody here changes them, or anything else of it.
    pub follows_department: bool,
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Whoever has it may use it.
    pub token: Bytes,
    /// Server time when it ends, Unix milliseconds.
    pub expires_ms: u64,
}

/// What became of an invitation that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The group.
    pub group: ConversationId,
    /// The entry that added this user; 0 when there is none.
    pub conv_seq: u64,
    /// Not a member yet: owner or admin decide.
    pub waiting: bool,
}

/// A user who waits to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The user.
    pub user: UserId,
    /// Who made the invitation.
    pub invited_by: UserId,
    /// Since when, in Unix milliseconds.
    pub time_ms: u64,
}

/// What has changed among the members of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberChanges {
    /// Members as they are now.
    pub changed: Vec<Member>,
    /// Who is not a member any more.
    pub gone: Vec<UserId>,
    /// Number to ask with next time.
    pub as_of: u64,
}

impl Client {
    /// What is decided about a group.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_info(&self, group: ConversationId) -> Result<GroupInfo, RequestError> {
        let body = request::Body::Conversation(ConversationRequest {
            target: Some(conversation_request::Target::Conversation(group.to_bytes())),
        });
        let response::Body::Conversation(found) = self.ask(Operation::CONVERSATION, body).await?
        else {
            return Err(RequestError::Nonsense("no conversation"));
        };
        let conversation = found.conversation.unwrap_or_default();
        let announcement = match found.announcement {
            None => None,
            Some(found) => Some(Announcement {
                user: user(&found.user)?,
                text: found.text,
                conv_seq: found.conv_seq,
                time_ms: found.time_ms,
            }),
        };
        info(&conversation, announcement)
    }

    /// Ends a group: it can only be read and left.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_dissolve(&self, group: ConversationId) -> Result<GroupChange, RequestError> {
        let conversation = group.to_bytes();
        let body = request::Body::GroupDissolve(GroupDissolveRequest { conversation });
        self.change(Operation::GROUP_DISSOLVE, body).await
    }

    /// Keeps a member, or all plain members, from sending for so many milliseconds; 0 ends it.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_mute(
        &self,
        group: ConversationId,
        user: Option<UserId>,
        for_ms: u64,
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupMute(GroupMuteRequest {
            conversation: group.to_bytes(),
            user: user.map(|user| user.to_bytes()).unwrap_or_default(),
            for_ms,
        });
        self.change(Operation::GROUP_MUTE, body).await
    }

    /// Sets the announcement; an empty one takes it away.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_announce(
        &self,
        group: ConversationId,
        text: &str,
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupAnnounce(GroupAnnounceRequest {
            conversation: group.to_bytes(),
            text: text.to_owned(),
        });
        self.change(Operation::GROUP_ANNOUNCE, body).await
    }

    /// Sets what a group permits.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_set_policy(
        &self,
        group: ConversationId,
        policy: Policy,
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupSetPolicy(GroupSetPolicyRequest {
            conversation: group.to_bytes(),
            policy: Some(GroupPolicy {
                post: policy.post.into(),
                invite: policy.invite.into(),
                approval: policy.approval,
            }),
        });
        self.change(Operation::GROUP_SET_POLICY, body).await
    }

    /// Makes an invitation, good for so many milliseconds (0: as long as the server lets it be) and
    /// so many users (0: any number).
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_invite(
        &self,
        group: ConversationId,
        lifetime_ms: u64,
        uses: u32,
    ) -> Result<Invitation, RequestError> {
        let asked = GroupInviteRequest {
            conversation: group.to_bytes(),
            lifetime_ms,
            uses,
            revoke: false,
        };
        self.invitation(asked).await
    }

    /// Takes all invitations to a group back.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_revoke(&self, group: ConversationId) -> Result<(), RequestError> {
        let asked = GroupInviteRequest {
            conversation: group.to_bytes(),
            revoke: true,
            ..GroupInviteRequest::default()
        };
        self.invitation(asked).await.map(|_| ())
    }

    async fn invitation(&self, asked: GroupInviteRequest) -> Result<Invitation, RequestError> {
        let body = request::Body::GroupInvite(asked);
        match self.ask(Operation::GROUP_INVITE, body).await? {
            response::Body::GroupInvite(made) => Ok(Invitation {
                token: made.token,
                expires_ms: made.expires_ms,
            }),
            _ => Err(RequestError::Nonsense("no invitation")),
        }
    }

    /// Joins a group by an invitation, or asks to.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_join(&self, token: Bytes) -> Result<Joined, RequestError> {
        let body = request::Body::GroupJoin(GroupJoinRequest { token });
        let response::Body::GroupJoin(joined) = self.ask(Operation::GROUP_JOIN, body).await? else {
            return Err(RequestError::Nonsense("not joined"));
        };
        Ok(Joined {
            group: ConversationId::from_slice(&joined.conversation)
                .map_err(|_| RequestError::Nonsense("a group"))?,
            conv_seq: joined.conv_seq,
            waiting: joined.waiting,
        })
    }

    /// All who wait to join a group.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_requests(
        &self,
        group: ConversationId,
    ) -> Result<Vec<Waiting>, RequestError> {
        let mut found: Vec<Waiting> = Vec::new();
        for _ in 0..PAGES {
            let after = found.last().map(|last| last.user.to_bytes());
            let body = request::Body::GroupRequests(GroupRequestsRequest {
                conversation: group.to_bytes(),
                after: after.unwrap_or_default(),
            });
            let response::Body::GroupRequests(page) =
                self.ask(Operation::GROUP_REQUESTS, body).await?
            else {
                return Err(RequestError::Nonsense("no requests"));
            };
            for waiting in &page.requests {
                found.push(Waiting {
                    user: user(&waiting.user)?,
                    invited_by: user(&waiting.invited_by)?,
                    time_ms: waiting.time_ms,
                });
            }
            if !page.more || page.requests.is_empty() {
                return Ok(found);
            }
        }
        Err(RequestError::Nonsense("pages without end"))
    }

    /// Admits or refuses a user who waits to join.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn group_answer(
        &self,
        group: ConversationId,
        user: UserId,
        accept: bool,
    ) -> Result<GroupChange, RequestError> {
        let body = request::Body::GroupAnswer(GroupAnswerRequest {
            conversation: group.to_bytes(),
            user: user.to_bytes(),
            accept,
        });
        self.change(Operation::GROUP_ANSWER, body).await
    }

    /// What has changed among the members after the entry `since`; 0 tells all.
    ///
    /// # Errors
    /// [`RequestError`]; `ErrorCode::TOO_OLD` when `since` is of another log.
    pub async fn group_members_since(
        &self,
        group: ConversationId,
        since: u64,
    ) -> Result<MemberChanges, RequestError> {
        let mut changes = MemberChanges::default();
        let (mut since, mut after) = (since, Bytes::new());
        for _ in 0..PAGES {
            let body = request::Body::GroupMembersSince(GroupMembersSinceRequest {
                conversation: group.to_bytes(),
                since,
                after,
            });
            let answer = self.ask(Operation::GROUP_MEMBERS_SINCE, body).await?;
            let response::Body::GroupMembersSince(page) = answer else {
                return Err(RequestError::Nonsense("no members"));
            };
            for member in &page.members {
                let user = user(&member.user)?;
                // Who changed again while pages were read is on a later one, as it is now.
                changes.changed.retain(|known| known.user != user);
                changes.gone.retain(|gone| *gone != user);
                match member.role() {
                    Role::Unspecified => changes.gone.push(user),
                    role => changes.changed.push(Member {
                        user,
                        role,
                        joined_at: member.joined_at,
                    }),
                }
            }
            changes.as_of = page.as_of;
            let Some(last) = page.members.last().filter(|_| page.more) else {
                return Ok(changes);
            };
            (since, after) = (last.changed_at, last.user.clone());
        }
        Err(RequestError::Nonsense("pages without end"))
    }
}

fn info(
    conversation: &Conversation,
    announcement: Option<Announcement>,
) -> Result<GroupInfo, RequestError> {
    Ok(GroupInfo {
        record: conversation_record(conversation).map_err(|_| RequestError::Nonsense("a group"))?,
        dissolved: conversation.dissolved,
        policy: Policy::of(conversation.policy.as_ref()),
        muted_until_ms: conversation.muted_until_ms,
        all_muted_until_ms: conversation.all_muted_until_ms,
        announcement,
        waiting: conversation.waiting,
        follows_department: conversation.follows_department,
    })
}

fn user(octets: &[u8]) -> Result<UserId, RequestError> {
    UserId::from_slice(octets).map_err(|_| RequestError::Nonsense("a user"))
}
