//! Reading back what the caches do not hold: heads are derived from the records themselves, so
//! that they cannot disagree with them.

use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::payload::{ConversationKind, Role};

use super::cache::{Conversation, Member, Standing, Timeline};
use super::committer::Committer;
use super::keys;
use super::record::entry::{self, Head};
use super::record::state::{self, ConversationRow, FloorRow, MemberRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{LogoutReason, StoreError, TenantId};

impl Committer {
    /// The conversation as this batch leaves it; `None` when it does not exist.
    pub(super) fn conversation(
        &mut self,
        tenant: TenantId,
        id: ConversationId,
    ) -> Result<Option<&mut Conversation>, StoreError> {
        // Looked up twice because the borrow checker does not accept an early return.
        if self.caches.conversations.get_mut(&(tenant, id)).is_none() {
            let Some(mut loaded) = load_conversation(&*self.engine, tenant, id)? else {
                return Ok(None);
            };
            if let (ConversationKind::Direct, [one, other]) = (loaded.kind, &loaded.members[..]) {
                loaded.relation = self.relation(tenant, one.user, other.user)?;
            }
            self.caches.count_members(loaded.members.len());
            self.caches.conversations.insert((tenant, id), loaded);
        }
        Ok(self.caches.conversations.get_mut(&(tenant, id)))
    }

    /// The timeline as this batch leaves it.
    pub(super) fn timeline(
        &mut self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<&mut Timeline, StoreError> {
        if self.caches.timelines.get_mut(&(tenant, user)).is_none() {
            let (head, _) = timeline_bounds(&*self.engine, tenant, user)?;
            let timeline = Timeline {
                head,
                slot: self.pending.before(),
            };
            self.caches.timelines.insert((tenant, user), timeline);
        }
        self.caches
            .timelines
            .get_mut(&(tenant, user))
            .ok_or(StoreError::Closed)
    }

    /// Whether connections of a device may write.
    pub(super) fn standing(
        &mut self,
        tenant: TenantId,
        user: UserId,
        device: DeviceId,
    ) -> Result<Standing, StoreError> {
        if let Some(standing) = self.caches.standings.get_mut(&(tenant, user, device)) {
            return Ok(*standing);
        }
        let Some(row) = self.device_row(tenant, user, device)? else {
            return Ok(Standing::default());
        };
        let standing = Standing {
            generation: row.generation,
            logged_out: LogoutReason::from_number(row.logged_out),
        };
        self.caches
            .standings
            .insert((tenant, user, device), standing);
        Ok(standing)
    }
}

fn load_conversation(
    engine: &(impl Reader + ?Sized),
    tenant: TenantId,
    id: ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    let Some(record) = engine.get(Space::State, &keys::conversation(tenant, id))? else {
        return Ok(None);
    };
    let row: ConversationRow = state::decode("conversation", &record)?;
    let kind = ConversationKind::try_from(row.kind).unwrap_or(ConversationKind::Unspecified);
    let (fan_out, policy) = (row.fan_out(), row.policy());
    let mut conversation = Conversation::new(kind, row.name);
    (conversation.fan_out, conversation.policy) = (fan_out, policy);
    conversation.dissolved = row.dissolved;
    conversation.muted_until_ms = row.muted_until_ms;
    conversation.announced = row.announced;
    conversation.waiting = row.waiting;
    conversation.department = row.department;
    conversation.indexed = row.indexed;
    let from = keys::member(tenant, id, UserId::from([0; 16]));
    let to = keys::member(tenant, id, UserId::from([0xFF; 16]));
    engine.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            let row: MemberRow = state::decode("member", record)?;
            let user = keys::last_id(key)?;
            let role = Role::try_from(row.role).unwrap_or(Role::Unspecified);
            conversation.members.push(Member {
                user,
                role,
                joined_at: row.joined_at,
                changed_at: row.changed_at,
                muted_until_ms: row.muted_until_ms,
            });
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let head = log_head(engine, tenant, id)?;
    conversation.conv_seq = head.conv_seq;
    conversation.time_ms = head.time_ms;
    conversation.countable = head.countable;
    conversation.calls = head.calls;
    Ok(Some(conversation))
}

/// The numbers of the last entry of a log; zeros when it is empty.
pub(super) fn log_head(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
    id: ConversationId,
) -> Result<Head, StoreError> {
    log_head_through(reader, tenant, id, u64::MAX)
}

/// The same of the last entry through `conv_seq`.
pub(super) fn log_head_through(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
    id: ConversationId,
    conv_seq: u64,
) -> Result<Head, StoreError> {
    let from = keys::log(tenant, id, 0);
    let to = keys::log(tenant, id, conv_seq);
    let mut head = Head::default();
    reader.scan(
        Space::Log,
        &from,
        &to,
        Order::Descending,
        &mut |key, record| {
            head = entry::head(keys::number(key), record)?;
            Ok(ControlFlow::Break(()))
        },
    )?;
    Ok(head)
}

/// Head and floor of a timeline. The floor is the highest removed number, so the head is never
/// below it.
// impl[EIM-SYN-034]
pub(super) fn timeline_bounds(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
    user: UserId,
) -> Result<(u64, u64), StoreError> {
    let floor = timeline_floor(reader, tenant, user)?;
    let from = keys::timeline(tenant, user, floor);
    let to = keys::timeline(tenant, user, u64::MAX);
    let mut head = floor;
    reader.scan(
        Space::Timeline,
        &from,
        &to,
        Order::Descending,
        &mut |key, _| {
            head = keys::number(key).max(floor);
            Ok(ControlFlow::Break(()))
        },
    )?;
    Ok((head, floor))
}

/// Highest number removed from a timeline.
pub(super) fn timeline_floor(
    reader: &(impl Reader + ?Sized),
    tenant: TenantId,
    user: UserId,
) -> Result<u64, StoreError> {
    match reader.get(Space::State, &keys::floor(tenant, user))? {
        Some(record) => Ok(state::decode::<FloorRow>("floor", &record)?.floor),
        None => Ok(0),
    }
}
