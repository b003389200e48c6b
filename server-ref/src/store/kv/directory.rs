//! The tree of departments: imported as a whole, in one commit that writes only what differs.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use eim_codec::id::UserId;

use super::committer::{Committer, Failure};
use super::keys::{self, Key};
use super::record::state::{self, DepartmentMemberRow, DepartmentRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{
    DepartmentGroup, DepartmentId, DepartmentMember, DepartmentRecord, Directory, DirectoryChange,
    StoreError, TenantId,
};

const FIRST: [u8; 16] = [0; 16];
const LAST: [u8; 16] = [0xFF; 16];

impl Committer {
    /// Makes the directory what is given, and takes a step towards the groups that follow from it.
    /// Tells whether there is more to do. A dry run only counts.
    pub(super) fn import_directory(
        &mut self,
        tenant: TenantId,
        directory: &Directory,
        dry_run: bool,
    ) -> Result<(DirectoryChange, bool), Failure> {
        if !dry_run {
            self.check_room()?;
        }
        let groups = self.groups_of_departments(directory)?;
        let mut change = DirectoryChange::default();
        self.import_departments(tenant, &directory.departments, dry_run, &mut change)?;
        self.import_members(tenant, &directory.members, dry_run, &mut change)?;
        self.import_titles(tenant, &directory.members, dry_run, &mut change)?;
        let more = self.follow_departments(tenant, groups, dry_run, &mut change)?;
        Ok((change, more))
    }

    fn import_departments(
        &mut self,
        tenant: TenantId,
        departments: &[DepartmentRecord],
        dry_run: bool,
        change: &mut DirectoryChange,
    ) -> Result<(), StoreError> {
        let engine = self.engine.clone();
        let mut known: BTreeMap<_, _> = departments_of_tenant(&*engine, tenant, None, usize::MAX)?
            .0
            .into_iter()
            .map(|department| (department.id, department))
            .collect();
        for department in departments {
            match known.remove(&department.id) {
                Some(before) if before == *department => continue,
                Some(_) => change.changed += 1,
                None => change.added += 1,
            }
            if !dry_run {
                let key = keys::department(tenant, department.id);
                self.pending
                    .put_state(&key, state::encode(&row(department)));
            }
        }
        change.removed += known.len() as u64;
        if !dry_run {
            for id in known.into_keys() {
                self.pending.delete_state(&keys::department(tenant, id));
            }
        }
        Ok(())
    }

    fn import_members(
        &mut self,
        tenant: TenantId,
        members: &[DepartmentMember],
        dry_run: bool,
        change: &mut DirectoryChange,
    ) -> Result<(), StoreError> {
        let engine = self.engine.clone();
        let mut known: BTreeMap<(DepartmentId, UserId), String> = BTreeMap::new();
        let from = keys::department_member(tenant, FIRST.into(), FIRST.into());
        let to = keys::department_member(tenant, LAST.into(), LAST.into());
        read_members(&*engine, &from, &to, &mut |member| {
            known.insert((member.department, member.user), member.title);
            ControlFlow::Continue(())
        })?;
        for member in members {
            match known.remove(&(member.department, member.user)) {
                Some(title) if title == member.title => continue,
                Some(_) => change.retitled += 1,
                None => change.joined += 1,
            }
            if !dry_run {
                let row = DepartmentMemberRow {
                    title: member.title.clone(),
                };
                let key = keys::department_member(tenant, member.department, member.user);
                self.pending.put_state(&key, state::encode(&row));
                let key = keys::user_department(tenant, member.user, member.department);
                self.pending.put_state(&key, Vec::new());
            }
        }
        change.left += known.len() as u64;
        if !dry_run {
            for (department, user) in known.into_keys() {
                self.pending
                    .delete_state(&keys::department_member(tenant, department, user));
                self.pending
                    .delete_state(&keys::user_department(tenant, user, department));
            }
        }
        Ok(())
    }

    /// Title and department in the profile are those of the first department of a user.
    fn import_titles(
        &mut self,
        tenant: TenantId,
        members: &[DepartmentMember],
        dry_run: bool,
        change: &mut DirectoryChange,
    ) -> Result<(), StoreError> {
        let mut firsts: BTreeMap<UserId, (Vec<u8>, String)> = BTreeMap::new();
        for member in members {
            let place = || (member.department.0.to_vec(), member.title.clone());
            firsts.entry(member.user).or_insert_with(place);
        }
        let engine = self.engine.clone();
        for user in users_with_profiles(&*engine, tenant)? {
            firsts.entry(user).or_default();
        }
        for (user, (department, title)) in firsts {
            let mut row = self.profile_row(tenant, user)?;
            if row.department == department && row.title == title {
                continue;
            }
            change.profiles += 1;
            if !dry_run {
                (row.department, row.title) = (department, title);
                self.put_profile(tenant, user, row)?;
            }
        }
        Ok(())
    }
}

fn row(department: &DepartmentRecord) -> DepartmentRow {
    DepartmentRow {
        code: department.code.clone(),
        parent: department.parent.map_or_else(Vec::new, |id| id.0.to_vec()),
        name: department.name.clone(),
        place: department.place,
        group: match department.group {
            DepartmentGroup::None => 0,
            DepartmentGroup::Members => 1,
            DepartmentGroup::Branch => 2,
        },
    }
}

fn users_with_profiles(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
) -> Result<Vec<UserId>, StoreError> {
    let mut users = Vec::new();
    let from = keys::profile(tenant, FIRST.into());
    let to = keys::profile(tenant, LAST.into());
    reader.scan(Space::State, &from, &to, Order::Ascending, &mut |key, _| {
        users.push(keys::last_id(key)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(users)
}

/// A department.
pub(super) fn department(
    reader: &dyn Reader,
    tenant: TenantId,
    id: DepartmentId,
) -> Result<Option<DepartmentRecord>, StoreError> {
    reader
        .get(Space::State, &keys::department(tenant, id))?
        .map(|record| record_of(id, &record))
        .transpose()
}

fn record_of(id: DepartmentId, record: &[u8]) -> Result<DepartmentRecord, StoreError> {
    let row: DepartmentRow = state::decode("department", record)?;
    let parent = match &row.parent[..] {
        [] => None,
        octets => Some(state::id("parent", octets)?),
    };
    Ok(DepartmentRecord {
        id,
        code: row.code,
        parent,
        name: row.name,
        place: row.place,
        group: match row.group {
            1 => DepartmentGroup::Members,
            2 => DepartmentGroup::Branch,
            _ => DepartmentGroup::None,
        },
    })
}

/// A page of departments, in id order after `after`.
// impl[EIM-DIR-011]
pub(super) fn departments_of_tenant(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
    after: Option<DepartmentId>,
    limit: usize,
) -> Result<(Vec<DepartmentRecord>, bool), StoreError> {
    let mut departments = Vec::new();
    let mut more = false;
    let from = keys::department(tenant, after.unwrap_or(DepartmentId(FIRST)));
    let to = keys::department(tenant, DepartmentId(LAST));
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            let id: DepartmentId = keys::last_id(key)?;
            if after == Some(id) {
                return Ok(ControlFlow::Continue(()));
            }
            if departments.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            departments.push(record_of(id, record)?);
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok((departments, more))
}

/// A page of the members of a department, in id order after `after`.
// impl[EIM-DIR-012]
pub(super) fn members(
    reader: &dyn Reader,
    tenant: TenantId,
    department: DepartmentId,
    after: Option<UserId>,
    limit: usize,
) -> Result<(Vec<DepartmentMember>, bool), StoreError> {
    let mut members = Vec::new();
    let mut more = false;
    let from = keys::department_member(tenant, department, after.unwrap_or_else(|| FIRST.into()));
    let to = keys::department_member(tenant, department, LAST.into());
    read_members(reader, &from, &to, &mut |member| {
        if after == Some(member.user) {
            return ControlFlow::Continue(());
        }
        if members.len() >= limit {
            more = true;
            return ControlFlow::Break(());
        }
        members.push(member);
        ControlFlow::Continue(())
    })?;
    Ok((members, more))
}

/// The departments of a user.
pub(super) fn departments_of_user(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
) -> Result<Vec<DepartmentId>, StoreError> {
    let mut departments = Vec::new();
    let from = keys::user_department(tenant, user, DepartmentId(FIRST));
    let to = keys::user_department(tenant, user, DepartmentId(LAST));
    reader.scan(Space::State, &from, &to, Order::Ascending, &mut |key, _| {
        departments.push(keys::last_id(key)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(departments)
}

fn read_members(
    reader: &(impl Reader + ?Sized),
    from: &Key,
    to: &Key,
    take: &mut dyn FnMut(DepartmentMember) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    reader.scan(
        Space::State,
        from,
        to,
        Order::Ascending,
        &mut |key, record| {
            let row: DepartmentMemberRow = state::decode("department member", record)?;
            let user = keys::last_id(key)?;
            let front = key.len().saturating_sub(16);
            let department = keys::last_id(key.get(..front).unwrap_or_default())?;
            Ok(take(DepartmentMember {
                department,
                user,
                title: row.title,
            }))
        },
    )?;
    Ok(())
}
