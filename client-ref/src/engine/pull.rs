//! Asking for what is missing: conversations, the timeline, holes.

use std::time::Duration;

use eim_codec::id::ConversationId;
use eim_codec::payload::{
    HeadsRequest, HeadsResponse, HistoryResponse, SnapshotRequest, SnapshotResponse, SyncRequest,
    request,
};
use eim_codec::registry::{ErrorCode, Operation};

use super::Engine;
use super::requests::{Purpose, history};
use super::staging::Source;
use crate::store::{Backlog, ConversationRecord, Cursor};
use crate::sync::{Look, Pull, conversation_record};

/// Arrivals on their way into the store at which nothing more is pulled.
const STAGED: usize = 8192;

/// The least time before asking again after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Why the conversations are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Walk {
    /// Something changed.
    News,
    /// After a login.
    Login,
    /// Heads changed that are read from logs.
    Behind,
    /// The cursor is of no use: begin anew from here.
    Snapshot,
    /// There is nothing yet: begin with what is recent.
    First,
}

/// A walk through the pages of HEADS.
#[derive(Debug)]
pub(super) struct HeadsWalk {
    why: Walk,
    first: Option<Cursor>,
    /// The highest head that a page reported.
    head: u64,
    records: Vec<ConversationRecord>,
    /// Own marks: epoch, read, flag.
    marks: Vec<(ConversationId, u64, u64, bool)>,
    under_way: bool,
    /// What is recent is here, or cannot be had.
    shown: bool,
    /// Asked for again while it went on.
    again: Option<Walk>,
}

impl Engine {
    pub(super) fn is_taking_snapshot(&self) -> bool {
        self.heads
            .as_ref()
            .is_some_and(|walk| walk.why >= Walk::Snapshot)
    }

    /// Lists the conversations, from the first page.
    pub(super) fn walk_heads(&mut self, why: Walk) {
        if let Some(walk) = &mut self.heads
            && (walk.why >= why || why < Walk::Snapshot)
        {
            walk.again = walk.again.max(Some(why));
            return;
        }
        self.heads = Some(HeadsWalk {
            why,
            first: None,
            head: 0,
            records: Vec::new(),
            marks: Vec::new(),
            under_way: false,
            shown: why != Walk::First,
            again: None,
        });
    }

    /// Asks for everything that is due.
    pub(super) fn pull(&mut self) {
        if self.ticks.now() < self.pull_after || !self.is_full_client() {
            return;
        }
        self.ask_heads(&[]);
        if self.events.is_full() || self.staging.batch.arrivals.len() >= STAGED {
            return;
        }
        if !self.is_taking_snapshot() {
            if let Some(Pull::Sync(cursor)) = self.timeline.pull() {
                let body = request::Body::Sync(SyncRequest {
                    log_epoch: cursor.log_epoch,
                    user_seq: cursor.user_seq,
                });
                let purpose = Purpose::Sync {
                    asked: cursor.user_seq,
                };
                self.ask(Operation::SYNC, body, purpose);
            }
            self.look_into_backlog();
        }
        for (conversation, conv_seq) in std::mem::take(&mut self.hollow) {
            let body = history(conversation, conv_seq, conv_seq, false);
            self.ask(Operation::HISTORY, body, Purpose::Hollow);
        }
    }

    pub(super) fn ask(&mut self, operation: Operation, body: request::Body, purpose: Purpose) {
        let id = self.request_id();
        self.requests.ask(id, operation, body, purpose);
    }

    fn ask_heads(&mut self, after: &[u8]) {
        let Some(walk) = &mut self.heads else { return };
        if std::mem::replace(&mut walk.under_way, true) {
            return;
        }
        if !walk.shown {
            let body = request::Body::Snapshot(SnapshotRequest::default());
            return self.ask(Operation::SNAPSHOT, body, Purpose::Recent);
        }
        let after = bytes::Bytes::copy_from_slice(after);
        self.ask(
            Operation::HEADS,
            request::Body::Heads(HeadsRequest { after }),
            Purpose::Heads,
        );
    }

