//! Users, devices and sessions, as callers see them.

use async_trait::async_trait;
use eim_codec::id::{DeviceId, SessionId, UserId};

use super::command::AccountCommand;
use super::content;
use super::store::KvStore;
use crate::store::{
    Accounts, DevicePage, DeviceRecord, LogOut, LoggedIn, Login, Refused, SessionRecord,
    StoreError, TenantId, UserRecord,
};

#[async_trait]
impl Accounts for KvStore {
    async fn create_users(
        &self,
        tenant: TenantId,
        users: Vec<UserRecord>,
    ) -> Result<Vec<Result<(), Refused>>, StoreError> {
        self.submit_account(|reply| AccountCommand::CreateUsers {
            tenant,
            users,
            reply,
        })
        .await
    }

    async fn set_disabled(
        &self,
        tenant: TenantId,
        user: UserId,
        disabled: bool,
    ) -> Result<bool, StoreError> {
        self.submit_account(|reply| AccountCommand::SetDisabled {
            tenant,
            user,
            disabled,
            reply,
        })
        .await
    }

    async fn user_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<UserRecord>, StoreError> {
        super::users::by_name(&*self.reader()?, tenant, name)
    }

    async fn user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRecord>, StoreError> {
        super::users::by_id(&*self.reader()?, tenant, user)
    }

    async fn users(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<UserRecord>, bool), StoreError> {
        super::users::page(&*self.reader()?, tenant, after, limit)
    }

    async fn log_in(
        &self,
        tenant: TenantId,
        user: UserId,
        login: Login,
    ) -> Result<Result<LoggedIn, Refused>, StoreError> {
        self.submit_account(|reply| AccountCommand::LogIn {
            tenant,
            user,
            login,
            reply,
        })
        .await
    }

    async fn log_out(
        &self,
        tenant: TenantId,
        user: UserId,
        log_out: LogOut,
    ) -> Result<Result<(), Refused>, StoreError> {
        let hash = content::of_log_out(&self.meta().content_secret(), log_out.device);
        self.submit_account(|reply| AccountCommand::LogOut {
            tenant,
            user,
            log_out,
            hash,
            reply,
        })
        .await
    }

    async fn devices(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<DevicePage, StoreError> {
        super::devices::page(&*self.reader()?, tenant, user, after, limit)
    }

    async fn device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError> {
        super::devices::device(&*self.reader()?, tenant, user, device)
    }

    async fn put_session(&self, tenant: TenantId, record: SessionRecord) -> Result<(), StoreError> {
        self.submit_account(|reply| AccountCommand::PutSession {
            tenant,
            record,
            reply,
        })
        .await
    }

    async fn session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<SessionRecord>, StoreError> {
        super::devices::session(&*self.reader()?, tenant, session)
    }

    async fn sessions_of_device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Vec<SessionId>, StoreError> {
        super::devices::sessions_of_device(&*self.reader()?, tenant, user, device)
    }
}
