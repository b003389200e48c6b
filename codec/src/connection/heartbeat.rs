//! Signs of life: when to send PING, and when the peer counts as gone.

use core::time::Duration;

use crate::registry::limits;
use crate::time::Timestamp;

/// Heartbeat of one side of an open connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heartbeat {
    /// H.
    interval: Duration,
    /// N; zero in the foreground.
    next_contact: Duration,
    /// When the client last went to the background or returned.
    turned: Timestamp,
    /// When the connection opened: silence before does not count, it was ours as well.
    opened: Timestamp,
    /// When this side last sent PING on its own.
    pinged: Timestamp,
    /// Token of the last PING sent, and of the last one answered.
    last_token: u64,
    answered: u64,
}

impl Heartbeat {
    /// A connection opens, in the foreground.
    // impl[EIM-RSM-028]
    pub(crate) const fn new(interval: Duration, now: Timestamp) -> Self {
        let next_contact = Duration::ZERO;
        Self {
            interval,
            next_contact,
            turned: now,
            opened: now,
            pinged: now,
            last_token: 0,
            answered: 0,
        }
    }

    /// The connection opens later than this side had decided: its application took its time.
    pub(crate) const fn open_at(&mut self, now: Timestamp) {
        self.opened = now;
        self.pinged = now;
    }

    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// The client goes to the background or returns (zero).
    // impl[EIM-HBT-020, EIM-HBT-022]
    pub(crate) const fn background(&mut self, next_contact: Duration, now: Timestamp) {
        self.next_contact = next_contact;
        self.turned = now;
    }

    const fn is_background(&self) -> bool {
        !self.next_contact.is_zero()
    }

    /// I.
    fn longest_silence(&self) -> Duration {
        self.interval.max(self.next_contact)
    }

    /// When a client sends PING: a little before the interval is over, so that in a silent connection
    /// one side asks and not both. It says that this side is there as well: the PING of a server that
    /// hears nothing may be stuck behind everything else that is under way.
    // impl[EIM-HBT-003, EIM-HBT-019, EIM-HBT-024]
    pub(crate) fn client_ping_at(&self, heard: Timestamp, spoke: Timestamp) -> Timestamp {
        self.quiet_since(heard, spoke)
            .saturating_add(self.longest_silence() / 8 * 7)
    }

    /// When a server sends PING, if at all. What it did not say while the client was in the background
    /// does not count.
    // impl[EIM-HBT-003, EIM-HBT-021, EIM-HBT-024]
    pub(crate) fn server_ping_at(&self, heard: Timestamp, spoke: Timestamp) -> Option<Timestamp> {
        let quiet_since = self.quiet_since(heard, spoke.max(self.turned));
        let at = quiet_since.saturating_add(self.interval);
        (!self.is_background()).then_some(at)
    }

    /// Since when either side is silent and none of our PINGs is recent.
    fn quiet_since(&self, heard: Timestamp, spoke: Timestamp) -> Timestamp {
        heard.min(spoke).max(self.pinged)
    }

    /// When the peer counts as gone.
    // impl[EIM-HBT-006, EIM-HBT-007]
    pub(crate) fn dead_at(&self, heard: Timestamp) -> Timestamp {
        let beyond = limits::DEAD_PERMILLE.default.saturating_sub(1000);
        let margin = self.interval.saturating_mul(beyond) / 1000;
        heard
            .max(self.opened)
            .saturating_add(self.longest_silence())
            .saturating_add(margin)
    }

    /// The token of a PING that is sent now.
    // impl[EIM-HBT-016]
    pub(crate) const fn ping(&mut self, now: Timestamp) -> u64 {
        self.pinged = now;
        self.last_token = self.last_token.saturating_add(1);
        self.last_token
    }

    /// Varies from PING to PING.
    pub(crate) const fn last_octet(&self) -> u8 {
        let [.., last] = self.last_token.to_be_bytes();
        last
    }

    /// Whether a PONG answers a PING of this side that was not answered yet.
    // impl[EIM-HBT-015]
    pub(crate) fn pong(&mut self, token: u64) -> bool {
        let answers = self.answered < token && token <= self.last_token;
        if answers {
            self.answered = token;
        }
        answers
    }
}
