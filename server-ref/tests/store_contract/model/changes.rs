//! Changes of groups in the model.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::id::{ConversationId, RequestId, UserId};
use eim_codec::payload::{ConversationKind, MembershipBody, MembershipChange, Role, SettingsBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Change, Changed, Origin};
use prost::Message;

use super::reference::{Conversation, Model};

/// Who asks for a change, under which key, and for what.
fn asked(change: &Change) -> (&Origin, &RequestId, String) {
    match change {
        Change::CreateGroup {
            origin,
            request,
            name,
            members,
        } => (origin, request, format!("create {name} {members:?}")),
        Change::AddMembers {
            origin,
            request,
            conversation,
            users,
        } => (origin, request, format!("add {conversation} {users:?}")),
        Change::RemoveMembers {
            origin,
            request,
            conversation,
            users,
            change,
        } => (
            origin,
            request,
            format!("remove {conversation} {users:?} {change:?}"),
        ),
        Change::SetRole {
            origin,
            request,
            conversation,
            user,
            role,
        } => (
            origin,
            request,
            format!("role {conversation} {user} {role:?}"),
        ),
        Change::Rename {
            origin,
            request,
            conversation,
            name,
        } => (origin, request, format!("rename {conversation} {name}")),
        Change::Group {
            origin,
            request,
            conversation,
            act,
        } => (origin, request, format!("group {conversation} {act:?}")),
        Change::Contact {
            origin,
            request,
            user,
            act,
        } => (origin, request, format!("contact {user} {act:?}")),
        Change::Profile {
            origin,
            request,
            profile,
        } => (origin, request, format!("profile {profile:?}")),
    }
}

impl Model {
    /// `found` tells the id of a new group, which is random.
    pub(crate) fn change(
        &mut self,
        change: &Change,
        found: Option<&Changed>,
    ) -> Result<Changed, ErrorCode> {
        let (origin, request, content) = asked(change);
        let key = (origin.user, (*request).into());
        if let Some(((known, changed), _)) = self.requests.get(&key) {
            return if *known == content {
                Ok(changed.clone())
            } else {
                Err(ErrorCode::CONFLICT)
            };
        }
        let changed = self.carry_out(change, origin.user, found)?;
        self.requests
            .insert(key, ((content, changed.clone()), self.now_ms));
        Ok(changed)
    }

    fn carry_out(
        &mut self,
        change: &Change,
        from: UserId,
        found: Option<&Changed>,
    ) -> Result<Changed, ErrorCode> {
        match change {
            Change::CreateGroup { name, members, .. } => self.create(from, name, members, found),
            Change::AddMembers {
                conversation,
                users,
                ..
            } => {
                self.role(from, *conversation, Role::Admin)?;
                if users.is_empty() {
                    return Err(ErrorCode::INVALID_REQUEST);
                }
                let members = &self.conversations[conversation].members;
                let added: BTreeSet<UserId> = users
                    .iter()
                    .filter(|user| !members.contains_key(user))
                    .copied()
                    .collect();
                self.exist(&added)?;
                self.add(from, *conversation, &added)
            }
            Change::RemoveMembers {
                conversation,
                users,
                change,
                ..
            } => self.remove(from, *conversation, users, *change),
            Change::SetRole {
                conversation,
                user,
                role,
                ..
            } => self.set_role(from, *conversation, *user, *role),
            Change::Rename {
                conversation, name, ..
            } => {
                self.role(from, *conversation, Role::Admin)?;
                self.check_name(name)?;
                if self.conversations[conversation].name == *name {
                    return Ok(self.nothing(*conversation));
                }
                self.conversations
                    .get_mut(conversation)
                    .unwrap()
                    .name
                    .clone_from(name);
                Ok(self.settings(from, *conversation, name, false))
            }
            Change::Contact { user, act, .. } => self.contact(from, *user, act),
            // No act draws one: these have stories of their own.
            Change::Group { .. } | Change::Profile { .. } => Err(ErrorCode::UNSUPPORTED),
        }
    }

    fn create(
        &mut self,
        from: UserId,
        name: &str,
        members: &[UserId],
        found: Option<&Changed>,
    ) -> Result<Changed, ErrorCode> {
        self.check_name(name)?;
        let mut others: BTreeSet<UserId> = members.iter().copied().collect();
        others.remove(&from);
        self.exist(&others)?;
        let id = found.expect("this group can be created").conversation;
        assert!(
            !self.conversations.contains_key(&id),
            "ids are never used again"
        );
        self.groups.push(id);
        let conversation = Conversation {
            kind: ConversationKind::Group,
            name: name.to_owned(),
            log: Vec::new(),
            members: BTreeMap::from([(from, (Role::Owner, 1))]),
        };
        self.conversations.insert(id, conversation);
        self.join(from, id, 1, None);
        let created = self.settings(from, id, name, true);
        if others.is_empty() {
            Ok(created)
        } else {
            self.add(from, id, &others)
        }
    }

