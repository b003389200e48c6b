//! Marks: one register for each user and conversation, raised and never lowered.
//!
//! A batch holds each register at most once, whatever happened to it: the last value is written
//! with the batch.

use std::collections::BTreeMap;

use eim_codec::id::{ConversationId, DeviceId, UserId};
use eim_codec::registry::ErrorCode;

use super::committer::{Committer, Failure, refuse};
use super::keys;
use super::load::log_head_through;
use super::mentions;
use super::record::entry::{self, Head};
use super::record::state::{self, MarkRow, MembershipRow};
use crate::store::engine::{Reader, Space};
use crate::store::{
    FlagChange, MarkChange, MarkNote, MarkView, Marked, Origin, Refused, StoreError, TenantId,
};

/// Whose register, and of which conversation.
pub(super) type MarkKey = (TenantId, UserId, ConversationId);

/// Registers that the batch under way changes, and whom to tell.
#[derive(Debug, Default)]
pub(super) struct MarkChanges {
    rows: BTreeMap<MarkKey, MarkRow>,
    pub(super) notes: Vec<Marked>,
}

impl MarkChanges {
    /// The registers to write, in key order.
    pub(super) fn take_rows(&mut self) -> BTreeMap<MarkKey, MarkRow> {
        std::mem::take(&mut self.rows)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// What a member may read, and how much of it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// First number that may be read.
    pub(super) first: u64,
    /// Last number that may be read.
    pub(super) last: u64,
    /// Countable entries through the last.
    pub(super) countable: u64,
    /// Entries through the last that mention everybody.
    pub(super) calls: u64,
}

impl Extent {
    /// From the entry `first` to the one of `head`.
    pub(super) const fn new(first: u64, head: Head) -> Self {
        Self {
            first,
            last: head.conv_seq,
            countable: head.countable,
            calls: head.calls,
        }
    }

    /// Countable entries that are not read, and those of them that mention the user.
    // impl[EIM-MRK-008] impl[EIM-MRK-029]
    pub(super) fn counts(
        self,
        reader: &(impl Reader + ?Sized),
        key: MarkKey,
        mark: &MarkRow,
    ) -> Result<(u64, u64), StoreError> {
        let (tenant, _, id) = key;
        let before = self.first.saturating_sub(1);
        let (countable, calls, mentions) = if mark.read >= before {
            (mark.countable, mark.calls, mark.mentions_read)
        } else {
            let head = log_head_through(reader, tenant, id, before)?;
            let named = mentions::through(reader, key, before)?.unwrap_or(mark.mentions_read);
            (head.countable, head.calls, named)
        };
        let unread = self.countable.saturating_sub(countable);
        let called = self.calls.saturating_sub(calls);
        let named = mark.mentions.saturating_sub(mentions);
        // The register may be newer than the head.
        Ok((unread, called.saturating_add(named).min(unread)))
    }
}

/// The register of a user as it was committed; of an older epoch, cut to what is there.
pub(super) fn stored(
    reader: &(impl Reader + ?Sized),
    key: MarkKey,
    log_epoch: u64,
) -> Result<MarkRow, StoreError> {
    let (tenant, user, id) = key;
    let Some(record) = reader.get(Space::State, &keys::mark(tenant, user, id))? else {
        return Ok(MarkRow {
            log_epoch,
            ..MarkRow::default()
        });
    };
    let mut row: MarkRow = state::decode("mark", &record)?;
    // impl[EIM-MRK-021]
    if row.log_epoch != log_epoch {
        let head = log_head_through(reader, tenant, id, row.read)?;
        if head.conv_seq < row.read {
            row.mentions_read = row.mentions;
        }
        (row.read, row.countable, row.calls) = (head.conv_seq, head.countable, head.calls);
        row.delivered = log_head_through(reader, tenant, id, row.delivered)?.conv_seq;
        row.log_epoch = log_epoch;
    }
    Ok(row)
}

impl Committer {
    /// The register as this batch leaves it.
    pub(super) fn register(&mut self, key: MarkKey) -> Result<MarkRow, StoreError> {
        if let Some(row) = self.pending.marks.rows.get(&key) {
            return Ok(*row);
        }
        if let Some(row) = self.caches.marks.get_mut(&key) {
            return Ok(*row);
        }
        let row = stored(&*self.engine, key, self.meta.log_epoch)?;
        self.caches.marks.insert(key, row);
        Ok(row)
    }

