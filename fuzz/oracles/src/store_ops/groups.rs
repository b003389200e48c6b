//! Changes of groups, as chapter 60 tells them.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{
    ConversationKind, FanOut, MembershipBody, MembershipChange, ModeBody, Role,
};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Change, Changed, Origin};
use prost::Message;

use super::govern::Governed;
use super::model::{Conversation, Draft, Model, Once, Seen};
use super::operations::Mark;

/// Who asks, under which key.
fn asked(change: &Change) -> (Origin, [u8; 16]) {
    match change {
        Change::CreateGroup {
            origin, request, ..
        }
        | Change::AddMembers {
            origin, request, ..
        }
        | Change::RemoveMembers {
            origin, request, ..
        }
        | Change::SetRole {
            origin, request, ..
        }
        | Change::Rename {
            origin, request, ..
        }
        | Change::Group {
            origin, request, ..
        }
        | Change::Contact {
            origin, request, ..
        }
        | Change::Profile {
            origin, request, ..
        } => (*origin, (*request).into()),
    }
}

/// What is asked, without who and which key.
fn content(change: &Change) -> String {
    match change {
        Change::CreateGroup { name, members, .. } => format!("create {name} {members:?}"),
        Change::AddMembers {
            conversation,
            users,
            ..
        } => format!("add {conversation} {users:?}"),
        Change::RemoveMembers {
            conversation,
            users,
            change,
            ..
        } => {
            format!("remove {conversation} {users:?} {change:?}")
        }
        Change::SetRole {
            conversation,
            user,
            role,
            ..
        } => {
            format!("role {conversation} {user} {role:?}")
        }
        Change::Rename {
            conversation, name, ..
        } => format!("rename {conversation} {name}"),
        Change::Group {
            conversation, act, ..
        } => format!("group {conversation} {act:?}"),
        Change::Contact { user, act, .. } => format!("contact {user} {act:?}"),
        Change::Profile { profile, .. } => format!("profile {profile:?}"),
    }
}

impl Model {
    /// `found` says what the store answered: the id of a new group is random, and it decides where
    /// the model cannot know.
    pub(super) fn change(
        &mut self,
        change: &Change,
        found: Option<&Result<Changed, ErrorCode>>,
    ) -> Result<Changed, ErrorCode> {
        let (origin, request) = asked(change);
        self.check_origin(&origin)?;
        let (key, content, now_ms) = ((origin.user, request), content(change), self.now_ms);
        let tenant = self.tenant(origin.tenant);
        if let Some(once) = tenant.requests.get(&key) {
            let answer = if once.content == content {
                Ok(once.outcome.clone())
            } else {
                Err(ErrorCode::CONFLICT)
            };
            if !once.maybe_gone || found.is_none_or(|found| *found == answer) {
                return answer;
            }
            tenant.requests.remove(&key);
        }
        let id = found
            .and_then(|it| it.as_ref().ok())
            .map(|it| it.conversation);
        let outcome = self.carry_out(&origin, change, id)?;
        let once = Once {
            content,
            outcome: outcome.clone(),
            written_ms: now_ms,
            maybe_gone: false,
        };
        self.tenant(origin.tenant).requests.insert(key, once);
        Ok(outcome)
    }

    fn carry_out(
        &mut self,
        origin: &Origin,
        change: &Change,
        found: Option<ConversationId>,
    ) -> Result<Changed, ErrorCode> {
        match change {
            Change::CreateGroup { name, members, .. } => self.create(origin, name, members, found),
            Change::AddMembers {
                conversation,
                users,
                ..
            } => {
                let group = self.group_as(origin, *conversation, Role::Admin)?;
                let named: BTreeSet<UserId> = users.iter().copied().collect();
                let added = named.iter().filter(|it| !group.members.contains_key(it));
                let added: BTreeSet<UserId> = added.copied().collect();
                let size = group.members.len() + added.len();
                if named.is_empty() {
                    return Err(ErrorCode::INVALID_REQUEST);
                }
                self.exist(origin, &added)?;
                if !added.is_empty() && size > self.options.group_members {
                    return Err(ErrorCode::LIMIT_REACHED);
                }
                Ok(self.add(origin, *conversation, added))
            }
            Change::RemoveMembers {
                conversation,
                users,
                change,
                ..
            } => self.remove(origin, *conversation, users, *change),
            Change::SetRole {
                conversation,
                user,
                role,
                ..
            } => self.set_role(origin, *conversation, *user, *role),
            Change::Rename {
                conversation, name, ..
            } => {
                self.group_as(origin, *conversation, Role::Admin)?;
                self.check_name(name)?;
                let group = self.group(origin, *conversation, Role::Admin)?;
                if group.name == *name {
                    return Ok(self.nothing(*conversation));
                }
                group.name.clone_from(name);
                Ok(self.settings(origin, *conversation, false, None))
            }
            Change::Group {
                conversation, act, ..
            } => self.govern(origin, *conversation, act),
            // No input draws one: the model of the contract suite judges contacts, its stories the
            // others.
            Change::Contact { .. } | Change::Profile { .. } => Err(ErrorCode::UNSUPPORTED),
        }
    }

