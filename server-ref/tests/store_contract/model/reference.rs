//! The store as one would write it without thinking of disks.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, MembershipBody, MembershipChange, Role, SettingsBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::kv::Options;
use eim_server::store::{Append, Appended, Change, Changed, ConversationView, Target};
use prost::Message;

pub(crate) struct Logged {
    pub(crate) frame_type: FrameType,
    pub(crate) sender: UserId,
    pub(crate) time_ms: u64,
    pub(crate) countable: u64,
    pub(crate) body: Bytes,
}

pub(crate) struct Conversation {
    kind: ConversationKind,
    name: String,
    pub(crate) log: Vec<Logged>,
    pub(crate) members: BTreeMap<UserId, (Role, u64)>,
}

struct Reference {
    /// Acts of one commit go or stay together.
    commit: u64,
    conversation: ConversationId,
    conv_seq: u64,
    time_ms: u64,
}

#[derive(Default)]
pub(crate) struct Timeline {
    all: Vec<Reference>,
    pub(crate) floor: u64,
}

impl Timeline {
    pub(crate) fn head(&self) -> u64 {
        self.all.len() as u64
    }

    pub(crate) fn references(&self) -> Vec<(u64, ConversationId, u64)> {
        let numbered = (1..).zip(&self.all).skip(self.floor as usize);
        numbered
            .map(|(number, it)| (number, it.conversation, it.conv_seq))
            .collect()
    }
}

/// What users did once: content and outcome, and when it was written.
type Known<C, O> = BTreeMap<(UserId, [u8; 16]), ((C, O), u64)>;

pub(crate) struct Model {
    options: Options,
    now_ms: u64,
    commit: u64,
    disabled: BTreeMap<UserId, bool>,
    pub(crate) groups: Vec<ConversationId>,
    pub(crate) conversations: BTreeMap<ConversationId, Conversation>,
    pub(crate) timelines: BTreeMap<UserId, Timeline>,
    views: BTreeMap<(UserId, ConversationId), ConversationView>,
    messages: Known<(ConversationId, Bytes), Appended>,
    requests: Known<String, Changed>,
}

