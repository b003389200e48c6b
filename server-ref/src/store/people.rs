//! What must survive of contacts, profiles and the directory.

use async_trait::async_trait;
use eim_codec::id::UserId;

use super::{
    ContactPage, ContactView, DepartmentId, DepartmentMember, DepartmentRecord, Directory,
    DirectoryChange, ProfilePage, ProfileView, Refused, StoreError, TenantId,
};

/// Contacts, profiles, departments. Part of [`Store`](super::Store).
#[async_trait]
pub trait People: Send + Sync + 'static {
    /// A page of the list of contacts of a user: those whose version is above `version`, in its
    /// order.
    async fn contacts(
        &self,
        tenant: TenantId,
        user: UserId,
        version: u64,
        limit: usize,
    ) -> Result<ContactPage, StoreError>;

    /// A user on the list of contacts of `owner`; `None` for one who never was.
    async fn contact(
        &self,
        tenant: TenantId,
        owner: UserId,
        user: UserId,
    ) -> Result<Option<ContactView>, StoreError>;

    /// A page of all profiles: those whose version is above `version`, in its order.
    async fn profiles(
        &self,
        tenant: TenantId,
        version: u64,
        limit: usize,
    ) -> Result<ProfilePage, StoreError>;

    /// The profile of a user.
    async fn profile(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<ProfileView>, StoreError>;

    /// A department.
    async fn department(
        &self,
        tenant: TenantId,
        department: DepartmentId,
    ) -> Result<Option<DepartmentRecord>, StoreError>;

    /// A page of departments, in id order after `after`.
    async fn departments(
        &self,
        tenant: TenantId,
        after: Option<DepartmentId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentRecord>, bool), StoreError>;

    /// A page of the members of a department, in id order after `after`.
    async fn department_members(
        &self,
        tenant: TenantId,
        department: DepartmentId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentMember>, bool), StoreError>;

    /// The departments of a user, in id order.
    async fn departments_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<DepartmentId>, StoreError>;

    /// Writes a text of the operator into the personal log of a user; durable when this returns.
    async fn notice(
        &self,
        tenant: TenantId,
        user: UserId,
        text: String,
    ) -> Result<Result<u64, Refused>, StoreError>;

    /// Makes the directory what is given, in one commit, then the groups of departments what
    /// follows from it, in as many as it takes; durable when this returns. Importing again goes on
    /// where an import ended early. A dry run only tells what would change. Refused, before
    /// anything is changed, when a group would have too many members or too long a name.
    async fn import_directory(
        &self,
        tenant: TenantId,
        directory: Directory,
        dry_run: bool,
    ) -> Result<Result<DirectoryChange, Refused>, StoreError>;
}
