//! Groups of departments: whoever the tree says is a member, by the entries that every group has.
//!
//! They are brought to what an import says in steps, each a batch of its own, so that a large tree
//! keeps nobody waiting. A step compares with what is there: the next one goes on.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{ConversationKind, FanOut, MembershipChange};
use eim_codec::registry::ErrorCode;

use super::cache::Conversation;
use super::committer::{Committer, Failure, refuse};
use super::keys;
use crate::store::{
    DepartmentGroup, DepartmentId, DepartmentRecord, Directory, DirectoryChange, Origin,
    StoreError, TenantId,
};

/// Users whom one entry adds or removes.
const NAMED: usize = 500;
/// Changed members and references to entries in one step, about.
const STEP: usize = 8192;

/// What the group of a department is to be; without users, it is to be empty.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    name: String,
    users: BTreeSet<UserId>,
}

/// Groups by their departments.
pub(super) type Groups = BTreeMap<DepartmentId, Wanted>;

impl Committer {
    /// The groups that follow from a directory.
    // impl[EIM-DIR-018] impl[EIM-DIR-019]
    pub(super) fn groups_of_departments(&self, directory: &Directory) -> Result<Groups, Failure> {
        let departments: BTreeMap<DepartmentId, &DepartmentRecord> =
            directory.departments.iter().map(|it| (it.id, it)).collect();
        let mut groups = Groups::new();
        for department in departments.values() {
            if department.group != DepartmentGroup::None {
                let wanted = groups.entry(department.id).or_default();
                wanted.name.clone_from(&department.name);
            }
        }
        for member in &directory.members {
            let above = |it: &&DepartmentRecord| departments.get(&it.parent?).copied();
            let own = departments.get(&member.department).copied();
            for department in std::iter::successors(own, above) {
                let in_it = department.id == member.department;
                if !in_it && department.group != DepartmentGroup::Branch {
                    continue;
                }
                if let Some(wanted) = groups.get_mut(&department.id) {
                    wanted.users.insert(member.user);
                }
            }
        }
        for wanted in groups.values() {
            self.check_wanted(wanted)?;
        }
        Ok(groups)
    }

    fn check_wanted(&self, Wanted { name, users }: &Wanted) -> Result<(), Failure> {
        if name.is_empty() || name.len() > self.options.group_name_octets {
            let what = format!("{name:?} is empty or too long for the name of a group");
            return refuse(ErrorCode::INVALID_REQUEST, what);
        }
        let (count, most) = (users.len(), self.options.group_members);
        if count > most {
            let what =
                format!("the group of {name} would have {count} members; {most} is the most");
            return refuse(ErrorCode::LIMIT_REACHED, what);
        }
        Ok(())
    }

