//! Reading a range of a conversation log.

use std::ops::ControlFlow;
use std::sync::Arc;

use eim_codec::id::ConversationId;

use super::keys;
use super::record::entry;
use crate::store::engine::{Order, Reader, Space};
use crate::store::{Entry, StoreError, TenantId};

/// What to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) newest_first: bool,
    pub(super) max_entries: usize,
    pub(super) max_octets: usize,
}

impl Page {
    // impl[EIM-SYN-044]
    pub(super) fn read(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        id: ConversationId,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
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
        Ok(entries)
    }
}
