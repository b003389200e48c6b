//! Presence and typing: who can be reached here, and who wants to know.
//!
//! All of it follows from the connections there are, and lives in memory. Changes are gathered and
//! told at the next tick ([`Presence::flush`]), so that a device that comes and goes costs its
//! subscribers one event a tick at most, and none when it is as it was.

mod hints;
mod table;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use eim_codec::id::{ConversationId, UserId};
use tokio_util::sync::CancellationToken;

pub use hints::{Hints, Shown};

use self::table::Table;
use crate::clock::Clock;
use crate::hub::{Hub, Mailbox};
use crate::store::TenantId;

/// Users looked at before others get their turn.
const AT_ONCE: usize = 256;

/// A subscription is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotWatched {
    /// The connection gets no events.
    SendOnly,
    /// It has as many subscriptions as it may have.
    Full,
}

/// Presence of all users that are connected here, and their subscribers.
#[derive(Debug)]
pub struct Presence {
    table: Mutex<Table>,
    subscriptions: usize,
}

/// A device that is connected; it is gone when this is dropped.
#[derive(Debug)]
pub struct Attendance {
    presence: Arc<Presence>,
    mailbox: Arc<Mailbox>,
}

impl Presence {
    /// Nobody is there. A connection may have `subscriptions`.
    #[must_use]
    pub fn new(subscriptions: usize) -> Self {
        Self {
            table: Mutex::default(),
            subscriptions,
        }
    }

    /// A device is connected, in the foreground.
    // impl[EIM-PRS-002]
    #[must_use]
    pub fn attend(self: &Arc<Self>, mailbox: &Arc<Mailbox>) -> Attendance {
        self.lock().enter(mailbox);
        Attendance {
            presence: Arc::clone(self),
            mailbox: Arc::clone(mailbox),
        }
    }

    /// The user says something about being reachable. Nobody hears of it while no device is there.
    // impl[EIM-PRS-005, EIM-PRS-007]
    pub fn set(&self, tenant: TenantId, user: UserId, away: bool, status: String) {
        self.lock().set((tenant, user), away, status);
    }

    /// A connection subscribes to users; it hears of them when they are [admitted](Self::admit).
    ///
    /// # Errors
    /// [`NotWatched`]; then nothing has changed.
    // impl[EIM-PRS-013]
    pub fn watch(&self, connection: u64, users: &[UserId]) -> Result<(), NotWatched> {
        self.lock().watch(connection, users, self.subscriptions)
    }

    /// The subscription to a user begins, if it may: gives back how the user is shown.
    pub fn admit(&self, connection: u64, key: (TenantId, UserId), may: bool) -> Arc<Shown> {
        self.lock().admit(connection, key, may)
    }

    /// Ends subscriptions of a connection; all without `users`.
    // impl[EIM-PRS-010]
    pub fn unwatch(&self, connection: u64, users: Option<&[UserId]>) {
        self.lock().unwatch(connection, users);
    }

    /// Whether a connection of `viewer` is subscribed to `user`.
    #[must_use]
    pub fn is_watched(&self, tenant: TenantId, user: UserId, viewer: UserId) -> bool {
        self.lock().is_watched((tenant, user), viewer)
    }

    /// `viewer` may not see `user` any more: it is told that the user is offline, and nothing after.
    // impl[EIM-PRS-015]
    pub fn cut(&self, tenant: TenantId, user: UserId, viewer: UserId) {
        let wakers = self.lock().cut((tenant, user), viewer);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How a user is shown now.
    #[must_use]
    pub fn shown(&self, tenant: TenantId, user: UserId) -> Shown {
        self.lock().shown(&(tenant, user))
    }

    /// When the last device of a user who is gone was here, Unix milliseconds, if that is known.
    #[must_use]
    pub fn last_seen_ms(&self, tenant: TenantId, user: UserId) -> Option<u64> {
        self.lock().last_seen(&(tenant, user))
    }

    /// Tells the devices of `to` that `user` types, or ceases to.
    // impl[EIM-PRS-017]
    pub fn typing(
        &self,
        key: (TenantId, UserId),
        conversation: ConversationId,
        typing: bool,
        to: &[UserId],
    ) {
        let (tenant, user) = key;
        let mut wakers = Vec::new();
        {
            let table = self.lock();
            for one in to.iter().filter(|one| **one != user) {
                for mailbox in table.mailboxes(&(tenant, *one)) {
                    wakers.extend(mailbox.hint_typing(conversation, user, typing));
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A connection could not tell its client everything: the rest waits for the next tick.
    pub fn hold(&self, connection: u64) {
        self.lock().hold(connection);
    }

    /// A tick: subscribers are told what is different from what they were told.
    // impl[EIM-PRS-008, EIM-PRS-009]
    pub fn flush(&self, now_ms: u64) {
        let wakers = self.lock().begin_tick(now_ms);
        wakers.into_iter().for_each(Waker::wake);
        loop {
            let told = self.lock().tell(AT_ONCE);
            let Some(wakers) = told else { return };
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Users known, devices connected and subscriptions, for tests and measurements.
    #[must_use]
    pub fn load(&self) -> (usize, usize, usize) {
        self.lock().load()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attendance {
    /// The device goes to the background, or is back.
    // impl[EIM-PRS-003, EIM-PRS-021]
    pub fn background(&self, background: bool) {
        let id = self.mailbox.id;
        self.presence.lock().background(id, background);
        self.mailbox.set_background(background);
    }

    /// Could not be told; it waits for the next tick, unless something newer comes.
    pub fn put_back(&self, hints: Hints) {
        self.mailbox.put_back(hints);
        self.presence.hold(self.mailbox.id);
    }
}

impl Drop for Attendance {
    // impl[EIM-PRS-004, EIM-PRS-011]
    fn drop(&mut self) {
        self.presence.lock().leave(&self.mailbox);
    }
}

/// Tells subscribers at every tick until the server stops.
pub async fn run(
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    interval: Duration,
    stopping: CancellationToken,
) {
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
        hub.presence().flush(clock.now_ms());
    }
}