    /// What is recent, for the first screen. The cursor stays where it is: a conversation that is
    /// not among these is known after HEADS.
    // impl[EIM-DEV-019]
    pub(super) fn recent_page(&mut self, page: SnapshotResponse) {
        for shown in page.conversations {
            let Some(conversation) = &shown.conversation else {
                continue;
            };
            let mut record = match conversation_record(conversation) {
                Ok(record) => record,
                Err(error) => {
                    return self.misbehaved(ErrorCode::INVALID_VALUE, &error.to_string());
                }
            };
            record.backlog = Backlog::Holes;
            let mut page = HistoryResponse {
                items: shown.items,
                ..HistoryResponse::default()
            };
            page.items.reverse();
            self.history_arrivals(page, Source::Backlog);
            self.keep(record);
        }
        self.go_on_to_heads();
    }

    /// The first screen is there, or the server has none to give: now all conversations.
    pub(super) fn go_on_to_heads(&mut self) {
        if let Some(walk) = &mut self.heads {
            (walk.shown, walk.under_way) = (true, false);
        }
    }

    /// A page of conversations.
    pub(super) fn heads_page(&mut self, page: &HeadsResponse) {
        let Some(walk) = &mut self.heads else { return };
        walk.under_way = false;
        // impl[EIM-SYN-060]
        if walk
            .first
            .is_some_and(|first| first.log_epoch != page.log_epoch)
        {
            (walk.first, walk.head, walk.records) = (None, 0, Vec::new());
            walk.marks = Vec::new();
            return self.ask_heads(&[]);
        }
        // impl[EIM-SYN-036] The place in the timeline is that of the first page.
        walk.first.get_or_insert(Cursor {
            log_epoch: page.log_epoch,
            user_seq: page.user_seq,
        });
        walk.head = walk.head.max(page.user_seq);
        for conversation in &page.conversations {
            match conversation_record(conversation) {
                Ok(record) => {
                    walk.marks.push((
                        record.conversation,
                        page.log_epoch,
                        conversation.read,
                        conversation.marked_unread,
                    ));
                    walk.records.push(record);
                }
                Err(error) => {
                    return self.misbehaved(ErrorCode::INVALID_VALUE, &error.to_string());
                }
            }
        }
        let last = walk.records.last().map(|record| record.conversation);
        self.waiting_listed(&page.conversations);
        match last {
            Some(last) if page.more && !page.conversations.is_empty() => {
                self.ask_heads(last.as_bytes());
            }
            _ => self.walked_heads(),
        }
    }

    fn walked_heads(&mut self) {
        let Some(HeadsWalk {
            why,
            first: Some(cursor),
            head,
            mut records,
            marks,
            again,
            ..
        }) = self.heads.take()
        else {
            return;
        };
        let stored = self.timeline.cursor();
        if why == Walk::First {
            self.begin_first(cursor, &mut records);
        } else if why == Walk::Snapshot {
            self.begin_at(cursor, stored, &mut records);
        } else if cursor.log_epoch != stored.log_epoch {
            return self.walk_heads(Walk::Snapshot);
        }
        // impl[EIM-SYN-013]
        self.timeline.note_head(head);
        if why == Walk::Behind {
            records
                .iter_mut()
                .for_each(|record| record.backlog = Backlog::Holes);
        }
        self.listed_marks(cursor.log_epoch, &records, &marks);
        for record in records {
            match why {
                Walk::First => {
                    self.backlogs.add_newest_first(&record);
                    self.keep(record);
                }
                Walk::Snapshot => {
                    self.backlogs.add(&record);
                    self.keep(record);
                }
                _ => self.know(record),
            }
        }
        self.staging.follow.conversations = true;
        if let Some(again) = again {
            self.walk_heads(again);
        }
    }