    /// Takes a step towards `groups`, and tells whether there is more to do.
    pub(super) fn follow_departments(
        &mut self,
        tenant: TenantId,
        mut groups: Groups,
        dry_run: bool,
        change: &mut DirectoryChange,
    ) -> Result<bool, Failure> {
        // Also those whose department is gone, or has no group any more.
        let [first, last] =
            [[0; 16], [u8::MAX; 16]].map(|id| keys::department_group(tenant, DepartmentId(id)));
        for key in self.pending.states(&*self.engine, &first, &last)?.keys() {
            groups.entry(keys::last_id(key)?).or_default();
        }
        let mut room = STEP;
        for (department, wanted) in groups {
            let id = department.group();
            let follow = Follow::new(self.conversation(tenant, id)?.as_deref(), &wanted);
            if dry_run {
                follow.count(change);
                continue;
            }
            self.follow(tenant, department, &wanted, &follow, &mut room, change)?;
            if room == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    // impl[EIM-DIR-021] impl[EIM-DIR-023]
    fn follow(
        &mut self,
        tenant: TenantId,
        department: DepartmentId,
        wanted: &Wanted,
        follow: &Follow,
        room: &mut usize,
        change: &mut DirectoryChange,
    ) -> Result<(), Failure> {
        let id = department.group();
        let Some(somebody) = follow.somebody() else {
            return Ok(());
        };
        let origin = named(tenant, somebody);
        self.timelines_of_members(&origin, id)?;
        if follow.created {
            self.create_department_group(&origin, department, &wanted.name)?;
            change.groups_added += 1;
        }
        if follow.renamed {
            self.rename_department_group(&origin, id, &wanted.name)?;
            change.groups_renamed += 1;
        }
        for users in follow.left.chunks(NAMED) {
            let (Some(first), true) = (users.first(), *room > 0) else {
                return Ok(());
            };
            let removed = users.iter().copied().collect();
            let origin = named(tenant, *first);
            self.remove(&origin, id, MembershipChange::Removed, &removed)?;
            change.groups_left += users.len() as u64;
            self.spend(tenant, id, users.len(), room)?;
        }
        for users in follow.joined.chunks(NAMED) {
            let (Some(first), true) = (users.first(), *room > 0) else {
                return Ok(());
            };
            let added = users.iter().copied().collect();
            self.add(&named(tenant, *first), id, &added)?;
            change.groups_joined += users.len() as u64;
            self.spend(tenant, id, users.len(), room)?;
        }
        Ok(())
    }

    /// Counts what an entry cost.
    fn spend(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
        users: usize,
        room: &mut usize,
    ) -> Result<(), StoreError> {
        let references = match self.conversation(tenant, id)? {
            Some(group) if group.fan_out != FanOut::Read => group.members.len(),
            _ => 0,
        };
        *room = room.saturating_sub(users + references);
        Ok(())
    }

    fn create_department_group(
        &mut self,
        origin: &Origin,
        department: DepartmentId,
        name: &str,
    ) -> Result<(), Failure> {
        let (tenant, id) = (origin.tenant, department.group());
        let mut group = Conversation::new(ConversationKind::Group, name.to_owned());
        group.department = true;
        self.caches.conversations.insert((tenant, id), group);
        self.pending
            .put_state(&keys::department_group(tenant, department), Vec::new());
        self.put_conversation(origin, id)?;
        self.settings(origin, id, true, None)?;
        Ok(())
    }

    fn rename_department_group(
        &mut self,
        origin: &Origin,
        id: ConversationId,
        name: &str,
    ) -> Result<(), Failure> {
        if let Some(group) = self.conversation(origin.tenant, id)? {
            name.clone_into(&mut group.name);
        }
        self.put_conversation(origin, id)?;
        self.settings(origin, id, false, None)?;
        Ok(())
    }
}

/// What a group lacks of what is wanted.
#[derive(Debug, Default)]
struct Follow {
    created: bool,
    renamed: bool,
    joined: Vec<UserId>,
    left: Vec<UserId>,
    /// A member who stays.
    stays: Option<UserId>,
}

impl Follow {
    fn new(group: Option<&Conversation>, wanted: &Wanted) -> Self {
        let members: BTreeSet<UserId> = group
            .map(|group| group.members.iter().map(|member| member.user).collect())
            .unwrap_or_default();
        let anybody = !wanted.users.is_empty();
        Self {
            created: anybody && group.is_none(),
            renamed: anybody && group.is_some_and(|group| group.name != wanted.name),
            joined: wanted.users.difference(&members).copied().collect(),
            left: members.difference(&wanted.users).copied().collect(),
            stays: members.intersection(&wanted.users).next().copied(),
        }
    }

    /// Anybody who is or becomes a member; nobody when there is nothing to do.
    fn somebody(&self) -> Option<UserId> {
        let changed = self.left.first().or_else(|| self.joined.first());
        changed
            .copied()
            .or_else(|| self.stays.filter(|_| self.renamed))
    }

    const fn count(&self, change: &mut DirectoryChange) {
        change.groups_added += self.created as u64;
        change.groups_renamed += self.renamed as u64;
        change.groups_joined += self.joined.len() as u64;
        change.groups_left += self.left.len() as u64;
    }
}

/// The operator has no user: who is named stands for it, and is not told as sender.
fn named(tenant: TenantId, user: UserId) -> Origin {
    Origin {
        tenant,
        user,
        device: [0; 16].into(),
        generation: None,
    }
}