    pub(super) fn set_register(&mut self, key: MarkKey, row: MarkRow) {
        self.caches.marks.insert(key, row);
        self.pending.marks.rows.insert(key, row);
    }

    /// The sender of a message has read everything through it. The register was loaded before.
    // impl[EIM-MRK-007]
    pub(super) fn sent(&mut self, key: MarkKey, conv_seq: u64, (countable, calls): (u64, u64)) {
        let Ok(mut row) = self.register(key) else {
            return;
        };
        // What a failure leaves behind goes with a later mark.
        let read = self.mentions_read(key, &row, (conv_seq, conv_seq));
        row.mentions_read = read.unwrap_or(row.mentions);
        row.calls = row.calls.max(calls);
        row.read = row.read.max(conv_seq);
        row.countable = row.countable.max(countable);
        row.delivered = row.delivered.max(conv_seq);
        row.marked_unread = false;
        self.set_register(key, row);
    }

    /// A device of the user has stored the entry.
    // impl[EIM-MRK-013] impl[EIM-MRK-015]
    pub(super) fn delivered(
        &mut self,
        key: MarkKey,
        peer: UserId,
        conv_seq: u64,
    ) -> Result<(), StoreError> {
        let mut row = self.register(key)?;
        if row.delivered >= conv_seq {
            return Ok(());
        }
        row.delivered = conv_seq;
        self.set_register(key, row);
        if peer != key.1 {
            self.tell(key, peer, None, view(key, &row));
        }
        Ok(())
    }

    /// Raises marks of one user; each conversation stands for itself.
    // impl[EIM-MRK-001] impl[EIM-MRK-002] impl[EIM-MRK-005]
    pub(super) fn mark(
        &mut self,
        origin: Origin,
        log_epoch: u64,
        changes: &[MarkChange],
    ) -> Result<Vec<MarkView>, Failure> {
        self.check_origin(&origin)?;
        if log_epoch != self.meta.log_epoch {
            return refuse(ErrorCode::TOO_OLD, "marks of another log_epoch");
        }
        let mut views = Vec::with_capacity(changes.len());
        for change in changes {
            views.extend(self.mark_one(&origin, change)?);
        }
        Ok(views)
    }

    fn mark_one(
        &mut self,
        origin: &Origin,
        change: &MarkChange,
    ) -> Result<Option<MarkView>, Failure> {
        let id = change.conversation;
        let key = (origin.tenant, origin.user, id);
        let Some(membership) = self.membership_row(origin.tenant, origin.user, id)? else {
            return Ok(None);
        };
        let extent = self.extent(key, &membership)?;
        let before = self.register(key)?;
        let mut row = before;
        if change.read > row.read {
            // impl[EIM-MRK-003]
            let place = self.place(key, extent, change.read)?;
            if place.conv_seq > row.read {
                let through = (place.conv_seq, extent.last);
                row.mentions_read = self.mentions_read(key, &row, through)?;
                (row.read, row.countable) = (place.conv_seq, place.countable);
                row.calls = place.calls;
                row.delivered = row.delivered.max(row.read);
                row.marked_unread = false;
                self.owe_unread((origin.tenant, origin.user), id, row.read)?;
            }
        }
        // impl[EIM-MRK-009]
        match change.flag {
            FlagChange::Leave => {}
            FlagChange::Set => row.marked_unread = true,
            FlagChange::Clear => row.marked_unread = false,
        }
        let (unread, mentions) = extent.counts(&*self.engine, key, &row)?;
        let own = MarkView {
            marked_unread: row.marked_unread,
            unread,
            mentions,
            ..view(key, &row)
        };
        if row != before {
            self.set_register(key, row);
            self.tell_marked(origin, key, &membership, (before, row), own)?;
        }
        Ok(Some(own))
    }

