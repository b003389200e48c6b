//! Profiles and departments, as far as a caller may read them.

use std::collections::{BTreeMap, BTreeSet};

use eim_codec::id::{RequestId, UserId};
use eim_codec::payload::{
    ContactState, Department, DepartmentMember, DepartmentMembersRequest,
    DepartmentMembersResponse, DepartmentsRequest, DepartmentsResponse, Profile, ProfileSetRequest,
    ProfileSetResponse, ProfilesRequest, ProfilesResponse, response,
};
use eim_codec::registry::ErrorCode;
use serde::Deserialize;

use super::page::Page;
use super::requests::{Body, Requests, user_id};
use super::{Caller, Refusal};
use crate::store::{
    Change, DepartmentId, DepartmentRecord, ProfileChange, ProfileView, StoreError,
};

/// Departments read from the store at once.
const PAGE: usize = 1000;

/// Who reads what of the directory.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Visible {
    /// Everybody everything.
    #[default]
    All,
    /// Everybody the own branch.
    Branch,
    /// Nobody departments; everybody the profiles of contacts.
    None,
}

/// What one caller may read.
enum Reach {
    All,
    Some(BTreeSet<DepartmentId>),
}

impl Reach {
    fn covers(&self, department: DepartmentId) -> bool {
        match self {
            Self::All => true,
            Self::Some(departments) => departments.contains(&department),
        }
    }
}

impl Requests {
    // impl[EIM-DIR-001, EIM-DIR-002, EIM-DIR-003, EIM-DIR-004]
    pub(super) async fn profiles(
        &self,
        caller: Caller,
        ask: ProfilesRequest,
        page: Page,
    ) -> Result<Body, Refusal> {
        let tenant = caller.origin.tenant;
        if !ask.users.is_empty() {
            return self.profiles_of(caller, &ask.users, page).await;
        }
        let log_epoch = self.store.log_epoch();
        let found = self
            .store
            .profiles(tenant, ask.version, page.items())
            .await?;
        if ask.version > 0 && (ask.log_epoch != log_epoch || ask.version > found.head) {
            let detail = format!("profiles are at version {}", found.head);
            return Err(Refusal::new(ErrorCode::TOO_OLD, detail));
        }
        let mut answer = ProfilesResponse {
            log_epoch,
            profiles: Vec::new(),
            more: found.more,
            version: ask.version,
        };
        let reach = self.reach(caller).await?;
        let mut page = page;
        for profile in found.profiles {
            let version = profile.version;
            if self.may_read(caller, &reach, &profile).await? {
                let profile = to_profile(profile);
                if !page.take(&profile) {
                    answer.more = true;
                    return Ok(response::Body::Profiles(answer).into());
                }
                answer.profiles.push(profile);
            }
            answer.version = version;
        }
        Ok(response::Body::Profiles(answer).into())
    }

    async fn profiles_of(
        &self,
        caller: Caller,
        users: &[bytes::Bytes],
        mut page: Page,
    ) -> Result<Body, Refusal> {
        if users.len() > page.items() {
            return Err(Refusal::invalid("too many users asked for at once"));
        }
        let users: Result<BTreeSet<UserId>, Refusal> = users.iter().map(|id| user_id(id)).collect();
        let reach = self.reach(caller).await?;
        let mut profiles = Vec::new();
        for user in users? {
            let Some(profile) = self.store.profile(caller.origin.tenant, user).await? else {
                continue;
            };
            if self.may_read(caller, &reach, &profile).await? {
                let profile = to_profile(profile);
                if !page.take(&profile) {
                    let detail = "the answer does not fit; ask for fewer users";
                    return Err(Refusal::invalid(detail));
                }
                profiles.push(profile);
            }
        }
        let answer = ProfilesResponse {
            log_epoch: self.store.log_epoch(),
            profiles,
            ..ProfilesResponse::default()
        };
        Ok(response::Body::Profiles(answer).into())
    }

    // impl[EIM-DIR-006, EIM-DIR-009]
    pub(super) async fn profile_set(
        &self,
        caller: Caller,
        request: RequestId,
        ask: ProfileSetRequest,
    ) -> Result<Body, Refusal> {
        let profile = ProfileChange {
            display_name: ask.display_name,
            phone: ask.phone,
            mail: ask.mail,
            avatar: ask.avatar.map(|avatar| avatar.to_vec()),
        };
        let change = Change::Profile {
            origin: caller.origin,
            request,
            profile,
        };
        let changed = self.store.change(change).await??;
        let answer = ProfileSetResponse {
            log_epoch: self.store.log_epoch(),
            version: changed.conv_seq,
        };
        Ok(response::Body::ProfileSet(answer).into())
    }

    // impl[EIM-DIR-011, EIM-DIR-014, EIM-DIR-015]
    pub(super) async fn departments(
        &self,
        caller: Caller,
        ask: &DepartmentsRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let mut after = match &ask.after[..] {
            [] => None,
            id => Some(department_id(id)?),
        };
        let reach = self.reach(caller).await?;
        let mut answer = DepartmentsResponse::default();
        loop {
            let (found, more) = self
                .store
                .departments(caller.origin.tenant, after, PAGE)
                .await?;
            after = found.last().map(|department| department.id);
            for department in found {
                if !reach.covers(department.id) {
                    continue;
                }
                let department = to_department(department);
                if !page.take(&department) {
                    answer.more = true;
                    return Ok(response::Body::Departments(answer).into());
                }
                answer.departments.push(department);
            }
            if !more {
                return Ok(response::Body::Departments(answer).into());
            }
        }
    }

