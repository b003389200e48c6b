//! That a user can be reached through a session, and how often it may ask about others.

use std::sync::Arc;
use std::time::Duration;

use eim_codec::time::Timestamp;

use super::leave::Leave;
use super::shared::Shared;
use crate::hub::Mailbox;
use crate::limits::Bucket;
use crate::presence::Attendance;

/// What one session has to do with whoever looks for the user, and with a device that is sent away.
#[derive(Debug)]
pub(super) struct Reach {
    /// `None` for a send-only session.
    pub(super) attendance: Option<Attendance>,
    /// Requests about presence.
    asked: Bucket,
    /// The device was logged out.
    pub(super) leave: Leave,
}

impl Reach {
    pub(super) fn new(shared: &Shared, mailbox: &Arc<Mailbox>, full: bool) -> Self {
        let presence = shared.hub.presence();
        Self {
            attendance: full.then(|| presence.attend(mailbox)),
            asked: Bucket::default(),
            leave: Leave::default(),
        }
    }

    /// Takes one request about presence.
    ///
    /// # Errors
    /// How long to wait until the next one may come.
    // impl[EIM-PRS-023]
    pub(super) fn take(&mut self, shared: &Shared, now: Timestamp) -> Result<(), Duration> {
        if let Some(rate) = shared.options.presence {
            self.asked.check(rate, 1, now)?;
            self.asked.take(rate, 1, now);
        }
        Ok(())
    }
}