    fn create(
        &mut self,
        origin: &Origin,
        name: &str,
        members: &[UserId],
        found: Option<ConversationId>,
    ) -> Result<Changed, ErrorCode> {
        self.check_name(name)?;
        let mut others: BTreeSet<UserId> = members.iter().copied().collect();
        others.remove(&origin.user);
        if others.len() + 1 > self.options.group_members {
            return Err(ErrorCode::LIMIT_REACHED);
        }
        self.exist(origin, &others)?;
        // Without an answer, its members will tell which one it was.
        let id = found.unwrap_or_else(|| [0xFE; 16].into());
        let tenant = self.tenant(origin.tenant);
        let used = tenant.conversations.contains_key(&id);
        assert!(!used, "the id of a group was used before");
        let owner = Seen {
            from: 1,
            peer: None,
            last: None,
        };
        let group = Conversation {
            kind: ConversationKind::Group,
            name: name.to_owned(),
            log: Vec::new(),
            operated: BTreeMap::new(),
            calls: BTreeMap::new(),
            governed: Governed::default(),
            large: false,
            members: BTreeMap::from([(origin.user, (Role::Owner, 1))]),
            seen: BTreeMap::from([(origin.user, owner)]),
        };
        tenant.conversations.insert(id, group);
        tenant.groups.push(id);
        let created = self.settings(origin, id, true, None);
        if others.is_empty() {
            return Ok(created);
        }
        Ok(self.add(origin, id, others))
    }

    fn add(&mut self, origin: &Origin, id: ConversationId, added: BTreeSet<UserId>) -> Changed {
        if added.is_empty() {
            return self.nothing(id);
        }
        let group = self.conversation(origin, id);
        let from = group.log.len() as u64 + 1;
        for user in &added {
            group.members.insert(*user, (Role::Member, from));
            let seen = Seen {
                from,
                peer: None,
                last: None,
            };
            group.seen.insert(*user, seen);
        }
        let body = membership(MembershipChange::Added, &added, Role::Member);
        let changed = self.log_change(origin, id, FrameType::MEMBERSHIP, body, &added);
        let most = self.options.write_fanout_members;
        let group = self.conversation(origin, id);
        if group.large || group.members.len() <= most {
            return changed;
        }
        let mode = ModeBody {
            fan_out: FanOut::Read.into(),
        };
        let (mode, nobody) = (mode.encode_to_vec(), BTreeSet::new());
        let changed = self.log_change(origin, id, FrameType::MODE, mode, &nobody);
        self.conversation(origin, id).large = true;
        changed
    }

