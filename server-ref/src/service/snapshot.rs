//! The first screen of a new device: recent conversations with their last entries.

use std::collections::VecDeque;
use std::sync::Arc;

use eim_codec::payload::{
    EntryState, HistoryEntry, SnapshotConversation, SnapshotRequest, SnapshotResponse,
    history_entry, response,
};
use eim_codec::registry::limits;

use super::page::Page;
use super::requests::{Body, Requests, conversation_id};
use super::sync::to_conversation;
use super::{Caller, Refusal};
use crate::session::push::to_payload;
use crate::store::{ConversationView, Entry};

/// A conversation of the page, and its entries that are not in it yet, newest first.
struct Shown {
    item: SnapshotConversation,
    left: VecDeque<Last>,
}

/// An entry, and what operations have made of it.
type Last = (Arc<Entry>, Option<EntryState>);

impl Requests {
    // impl[EIM-DEV-015, EIM-DEV-016, EIM-DEV-017, EIM-DEV-018]
    pub(super) async fn snapshot(
        &self,
        caller: Caller,
        ask: &SnapshotRequest,
        mut page: Page,
    ) -> Result<Body, Refusal> {
        let origin = caller.origin;
        let before = match &ask.before[..] {
            [] => None,
            id => Some((ask.before_time_ms, conversation_id(id)?)),
        };
        // The head first: what it counts is in the conversations read after it.
        let (user_seq, floor) = self.head(caller).await?;
        let most = at_most(ask.conversations, limits::SNAPSHOT_CONVERSATIONS.default);
        let (views, mut more) = self
            .store
            .recent(origin.tenant, origin.user, before, most)
            .await?;
        let entries = at_most(ask.entries, limits::SNAPSHOT_ENTRIES.default);
        let mut shown = Vec::with_capacity(views.len());
        for view in &views {
            let item = SnapshotConversation {
                conversation: Some(to_conversation(view)),
                items: Vec::new(),
                // As long as any number: room is taken before it is known.
                as_of: view.conv_seq,
            };
            if !page.take(&item) {
                more = true;
                break;
            }
            let (left, as_of) = self.last_entries(caller, view, entries, &page).await?;
            let item = SnapshotConversation { as_of, ..item };
            let mut one = Shown { item, left };
            one.next(&mut page);
            shown.push(one);
        }
        // The last entry of each, then the one before of each, and so on.
        let mut grows = true;
        while grows {
            grows = false;
            for one in &mut shown {
                grows |= one.next(&mut page);
            }
        }
        let snapshot = SnapshotResponse {
            log_epoch: self.store.log_epoch(),
            user_seq,
            floor,
            conversations: shown.into_iter().map(|one| one.item).collect(),
            more,
        };
        Ok(response::Body::Snapshot(snapshot).into())
    }

    async fn last_entries(
        &self,
        caller: Caller,
        view: &ConversationView,
        entries: usize,
        page: &Page,
    ) -> Result<(VecDeque<Last>, u64), Refusal> {
        let first = view.visible_from.max(1);
        if view.conv_seq < first {
            return Ok((VecDeque::new(), view.conv_seq));
        }
        let found = self.store.history(
            caller.origin.tenant,
            view.conversation,
            first,
            view.conv_seq,
            true,
            entries,
            page.octets().max(1),
            view.visible_through,
        );
        let found = found.await?;
        let last = found.entries.into_iter().zip(found.states);
        Ok((last.collect(), found.as_of))
    }
}

impl Shown {
    /// Puts the next older entry into the page. `false` when there is none, or it does not fit:
    /// then none that is older follows, so that there is no hole.
    fn next(&mut self, page: &mut Page) -> bool {
        let Some((entry, state)) = self.left.pop_front() else {
            return false;
        };
        let item = HistoryEntry {
            item: Some(history_entry::Item::Entry(to_payload(&entry, true))),
            detached: false,
            state,
        };
        if page.take(&item) {
            self.item.items.push(item);
            return true;
        }
        self.left.clear();
        false
    }
}

/// What was asked, within the limit; all of it for 0.
fn at_most(asked: u32, limit: u32) -> usize {
    let most = if asked == 0 { limit } else { asked.min(limit) };
    usize::try_from(most).unwrap_or(usize::MAX)
}
