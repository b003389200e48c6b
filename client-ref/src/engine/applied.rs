//! What follows a commit.

use super::pull::Walk;
use super::staging::{FollowUp, Source};
use super::{Engine, Phase};
use crate::error::SendError;
use crate::event::Event;
use crate::store::{Applied, ArrivalOutcome, Cursor, CursorChange, Message};

impl Engine {
    /// A batch is durable.
    pub(super) fn applied(&mut self, applied: Applied, mut follow: FollowUp) {
        if let Some(cursor) = applied.cursor {
            self.holds(cursor);
        }
        if let Some((lowest, range)) = follow.went_down.take() {
            let met = applied
                .arrivals
                .get(range)
                .is_none_or(|page| page.contains(&ArrivalOutcome::Duplicate));
            self.backlogs.went_down(lowest, met);
        }
        let outgoing = std::mem::take(&mut follow.outgoing);
        for ((mut item, waiter), position) in outgoing.into_iter().zip(applied.positions) {
            item.position = position;
            if let Some(waiter) = waiter {
                self.waiters.insert(item.client_msg_id, waiter);
            }
            self.outbox.add(item, false);
        }
        for stored in follow.stored.drain(..) {
            // Whoever asked may not wait any more.
            let _ = stored.send(());
        }
        if !applied.requeued.is_empty() {
            self.events.emit(Event::Requeued(applied.requeued.len()));
            for item in applied.requeued {
                self.outbox.add(item, true);
            }
        }
        if let Some((ids, time)) = follow.timed.take() {
            self.outbox.timed(&ids, time);
        }
        self.present(applied.arrivals, &follow.sources);
        for settled in std::mem::take(&mut follow.settled) {
            self.outbox.settled(settled.item.client_msg_id);
            if let Some(waiter) = self.waiters.remove(&settled.item.client_msg_id) {
                // The sender may not wait for it any more.
                let _ = waiter.send(settled.outcome.clone().map_err(SendError::from));
            }
            self.events.emit(Event::Settled(settled));
        }
        if follow.conversations {
            self.events.emit(Event::Conversations);
        }
        if follow.caught_up && self.timeline.is_caught_up() && self.backlogs.is_empty() {
            self.events.emit(Event::CaughtUp);
        }
        self.tell_server(&follow);
        self.tell_cursor();
    }

    /// What the store holds now, which is what the server is told. A program of this device that
    /// was further, or began anew, has the last word; its entries are in the store as well.
    fn holds(&mut self, cursor: Cursor) {
        self.stored = cursor;
        let beginning = matches!(self.staging.batch.cursor, Some(CursorChange::Reset(_)));
        if cursor.log_epoch < self.timeline.cursor().log_epoch && !beginning {
            // One that had not heard of this epoch began anew in an older one: its cursor stands, and
            // is of no use.
            self.timeline.reset(cursor);
            self.walk_heads(Walk::Snapshot);
        }
    }

    /// Tells the server how far the store reaches, of whatever session it learned that.
    // impl[EIM-CUR-001, EIM-CUR-005, EIM-CUR-007]
    pub(super) fn tell_cursor(&mut self) {
        let full = self.is_full_client();
        let Cursor {
            log_epoch,
            user_seq,
        } = self.stored;
        if let Phase::Online(online) = &mut self.phase
            && online.is_open()
            && full
        {
            online.driver.endpoint_mut().cursor(log_epoch, user_seq);
        }
    }

    fn present(&mut self, outcomes: Vec<ArrivalOutcome>, sources: &[Source]) {
        for (outcome, source) in outcomes.into_iter().zip(sources) {
            match outcome {
                ArrivalOutcome::New(message) if *source == Source::Backlog => {
                    // Also where its place is known: what a snapshot brings is not in that order.
                    let user_seq = 0;
                    let message = Message {
                        user_seq,
                        ..message
                    };
                    self.events.emit(Event::Message(message));
                }
                ArrivalOutcome::New(message) if *source != Source::Lookup => {
                    self.events.emit(Event::Message(message));
                }
                // impl[EIM-SYN-017]
                ArrivalOutcome::Hollow(conversation, conv_seq) => {
                    self.hollow.push((conversation, conv_seq));
                }
                ArrivalOutcome::New(_) | ArrivalOutcome::Duplicate => {}
            }
        }
    }

    /// What the server is told about a durable batch; later, if there is no connection.
    // impl[EIM-SYN-014, EIM-RES-012] Settling and credit follow the commit.
    pub(super) fn tell_server(&mut self, follow: &FollowUp) {
        if follow.session != self.session_number {
            return;
        }
        if !self.is_open() {
            self.deferred.push(FollowUp {
                session: follow.session,
                sends: follow.sends.clone(),
                consumed: follow.consumed.clone(),
                ..FollowUp::default()
            });
            return;
        }
        self.settle_sends(&follow.sends);
        self.withheld.extend_from_slice(&follow.consumed);
        self.give_credit();
    }
}
