//! Reading a timeline: references after a cursor, with the entries they refer to.

use std::ops::ControlFlow;
use std::sync::Arc;

use eim_codec::id::UserId;

use super::keys;
use super::load::timeline_bounds;
use super::record::entry;
use super::record::timeline::{self, Reference};
use crate::store::engine::{Order, Reader, Space};
use crate::store::{Entry, StoreError, TenantId, TimelineItem, TimelinePage};

/// Entries read before other tasks get their turn.
const TURN: usize = 64;

/// What to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) cursor: u64,
    pub(super) max_entries: usize,
    pub(super) max_octets: usize,
}

impl Page {
    // impl[EIM-SYN-020] impl[EIM-SYN-021] impl[EIM-SYN-022] impl[EIM-SYN-023]
    pub(super) async fn read(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        user: UserId,
    ) -> Result<TimelinePage, StoreError> {
        let (head, floor) = timeline_bounds(reader, tenant, user)?;
        if self.cursor < floor || self.cursor > head {
            return Ok(TimelinePage::TooOld { floor, head });
        }
        let mut items = Vec::new();
        let mut octets = 0;
        for (user_seq, reference) in self.references(reader, tenant, user)? {
            let entry = self.entry(reader, tenant, &reference)?;
            octets += entry.body.len() + entry.fallback_text.len();
            if !items.is_empty() && octets > self.max_octets {
                break;
            }
            items.push(TimelineItem {
                user_seq,
                entry: Arc::new(entry),
            });
            if items.len().is_multiple_of(TURN) {
                tokio::task::yield_now().await;
            }
        }
        let through = items.last().map_or(self.cursor, |item| item.user_seq);
        Ok(TimelinePage::Entries {
            more: through < head,
            items,
            head: head.max(through),
        })
    }

    fn references(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Vec<(u64, Reference)>, StoreError> {
        let from = keys::timeline(tenant, user, self.cursor.saturating_add(1));
        let to = keys::timeline(tenant, user, u64::MAX);
        let most = self.max_entries.max(1);
        let mut references = Vec::new();
        reader.scan(
            Space::Timeline,
            &from,
            &to,
            Order::Ascending,
            &mut |key, record| {
                let chunk = timeline::decode(keys::number(key), record)?;
                let after = chunk
                    .into_iter()
                    .filter(|(user_seq, _)| *user_seq > self.cursor);
                references.extend(after.take(most - references.len()));
                Ok(if references.len() < most {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                })
            },
        )?;
        Ok(references)
    }

    fn entry(
        self,
        reader: &dyn Reader,
        tenant: TenantId,
        reference: &Reference,
    ) -> Result<Entry, StoreError> {
        let Reference {
            conversation,
            conv_seq,
            ..
        } = *reference;
        let record = reader
            .get(Space::Log, &keys::log(tenant, conversation, conv_seq))?
            .ok_or_else(|| StoreError::Corrupt(format!("no entry {conversation}/{conv_seq}")))?;
        entry::decode(conversation, conv_seq, &record)
    }
}
