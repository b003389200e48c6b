//! What changes of groups share: finding the group, checks, its records, and its entries.

use std::collections::BTreeSet;

use bytes::Bytes;
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{
    Announcement, ConversationKind, FanOut, MembershipBody, MembershipChange, ModeBody, Role,
    SettingsBody,
};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message;

use super::cache::{Conversation, Member};
use super::committer::{Committer, Failure, refuse};
use super::deliver::{Draft, Numbered};
use super::keys;
use super::mentions::Mentions;
use super::record::entry::Seal;
use super::record::state::{self, ConversationRow, MemberRow, MembershipRow};
use crate::store::{Origin, Policy, StoreError, TenantId};

impl Committer {
    /// The group, when the caller is a member.
    // impl[EIM-GRP-010] impl[EIM-GRP-012]
    pub(super) fn group(
        &mut self,
        origin: &Origin,
        id: ConversationId,
    ) -> Result<&mut Conversation, Failure> {
        match self.conversation(origin.tenant, id)? {
            Some(conversation) if conversation.member(origin.user).is_some() => {
                if conversation.kind == ConversationKind::Group {
                    return Ok(conversation);
                }
                refuse(ErrorCode::INVALID_REQUEST, "not a group")
            }
            _ => refuse(ErrorCode::NOT_FOUND, "no such group"),
        }
    }

    /// The group, when it is not dissolved and the caller is a member with one of these roles,
    /// ready for an entry.
    // impl[EIM-GRP-011] impl[EIM-GPO-003]
    pub(super) fn group_as(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        roles: &[Role],
    ) -> Result<&mut Conversation, Failure> {
        let conversation = self.group_of(origin, id, roles)?;
        if conversation.dissolved {
            return refuse(ErrorCode::DISSOLVED, "the group was dissolved");
        }
        Ok(conversation)
    }

    /// The same, be it dissolved or not. Nobody decides anything about the group of a department.
    // impl[EIM-DIR-022]
    pub(super) fn group_of(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        roles: &[Role],
    ) -> Result<&mut Conversation, Failure> {
        let conversation = self.group(origin, id)?;
        if conversation.department {
            return refuse(ErrorCode::FORBIDDEN, "the members follow a department");
        }
        let role = conversation.member(origin.user).map(|member| member.role);
        if !role.is_some_and(|role| roles.contains(&role)) {
            return refuse(ErrorCode::FORBIDDEN, "the role does not permit this");
        }
        self.timelines_of_members(origin, id)?;
        self.group(origin, id)
    }

    /// Reads the timelines an entry enters, so that nothing can fail once a change has begun. With
    /// read fan-out few are concerned, and those are read by who changes something of theirs.
    pub(super) fn timelines_of_members(
        &mut self,
        origin: &Origin,
        id: ConversationId,
    ) -> Result<(), Failure> {
        let users: Vec<UserId> = match self.conversation(origin.tenant, id)? {
            Some(conversation) if conversation.fan_out != FanOut::Read => {
                let users = conversation.members.iter().map(|member| member.user);
                users.collect()
            }
            _ => return Ok(()),
        };
        for user in users {
            self.timeline(origin.tenant, user)?;
        }
        Ok(())
    }

    /// Number of the next entry.
    pub(super) fn next(&mut self, origin: &Origin, id: ConversationId) -> Result<u64, Failure> {
        let conversation = self.conversation(origin.tenant, id)?;
        Ok(conversation.map_or(0, |conversation| conversation.conv_seq) + 1)
    }

    pub(super) fn check_name(&self, name: &str) -> Result<(), Failure> {
        if name.is_empty() || name.len() > self.options.group_name_octets {
            return refuse(ErrorCode::INVALID_REQUEST, "the name is empty or too long");
        }
        Ok(())
    }

    // impl[EIM-GRP-019]
    pub(super) fn check_size(&self, members: usize) -> Result<(), Failure> {
        if members > self.options.group_members {
            return refuse(
                ErrorCode::LIMIT_REACHED,
                "the group would have too many members",
            );
        }
        Ok(())
    }

    // impl[EIM-GRP-017]
    pub(super) fn check_users(
        &self,
        origin: &Origin,
        users: &BTreeSet<UserId>,
    ) -> Result<(), Failure> {
        for user in users {
            if self.user_row(origin.tenant, *user)?.is_none() {
                return refuse(ErrorCode::NOT_FOUND, "no such user");
            }
        }
        Ok(())
    }

    /// Records a member as the next entry makes it.
    // impl[EIM-GPO-033]
    pub(super) fn put_member(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        member: Member,
    ) -> Result<(), Failure> {
        let (tenant, role) = (origin.tenant, member.role as i32);
        let changed_at = self.next(origin, id)?;
        let member = Member {
            changed_at,
            ..member
        };
        let key = keys::membership(tenant, member.user, id);
        if let Some(record) = self.pending.state(&*self.engine, &key)? {
            let row: MembershipRow = state::decode("membership", &record)?;
            let old = keys::member_change(tenant, id, row.changed_at, member.user);
            self.pending.delete_state(&old);
        }
        let row = MembershipRow {
            role,
            visible_from: member.joined_at,
            changed_at,
            muted_until_ms: member.muted_until_ms,
            ..MembershipRow::default()
        };
        self.pending.put_state(&key, state::encode(&row));
        let row = MemberRow {
            role,
            joined_at: member.joined_at,
            changed_at,
            muted_until_ms: member.muted_until_ms,
        };
        let key = keys::member(tenant, id, member.user);
        self.pending.put_state(&key, state::encode(&row));
        let key = keys::member_change(tenant, id, changed_at, member.user);
        self.pending.put_state(&key, Vec::new());
        if let Some(conversation) = self.conversation(origin.tenant, id)? {
            conversation.put(member);
        }
        Ok(())
    }

