//! What changes of groups share: finding the group, checks, its records, and its entries.

use std::collections::BTreeSet;

use bytes::Bytes;
use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{
    ConversationKind, FanOut, MembershipBody, MembershipChange, ModeBody, Role, SettingsBody,
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
use crate::store::Origin;

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

    /// The group, when the caller is a member with one of these roles, ready for an entry.
    // impl[EIM-GRP-011]
    pub(super) fn group_as(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        roles: &[Role],
    ) -> Result<&mut Conversation, Failure> {
        let conversation = self.group(origin, id)?;
        let role = conversation.member(origin.user).map(|member| member.role);
        if !role.is_some_and(|role| roles.contains(&role)) {
            return refuse(ErrorCode::FORBIDDEN, "the role does not permit this");
        }
        // Read now, so that nothing can fail once the change has begun. With read fan-out few are
        // concerned, and those are read by who changes something of theirs.
        if conversation.fan_out == FanOut::Read {
            return self.group(origin, id);
        }
        let users: Vec<UserId> = conversation
            .members
            .iter()
            .map(|member| member.user)
            .collect();
        for user in users {
            self.timeline(origin.tenant, user)?;
        }
        self.group(origin, id)
    }

    pub(super) fn head(&mut self, origin: &Origin, id: ConversationId) -> Result<u64, Failure> {
        self.group(origin, id)
            .map(|conversation| conversation.conv_seq)
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

    /// Records a member with its role, new or changed.
    pub(super) fn put_member(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        member: Member,
    ) -> Result<(), Failure> {
        let role = member.role as i32;
        let row = MemberRow {
            role,
            joined_at: member.joined_at,
        };
        let key = keys::member(origin.tenant, id, member.user);
        self.pending.put_state(&key, state::encode(&row));
        let row = MembershipRow {
            role,
            visible_from: member.joined_at,
            ..MembershipRow::default()
        };
        let key = keys::membership(origin.tenant, member.user, id);
        self.pending.put_state(&key, state::encode(&row));
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
        if let Some(conversation) = self.conversation(origin.tenant, id)? {
            let row = ConversationRow {
                kind: conversation.kind as i32,
                name: conversation.name.clone(),
                members: conversation.members.len() as u32,
                fan_out: conversation.fan_out as i32,
            };
            self.pending
                .put_state(&keys::conversation(origin.tenant, id), state::encode(&row));
        }
        Ok(())
    }

    pub(super) fn settings(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        name: &str,
        created: bool,
    ) -> Result<Numbered, Failure> {
        let kind = ConversationKind::Group as i32;
        let body = SettingsBody {
            kind,
            name: name.to_owned(),
            created,
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

    // impl[EIM-GRP-003]
    fn log_change(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        frame_type: FrameType,
        body: &impl Message,
        concerned: &[UserId],
    ) -> Result<Numbered, Failure> {
        let sender = Some((origin.user, origin.device));
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
