//! What CURSOR says, and when it is worth a frame.

use core::time::Duration;

use crate::payload::Cursor;
use crate::time::Timestamp;

/// Shortest time between two CURSOR frames, unless much was settled.
const PACE: Duration = Duration::from_millis(50);

/// Settled results that are worth a CURSOR at once: half of the least `unsettled_results` that a
/// server may grant.
// impl[EIM-RES-013]
const SETTLED_AT_ONCE: u64 = 32;

/// Progress of this device, to be reported.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    stored: (u64, u64),
    settled_through: u64,
    reported: Option<((u64, u64), u64)>,
    /// No CURSOR leaves before, unless much was settled.
    not_before: Timestamp,
    /// That time has passed: the next transmission takes it along.
    ripe: bool,
}

impl Progress {
    /// Begins with what AUTH said. Only CURSOR moves the durable cursor of the device, so one is due
    /// at once unless there is nothing to say.
    // impl[EIM-RSM-017]
    pub(super) fn new(stored: (u64, u64), settled_through: u64, now: Timestamp) -> Self {
        let nothing = stored.1 == 0 && settled_through == 0;
        Self {
            stored,
            settled_through,
            reported: nothing.then_some((stored, settled_through)),
            not_before: now,
            ripe: false,
        }
    }

    /// The device has stored its timeline through `user_seq` of `log_epoch`.
    pub(super) fn store(&mut self, log_epoch: u64, user_seq: u64) {
        let forward = log_epoch != self.stored.0 || user_seq > self.stored.1;
        if forward {
            self.stored = (log_epoch, user_seq);
        }
    }

    pub(super) const fn settle(&mut self, through: u64) {
        self.settled_through = through;
    }

    pub(super) fn is_reported(&self) -> bool {
        self.reported == Some((self.stored, self.settled_through))
    }

    /// When CURSOR becomes due.
    // impl[EIM-CUR-005, EIM-CUR-006]
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        (!self.ripe && !self.is_reported()).then_some(self.not_before)
    }

    /// Notes that the time has come.
    pub(super) fn check(&mut self, now: Timestamp) {
        self.ripe |= self.due_at().is_some_and(|at| at <= now);
    }

    /// The CURSOR, if it is due.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Cursor> {
        self.check(now);
        let reported = self
            .reported
            .map_or(0, |(_, settled_through)| settled_through);
        let settled = self.settled_through.saturating_sub(reported);
        if !self.ripe && settled < SETTLED_AT_ONCE {
            return None;
        }
        self.reported = Some((self.stored, self.settled_through));
        self.not_before = now.saturating_add(PACE);
        self.ripe = false;
        let (log_epoch, user_seq) = self.stored;
        Some(Cursor {
            log_epoch,
            user_seq,
            settled_through: self.settled_through,
        })
    }
}
