//! The first screen of a new device: recent conversations with their last entries.

use std::collections::VecDeque;
use std::sync::Arc;

use eim_codec::payload::{SnapshotConversation, SnapshotRequest, SnapshotResponse, response};
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
    left: VecDeque<Arc<Entry>>,
}

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
                entries: Vec::new(),
            };
            if !page.take(&item) {
                more = true;
                break;
            }
            let left = self.last_entries(caller, view, entries, &page).await?;
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
    ) -> Result<VecDeque<Arc<Entry>>, Refusal> {
        let first = view.visible_from.max(1);
        if view.conv_seq < first {
            return Ok(VecDeque::new());
        }
        let found = self.store.history(
            caller.origin.tenant,
            view.conversation,
            first,
            view.conv_seq,
            true,
            entries,
            page.octets(),
        );
        Ok(found.await?.into())
    }
}

impl Shown {
    /// Puts the next older entry into the page. `false` when there is none, or it does not fit:
    /// then none that is older follows, so that there is no hole.
    fn next(&mut self, page: &mut Page) -> bool {
        let Some(entry) = self.left.pop_front() else {
            return false;
        };
        let entry = to_payload(&entry, true);
        if page.take(&entry) {
            self.item.entries.push(entry);
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