    fn add(
        &mut self,
        from: UserId,
        id: ConversationId,
        added: &BTreeSet<UserId>,
    ) -> Result<Changed, ErrorCode> {
        if added.is_empty() {
            return Ok(self.nothing(id));
        }
        let joined_at = self.conversations[&id].log.len() as u64 + 1;
        for user in added {
            let members = &mut self.conversations.get_mut(&id).unwrap().members;
            members.insert(*user, (Role::Member, joined_at));
            self.join(*user, id, joined_at, None);
        }
        let (change, role) = (MembershipChange::Added, Role::Member);
        Ok(self.membership(from, id, change, added, role, &BTreeSet::new()))
    }

    fn remove(
        &mut self,
        from: UserId,
        id: ConversationId,
        users: &[UserId],
        change: MembershipChange,
    ) -> Result<Changed, ErrorCode> {
        let left = change == MembershipChange::Left;
        let role = self.role(from, id, if left { Role::Member } else { Role::Admin })?;
        let members = &self.conversations[&id].members;
        if left && role == Role::Owner && members.len() > 1 {
            return Err(ErrorCode::FORBIDDEN);
        }
        if !left && (users.is_empty() || users.contains(&from)) {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let removed: BTreeSet<UserId> = users
            .iter()
            .filter(|user| members.contains_key(user))
            .copied()
            .collect();
        let protected = |user: &UserId| members[user].0 != Role::Member;
        if !left && role != Role::Owner && removed.iter().any(protected) {
            return Err(ErrorCode::FORBIDDEN);
        }
        if removed.is_empty() {
            return Ok(self.nothing(id));
        }
        let members = &mut self.conversations.get_mut(&id).unwrap().members;
        members.retain(|user, _| !removed.contains(user));
        let changed = self.membership(from, id, change, &removed, Role::Unspecified, &removed);
        for user in removed {
            let mut view = self.views.remove(&(user, id)).unwrap();
            self.refresh(user, id, &mut view);
            view.visible_through = changed.conv_seq;
            self.views.insert((user, id), view);
        }
        Ok(changed)
    }

    fn set_role(
        &mut self,
        from: UserId,
        id: ConversationId,
        user: UserId,
        role: Role,
    ) -> Result<Changed, ErrorCode> {
        self.role(from, id, Role::Owner)?;
        if role == Role::Unspecified {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        let members = &mut self.conversations.get_mut(&id).unwrap().members;
        let Some(member) = members.get_mut(&user) else {
            return Err(ErrorCode::NOT_FOUND);
        };
        if member.0 == role {
            return Ok(self.nothing(id));
        }
        if user == from {
            return Err(ErrorCode::INVALID_REQUEST);
        }
        member.0 = role;
        if role == Role::Owner {
            members.get_mut(&from).unwrap().0 = Role::Admin;
        }
        let users = BTreeSet::from([user]);
        let change = MembershipChange::Role;
        Ok(self.membership(from, id, change, &users, role, &BTreeSet::new()))
    }

    /// The caller's role, which must be at least `least`.
    fn role(&self, from: UserId, id: ConversationId, least: Role) -> Result<Role, ErrorCode> {
        let member = self
            .conversations
            .get(&id)
            .and_then(|it| it.members.get(&from));
        let (role, _) = member.ok_or(ErrorCode::NOT_FOUND)?;
        if (*role as i32) < least as i32 {
            Err(ErrorCode::FORBIDDEN)
        } else {
            Ok(*role)
        }
    }

    fn check_name(&self, name: &str) -> Result<(), ErrorCode> {
        if name.is_empty() {
            Err(ErrorCode::INVALID_REQUEST)
        } else {
            Ok(())
        }
    }

    fn exist(&self, users: &BTreeSet<UserId>) -> Result<(), ErrorCode> {
        let all = users.iter().all(|user| self.disabled.contains_key(user));
        if all {
            Ok(())
        } else {
            Err(ErrorCode::NOT_FOUND)
        }
    }

    fn nothing(&self, id: ConversationId) -> Changed {
        Changed {
            conversation: id,
            conv_seq: 0,
            time_ms: self.now_ms,
        }
    }

    fn settings(&mut self, from: UserId, id: ConversationId, name: &str, created: bool) -> Changed {
        let kind = ConversationKind::Group as i32;
        let body = SettingsBody {
            kind,
            name: name.to_owned(),
            created,
            ..SettingsBody::default()
        };
        let body = Bytes::from(body.encode_to_vec());
        let (conv_seq, time_ms, _) =
            self.log(id, from, FrameType::SETTINGS, body, &BTreeSet::new());
        Changed {
            conversation: id,
            conv_seq,
            time_ms,
        }
    }

    fn membership(
        &mut self,
        from: UserId,
        id: ConversationId,
        change: MembershipChange,
        users: &BTreeSet<UserId>,
        role: Role,
        former: &BTreeSet<UserId>,
    ) -> Changed {
        let body = MembershipBody {
            change: change as i32,
            users: users.iter().map(|user| user.to_bytes()).collect(),
            role: role as i32,
            ..MembershipBody::default()
        };
        let body = Bytes::from(body.encode_to_vec());
        let (conv_seq, time_ms, _) = self.log(id, from, FrameType::MEMBERSHIP, body, former);
        Changed {
            conversation: id,
            conv_seq,
            time_ms,
        }
    }
}
