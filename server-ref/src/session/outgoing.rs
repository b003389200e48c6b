//! Pushes to the client.

use std::collections::VecDeque;

use bytes::Bytes;
use eim_codec::connection::SendError;
use eim_codec::payload::{Event, Lagged, MarksEvent, ReadersEvent};
use eim_codec::registry::{Capability, EventNumber};
use prost::Message as _;

use super::open::Session;
use super::push::{self, Parts};
use crate::hub::{Delivery, Mail, Notes};
use crate::service::to_mark;
use crate::store::Entry;

impl Session {
    pub(super) fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Signal(signal) => self.signal(signal),
            Mail::Lagged(head) => self.lagged(head),
            Mail::Pushes(pushes) => self.pushes(pushes),
            Mail::Notes(notes) => self.notes(*notes),
        }
    }

    // impl[EIM-MRK-014, EIM-MRK-015, EIM-MRK-017, EIM-MRK-019, EIM-MRK-020]
    fn notes(&mut self, notes: Notes) {
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

    fn tell(&mut self, event: EventNumber, body: Bytes) {
        let event = event.0;
        self.driver.endpoint_mut().event(&Event { event, body });
    }

    // impl[EIM-MSG-057, EIM-MSG-058]
    pub(super) fn pushes(&mut self, pushes: VecDeque<Delivery>) {
        let last = pushes.back().map_or(0, |delivery| delivery.user_seq);
        for Delivery {
            entry,
            user_seq,
            echo,
        } in pushes
        {
            // Known to the client by the head of AUTH_OK.
            if user_seq <= self.pushed {
                continue;
            }
            let mut pushed = self.push(&entry, user_seq, Parts::of(echo));
            if let Err(SendError::TooLarge { .. }) = pushed {
                // impl[EIM-SYN-058]: this client takes neither the frame nor fragments.
                pushed = self.push(&entry, user_seq, Parts::Header);
            }
            match pushed {
                Ok(()) => self.pushed = user_seq,
                Err(SendError::QueueFull) => {
                    self.mailbox.overflow(last);
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "an entry cannot be pushed to this client");
                    self.mailbox.overflow(last);
                    break;
                }
            }
        }
        self.head = self.head.max(last);
    }

    fn push(&mut self, entry: &Entry, user_seq: u64, parts: Parts) -> Result<(), SendError> {
        let payload = push::encode(entry, user_seq, parts);
        self.driver.endpoint_mut().push(entry.frame_type, payload)
    }

    // impl[EIM-SYN-048, EIM-SYN-049, EIM-RSM-018, EIM-TML-009]
    pub(super) fn lagged(&mut self, head: u64) {
        let dropped = self.driver.endpoint_mut().drop_queued_pushes();
        tracing::debug!(user = %self.origin.user, dropped, head, "session lags");
        self.pushed = self.pushed.max(head);
        self.head = self.head.max(head);
        let lagged = Lagged {
            log_epoch: self.shared.store.log_epoch(),
            user_seq: self.pushed,
        };
        self.driver.endpoint_mut().lagged(lagged);
    }
}
