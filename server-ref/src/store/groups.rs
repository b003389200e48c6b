//! What is read of groups.

use async_trait::async_trait;
use eim_codec::id::{ConversationId, UserId};

use super::{AnnouncementView, MemberPage, StoreError, TenantId, WaitingView};

/// Groups beyond what every conversation has. Part of [`Store`](super::Store).
#[async_trait]
pub trait Groups: Send + Sync + 'static {
    /// The announcement of a group; `None` when there is none.
    async fn announcement(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Option<AnnouncementView>, StoreError>;

    /// A page of the users who wait to join, in id order after `after`.
    async fn waiting(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<WaitingView>, bool), StoreError>;

    /// A page of what changed after the entry `since`, in order of the entries and of the ids; of
    /// the entry `since` itself only users after `after`. Former members have `Role::Unspecified`.
    async fn members_since(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        since: u64,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<MemberPage, StoreError>;
}
