//! Reading marks: one's own with what is unread, those of peers, and who has read what.

use std::ops::ControlFlow;

use eim_codec::id::{ConversationId, UserId};

use super::keys;
use super::load::{log_head, log_head_through};
use super::marks::{Extent, MarkKey, stored, view};
use super::record::state::{self, MembershipRow};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{MarkView, ReaderPage, StoreError, TenantId, UnreadPage, UnreadView};

/// Conversations looked at before other tasks get their turn.
const TURN: usize = 256;
/// Conversations looked at in one page.
const LOOKED_AT: usize = 10_000;
/// Members looked at in one page.
const MEMBERS: usize = 2_000;

/// A user's own marks in a conversation. The head was read before: a mark beyond it counts as the head.
pub(super) fn own(
    reader: &dyn Reader,
    key: MarkKey,
    log_epoch: u64,
    extent: Extent,
) -> Result<MarkView, StoreError> {
    let row = stored(reader, key, log_epoch)?;
    let (unread, mentions) = extent.counts(reader, key, &row)?;
    Ok(MarkView {
        marked_unread: row.marked_unread,
        unread,
        mentions,
        ..view(key, &row)
    })
}

fn extent(
    reader: &dyn Reader,
    tenant: TenantId,
    id: ConversationId,
    row: &MembershipRow,
) -> Result<Extent, StoreError> {
    let head = match row.visible_through {
        0 => log_head(reader, tenant, id)?,
        through => log_head_through(reader, tenant, id, through)?,
    };
    Ok(Extent::new(row.visible_from, head))
}

/// Marks of a user, and of the peers of direct conversations.
// impl[EIM-MRK-012]
pub(super) fn marks(
    reader: &dyn Reader,
    log_epoch: u64,
    tenant: TenantId,
    user: UserId,
    conversations: &[ConversationId],
) -> Result<Vec<MarkView>, StoreError> {
    let mut marks = Vec::with_capacity(conversations.len() * 2);
    for &id in conversations {
        let Some(record) = reader.get(Space::State, &keys::membership(tenant, user, id))? else {
            continue;
        };
        let row: MembershipRow = state::decode("membership", &record)?;
        let key = (tenant, user, id);
        let extent = extent(reader, tenant, id, &row)?;
        marks.push(own(reader, key, log_epoch, extent)?);
        if row.peer.is_empty() {
            continue;
        }
        let peer: UserId = state::id("peer", &row.peer)?;
        if peer != user {
            let key = (tenant, peer, id);
            marks.push(view(key, &stored(reader, key, log_epoch)?));
        }
    }
    Ok(marks)
}

/// A page of the conversations with something unread.
// impl[EIM-MRK-010] impl[EIM-MRK-011]
pub(super) async fn page(
    reader: &dyn Reader,
    log_epoch: u64,
    tenant: TenantId,
    user: UserId,
    after: Option<ConversationId>,
    limit: usize,
) -> Result<UnreadPage, StoreError> {
    let (rows, mut more) = memberships(reader, tenant, user, after)?;
    let mut page = UnreadPage {
        conversations: Vec::new(),
        through: None,
        more: false,
    };
    for (at, (id, row)) in rows.into_iter().enumerate() {
        if page.conversations.len() >= limit {
            more = true;
            break;
        }
        let extent = extent(reader, tenant, id, &row)?;
        let mark = own(reader, (tenant, user, id), log_epoch, extent)?;
        page.through = Some(id);
        if mark.unread > 0 || mark.mentions > 0 || mark.marked_unread {
            page.conversations.push(UnreadView {
                conversation: id,
                unread: mark.unread,
                mentions: mark.mentions,
                read: mark.read,
                marked_unread: mark.marked_unread,
            });
        }
        if (at + 1).is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
    page.more = more;
    Ok(page)
}

type Memberships = Vec<(ConversationId, MembershipRow)>;

fn memberships(
    reader: &dyn Reader,
    tenant: TenantId,
    user: UserId,
    after: Option<ConversationId>,
) -> Result<(Memberships, bool), StoreError> {
    let (mut rows, mut more) = (Vec::new(), false);
    let from = keys::membership(tenant, user, after.unwrap_or_else(|| [0; 16].into()));
    let to = keys::membership(tenant, user, [0xFF; 16].into());
    reader.scan(
        Space::State,
        &from,
        &to,
        Order::Ascending,
        &mut |key, record| {
            let id = keys::last_id(key)?;
            if after == Some(id) {
                return Ok(ControlFlow::Continue(()));
            }
            if rows.len() >= LOOKED_AT {
                more = true;
                return Ok(ControlFlow::Break(()));
            }
            rows.push((id, state::decode("membership", record)?));
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok((rows, more))
}

/// Who has read what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readers {
    pub(super) log_epoch: u64,
    pub(super) conversation: ConversationId,
    pub(super) conv_seq: u64,
    pub(super) missing: bool,
    pub(super) limit: usize,
}

impl Readers {
    // impl[EIM-MRK-018]
    pub(super) fn page(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        after: Option<UserId>,
    ) -> Result<ReaderPage, StoreError> {
        let id = self.conversation;
        let members = super::conversations::members(reader, tenant, id, after, MEMBERS)?;
        let mut page = ReaderPage {
            readers: Vec::new(),
            through: None,
            more: members.more,
        };
        for member in members.members {
            if page.readers.len() >= self.limit {
                page.more = true;
                break;
            }
            let mark = stored(reader, (tenant, member.user, id), self.log_epoch)?;
            page.through = Some(member.user);
            if (mark.read >= self.conv_seq) != self.missing {
                page.readers.push((member.user, mark.read));
            }
        }
        Ok(page)
    }
}