    /// Begins for the first time, with everything still to be read, the recent conversations first.
    // impl[EIM-SYN-026] impl[EIM-SYN-036] impl[EIM-DEV-019]
    fn begin_first(&mut self, cursor: Cursor, records: &mut [ConversationRecord]) {
        let head = self.timeline.head();
        self.timeline.reset(cursor);
        self.timeline.note_head(head);
        self.staging.advance(cursor);
        records
            .iter_mut()
            .for_each(|record| record.backlog = Backlog::Holes);
        records.sort_by_key(|record| std::cmp::Reverse(record.time_ms));
    }

    /// Begins anew from a snapshot.
    // impl[EIM-SYN-036] impl[EIM-SYN-037]
    fn begin_at(&mut self, cursor: Cursor, stored: Cursor, records: &mut [ConversationRecord]) {
        let anew = stored.log_epoch != cursor.log_epoch;
        let lost = anew || cursor < stored.max(self.stored);
        self.staging.batch.truncate_others |= anew;
        tracing::warn!(?stored, ?cursor, lost, "taking a snapshot");
        for record in records {
            // impl[EIM-MSG-023, EIM-SYN-038] What is beyond the head of a new epoch was lost; what is
            // not may be another message by now. In the same epoch nothing is deleted.
            if anew {
                self.staging
                    .batch
                    .truncate
                    .push((record.conversation, record.conv_seq));
            }
            record.backlog = if lost {
                Backlog::Replaced
            } else {
                Backlog::Holes
            };
        }
        let head = self.timeline.head();
        self.timeline.reset(cursor);
        if !lost {
            self.timeline.note_head(head);
        }
        self.staging.begin_anew(cursor);
    }

    fn look_into_backlog(&mut self) {
        if self.looking.is_some() {
            return;
        }
        match self.backlogs.next() {
            Some(Look::Hole {
                conversation,
                first,
                last,
            }) => {
                self.hole_of = Some(conversation);
                let store = std::sync::Arc::clone(&self.options.store);
                self.looking = Some(Box::pin(async move {
                    store.missing(conversation, first, last, 2).await
                }));
            }
            Some(Look::Down {
                conversation,
                first,
                last,
            }) => {
                let body = history(conversation, first, last, true);
                self.ask(Operation::HISTORY, body, Purpose::Down { last });
            }
            None => {}
        }
    }

    /// The store answered which numbers are missing.
    pub(super) fn looked(&mut self, holes: &[(u64, u64)]) {
        let Some(conversation) = self.hole_of.take() else {
            return;
        };
        match holes {
            [(first, last)] if self.backlogs.is_newest_first() => {
                let (first, last) = (*first, *last);
                let body = history(conversation, first, last, true);
                self.ask(Operation::HISTORY, body, Purpose::HoleDown { last });
            }
            [(first, last), ..] => {
                let (first, last) = (*first, *last);
                let body = history(conversation, first, last, false);
                self.ask(Operation::HISTORY, body, Purpose::Hole { first, last });
            }
            [] => self.backlog_done(),
        }
    }

    /// The conversation at hand has no holes any more, or cannot be read.
    pub(super) fn backlog_done(&mut self) {
        let Some(conversation) = self.backlogs.complete() else {
            return;
        };
        self.complete(conversation);
        if self.backlogs.is_empty() {
            self.staging.follow.caught_up = true;
        }
    }

    fn complete(&mut self, conversation: ConversationId) {
        if let Some(record) = self.records.get_mut(&conversation) {
            record.backlog = Backlog::None;
            let completed = (conversation, record.conv_seq);
            self.staging.batch.completed.push(completed);
        }
    }

    /// Something failed that may pass: nothing is asked for a while.
    pub(super) fn pause_pulling(&mut self, retry_after_ms: u64) {
        let pause = PAUSE.max(Duration::from_millis(retry_after_ms));
        self.pull_after = self.ticks.now().saturating_add(pause);
    }

    /// The page of conversations failed: it is asked again after a pause.
    pub(super) fn heads_failed(&mut self, retry_after_ms: u64) {
        if let Some(walk) = &mut self.heads {
            let why = walk.why;
            self.heads = None;
            self.walk_heads(why);
        }
        self.pause_pulling(retry_after_ms);
    }
}