    // impl[EIM-DIR-012, EIM-DIR-013]
    pub(super) async fn department_members(
        &self,
        caller: Caller,
        ask: &DepartmentMembersRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let tenant = caller.origin.tenant;
        let department = department_id(&ask.department)?;
        let after = match &ask.after[..] {
            [] => None,
            id => Some(user_id(id)?),
        };
        let known = self.store.department(tenant, department).await?;
        if known.is_none() || !self.reach(caller).await?.covers(department) {
            return Err(Refusal::not_found());
        }
        let (found, more) = self
            .store
            .department_members(tenant, department, after, page.items())
            .await?;
        let mut answer = DepartmentMembersResponse {
            members: Vec::with_capacity(found.len()),
            more,
        };
        for member in found {
            let member = DepartmentMember {
                user: member.user.to_bytes(),
                title: member.title,
            };
            if !page.take(&member) {
                answer.more = true;
                break;
            }
            answer.members.push(member);
        }
        Ok(response::Body::DepartmentMembers(answer).into())
    }

    // impl[EIM-DIR-014, EIM-DIR-015]
    async fn reach(&self, caller: Caller) -> Result<Reach, StoreError> {
        let origin = caller.origin;
        match self.visible {
            Visible::All => return Ok(Reach::All),
            Visible::None => return Ok(Reach::Some(BTreeSet::new())),
            Visible::Branch => {}
        }
        let own = self
            .store
            .departments_of(origin.tenant, origin.user)
            .await?;
        let mut parents = BTreeMap::new();
        let mut after = None;
        loop {
            let (found, more) = self.store.departments(origin.tenant, after, PAGE).await?;
            after = found.last().map(|department| department.id);
            parents.extend(found.into_iter().map(|it| (it.id, it.parent)));
            if !more {
                break;
            }
        }
        Ok(Reach::Some(branch(&own, &parents)))
    }

    // impl[EIM-DIR-016]
    async fn may_read(
        &self,
        caller: Caller,
        reach: &Reach,
        profile: &ProfileView,
    ) -> Result<bool, StoreError> {
        let origin = caller.origin;
        let Reach::Some(departments) = reach else {
            return Ok(true);
        };
        if profile.user == origin.user {
            return Ok(true);
        }
        if !departments.is_empty() {
            let theirs = self.store.departments_of(origin.tenant, profile.user);
            if theirs.await?.iter().any(|id| departments.contains(id)) {
                return Ok(true);
            }
        }
        let contact = self
            .store
            .contact(origin.tenant, origin.user, profile.user)
            .await?;
        Ok(contact.is_some_and(|contact| contact.state == ContactState::Contact))
    }
}

/// The own departments, all below them and all above them.
fn branch(
    own: &[DepartmentId],
    parents: &BTreeMap<DepartmentId, Option<DepartmentId>>,
) -> BTreeSet<DepartmentId> {
    let chain = |from: DepartmentId| {
        // Never longer than there are departments: what was imported has no cycle.
        std::iter::successors(Some(from), |id| parents.get(id).copied().flatten())
            .take(parents.len())
    };
    let mut branch: BTreeSet<DepartmentId> = own.iter().copied().flat_map(chain).collect();
    let below = parents
        .keys()
        .copied()
        .filter(|id| chain(*id).any(|above| own.contains(&above)));
    branch.extend(below);
    branch
}

fn department_id(octets: &[u8]) -> Result<DepartmentId, Refusal> {
    let id: Result<[u8; 16], _> = octets.try_into();
    id.map(DepartmentId)
        .map_err(|_| Refusal::invalid("a department id has 16 octets"))
}

fn to_profile(view: ProfileView) -> Profile {
    Profile {
        user: view.user.to_bytes(),
        name: view.name,
        display_name: view.display_name,
        phone: view.phone,
        mail: view.mail,
        avatar: view.avatar.into(),
        title: view.title,
        department: view
            .department
            .map_or_else(Default::default, |id| id.0.to_vec().into()),
        version: view.version,
        // impl[EIM-BOT-001]
        bot: view.bot,
    }
}

fn to_department(record: DepartmentRecord) -> Department {
    Department {
        department: record.id.0.to_vec().into(),
        parent: record
            .parent
            .map_or_else(Default::default, |id| id.0.to_vec().into()),
        name: record.name,
        place: record.place,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_what_is_above_and_below() {
        let id = |number: u8| DepartmentId([number; 16]);
        // 1 above 2 and 3, 2 above 4 and 5, 4 above 6.
        let parents = [
            (1, None),
            (2, Some(1)),
            (3, Some(1)),
            (4, Some(2)),
            (5, Some(2)),
            (6, Some(4)),
        ];
        let parents: BTreeMap<_, _> = parents
            .into_iter()
            .map(|(one, above): (u8, Option<u8>)| (id(one), above.map(id)))
            .collect();
        let of = |own: &[u8]| {
            let own: Vec<_> = own.iter().copied().map(id).collect();
            let branch = branch(&own, &parents);
            branch.into_iter().map(|id| id.0[0]).collect::<Vec<u8>>()
        };
        assert_eq!(of(&[4]), [1, 2, 4, 6]);
        assert_eq!(of(&[1]), [1, 2, 3, 4, 5, 6]);
        assert_eq!(of(&[3, 5]), [1, 2, 3, 5]);
        assert!(of(&[]).is_empty());
    }
}
