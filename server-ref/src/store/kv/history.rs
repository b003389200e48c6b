//! Reading a range of a conversation log.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use eim_codec::id::ConversationId;
use eim_codec::payload::EntryState;

use super::load::log_head;
use super::record::entry;
use super::record::modified::ModifiedRow;
use super::{keys, modified};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{Entry, HistoryPage, StoreError, TenantId};

/// What to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) newest_first: bool,
    pub(super) max_entries: usize,
    pub(super) max_octets: usize,
    pub(super) through: u64,
}

impl Page {
    // impl[EIM-SYN-044]
    pub(super) fn read(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        id: ConversationId,
    ) -> Result<HistoryPage, StoreError> {
        let head = log_head(reader, tenant, id)?.conv_seq;
        let former = self.through != 0;
        let as_of = if former { self.through.min(head) } else { head };
        let (mut entries, mut octets) = self.entries(reader, tenant, id)?;
        let mut states: Vec<Option<EntryState>> = vec![None; entries.len()];
        for (conv_seq, row) in self.rows(reader, tenant, id, &entries)? {
            let Ok(at) = entries.binary_search_by(|entry| self.order(entry.conv_seq, conv_seq))
            else {
                continue;
            };
            let state = modified::state_of(reader, tenant, id, row, as_of, former)?;
            octets += state.as_ref().map_or(0, |state| state.edit_body.len());
            if octets > self.max_octets && at > 0 {
                entries.truncate(at);
                states.truncate(at);
                break;
            }
            if let Some(place) = states.get_mut(at) {
                *place = state;
            }
        }
        Ok(HistoryPage {
            entries,
            states,
            as_of,
        })
    }

    /// How two numbers stand in the page.
    fn order(self, one: u64, other: u64) -> Ordering {
        let upwards = one.cmp(&other);
        if self.newest_first {
            upwards.reverse()
        } else {
            upwards
        }
    }

    /// What operations have made of the entries, in their order.
    fn rows(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        id: ConversationId,
        entries: &[Arc<Entry>],
    ) -> Result<Vec<(u64, ModifiedRow)>, StoreError> {
        let numbers = || entries.iter().map(|entry| entry.conv_seq);
        let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
            return Ok(Vec::new());
        };
        let mut rows = modified::rows(reader, tenant, id, first, last)?;
        if self.newest_first {
            rows.reverse();
        }
        Ok(rows)
    }

    fn entries(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        id: ConversationId,
    ) -> Result<(Vec<Arc<Entry>>, usize), StoreError> {
        let order = if self.newest_first {
            Order::Descending
        } else {
            Order::Ascending
        };
        let from = keys::log(tenant, id, self.first);
        let to = keys::log(tenant, id, self.last);
        let mut entries = Vec::new();
        let mut octets = 0;
        reader.scan(Space::Log, &from, &to, order, &mut |key, record| {
            if !entries.is_empty()
                && (entries.len() >= self.max_entries || octets + record.len() > self.max_octets)
            {
                return Ok(ControlFlow::Break(()));
            }
            octets += record.len();
            let entry = entry::decode(id, keys::number(key), record)?;
            entries.push(Arc::new(entry));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((entries, octets))
    }
}
