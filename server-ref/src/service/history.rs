//! Ranges of a conversation log: every number asked for is answered.

use eim_codec::id::RequestId;
use eim_codec::payload::{
    DetachedEntry, Entry, EntryState, HistoryEntry, HistoryRequest, HistoryResponse, Unavailable,
    UnavailableReason, history_entry, response,
};

use super::page::Page;
use super::requests::{Body, Requests, conversation_id};
use super::{Caller, Refusal};
use crate::session::push::to_payload;
use crate::store::ConversationView;

/// A part of the asked range that is answered in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first: u64,
    last: u64,
    /// `None`: entries.
    reason: Option<UnavailableReason>,
}

impl Requests {
    // impl[EIM-SYN-039, EIM-SYN-041, EIM-SYN-044, EIM-SYN-046, EIM-SYN-047]
    pub(super) async fn history(
        &self,
        caller: Caller,
        request: RequestId,
        ask: &HistoryRequest,
        page: Page,
    ) -> Result<Body, Refusal> {
        let id = conversation_id(&ask.conversation)?;
        if ask.last != 0 && ask.last < ask.first {
            return Err(Refusal::invalid("last is below first"));
        }
        let view = self.view(caller, id).await?;
        let mut answer = Answering::new(request, ask.newest_first, page);
        let (mut more, mut as_of) = (false, head(&view));
        let mut parts = parts(&view, ask.first, ask.last, ask.newest_first)
            .into_iter()
            .peekable();
        while let Some(part) = parts.next() {
            let Part {
                first,
                last,
                reason,
            } = part;
            let answered = if let Some(reason) = reason {
                answer.unavailable(first, last, reason)
            } else {
                let page = self
                    .store
                    .history(
                        caller.origin.tenant,
                        id,
                        first,
                        last,
                        ask.newest_first,
                        answer.page.items(),
                        answer.page.octets().max(1),
                        view.visible_through,
                    )
                    .await?;
                // impl[EIM-OPS-031] The parts of a page that have entries are one.
                as_of = page.as_of;
                let mut next = if ask.newest_first { last } else { first };
                for (entry, state) in page.entries.iter().zip(page.states) {
                    answer.removed(next, entry.conv_seq);
                    if !answer.entry(to_payload(entry, true), state) {
                        break;
                    }
                    next = if ask.newest_first {
                        entry.conv_seq - 1
                    } else {
                        entry.conv_seq + 1
                    };
                }
                if ask.newest_first {
                    next < first
                } else {
                    next > last
                }
            };
            // A page may be full with the last number that was asked for.
            if !answered || answer.full {
                more = !answered || parts.peek().is_some();
                break;
            }
        }
        let history = HistoryResponse {
            log_epoch: self.store.log_epoch(),
            items: answer.items,
            conv_seq: head(&view),
            more,
            as_of,
        };
        Ok(Body {
            body: response::Body::History(history),
            detached: answer.detached,
            transfer: None,
        })
    }
}

const fn head(view: &ConversationView) -> u64 {
    if view.visible_through == 0 {
        view.conv_seq
    } else {
        view.visible_through
    }
}

/// Cuts the asked range into parts, in the order of the answer.
// impl[EIM-SYN-040, EIM-SYN-042, EIM-SYN-043]
fn parts(view: &ConversationView, first: u64, last: u64, newest_first: bool) -> Vec<Part> {
    let head = head(view);
    let (first, last) = (first.max(1), if last == 0 { head } else { last });
    let beyond = if view.visible_through == 0 {
        UnavailableReason::BeyondHead
    } else {
        UnavailableReason::NotVisible
    };
    let from = view.visible_from.max(1);
    let mut parts: Vec<Part> = [
        (
            first,
            last.min(from - 1),
            Some(UnavailableReason::NotVisible),
        ),
        (first.max(from), last.min(head), None),
        (
            first.max(head.saturating_add(1)).max(from),
            last,
            Some(beyond),
        ),
    ]
    .into_iter()
    .filter(|(first, last, _)| first <= last)
    .map(|(first, last, reason)| Part {
        first,
        last,
        reason,
    })
    .collect();
    if newest_first {
        parts.reverse();
    }
    parts
}

/// An answer that grows until the page is full.
struct Answering {
    request: RequestId,
    newest_first: bool,
    page: Page,
    items: Vec<HistoryEntry>,
    detached: Vec<DetachedEntry>,
    full: bool,
}

