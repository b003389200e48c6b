//! Changes of groups: each is checked, carried out completely as entries of the group's log, and
//! remembered by its request id.

use std::collections::BTreeSet;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, MembershipChange, Role};
use eim_codec::registry::ErrorCode;

use super::cache::{Conversation, Member};
use super::committer::{Committer, Failure, refuse};
use super::content;
use super::deliver::Numbered;
use super::group_log::check_named;
use super::keys::{self, Act, ActKey};
use super::record::act::{ContentHash, Outcome};
use super::record::state::{self, MembershipRow};
use crate::store::{Change, Changed, Origin};

/// The entry a change became; `None` when nothing had to change.
pub(super) type Done = Result<(ConversationId, Option<Numbered>), Failure>;

impl Committer {
    /// Carries out a change once.
    // impl[EIM-GRP-001] impl[EIM-GRP-004] impl[EIM-GRP-005] impl[EIM-GRP-006] impl[EIM-GRP-007]
    pub(super) fn change(
        &mut self,
        change: &Change,
        hash: ContentHash,
    ) -> Result<Changed, Failure> {
        let (origin, request) = content::asked_by(change);
        self.check_origin(&origin)?;
        let key = ActKey {
            tenant: origin.tenant,
            user: origin.user,
            act: Act::Request,
            id: request.into(),
        };
        if let Some(first) = self.pending.act(&*self.engine, &key)? {
            if first.hash != hash {
                return refuse(ErrorCode::CONFLICT, "this request_id has other content");
            }
            return Ok(changed(&first));
        }
        self.check_room()?;
        let (conversation, numbered) = self.carry_out_change(change)?;
        let outcome = Outcome {
            conversation,
            conv_seq: numbered.map_or(0, |numbered| numbered.conv_seq),
            time_ms: numbered.map_or(self.now_ms, |numbered| numbered.time_ms),
            user_seq: numbered.map_or(0, |numbered| numbered.user_seq),
            hash,
        };
        self.pending.put_act(key, outcome);
        Ok(changed(&outcome))
    }

    fn carry_out_change(&mut self, change: &Change) -> Done {
        match change {
            Change::CreateGroup {
                origin,
                name,
                members,
                ..
            } => self.create_group(origin, name, members),
            Change::AddMembers {
                origin,
                conversation,
                users,
                ..
            } => self.add_members(origin, *conversation, users),
            Change::RemoveMembers {
                origin,
                conversation,
                change,
                ..
            } if *change == MembershipChange::Left => self.leave(origin, *conversation),
            Change::RemoveMembers {
                origin,
                conversation,
                users,
                ..
            } => self.remove_members(origin, *conversation, users),
            Change::SetRole {
                origin,
                conversation,
                user,
                role,
                ..
            } => self.set_role(origin, *conversation, *user, *role),
            Change::Rename {
                origin,
                conversation,
                name,
                ..
            } => self.rename(origin, *conversation, name),
            Change::Group {
                origin,
                conversation,
                act,
                ..
            } => self.govern(origin, *conversation, act),
            Change::Contact {
                origin, user, act, ..
            } => self.contact(origin, *user, act),
            Change::Profile {
                origin, profile, ..
            } => self.set_profile(origin, profile),
        }
    }

    // impl[EIM-GRP-014] impl[EIM-GRP-015] impl[EIM-GRP-016]
    fn create_group(&mut self, origin: &Origin, name: &str, members: &[UserId]) -> Done {
        self.check_name(name)?;
        let mut others: BTreeSet<UserId> = members.iter().copied().collect();
        others.remove(&origin.user);
        self.check_size(1 + others.len())?;
        check_named(others.len())?;
        self.check_users(origin, &others)?;
        self.timeline(origin.tenant, origin.user)?;
        let id = ConversationId::from(self.environment.random.octets());
        let conversation = Conversation::new(ConversationKind::Group, name.to_owned());
        self.caches
            .conversations
            .insert((origin.tenant, id), conversation);
        let owner = Member::joined(origin.user, Role::Owner, 1);
        self.put_member(origin, id, owner)?;
        let created = self.settings(origin, id, true, None)?;
        if others.is_empty() {
            self.put_conversation(origin, id)?;
            return Ok((id, Some(created)));
        }
        self.add(origin, id, &others)
    }

