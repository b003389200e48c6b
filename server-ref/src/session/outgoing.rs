//! Pushes to the client.

use std::collections::VecDeque;

use eim_codec::connection::SendError;
use eim_codec::payload::Lagged;

use super::open::Session;
use super::push;
use crate::hub::{Delivery, Mail};

impl Session {
    pub(super) fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Signal(signal) => self.signal(signal),
            Mail::Lagged(head) => self.lagged(head),
            Mail::Pushes(pushes) => self.pushes(pushes),
        }
    }

    // impl[EIM-MSG-057] impl[EIM-MSG-058]
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
            let payload = push::encode(&entry, user_seq, echo);
            match self.driver.endpoint_mut().push(entry.frame_type, payload) {
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

    // impl[EIM-SYN-048] impl[EIM-SYN-049]
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