impl Answering {
    const fn new(request: RequestId, newest_first: bool, page: Page) -> Self {
        Self {
            request,
            newest_first,
            page,
            items: Vec::new(),
            detached: Vec::new(),
            full: false,
        }
    }

    /// Adds a range; `false` when the page is full.
    fn unavailable(&mut self, first: u64, last: u64, reason: UnavailableReason) -> bool {
        let item = Unavailable {
            first,
            last,
            reason: reason.into(),
        };
        let item = HistoryEntry {
            item: Some(history_entry::Item::Unavailable(item)),
            detached: false,
            state: None,
        };
        if self.page.take(&item) {
            self.items.push(item);
        } else {
            self.full = true;
        }
        !self.full
    }

    /// The numbers between the one that was due and `found` were removed by retention.
    fn removed(&mut self, due: u64, found: u64) {
        if due != found {
            let (first, last) = if self.newest_first {
                (found + 1, due)
            } else {
                (due, found - 1)
            };
            self.unavailable(first, last, UnavailableReason::Retention);
        }
    }

    /// Adds an entry; `false` when the page is full.
    fn entry(&mut self, entry: Entry, state: Option<EntryState>) -> bool {
        if self.full {
            return false;
        }
        let item = |entry, detached, state| HistoryEntry {
            item: Some(history_entry::Item::Entry(entry)),
            detached,
            state,
        };
        let whole = item(entry.clone(), false, state.clone());
        if self.page.take(&whole) {
            self.items.push(whole);
            return true;
        }
        self.full = true;
        // impl[EIM-SYN-027]: an entry that no page can hold goes by itself.
        let alone = self
            .items
            .iter()
            .all(|item| matches!(item.item, Some(history_entry::Item::Unavailable(_))));
        if !alone || self.page.items() == 0 {
            return false;
        }
        let short = Entry {
            body: Default::default(),
            fallback_text: String::new(),
            ..entry.clone()
        };
        self.items.push(item(short, true, None));
        let request_id = self.request.to_bytes();
        self.detached.push(DetachedEntry {
            request_id,
            entry: Some(entry),
            user_seq: 0,
            state,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use eim_codec::id::ConversationId;
    use eim_codec::payload::{ConversationKind, FanOut, Role};

    use super::*;

    fn view(from: u64, through: u64, head: u64) -> ConversationView {
        ConversationView {
            conversation: ConversationId::from([1; 16]),
            kind: ConversationKind::Group,
            name: String::new(),
            conv_seq: head,
            visible_from: from,
            visible_through: through,
            role: Role::Member,
            peer: None,
            countable: 0,
            time_ms: 0,
            members: 1,
            marks: crate::store::MarkView {
                conversation: ConversationId::from([1; 16]),
                user: [2; 16].into(),
                read: 0,
                delivered: 0,
                marked_unread: false,
                unread: 0,
                mentions: 0,
            },
            fan_out: FanOut::Write,
            group: crate::store::GroupState::default(),
        }
    }

    fn cut(view: &ConversationView, first: u64, last: u64) -> Vec<(u64, u64, bool, bool)> {
        use UnavailableReason::{BeyondHead, NotVisible};
        parts(view, first, last, false)
            .iter()
            .map(|p| {
                (
                    p.first,
                    p.last,
                    p.reason == Some(NotVisible),
                    p.reason == Some(BeyondHead),
                )
            })
            .collect()
    }

    #[test]
    fn every_number_has_exactly_one_answer() {
        let member = view(3, 0, 10);
        assert_eq!(
            cut(&member, 0, 0),
            [(1, 2, true, false), (3, 10, false, false)]
        );
        let all = [
            (1, 2, true, false),
            (3, 10, false, false),
            (11, 12, false, true),
        ];
        assert_eq!(cut(&member, 1, 12), all);
        assert_eq!(cut(&member, 11, 0), []);
        assert_eq!(cut(&member, 20, 21), [(20, 21, false, true)]);
        let former = view(3, 7, 10);
        let all = [
            (1, 2, true, false),
            (3, 7, false, false),
            (8, 12, true, false),
        ];
        assert_eq!(cut(&former, 1, 12), all);
        assert_eq!(
            cut(&former, 0, 0),
            [(1, 2, true, false), (3, 7, false, false)]
        );
        assert_eq!(
            cut(&member, u64::MAX, u64::MAX),
            [(u64::MAX, u64::MAX, false, true)]
        );
        assert_eq!(parts(&member, 1, 12, true)[0].first, 11);
    }
}