    // impl[EIM-GRP-020]
    fn add_members(&mut self, origin: &Origin, id: ConversationId, users: &[UserId]) -> Done {
        let conversation = self.group_as(origin, id, &[Role::Owner, Role::Admin])?;
        if users.is_empty() {
            return refuse(ErrorCode::INVALID_REQUEST, "nobody is named");
        }
        let mut added: BTreeSet<UserId> = users.iter().copied().collect();
        added.retain(|user| conversation.member(*user).is_none());
        let size = conversation.members.len() + added.len();
        self.check_users(origin, &added)?;
        if added.is_empty() {
            return Ok((id, None));
        }
        self.check_size(size)?;
        check_named(added.len())?;
        self.add(origin, id, &added)
    }

    /// Adds users who exist and are not members, by one entry.
    // impl[EIM-GRP-027] impl[EIM-GRP-028] impl[EIM-GRP-030] impl[EIM-TML-003]
    pub(super) fn add(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        added: &BTreeSet<UserId>,
    ) -> Done {
        for user in added {
            self.timeline(origin.tenant, *user)?;
        }
        let joined_at = self.next(origin, id)?;
        for user in added {
            self.waits_no_more(origin, id, *user)?;
            let member = Member::joined(*user, Role::Member, joined_at);
            self.put_member(origin, id, member)?;
        }
        self.caches.count_members(added.len());
        self.put_conversation(origin, id)?;
        let concerned: Vec<UserId> = added.iter().copied().collect();
        let numbered = self.membership(
            origin,
            id,
            MembershipChange::Added,
            added,
            Role::Member,
            &concerned,
        )?;
        let crossed = self.cross(origin, id)?;
        Ok((id, Some(crossed.unwrap_or(numbered))))
    }

    // impl[EIM-GRP-021] impl[EIM-GRP-022] impl[EIM-GRP-023] impl[EIM-GRP-024]
    fn remove_members(&mut self, origin: &Origin, id: ConversationId, users: &[UserId]) -> Done {
        let conversation = self.group_as(origin, id, &[Role::Owner, Role::Admin])?;
        if users.is_empty() || users.contains(&origin.user) {
            return refuse(ErrorCode::INVALID_REQUEST, "names nobody, or the caller");
        }
        let caller = conversation.member(origin.user).map(|member| member.role);
        let mut removed = BTreeSet::new();
        for member in users.iter().filter_map(|user| conversation.member(*user)) {
            if caller != Some(Role::Owner) && member.role != Role::Member {
                return refuse(ErrorCode::FORBIDDEN, "an admin removes plain members only");
            }
            removed.insert(member.user);
        }
        if removed.is_empty() {
            return Ok((id, None));
        }
        check_named(removed.len())?;
        self.remove(origin, id, MembershipChange::Removed, &removed)
    }

    // impl[EIM-GRP-025] impl[EIM-GRP-026]
    fn leave(&mut self, origin: &Origin, id: ConversationId) -> Done {
        let conversation = self.group_of(origin, id, &[Role::Owner, Role::Admin, Role::Member])?;
        let role = conversation.member(origin.user).map(|member| member.role);
        if role == Some(Role::Owner) && conversation.members.len() > 1 {
            return refuse(
                ErrorCode::FORBIDDEN,
                "an owner transfers the group before leaving",
            );
        }
        self.remove(
            origin,
            id,
            MembershipChange::Left,
            &BTreeSet::from([origin.user]),
        )
    }

