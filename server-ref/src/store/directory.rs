//! The directory: profiles and departments.

use eim_codec::id::UserId;
use sha2::{Digest as _, Sha256};

/// Id of a department: a function of its code, so that importing again finds it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepartmentId(pub [u8; 16]);

impl DepartmentId {
    /// The department with a code.
    #[must_use]
    pub fn of(code: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"eim/1 department")
            .chain_update(code)
            .finalize();
        let mut id = [0; 16];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(id)
    }
}

impl From<[u8; 16]> for DepartmentId {
    fn from(id: [u8; 16]) -> Self {
        Self(id)
    }
}

/// A department.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartmentRecord {
    /// Its id.
    pub id: DepartmentId,
    /// What the operator calls it; unique.
    pub code: String,
    /// The one above; `None` at the top.
    pub parent: Option<DepartmentId>,
    /// Shown to people.
    pub name: String,
    /// Place among those with the same parent.
    pub place: u32,
}

/// A member of a department.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartmentMember {
    /// The department.
    pub department: DepartmentId,
    /// The member.
    pub user: UserId,
    /// Title of the member there.
    pub title: String,
}

/// The whole tree, as an operator imports it. Parents and departments of members exist, there
/// is no cycle, and members are users of the tenant: the caller has checked all that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// All departments.
    pub departments: Vec<DepartmentRecord>,
    /// All members; the first department of a user is the one in the profile.
    pub members: Vec<DepartmentMember>,
}

/// What an import changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectoryChange {
    /// New departments.
    pub added: u64,
    /// Departments with another name, parent or place.
    pub changed: u64,
    /// Departments that are gone.
    pub removed: u64,
    /// New members of departments.
    pub joined: u64,
    /// Members with another title.
    pub retitled: u64,
    /// Members that are gone.
    pub left: u64,
    /// Profiles that changed.
    pub profiles: u64,
}

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileView {
    /// The user.
    pub user: UserId,
    /// Login name.
    pub name: String,
    /// Shown to people.
    pub display_name: String,
    /// Phone number.
    pub phone: String,
    /// Mail address.
    pub mail: String,
    /// Names a picture; opaque.
    pub avatar: Vec<u8>,
    /// Title in the first department.
    pub title: String,
    /// First department.
    pub department: Option<DepartmentId>,
    /// Raised by each change, above that of all profiles; 0 before the first one.
    pub version: u64,
}

/// Fields of the own profile to change; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// Shown to people.
    pub display_name: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// Mail address.
    pub mail: Option<String>,
    /// Names a picture.
    pub avatar: Option<Vec<u8>>,
}

/// A page of profiles, in the order in which they changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfilePage {
    /// Profiles whose version is above the one asked for, in its order.
    pub profiles: Vec<ProfileView>,
    /// More follow.
    pub more: bool,
    /// Highest version.
    pub head: u64,
}