impl Model {
    pub(crate) fn new(options: Options, users: impl Iterator<Item = UserId>) -> Self {
        let disabled: BTreeMap<_, _> = users.map(|user| (user, false)).collect();
        Self {
            options,
            now_ms: 0,
            commit: 0,
            timelines: disabled
                .keys()
                .map(|user| (*user, Timeline::default()))
                .collect(),
            disabled,
            groups: Vec::new(),
            conversations: BTreeMap::new(),
            views: BTreeMap::new(),
            messages: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }

    pub(crate) fn next_commit(&mut self, now_ms: u64) {
        self.commit += 1;
        self.now_ms = now_ms;
    }

    pub(crate) fn set_disabled(&mut self, user: UserId, disabled: bool) {
        self.disabled.insert(user, disabled);
    }

    pub(crate) fn views(&self, user: UserId) -> Vec<ConversationView> {
        let mut views = Vec::new();
        for ((member, id), view) in &self.views {
            if *member == user {
                let mut view = view.clone();
                if view.visible_through == 0 {
                    self.refresh(*member, *id, &mut view);
                }
                views.push(view);
            }
        }
        views
    }

    fn refresh(&self, user: UserId, id: ConversationId, view: &mut ConversationView) {
        let conversation = &self.conversations[&id];
        let last = conversation.log.last().unwrap();
        view.name.clone_from(&conversation.name);
        view.conv_seq = conversation.log.len() as u64;
        view.countable = last.countable;
        view.time_ms = last.time_ms;
        view.members = conversation.members.len() as u32;
        view.role = conversation
            .members
            .get(&user)
            .map_or(Role::Unspecified, |it| it.0);
    }

    fn join(&mut self, user: UserId, id: ConversationId, from: u64, peer: Option<UserId>) {
        let view = ConversationView {
            conversation: id,
            kind: self.conversations[&id].kind,
            name: String::new(),
            conv_seq: 0,
            visible_from: from,
            visible_through: 0,
            role: Role::Unspecified,
            peer,
            countable: 0,
            time_ms: 0,
            members: 0,
        };
        self.views.insert((user, id), view);
    }

    fn log(
        &mut self,
        id: ConversationId,
        sender: UserId,
        frame_type: FrameType,
        body: Bytes,
        former: &BTreeSet<UserId>,
    ) -> (u64, u64, u64) {
        let conversation = self.conversations.get_mut(&id).unwrap();
        let last = conversation.log.last();
        let time_ms = self.now_ms.max(last.map_or(0, |last| last.time_ms));
        let countable = last.map_or(0, |last| last.countable) + u64::from(frame_type.0 < 0x40);
        conversation.log.push(Logged {
            frame_type,
            sender,
            time_ms,
            countable,
            body,
        });
        let conv_seq = conversation.log.len() as u64;
        for user in conversation.members.keys().chain(former) {
            let reference = Reference {
                commit: self.commit,
                conversation: id,
                conv_seq,
                time_ms,
            };
            self.timelines.get_mut(user).unwrap().all.push(reference);
        }
        (conv_seq, time_ms, self.timelines[&sender].head())
    }

    pub(crate) fn append(&mut self, from: UserId, append: &Append) -> Result<Appended, ErrorCode> {
        let id = match append.target {
            Target::Conversation(id) => id,
            Target::Direct(peer) => ConversationId::direct(from, peer),
        };
        let key = (from, append.client_msg_id.into());
        let content = (id, append.body.clone());
        if let Some(((known, appended), _)) = self.messages.get(&key) {
            let again = Appended {
                duplicate: true,
                ..*appended
            };
            return if *known == content {
                Ok(again)
            } else {
                Err(ErrorCode::CONFLICT)
            };
        }
        let first = append.first_sent_at_ms;
        if first != 0 && self.now_ms.saturating_sub(first) > self.options.idempotency_ms {
            return Err(ErrorCode::RETRY_EXPIRED);
        }
        match (self.conversations.get(&id), append.target) {
            (Some(conversation), _) if conversation.members.contains_key(&from) => {}
            (None, Target::Direct(peer)) => {
                if self.disabled.get(&peer) != Some(&false) {
                    return Err(ErrorCode::NOT_FOUND);
                }
                let member = (Role::Member, 1);
                let members = BTreeMap::from([(from, member), (peer, member)]);
                let (kind, name) = (ConversationKind::Direct, String::new());
                let conversation = Conversation {
                    kind,
                    name,
                    log: Vec::new(),
                    members,
                };
                self.conversations.insert(id, conversation);
                self.join(from, id, 1, Some(peer));
                self.join(peer, id, 1, Some(from));
            }
            _ => return Err(ErrorCode::NOT_FOUND),
        }
        let body = append.body.clone();
        let (conv_seq, time_ms, user_seq) =
            self.log(id, from, append.frame_type, body, &BTreeSet::new());
        let appended = Appended {
            conversation: id,
            conv_seq,
            time_ms,
            user_seq,
            duplicate: false,
        };
        self.messages
            .insert(key, ((content, appended), self.now_ms));
        Ok(appended)
    }

    /// `found` tells the id of a new group, which is random.
    pub(crate) fn change(
        &mut self,
        change: &Change,
        found: Option<&Changed>,
    ) -> Result<Changed, ErrorCode> {
        let (origin, request, content) = match change {
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
        };
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

    pub(crate) fn sweep(&mut self, now_ms: u64, window: u64, keep: u64) {
        self.messages
            .retain(|_, (_, written_ms)| *written_ms > now_ms - window);
        self.requests
            .retain(|_, (_, written_ms)| *written_ms > now_ms - window);
        for timeline in self.timelines.values_mut() {
            let left = timeline.all.get(timeline.floor as usize..).unwrap();
            let mut floor = timeline.floor;
            for commit in left.chunk_by(|one, next| one.commit == next.commit) {
                if commit
                    .iter()
                    .any(|reference| reference.time_ms > now_ms - keep)
                {
                    break;
                }
                floor += commit.len() as u64;
            }
            timeline.floor = floor;
        }
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
