//! Who is in a group: what MEMBERSHIP entries say, and who may write them.

use std::collections::BTreeSet;

use eim_codec::id::UserId;
use eim_codec::payload::{MembershipBody, MembershipChange, Role};
use eim_codec::registry::limits;
use eim_server::store::Entry;
use prost::Message as _;

use super::conversation::{Conversation, Effect};

/// For how long somebody is muted at most.
pub(super) const MUTED_MS: u64 = limits::MUTE_MS.default;

impl Conversation {
    pub(super) fn membership(&mut self, number: u64, entry: &Entry, effect: &mut Effect) {
        let Ok(body) = MembershipBody::decode(&entry.body[..]) else {
            effect.broken.push("MEMBERSHIP without a body".to_owned());
            return;
        };
        let users: BTreeSet<UserId> = body
            .users
            .iter()
            .filter_map(|id| UserId::from_slice(id).ok())
            .collect();
        if users.is_empty() || users.len() != body.users.len() {
            effect
                .broken
                .push("MEMBERSHIP names nobody, or somebody twice".to_owned());
        }
        if self.governed.dissolved && body.change() != MembershipChange::Left {
            effect
                .broken
                .push(format!("{:?} in a dissolved group", body.change()));
        }
        if self.governed.department || entry.sender.is_none() {
            self.follows(number, entry.sender, body.change(), &users, effect);
            return;
        }
        let Some(sender) = entry.sender else { return };
        match body.change() {
            MembershipChange::Added => self.added(number, sender, &users, effect),
            MembershipChange::Removed => self.removed(number, sender, &users, effect),
            MembershipChange::Left => self.left(number, sender, &users, effect),
            MembershipChange::Role => self.role(number, sender, &users, body.role(), effect),
            MembershipChange::Muted => {
                let until = (entry.time_ms, body.until_ms);
                self.muted(number, sender, &users, until, effect);
            }
            MembershipChange::Unspecified => effect.broken.push("no change".to_owned()),
        }
        let owners = self
            .members
            .values()
            .filter(|member| member.role == Role::Owner);
        let owners = owners.count();
        if owners != usize::from(!self.members.is_empty()) {
            effect.broken.push(format!("{owners} owners"));
        }
    }

    /// Members of the group of a department come and go as the operator says.
    fn follows(
        &mut self,
        number: u64,
        sender: Option<UserId>,
        change: MembershipChange,
        users: &BTreeSet<UserId>,
        effect: &mut Effect,
    ) {
        if sender.is_some() || !self.governed.department {
            effect
                .broken
                .push(format!("{change:?} of {sender:?}: a department or nobody"));
        }
        for user in users {
            let member = self.members.contains_key(user);
            match (change, member) {
                (MembershipChange::Added, false) => self.admit(*user, number, Role::Member),
                (MembershipChange::Removed, true) => self.dismiss(*user, number, effect),
                _ => effect
                    .broken
                    .push(format!("{change:?} of {user} in a department")),
            }
        }
        effect.readers.extend(users);
    }

    /// Somebody may not send for a while, or may again.
    fn muted(
        &mut self,
        number: u64,
        sender: UserId,
        users: &BTreeSet<UserId>,
        (time_ms, until_ms): (u64, u64),
        effect: &mut Effect,
    ) {
        self.must_have(sender, &[Role::Owner, Role::Admin], "mute", effect);
        let owns = self
            .members
            .get(&sender)
            .is_some_and(|member| member.role == Role::Owner);
        let whom = users.first().filter(|user| **user != sender);
        let member = whom.and_then(|user| self.members.get_mut(user));
        match member {
            Some(member) if users.len() == 1 => {
                if !owns && member.role != Role::Member {
                    effect
                        .broken
                        .push(format!("an admin muted {:?} {whom:?}", member.role));
                }
                if until_ms == 0 && member.muted_until_ms == 0 {
                    effect.broken.push("somebody may send again".to_owned());
                }
                member.muted_until_ms = until_ms;
                member.changed_at = number;
            }
            _ => effect
                .broken
                .push("muted nobody, many, or themselves".to_owned()),
        }
        if until_ms != 0 && (until_ms <= time_ms || until_ms - time_ms > MUTED_MS) {
            effect
                .broken
                .push(format!("muted at {time_ms} until {until_ms}"));
        }
        self.changes
            .extend(users.iter().map(|user| (*user, number)));
        effect.readers.extend(users);
    }

    fn added(
        &mut self,
        number: u64,
        sender: UserId,
        users: &BTreeSet<UserId>,
        effect: &mut Effect,
    ) {
        let joins = users.len() == 1 && users.contains(&sender);
        if !joins {
            self.must_have(sender, &[Role::Owner, Role::Admin], "add", effect);
        } else if self.governed.approval {
            effect
                .broken
                .push(format!("{sender} joined without approval"));
        }
        for user in users {
            if self.members.contains_key(user) {
                effect.broken.push(format!("{user} was a member already"));
            }
            self.admit(*user, number, Role::Member);
        }
        effect.readers.extend(users);
    }

    fn removed(
        &mut self,
        number: u64,
        sender: UserId,
        users: &BTreeSet<UserId>,
        effect: &mut Effect,
    ) {
        self.must_have(sender, &[Role::Owner, Role::Admin], "remove", effect);
        let owns = self
            .members
            .get(&sender)
            .is_some_and(|member| member.role == Role::Owner);
        for user in users {
            match self.members.get(user) {
                None => effect.broken.push(format!("{user} was no member")),
                Some(_) if *user == sender => effect.broken.push("removed itself".to_owned()),
                Some(member) if !owns && member.role != Role::Member => {
                    effect
                        .broken
                        .push(format!("an admin removed {:?} {user}", member.role));
                }
                Some(_) => {}
            }
            self.dismiss(*user, number, effect);
        }
    }

    fn left(&mut self, number: u64, sender: UserId, users: &BTreeSet<UserId>, effect: &mut Effect) {
        let roles = [Role::Owner, Role::Admin, Role::Member];
        self.must_have(sender, &roles, "leave", effect);
        if users.len() != 1 || !users.contains(&sender) {
            effect.broken.push("somebody else left".to_owned());
        }
        let owns = self
            .members
            .get(&sender)
            .is_some_and(|member| member.role == Role::Owner);
        if owns && self.members.len() > 1 {
            effect
                .broken
                .push("the owner left the others behind".to_owned());
        }
        self.dismiss(sender, number, effect);
    }

    fn role(
        &mut self,
        number: u64,
        sender: UserId,
        users: &BTreeSet<UserId>,
        role: Role,
        effect: &mut Effect,
    ) {
        self.must_have(sender, &[Role::Owner], "change roles", effect);
        let changed = users.first().and_then(|user| self.members.get_mut(user));
        match changed {
            Some(member) if users.len() == 1 && member.role != role => {
                member.role = role;
                member.changed_at = number;
            }
            _ => effect
                .broken
                .push("a role of nobody, of many, or the same".to_owned()),
        }
        effect.readers.extend(users);
        self.changes
            .extend(users.iter().map(|user| (*user, number)));
        if role == Role::Owner {
            effect.readers.insert(sender);
            self.changes.insert(sender, number);
        }
        if role == Role::Owner
            && let Some(before) = self.members.get_mut(&sender)
        {
            before.role = Role::Admin;
            before.changed_at = number;
        }
    }
}