    fn remove(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        users: &[UserId],
        change: MembershipChange,
    ) -> Result<Changed, ErrorCode> {
        let left = change == MembershipChange::Left;
        let least = if left { Role::Member } else { Role::Admin };
        let group = if left {
            self.group(origin, id, least)?
        } else {
            self.group_as(origin, id, least)?
        };
        let own = group.members[&origin.user].0;
        let mut removed: BTreeSet<UserId> = users.iter().copied().collect();
        if left {
            if own == Role::Owner && group.members.len() > 1 {
                return Err(ErrorCode::FORBIDDEN);
            }
            removed = BTreeSet::from([origin.user]);
        } else if removed.is_empty() || removed.contains(&origin.user) {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        removed.retain(|user| group.members.contains_key(user));
        let above = |user: &UserId| group.members[user].0 != Role::Member;
        if !left && own != Role::Owner && removed.iter().any(above) {
            return Err(ErrorCode::FORBIDDEN);
        }
        if removed.is_empty() {
            return Ok(self.nothing(id));
        }
        removed.iter().for_each(|user| {
            group.members.remove(user);
            group.governed.muted.remove(user);
        });
        let body = membership(change, &removed, Role::Unspecified);
        let changed = self.log_change(origin, id, FrameType::MEMBERSHIP, body, &removed);
        let group = self.conversation(origin, id);
        for user in removed {
            let none = Mark::default();
            let mut last = group.view(id, user, none).expect("it was a member");
            last.role = Role::Unspecified;
            last.visible_through = changed.conv_seq;
            group.seen.get_mut(&user).expect("it was a member").last = Some(last);
        }
        Ok(changed)
    }

    fn set_role(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        user: UserId,
        role: Role,
    ) -> Result<Changed, ErrorCode> {
        let group = self.group_as(origin, id, Role::Owner)?;
        if role == Role::Unspecified {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let Some(member) = group.members.get_mut(&user) else {
            return Err(ErrorCode::NOT_FOUND);
        };
        if member.0 == role {
            return Ok(self.nothing(id));
        }
        if user == origin.user {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        member.0 = role;
        let mut concerned = BTreeSet::from([user]);
        if role == Role::Owner {
            group.members.get_mut(&origin.user).expect("a member").0 = Role::Admin;
            concerned.insert(origin.user);
        }
        let body = membership(MembershipChange::Role, &BTreeSet::from([user]), role);
        Ok(self.log_change(origin, id, FrameType::MEMBERSHIP, body, &concerned))
    }

    pub(super) fn conversation(
        &mut self,
        origin: &Origin,
        id: ConversationId,
    ) -> &mut Conversation {
        let tenant = self.tenant(origin.tenant);
        tenant.conversations.get_mut(&id).expect("it exists")
    }

    /// The group, for a member with at least this role.
    pub(super) fn group(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        least: Role,
    ) -> Result<&mut Conversation, ErrorCode> {
        let conversation = self.tenant(origin.tenant).conversations.get_mut(&id);
        let conversation = conversation.ok_or(ErrorCode::NOT_FOUND)?;
        let member = conversation.members.get(&origin.user);
        let (role, _) = *member.ok_or(ErrorCode::NOT_FOUND)?;
        if conversation.kind != ConversationKind::Group {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        if (role as i32) < least as i32 {
            return Err(ErrorCode::FORBIDDEN);
        }
        Ok(conversation)
    }

    fn check_name(&self, name: &str) -> Result<(), ErrorCode> {
        if (1..=self.options.group_name_octets).contains(&name.len()) {
            Ok(())
        } else {
            Err(ErrorCode::INVALID_REQUEST)
        }
    }

    fn exist(&mut self, origin: &Origin, users: &BTreeSet<UserId>) -> Result<(), ErrorCode> {
        let known = &self.tenant(origin.tenant).users;
        if users.iter().all(|user| known.contains_key(user)) {
            Ok(())
        } else {
            Err(ErrorCode::NOT_FOUND)
        }
    }

    pub(super) const fn nothing(&self, id: ConversationId) -> Changed {
        Changed {
            conversation: id,
            conv_seq: 0,
            time_ms: self.now_ms,
        }
    }

    pub(super) fn log_change(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        frame_type: FrameType,
        body: Vec<u8>,
        former: &BTreeSet<UserId>,
    ) -> Changed {
        let draft = Draft {
            frame_type,
            client_msg_id: None,
            body: body.into(),
            fallback_text: String::new(),
        };
        let (conv_seq, time_ms, _) = self.deliver(origin, id, draft, former);
        Changed {
            conversation: id,
            conv_seq,
            time_ms,
        }
    }
}

fn membership(change: MembershipChange, users: &BTreeSet<UserId>, role: Role) -> Vec<u8> {
    let body = MembershipBody {
        change: change.into(),
        users: users.iter().map(|user| user.to_bytes()).collect(),
        role: role.into(),
        ..MembershipBody::default()
    };
    body.encode_to_vec()
}
