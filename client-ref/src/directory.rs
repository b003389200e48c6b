//! The directory: profiles and departments.

use std::collections::BTreeMap;

use bytes::Bytes;
use eim_codec::id::UserId;
use eim_codec::payload::{
    Department, DepartmentMember, DepartmentMembersRequest, DepartmentsRequest, Profile,
    ProfileSetRequest, ProfilesRequest, request, response,
};
use eim_codec::registry::{ErrorCode, Operation};

use crate::client::Client;
use crate::error::RequestError;

/// Profiles, as far as they were heard of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profiles {
    log_epoch: u64,
    version: u64,
    users: BTreeMap<Bytes, Profile>,
}

impl Profiles {
    /// All of them, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.users.values()
    }
}

/// Fields of the own profile to change; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileFields {
    /// Shown to people.
    pub display_name: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Mail address.
    pub mail: Option<String>,
    /// Names a picture.
    pub avatar: Option<Bytes>,
}

impl Client {
    /// Brings profiles up to date: asks for what has changed since.
    ///
    /// # Errors
    /// [`RequestError`]; what was read before stays.
    // impl[EIM-DIR-005]
    pub async fn profiles(&self, known: &mut Profiles) -> Result<(), RequestError> {
        loop {
            let ask = ProfilesRequest {
                log_epoch: known.log_epoch,
                version: known.version,
                users: Vec::new(),
            };
            let answer = self.ask(Operation::PROFILES, request::Body::Profiles(ask));
            let page = match answer.await {
                Ok(response::Body::Profiles(page)) => page,
                Ok(_) => return Err(RequestError::Nonsense("not profiles")),
                Err(RequestError::Refused { code, .. })
                    if code == ErrorCode::TOO_OLD && known.version > 0 =>
                {
                    *known = Profiles::default();
                    continue;
                }
                Err(error) => return Err(error),
            };
            if page.more && page.version <= known.version {
                return Err(RequestError::Nonsense("profiles that do not go on"));
            }
            known.log_epoch = page.log_epoch;
            known.version = known.version.max(page.version);
            let new = page.profiles.into_iter();
            known
                .users
                .extend(new.map(|profile| (profile.user.clone(), profile)));
            if !page.more {
                return Ok(());
            }
        }
    }

    /// The profile of a user; `None` for one who may not be read.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, RequestError> {
        let ask = ProfilesRequest {
            users: vec![user.to_bytes()],
            ..ProfilesRequest::default()
        };
        let answer = self.ask(Operation::PROFILES, request::Body::Profiles(ask));
        match answer.await? {
            response::Body::Profiles(page) => Ok(page.profiles.into_iter().next()),
            _ => Err(RequestError::Nonsense("not profiles")),
        }
    }

    /// Changes the own profile; returns its version, 0 when nothing had to change.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn profile_set(&self, fields: ProfileFields) -> Result<u64, RequestError> {
        let ask = ProfileSetRequest {
            display_name: fields.display_name,
            phone: fields.phone,
            mail: fields.mail,
            avatar: fields.avatar,
        };
        let answer = self.ask(Operation::PROFILE_SET, request::Body::ProfileSet(ask));
        match answer.await? {
            response::Body::ProfileSet(done) => Ok(done.version),
            _ => Err(RequestError::Nonsense("not the own profile")),
        }
    }

    /// All departments that this user may read, by id.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn departments(&self) -> Result<Vec<Department>, RequestError> {
        let mut departments: Vec<Department> = Vec::new();
        loop {
            let after = departments.last().map(|it| it.department.clone());
            let ask = DepartmentsRequest {
                after: after.unwrap_or_default(),
            };
            let answer = self.ask(Operation::DEPARTMENTS, request::Body::Departments(ask));
            let response::Body::Departments(page) = answer.await? else {
                return Err(RequestError::Nonsense("not departments"));
            };
            let end = !page.more || page.departments.is_empty();
            departments.extend(page.departments);
            if end {
                return Ok(departments);
            }
        }
    }

    /// All members of a department, by id.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn department_members(
        &self,
        department: &Bytes,
    ) -> Result<Vec<DepartmentMember>, RequestError> {
        let mut members: Vec<DepartmentMember> = Vec::new();
        loop {
            let after = members.last().map(|member| member.user.clone());
            let body = request::Body::DepartmentMembers(DepartmentMembersRequest {
                department: department.clone(),
                after: after.unwrap_or_default(),
            });
            let answer = self.ask(Operation::DEPARTMENT_MEMBERS, body);
            let response::Body::DepartmentMembers(page) = answer.await? else {
                return Err(RequestError::Nonsense("not members of a department"));
            };
            let end = !page.more || page.members.is_empty();
            members.extend(page.members);
            if end {
                return Ok(members);
            }
        }
    }
}
