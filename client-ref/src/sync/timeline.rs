//! The timeline of this user, as this device follows it. No IO.
//!
//! `accepted` is the number through which everything went to the store, `head` the highest
//! number heard of. Whenever the head is beyond, and nothing under way explains it, SYNC is due.

use std::collections::BTreeMap;

use crate::store::{Arrival, Cursor};

/// Entries beyond a hole that are kept until the hole is filled; more are pulled again.
const EARLY_ENTRIES: usize = 1024;
/// Octets of such entries.
const EARLY_OCTETS: usize = 4 << 20;

/// Follows the timeline.
#[derive(Debug)]
pub(crate) struct Timeline {
    log_epoch: u64,
    accepted: u64,
    head: u64,
    early: BTreeMap<u64, Arrival>,
    early_octets: usize,
    pulling: bool,
}

/// What became of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// These are next, in order: for the store.
    Next(Vec<Arrival>),
    /// Known already.
    Duplicate,
    /// Beyond a hole: kept, or dropped for want of room.
    Early,
}

/// What to ask the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pull {
    /// SYNC from this cursor.
    Sync(Cursor),
}

impl Timeline {
    pub(crate) const fn new(cursor: Cursor) -> Self {
        Self {
            log_epoch: cursor.log_epoch,
            accepted: cursor.user_seq,
            head: cursor.user_seq,
            early: BTreeMap::new(),
            early_octets: 0,
            pulling: false,
        }
    }

    /// Where everything through it went to the store.
    pub(crate) const fn cursor(&self) -> Cursor {
        Cursor {
            log_epoch: self.log_epoch,
            user_seq: self.accepted,
        }
    }

    /// The highest number heard of.
    pub(crate) const fn head(&self) -> u64 {
        self.head
    }

    /// Whether everything heard of is here.
    pub(crate) const fn is_caught_up(&self) -> bool {
        self.accepted >= self.head && !self.pulling
    }

    /// Begins anew at a cursor: after a snapshot, or in the first epoch ever.
    pub(crate) fn reset(&mut self, cursor: Cursor) {
        *self = Self::new(cursor);
    }

    /// The connection is gone, and with it what was under way.
    pub(crate) const fn disconnected(&mut self) {
        self.pulling = false;
    }

    /// Heard of a head, and what is under way does not explain it.
    pub(crate) fn note_head(&mut self, user_seq: u64) {
        self.head = self.head.max(user_seq);
    }

    /// An entry with a place in the timeline, or without one (0).
    // impl[EIM-SYN-015] A hole is noticed here and pulled by `pull`.
    pub(crate) fn push(&mut self, arrival: Arrival) -> Push {
        let user_seq = arrival.message.user_seq;
        self.note_head(user_seq);
        if user_seq == 0 {
            // impl[EIM-TML-013]
            return Push::Next(vec![arrival]);
        }
        if user_seq <= self.accepted {
            return Push::Duplicate;
        }
        if user_seq > self.accepted.saturating_add(1) {
            self.keep(user_seq, arrival);
            return Push::Early;
        }
        self.accepted = user_seq;
        let mut next = vec![arrival];
        while let Some(entry) = self.early.first_entry() {
            if *entry.key() > self.accepted.saturating_add(1) {
                break;
            }
            let (number, arrival) = entry.remove_entry();
            self.early_octets = self.early_octets.saturating_sub(arrival.message.body.len());
            if number == self.accepted.saturating_add(1) {
                self.accepted = number;
                next.push(arrival);
            }
        }
        Push::Next(next)
    }

    fn keep(&mut self, user_seq: u64, arrival: Arrival) {
        let octets = self.early_octets.saturating_add(arrival.message.body.len());
        if self.early.len() < EARLY_ENTRIES && octets <= EARLY_OCTETS {
            self.early_octets = octets;
            if let Some(replaced) = self.early.insert(user_seq, arrival) {
                self.early_octets = self
                    .early_octets
                    .saturating_sub(replaced.message.body.len());
            }
        }
    }

    /// What to ask for now, if anything; it is under way then.
    pub(crate) fn pull(&mut self) -> Option<Pull> {
        if self.pulling || self.head <= self.accepted {
            return None;
        }
        self.pulling = true;
        Some(Pull::Sync(self.cursor()))
    }

    /// A page of SYNC arrived whole, its entries went through [`push`](Self::push). Returns
    /// whether the answer made sense.
    // impl[EIM-SYN-025]
    pub(crate) fn page(&mut self, asked: u64, head: u64, more: bool) -> bool {
        self.pulling = false;
        self.note_head(head);
        let progressed = self.accepted > asked;
        if !progressed && (more || self.head > self.accepted) {
            // An answer that leads nowhere; asking the same again would go in circles.
            self.reset(self.cursor());
            return false;
        }
        if !more {
            // The head of the answer is explained; whatever is beyond was pushed or will be.
            let early = self.early.last_key_value().map_or(0, |(last, _)| *last);
            self.head = head.max(early).max(self.accepted);
        }
        true
    }

    /// SYNC failed for a reason that may pass.
    pub(crate) const fn pull_failed(&mut self) {
        self.pulling = false;
    }
}

#[cfg(test)]
mod tests;
