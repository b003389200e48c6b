//! Contacts, profiles and the directory, as callers see them.

use std::sync::Arc;

use async_trait::async_trait;
use eim_codec::id::UserId;

use super::command::AccountCommand;
use super::store::KvStore;
use crate::store::{
    ContactPage, ContactView, DepartmentId, DepartmentMember, DepartmentRecord, Directory,
    DirectoryChange, People, ProfilePage, ProfileView, Refused, StoreError, TenantId,
};

#[async_trait]
impl People for KvStore {
    async fn contacts(
        &self,
        tenant: TenantId,
        user: UserId,
        version: u64,
        limit: usize,
    ) -> Result<ContactPage, StoreError> {
        super::contact_list::page(&*self.reader()?, tenant, user, version, limit)
    }

    async fn contact(
        &self,
        tenant: TenantId,
        owner: UserId,
        user: UserId,
    ) -> Result<Option<ContactView>, StoreError> {
        super::contact_list::contact(&*self.reader()?, tenant, owner, user)
    }

    async fn profiles(
        &self,
        tenant: TenantId,
        version: u64,
        limit: usize,
    ) -> Result<ProfilePage, StoreError> {
        super::profiles::page(&*self.reader()?, tenant, version, limit)
    }

    async fn profile(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<ProfileView>, StoreError> {
        super::profiles::profile(&*self.reader()?, tenant, user)
    }

    async fn department(
        &self,
        tenant: TenantId,
        department: DepartmentId,
    ) -> Result<Option<DepartmentRecord>, StoreError> {
        super::directory::department(&*self.reader()?, tenant, department)
    }

    async fn departments(
        &self,
        tenant: TenantId,
        after: Option<DepartmentId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentRecord>, bool), StoreError> {
        super::directory::departments_of_tenant(&*self.reader()?, tenant, after, limit)
    }

    async fn department_members(
        &self,
        tenant: TenantId,
        department: DepartmentId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<DepartmentMember>, bool), StoreError> {
        super::directory::members(&*self.reader()?, tenant, department, after, limit)
    }

    async fn departments_of(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<DepartmentId>, StoreError> {
        super::directory::departments_of_user(&*self.reader()?, tenant, user)
    }

    async fn notice(
        &self,
        tenant: TenantId,
        user: UserId,
        text: String,
    ) -> Result<Result<u64, Refused>, StoreError> {
        self.submit_account(|reply| AccountCommand::Notice {
            tenant,
            user,
            text,
            reply,
        })
        .await
    }

    async fn import_directory(
        &self,
        tenant: TenantId,
        directory: Directory,
        dry_run: bool,
    ) -> Result<Result<DirectoryChange, Refused>, StoreError> {
        let directory = Arc::new(directory);
        // Two that take turns would undo each other without end.
        let _alone = self.importing.lock().await;
        let mut change = DirectoryChange::default();
        loop {
            let step = self.submit_account(|reply| AccountCommand::ImportDirectory {
                tenant,
                directory: Arc::clone(&directory),
                dry_run,
                reply,
            });
            let (step, more) = match step.await? {
                Ok(done) => done,
                Err(refused) => return Ok(Err(refused)),
            };
            change.add(&step);
            if !more {
                return Ok(Ok(change));
            }
        }
    }
}
