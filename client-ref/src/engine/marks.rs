//! Marks: what people read here, what the server says, and what it is told.

use std::time::Duration;

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{self, MarkResponse, MarksEvent, ReadersEvent, request};
use eim_codec::registry::{ErrorCode, EventNumber, Operation};
use prost::Message as _;

use super::Engine;
use super::answers::refused;
use super::command::Marking;
use super::pull::Walk;
use super::requests::Purpose;
use crate::error::RequestError;
use crate::event::Event;
use crate::store::{ConversationRecord, MarkRecord};

fn not_found() -> RequestError {
    RequestError::Refused {
        code: ErrorCode::NOT_FOUND,
        detail: "no such conversation".to_owned(),
        retryable: false,
        retry_after_ms: 0,
    }
}

/// The least time before marks that were refused are told again.
const PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// A person has read something, or flags a conversation.
    pub(super) fn mark(&mut self, marking: Marking) {
        let Some(me) = self.identity.user else {
            return;
        };
        let Marking {
            conversation,
            read,
            held,
            flag,
            stored,
            done,
        } = marking;
        let mut mark = self.marks.of(conversation, me);
        // A mark beyond what there is would count what comes later as read.
        let known = self.records.get(&conversation);
        let known = known.map_or(0, |record| record.conv_seq);
        // What is held may be gone in the epoch of the server, until that is looked at.
        let moved = self.timeline.cursor().log_epoch != self.marks.log_epoch();
        let head = known.max(if moved { 0 } else { held });
        if read.min(head) > mark.read {
            mark.read = read.min(head);
            mark.marked_unread = false;
        }
        mark.marked_unread = flag.unwrap_or(mark.marked_unread);
        if flag.is_some() || done.is_some() || read > head {
            self.marks.tell(conversation, read, flag);
        }
        self.mark_waiters
            .extend(done.map(|done| (conversation, done)));
        let news = self.keep_marks(&[mark]);
        match stored {
            Some(stored) if news => self.staging.follow.stored.push(stored),
            // Nothing new; whoever asked may not wait any more.
            Some(stored) => drop(stored.send(())),
            None => {}
        }
    }

    /// Takes over marks, and tells the application what changed; `false` if nothing did.
    fn keep_marks(&mut self, marks: &[MarkRecord]) -> bool {
        let news: Vec<_> = marks
            .iter()
            .filter_map(|mark| self.marks.merge(mark))
            .collect();
        if news.is_empty() {
            return false;
        }
        self.staging.batch.marks.extend_from_slice(&news);
        self.events.emit(Event::Marks(news));
        true
    }

    /// Tells the server what it does not know.
    pub(super) fn tell_marks(&mut self) {
        let Some(me) = self.identity.user else {
            return;
        };
        if let Some(marks) = self.marks.request(me, self.ticks.now()) {
            self.ask(Operation::MARK, request::Body::Mark(marks), Purpose::Mark);
        }
    }

    /// The server has taken marks over.
    pub(super) fn marked(&mut self, marked: &MarkResponse) {
        let Some(me) = self.identity.user else {
            return;
        };
        let asked = self.marks.answered();
        let known: Vec<_> = self.records_of(marked.log_epoch, &marked.marks);
        // What the server leaves out cannot be marked any more.
        for conversation in &asked {
            if !known.iter().any(|mark| mark.conversation == *conversation) {
                let mark = self.marks.of(*conversation, me);
                let told = mark.read;
                self.keep_marks(&[MarkRecord { told, ..mark }]);
            }
        }
        self.keep_marks(&known);
        let waiting = std::mem::take(&mut self.mark_waiters);
        for (conversation, done) in waiting {
            if asked.contains(&conversation) {
                let mark = known.iter().find(|mark| mark.conversation == conversation);
                let answer = mark.copied().ok_or_else(not_found);
                // Whoever asked may not wait any more.
                let _ = done.send(answer);
            } else {
                self.mark_waiters.push((conversation, done));
            }
        }
    }

    pub(super) fn marks_refused(&mut self, error: &payload::ErrorInfo) {
        tracing::debug!(?error, "marks were refused");
        let pause = PAUSE.max(Duration::from_millis(error.retry_after_ms));
        self.marks
            .failed(Some(self.ticks.now().saturating_add(pause)));
        for (_, done) in std::mem::take(&mut self.mark_waiters) {
            // Whoever asked may not wait any more.
            let _ = done.send(Err(refused(error)));
        }
    }

    /// Marks of the wire, told: those of this user, and of peers in conversations that are known.
    fn records_of(&self, log_epoch: u64, marks: &[payload::Mark]) -> Vec<MarkRecord> {
        let read = |mark: &payload::Mark| {
            let mut record = MarkRecord::new(
                ConversationId::from_slice(&mark.conversation).ok()?,
                UserId::from_slice(&mark.user).ok()?,
                log_epoch,
            );
            let signed = |number: u64| number.min(i64::MAX as u64);
            record.read = signed(mark.read);
            record.delivered = signed(mark.delivered);
            record.told = record.read;
            record.marked_unread = mark.marked_unread;
            Some(record)
        };
        let known = |record: &MarkRecord| {
            Some(record.user) == self.identity.user
                || self.records.contains_key(&record.conversation)
        };
        marks.iter().filter_map(read).filter(known).collect()
    }

    /// An event of the server. Those this client does not know are nothing to it.
    pub(super) fn happened(&mut self, event: &payload::Event) {
        match EventNumber(event.event) {
            EventNumber::MARKS => {
                let Ok(event) = MarksEvent::decode(event.body.clone()) else {
                    return;
                };
                // impl[EIM-MRK-024]
                if event.log_epoch == self.marks.log_epoch() {
                    let marks = self.records_of(event.log_epoch, &event.marks);
                    self.keep_marks(&marks);
                }
            }
            EventNumber::READERS => {
                let Ok(event) = ReadersEvent::decode(event.body.clone()) else {
                    return;
                };
                if let Ok(conversation) = ConversationId::from_slice(&event.conversation) {
                    let through = event.through;
                    self.events.emit(Event::Readers {
                        conversation,
                        through,
                    });
                }
            }
            // impl[EIM-MRK-027]
            EventNumber::MARKS_STALE if self.is_full_client() => self.walk_heads(Walk::News),
            EventNumber::WAITING => self.waiting_told(event.body.clone()),
            _ => self.reached(event),
        }
    }

    /// HEADS says how far this user has read. Marks of an older epoch go no further than the log
    /// does now.
    pub(super) fn listed_marks(
        &mut self,
        log_epoch: u64,
        records: &[ConversationRecord],
        listed: &[(ConversationId, u64, u64, bool)],
    ) {
        let Some(me) = self.identity.user else {
            return;
        };
        let head = |conversation| {
            let of = |record: &&ConversationRecord| record.conversation == conversation;
            let found = records.iter().find(of);
            found.map_or(0, |record| record.conv_seq)
        };
        let mut marks = self.marks.moved(me, log_epoch, head);
        for &(conversation, epoch, read, marked_unread) in listed {
            if read > 0 || marked_unread || self.marks.of(conversation, me).marked_unread {
                marks.push(MarkRecord {
                    read,
                    told: read,
                    marked_unread,
                    ..MarkRecord::new(conversation, me, epoch)
                });
            }
        }
        self.keep_marks(&marks);
    }
}