    /// Ends memberships by one entry, the last that those users may read.
    // impl[EIM-GRP-013] impl[EIM-GRP-029]
    pub(super) fn remove(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        change: MembershipChange,
        removed: &BTreeSet<UserId>,
    ) -> Done {
        let tenant = origin.tenant;
        let visible_through = self.next(origin, id)?;
        let mut rows = Vec::with_capacity(removed.len());
        for user in removed {
            self.timeline(tenant, *user)?;
            let key = keys::membership(tenant, *user, id);
            let row: MembershipRow = match self.pending.state(&*self.engine, &key)? {
                Some(record) => state::decode("membership", &record)?,
                None => MembershipRow::default(),
            };
            rows.push((key, *user, row));
        }
        let conversation = self.group(origin, id)?;
        removed.iter().for_each(|user| conversation.remove(*user));
        let name = conversation.name.clone();
        let members = conversation.members.len() as u32;
        for (key, user, mut row) in rows {
            let old = keys::member_change(tenant, id, row.changed_at, user);
            self.pending.delete_state(&old);
            let new = keys::member_change(tenant, id, visible_through, user);
            self.pending.put_state(&new, Vec::new());
            row.role = Role::Unspecified as i32;
            row.visible_through = visible_through;
            row.changed_at = visible_through;
            row.muted_until_ms = 0;
            row.name.clone_from(&name);
            row.members = members;
            self.pending.put_state(&key, state::encode(&row));
            self.pending.delete_state(&keys::member(tenant, id, user));
        }
        self.put_conversation(origin, id)?;
        let former: Vec<UserId> = removed.iter().copied().collect();
        let numbered = self.membership(origin, id, change, removed, Role::Unspecified, &former)?;
        Ok((id, Some(numbered)))
    }

    // impl[EIM-GRP-032] impl[EIM-GRP-033] impl[EIM-GRP-034] impl[EIM-GRP-036] impl[EIM-GRP-037]
    fn set_role(&mut self, origin: &Origin, id: ConversationId, user: UserId, role: Role) -> Done {
        let conversation = self.group_as(origin, id, &[Role::Owner])?;
        if role == Role::Unspecified {
            return refuse(ErrorCode::INVALID_REQUEST, "no such role");
        }
        let Some(member) = conversation.member(user).copied() else {
            return refuse(ErrorCode::NOT_FOUND, "no such member");
        };
        if member.role == role {
            return Ok((id, None));
        }
        if user == origin.user {
            return refuse(
                ErrorCode::INVALID_REQUEST,
                "an owner makes somebody else the owner",
            );
        }
        let caller = conversation.member(origin.user).copied();
        let mut concerned = vec![user];
        if role == Role::Owner {
            concerned.push(origin.user);
        }
        for user in &concerned {
            self.timeline(origin.tenant, *user)?;
        }
        if let (Role::Owner, Some(caller)) = (role, caller) {
            self.put_member(
                origin,
                id,
                Member {
                    role: Role::Admin,
                    ..caller
                },
            )?;
        }
        self.put_member(origin, id, Member { role, ..member })?;
        let users = BTreeSet::from([user]);
        let change = MembershipChange::Role;
        let numbered = self.membership(origin, id, change, &users, role, &concerned)?;
        Ok((id, Some(numbered)))
    }

    // impl[EIM-GRP-018] impl[EIM-GRP-038]
    fn rename(&mut self, origin: &Origin, id: ConversationId, name: &str) -> Done {
        let conversation = self.group_as(origin, id, &[Role::Owner, Role::Admin])?;
        let same = conversation.name == name;
        self.check_name(name)?;
        if same {
            return Ok((id, None));
        }
        name.clone_into(&mut self.group(origin, id)?.name);
        self.put_conversation(origin, id)?;
        let numbered = self.settings(origin, id, false, None)?;
        Ok((id, Some(numbered)))
    }
}

const fn changed(outcome: &Outcome) -> Changed {
    Changed {
        conversation: outcome.conversation,
        conv_seq: outcome.conv_seq,
        time_ms: outcome.time_ms,
    }
}
