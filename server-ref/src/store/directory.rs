//! The directory: profiles and departments.

use eim_codec::id::{ConversationId, UserId};
use sha2::{Digest as _, Sha256};

/// Id of a department: a function of its code, so that importing again finds it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DepartmentId(pub [u8; 16]);

impl DepartmentId {
    /// The department with a code.
    #[must_use]
    pub fn of(code: &str) -> Self {
        Self(digest(b"eim/1 department", code.as_bytes()))
    }

    /// The group of the department, should it have one.
    // impl[EIM-DIR-017]
    #[must_use]
    pub fn group(self) -> ConversationId {
        digest(b"eim/1 department group", &self.0).into()
    }
}

fn digest(label: &[u8], of: &[u8]) -> [u8; 16] {
    let digest = Sha256::new()
        .chain_update(label)
        .chain_update(of)
        .finalize();
    let mut id = [0; 16];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    id
}

/// Who is in the group of a department.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DepartmentGroup {
    /// Nobody: there is none.
    #[default]
    None,
    /// Its own members.
    Members,
    /// The same, and the members of all departments below.
    Branch,
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
    /// Who is in its group.
    pub group: DepartmentGroup,
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
    /// Departments with another name, parent, place or group.
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
    /// New groups of departments.
    pub groups_added: u64,
    /// Groups with another name.
    pub groups_renamed: u64,
    /// New members of groups.
    pub groups_joined: u64,
    /// Members of groups that are gone.
    pub groups_left: u64,
}

impl DirectoryChange {
    /// Adds what a further step changed.
    pub const fn add(&mut self, step: &Self) {
        self.added += step.added;
        self.changed += step.changed;
        self.removed += step.removed;
        self.joined += step.joined;
        self.retitled += step.retitled;
        self.left += step.left;
        self.profiles += step.profiles;
        self.groups_added += step.groups_added;
        self.groups_renamed += step.groups_renamed;
        self.groups_joined += step.groups_joined;
        self.groups_left += step.groups_left;
    }
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
    /// The account of a program.
    pub bot: bool,
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