    /// The last entry through `asked` that may be read.
    fn place(
        &self,
        (tenant, _, id): MarkKey,
        extent: Extent,
        asked: u64,
    ) -> Result<Head, StoreError> {
        if asked >= extent.last {
            return Ok(Head {
                conv_seq: extent.last,
                time_ms: 0,
                countable: extent.countable,
                calls: extent.calls,
            });
        }
        // What this batch adds has no reader yet.
        log_head_through(&*self.engine, tenant, id, asked)
    }

    fn extent(&mut self, key: MarkKey, membership: &MembershipRow) -> Result<Extent, StoreError> {
        let (tenant, _, id) = key;
        let first = membership.visible_from;
        if membership.visible_through > 0 {
            let head = log_head_through(&*self.engine, tenant, id, membership.visible_through)?;
            return Ok(Extent::new(first, head));
        }
        let conversation = self.conversation(tenant, id)?.ok_or(StoreError::Closed)?;
        Ok(Extent {
            first,
            last: conversation.conv_seq,
            countable: conversation.countable,
            calls: conversation.calls,
        })
    }

    pub(super) fn membership_row(
        &self,
        tenant: TenantId,
        user: UserId,
        id: ConversationId,
    ) -> Result<Option<MembershipRow>, StoreError> {
        self.pending
            .state(&*self.engine, &keys::membership(tenant, user, id))?
            .map(|record| state::decode("membership", &record))
            .transpose()
    }

    /// The other devices of the user, and the peer or the author.
    // impl[EIM-MRK-014] impl[EIM-MRK-015] impl[EIM-MRK-019]
    fn tell_marked(
        &mut self,
        origin: &Origin,
        key: MarkKey,
        membership: &MembershipRow,
        (before, row): (MarkRow, MarkRow),
        own: MarkView,
    ) -> Result<(), StoreError> {
        let (tenant, user, id) = key;
        self.tell(key, user, Some(origin.device), own);
        if row.read == before.read || membership.visible_through > 0 {
            return Ok(());
        }
        if let Ok(peer) = state::id::<UserId>("peer", &membership.peer) {
            if peer != user {
                self.tell(key, peer, None, view(key, &row));
            }
            return Ok(());
        }
        let Some(record) = self
            .engine
            .get(Space::Log, &keys::log(tenant, id, row.read))?
        else {
            return Ok(());
        };
        let Some(author) = entry::decode(id, row.read, &record)?.sender else {
            return Ok(());
        };
        let member = self
            .conversation(tenant, id)?
            .is_some_and(|conversation| conversation.member(author).is_some());
        if author != user && member {
            self.pending.marks.notes.push(Marked {
                tenant,
                to: author,
                except: None,
                log_epoch: self.meta.log_epoch,
                note: MarkNote::Readers {
                    conversation: id,
                    through: row.read,
                },
            });
        }
        Ok(())
    }

    fn tell(&mut self, key: MarkKey, to: UserId, except: Option<DeviceId>, view: MarkView) {
        self.pending.marks.notes.push(Marked {
            tenant: key.0,
            to,
            except,
            log_epoch: self.meta.log_epoch,
            note: MarkNote::Mark(view),
        });
    }
}

/// A register as others may see it.
// impl[EIM-MRK-016]
pub(super) const fn view((_, user, conversation): MarkKey, row: &MarkRow) -> MarkView {
    MarkView {
        conversation,
        user,
        read: row.read,
        delivered: row.delivered,
        marked_unread: false,
        unread: 0,
        mentions: 0,
    }
}

/// Keeps refusals apart from failures of the engine.
pub(super) type MarkOutcome = Result<Vec<MarkView>, Refused>;
