//! Pushes to the client.

use std::collections::VecDeque;

use bytes::Bytes;
use eim_codec::connection::SendError;
use eim_codec::payload::{
    CallEvent, Event, Lagged, MarksEvent, PresenceEvent, ReadersEvent, TypingEvent, WaitingEvent,
};
use eim_codec::registry::{Capability, EventNumber};
use prost::Message as _;

use super::open::Session;
use super::push::{self, Parts};
use crate::calls::Rings;
use crate::hub::{Delivery, Heads, Mail, Notes};
use crate::presence::Hints;
use crate::service::{to_mark, to_presence, to_signal};

/// Users in one event PRESENCE: fits into the smallest frame limit.
const PRESENCES: usize = 24;

impl Session {
    pub(super) fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Signal(signal) => self.signal(signal),
            Mail::Lagged(head, missed) => self.lagged(head, missed),
            Mail::Pushes(pushes) => self.pushes(pushes),
            Mail::Notes(notes) => self.notes(*notes),
            Mail::Hints(hints) => self.hints(*hints),
            Mail::Rings(rings) => self.rings(*rings),
        }
    }

    // impl[EIM-MRK-014, EIM-MRK-015, EIM-MRK-017, EIM-MRK-019, EIM-MRK-020]
    fn notes(&mut self, notes: Notes) {
        self.tell_waiting(&notes);
        if !self.driver.endpoint().has(Capability::MARKS) {
            return;
        }
        let log_epoch = self.shared.store.log_epoch();
        if notes.stale {
            self.tell(EventNumber::MARKS_STALE, Bytes::new());
        }
        if !notes.marks.is_empty() {
            let marks = notes.marks.values().map(to_mark).collect();
            let body = MarksEvent { log_epoch, marks }.encode_to_vec();
            self.tell(EventNumber::MARKS, body.into());
        }
        for (conversation, through) in notes.readers {
            let body = ReadersEvent {
                log_epoch,
                conversation: conversation.to_bytes(),
                through,
            };
            self.tell(EventNumber::READERS, body.encode_to_vec().into());
        }
    }

    // impl[EIM-GPO-038, EIM-GPO-040]
    fn tell_waiting(&mut self, notes: &Notes) {
        if !self.driver.endpoint().has(Capability::GROUP_POLICY) {
            return;
        }
        let left_out = notes.waiting_stale.then_some((Bytes::new(), 0));
        let known = notes
            .waiting
            .iter()
            .map(|(id, count)| (id.to_bytes(), *count));
        for (conversation, waiting) in left_out.into_iter().chain(known) {
            let body = WaitingEvent {
                conversation,
                waiting,
            };
            self.tell(EventNumber::WAITING, body.encode_to_vec().into());
        }
    }

    // impl[EIM-PRS-008, EIM-PRS-017, EIM-PRS-020]
    fn hints(&mut self, mut hints: Hints) {
        if !self.driver.endpoint().has(Capability::PRESENCE) {
            return;
        }
        for ((conversation, user), typing) in std::mem::take(&mut hints.typing) {
            let body = TypingEvent {
                conversation: conversation.to_bytes(),
                user: user.to_bytes(),
                typing,
            };
            self.tell(EventNumber::TYPING, body.encode_to_vec().into());
        }
        let all: Vec<_> = std::mem::take(&mut hints.presences).into_iter().collect();
        for some in all.chunks(PRESENCES) {
            let presences = some.iter().map(|(user, shown)| to_presence(*user, shown));
            let body = PresenceEvent {
                presences: presences.collect(),
            };
            if !self.tell(EventNumber::PRESENCE, body.encode_to_vec().into()) {
                hints.presences.extend(some.iter().cloned());
            }
        }
        if let Some(attendance) = &self.reach.attendance
            && !hints.is_empty()
        {
            attendance.put_back(hints);
        }
    }

    // impl[EIM-CAL-008, EIM-CAL-025, EIM-CAL-026]
    fn rings(&mut self, rings: Rings) {
        if !self.driver.endpoint().has(Capability::CALLS) {
            return;
        }
        if rings.stale {
            self.tell(EventNumber::CALLS_STALE, Bytes::new());
        }
        for signal in &rings.signals {
            let signal = Some(to_signal(signal));
            let body = CallEvent { signal }.encode_to_vec();
            if !self.tell(EventNumber::CALL, body.into()) {
                self.mailbox.rings_dropped();
                return;
            }
        }
    }

    /// Sends an event, unless so much waits that it is dropped.
    fn tell(&mut self, event: EventNumber, body: Bytes) -> bool {
        let event = event.0;
        self.driver.endpoint_mut().try_event(&Event { event, body })
    }

    // impl[EIM-MSG-057, EIM-MSG-058]
    pub(super) fn pushes(&mut self, mut pushes: VecDeque<Delivery>) {
        while let Some(delivery) = pushes.pop_front() {
            let user_seq = delivery.user_seq;
            // Known to the client by the head of AUTH_OK.
            if user_seq != 0 && user_seq <= self.pushed {
                continue;
            }
            let mut pushed = self.push(&delivery, Parts::of(delivery.echo));
            if let Err(SendError::TooLarge { .. }) = pushed {
                // impl[EIM-SYN-058]: this client takes neither the frame nor fragments.
                pushed = self.push(&delivery, Parts::Header);
            }
            if let Err(error) = pushed {
                if !matches!(error, SendError::QueueFull) {
                    tracing::warn!(%error, "an entry cannot be pushed to this client");
                }
                self.mailbox
                    .overflow(std::iter::once(delivery).chain(pushes));
                return;
            }
            self.pushed = self.pushed.max(user_seq);
            self.head = self.head.max(user_seq);
            // impl[EIM-LGR-007]: the next PONG says it again.
            self.heads.note(&delivery);
        }
    }

    fn push(&mut self, delivery: &Delivery, parts: Parts) -> Result<(), SendError> {
        let entry = &delivery.entry;
        let encode = || push::encode(entry, delivery.user_seq, parts);
        let payload = match &delivery.encoded {
            Some(encoded) if parts == Parts::Whole => encoded.get_or_init(encode).clone(),
            _ => encode(),
        };
        self.driver.endpoint_mut().push(entry.frame_type, payload)
    }

    // impl[EIM-SYN-048, EIM-SYN-049, EIM-RSM-018, EIM-TML-009]
    // impl[EIM-LGR-009]
    pub(super) fn lagged(&mut self, head: u64, missed: Heads) {
        let dropped = self.driver.endpoint_mut().drop_queued_pushes();
        tracing::debug!(user = %self.origin.user, dropped, head, "session lags");
        self.pushed = self.pushed.max(head);
        self.head = self.head.max(head);
        // Kept for the next PONG: this LAGGED may be overtaken by another one.
        self.heads.merge(missed);
        let (heads, heads_overflow) = self.heads.list();
        let lagged = Lagged {
            log_epoch: self.shared.store.log_epoch(),
            user_seq: self.pushed,
            heads,
            heads_overflow,
        };
        self.driver.endpoint_mut().lagged(lagged);
    }
}