    pub(super) fn put_conversation(
        &mut self,
        origin: &Origin,
        id: ConversationId,
    ) -> Result<(), Failure> {
        Ok(self.record_conversation(origin.tenant, id)?)
    }

    pub(super) fn record_conversation(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
    ) -> Result<(), StoreError> {
        if let Some(conversation) = self.conversation(tenant, id)? {
            let row = ConversationRow {
                kind: conversation.kind as i32,
                name: conversation.name.clone(),
                members: conversation.members.len() as u32,
                fan_out: conversation.fan_out as i32,
                dissolved: conversation.dissolved,
                post: conversation.policy.post as i32,
                invite: conversation.policy.invite as i32,
                approval: conversation.policy.approval,
                muted_until_ms: conversation.muted_until_ms,
                announced: conversation.announced,
                waiting: conversation.waiting,
                department: conversation.department,
                indexed: conversation.indexed,
            };
            self.pending
                .put_state(&keys::conversation(tenant, id), state::encode(&row));
        }
        Ok(())
    }

    /// Writes the settings as they are.
    // impl[EIM-GPO-018]
    pub(super) fn settings(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        created: bool,
        announcement: Option<String>,
    ) -> Result<Numbered, Failure> {
        let conversation = self.conversation(origin.tenant, id)?;
        let conversation = conversation.ok_or(StoreError::Closed)?;
        let policy = conversation.policy;
        let body = SettingsBody {
            kind: ConversationKind::Group as i32,
            name: conversation.name.clone(),
            created,
            dissolved: conversation.dissolved,
            policy: (policy != Policy::default()).then(|| policy.into()),
            muted_until_ms: conversation.muted_until_ms,
            announcement: announcement.map(|text| Announcement {
                text,
                ..Announcement::default()
            }),
        };
        self.log_change(origin, id, FrameType::SETTINGS, &body, &[])
    }

    pub(super) fn membership(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        change: MembershipChange,
        users: &BTreeSet<UserId>,
        role: Role,
        concerned: &[UserId],
    ) -> Result<Numbered, Failure> {
        let body = MembershipBody {
            change: change as i32,
            users: users.iter().map(|user| user.to_bytes()).collect(),
            role: role as i32,
            until_ms: 0,
        };
        self.log_change(origin, id, FrameType::MEMBERSHIP, &body, concerned)
    }

    /// A group that has grown beyond the threshold is read from its log from the next entry on.
    /// There is no way back. The entry that says so is in the timeline of every member.
    // impl[EIM-LGR-001, EIM-LGR-002, EIM-LGR-003]
    pub(super) fn cross(
        &mut self,
        origin: &Origin,
        id: ConversationId,
    ) -> Result<Option<Numbered>, Failure> {
        let most = self.options.write_fanout_members;
        let conversation = self.group(origin, id)?;
        if conversation.fan_out == FanOut::Read || conversation.members.len() <= most {
            return Ok(None);
        }
        let body = ModeBody {
            fan_out: FanOut::Read as i32,
        };
        let draft = self.draft(origin.user, None, FrameType::MODE, &body);
        let numbered = self.deliver(origin.tenant, id, draft, &[])?;
        self.group(origin, id)?.fan_out = FanOut::Read;
        self.put_conversation(origin, id)?;
        Ok(Some(numbered))
    }

    // impl[EIM-GRP-003] impl[EIM-DIR-020]
    pub(super) fn log_change(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        frame_type: FrameType,
        body: &impl Message,
        concerned: &[UserId],
    ) -> Result<Numbered, Failure> {
        let conversation = self.conversation(origin.tenant, id)?;
        let follows = conversation.is_some_and(|conversation| conversation.department);
        let sender = (!follows).then_some((origin.user, origin.device));
        let draft = self.draft(origin.user, sender, frame_type, body);
        Ok(self.deliver(origin.tenant, id, draft, concerned)?)
    }

    fn draft(
        &self,
        actor: UserId,
        sender: Option<(UserId, DeviceId)>,
        frame_type: FrameType,
        body: &impl Message,
    ) -> Draft {
        let body = Bytes::from(body.encode_to_vec());
        Draft {
            frame_type,
            actor,
            sender,
            client_msg_id: None,
            seal: Seal::new(self.environment.random.octets(), "", &body),
            body,
            fallback_text: String::new(),
            mentions: Mentions::default(),
        }
    }
}

/// The entry of a change that names so many users fits into a push.
// impl[EIM-GRP-042]
pub(super) fn check_named(users: usize) -> Result<(), Failure> {
    const ENVELOPE: usize = 256;
    /// Tag, length and id.
    const USER: usize = 18;
    /// Change and role.
    const OTHERS: usize = 4;
    let most = FrameType::MEMBERSHIP
        .info()
        .map_or(0, |info| info.max_octets as usize);
    if users.saturating_mul(USER) + OTHERS + ENVELOPE > most {
        return refuse(ErrorCode::INVALID_REQUEST, "too many users in one change");
    }
    Ok(())
}
