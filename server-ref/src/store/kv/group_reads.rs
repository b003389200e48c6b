//! Reading what is decided about groups, who waits to join, and what changed among members.

use std::ops::ControlFlow;

use async_trait::async_trait;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::Role;

use super::keys;
use super::load::log_head;
use super::member_index;
use super::record::state::{self, AnnouncementRow, MemberRow, WaitingRow};
use super::store::KvStore;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{
    AnnouncementView, Groups, MemberPage, MemberView, StoreError, TenantId, WaitingView,
};

#[async_trait]
impl Groups for KvStore {
    // impl[EIM-GPO-012]
    async fn announcement(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
    ) -> Result<Option<AnnouncementView>, StoreError> {
        let key = keys::announcement(tenant, conversation);
        let Some(record) = self.reader()?.get(Space::State, &key)? else {
            return Ok(None);
        };
        let row: AnnouncementRow = state::decode("announcement", &record)?;
        Ok(Some(AnnouncementView {
            user: state::id("announcement", &row.user)?,
            text: row.text,
            conv_seq: row.conv_seq,
            time_ms: row.time_ms,
        }))
    }

    // impl[EIM-GPO-028]
    async fn waiting(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<WaitingView>, bool), StoreError> {
        let (mut found, mut more) = (Vec::new(), false);
        let from = keys::waiting(
            tenant,
            conversation,
            after.unwrap_or_else(|| [0; 16].into()),
        );
        let to = keys::waiting(tenant, conversation, [0xFF; 16].into());
        let mut take = |key: &[u8], record: &[u8]| {
            let user = keys::last_id(key)?;
            if after == Some(user) {
                return Ok(ControlFlow::Continue(()));
            }
            if found.len() >= limit {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            let row: WaitingRow = state::decode("waiting", record)?;
            found.push(WaitingView {
                user,
                invited_by: state::id("waiting", &row.invited_by)?,
                time_ms: row.time_ms,
            });
            Ok(ControlFlow::Continue(()))
        };
        self.reader()?
            .scan(Space::State, &from, &to, Order::Ascending, &mut take)?;
        Ok((found, more))
    }

    async fn members_since(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        since: u64,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<MemberPage, StoreError> {
        let missing = member_index::missing(&*self.reader()?, tenant, conversation)?;
        if let Some(changes) = missing {
            self.index_members(tenant, conversation, changes).await?;
        }
        let reader = self.reader()?;
        changed(&*reader, tenant, conversation, (since, after), limit)
    }
}

// impl[EIM-GPO-033] impl[EIM-GPO-034]
fn changed(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
    (since, after): (u64, Option<UserId>),
    limit: usize,
) -> Result<MemberPage, StoreError> {
    let as_of = log_head(reader, tenant, id)?.conv_seq;
    let (mut found, mut more) = (Vec::new(), false);
    let from = match after {
        Some(user) => keys::member_change(tenant, id, since, user),
        None => keys::member_change(tenant, id, since.saturating_add(1), [0; 16].into()),
    };
    let to = keys::member_change(tenant, id, u64::MAX, [0xFF; 16].into());
    let mut take = |key: &[u8], _: &[u8]| {
        let user: UserId = keys::last_id(key)?;
        if key == &from[..] && after == Some(user) {
            return Ok(ControlFlow::Continue(()));
        }
        if found.len() >= limit {
            more = true;
            return Ok(ControlFlow::Break(()));
        }
        let number = key.len().checked_sub(16).and_then(|end| key.get(..end));
        found.push((user, number.map_or(0, keys::number)));
        Ok(ControlFlow::Continue(()))
    };
    reader.scan(Space::State, &from, &to, Order::Ascending, &mut take)?;
    let mut members = Vec::with_capacity(found.len());
    for (user, changed_at) in found {
        let record = reader.get(Space::State, &keys::member(tenant, id, user))?;
        let row = match record {
            Some(record) => state::decode("member", &record)?,
            None => MemberRow::default(),
        };
        members.push(MemberView {
            user,
            role: Role::try_from(row.role).unwrap_or(Role::Unspecified),
            joined_at: row.joined_at,
            muted_until_ms: row.muted_until_ms,
            changed_at,
        });
    }
    Ok(MemberPage {
        members,
        more,
        as_of,
    })
}
