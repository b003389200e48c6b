//! Notifications, as callers see them.

use async_trait::async_trait;
use eim_codec::id::{ConversationId, DeviceId, UserId};

use super::command::{Command, NotifyCommand};
use super::notify::Asked;
use super::owed;
use super::store::KvStore;
use crate::store::{
    Fate, Notifications, NotifyChange, NotifyState, Origin, Owed, Refused, Service, StoreError,
    TenantId,
};

#[async_trait]
impl Notifications for KvStore {
    async fn notify(
        &self,
        origin: Origin,
        change: NotifyChange,
    ) -> Result<Result<(), Refused>, StoreError> {
        self.submit(|reply| {
            Command::Notify(NotifyCommand::Change {
                origin,
                change,
                reply,
            })
        })
        .await
    }

    async fn notify_state(
        &self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<NotifyState, StoreError> {
        let asked = Asked {
            tenant,
            user,
            device,
            after,
            limit,
            now_ms: self.environment.clock.now_ms(),
        };
        asked.read(&*self.reader()?)
    }

    async fn owed(
        &self,
        tenant: TenantId,
        service: Service,
        now_ms: u64,
        limit: usize,
    ) -> Result<(Vec<Owed>, Option<u64>), StoreError> {
        owed::due(&*self.reader()?, tenant, service, now_ms, limit)
    }

    async fn owed_count(
        &self,
        tenant: TenantId,
        service: Service,
        limit: usize,
    ) -> Result<(usize, Option<u64>), StoreError> {
        owed::count(&*self.reader()?, tenant, service, limit)
    }

    async fn settle(&self, tenant: TenantId, fates: Vec<(Owed, Fate)>) -> Result<(), StoreError> {
        self.submit(|reply| {
            Command::Notify(NotifyCommand::Settle {
                tenant,
                fates,
                reply,
            })
        })
        .await
    }
}
