//! What must survive of users, their devices and their sessions.

use async_trait::async_trait;
use eim_codec::id::{DeviceId, SessionId, UserId};

use super::{
    ClassLimits, DevicePage, DeviceRecord, LogOut, LoggedIn, Login, Proof, Refused, SessionRecord,
    StoreError, TenantId, UserRecord,
};

/// Users, devices, sessions. Part of [`Store`](super::Store).
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Creates users; `ErrorCode::ALREADY_EXISTS` for a name in use.
    async fn create_users(
        &self,
        tenant: TenantId,
        users: Vec<UserRecord>,
    ) -> Result<Vec<Result<(), Refused>>, StoreError>;

    /// Enables or disables a user; `false` when unknown.
    async fn set_disabled(
        &self,
        tenant: TenantId,
        user: UserId,
        disabled: bool,
    ) -> Result<bool, StoreError>;

    /// A user by name.
    async fn user_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<UserRecord>, StoreError>;

    /// A user by id.
    async fn user(&self, tenant: TenantId, user: UserId) -> Result<Option<UserRecord>, StoreError>;

    /// A page of users in name order after `after`.
    async fn users(
        &self,
        tenant: TenantId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<UserRecord>, bool), StoreError>;

    /// Registers the device and raises its connection generation; later commits of older
    /// generations are refused with `ErrorCode::REPLACED`. Durable when this returns.
    async fn open_device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        class: i32,
        name: String,
    ) -> Result<DeviceRecord, StoreError> {
        let login = Login {
            device,
            class,
            name,
            proof: Proof::Full,
            limits: ClassLimits::default(),
        };
        let opened = self.log_in(tenant, user, login).await?;
        opened
            .map(|opened| opened.record)
            .map_err(|refused| StoreError::Engine(refused.detail))
    }

    /// As [`open_device`](Self::open_device), under a policy, which also says what is needed for it:
    /// with [`Proof::Token`] the device must be logged in, under the login of the token
    /// (`ErrorCode::LOGGED_OUT` or `ErrorCode::RESUME_REJECTED`); with [`Proof::Full`] it is logged in
    /// now, and those that have to make room are logged out in the same batch, oldest login first.
    async fn log_in(
        &self,
        tenant: TenantId,
        user: UserId,
        login: Login,
    ) -> Result<Result<LoggedIn, Refused>, StoreError>;

    /// Logs a device out: its tokens are worth nothing, and commits of its connections are refused
    /// with `ErrorCode::LOGGED_OUT`. `ErrorCode::NOT_FOUND` when it is not logged in. With a request
    /// id it is an act of the device that asks, carried out once. Durable when this returns.
    async fn log_out(
        &self,
        tenant: TenantId,
        user: UserId,
        log_out: LogOut,
    ) -> Result<Result<(), Refused>, StoreError>;

    /// A page of the devices of a user that are logged in, in id order after `after`.
    async fn devices(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<DevicePage, StoreError>;

    /// A device of a user.
    async fn device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRecord>, StoreError>;

    /// Creates or replaces the resume token of a session. Durable when this returns.
    async fn put_session(&self, tenant: TenantId, record: SessionRecord) -> Result<(), StoreError>;

    /// The resume token of a session.
    async fn session(
        &self,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<SessionRecord>, StoreError>;

    /// All sessions of a device that the store knows, in any order.
    async fn sessions_of_device(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Vec<SessionId>, StoreError>;
}
