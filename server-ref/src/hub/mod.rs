//! Who is online here, and the way of a commit to their sessions.
//!
//! The hub is the store's [`CommitSink`]: it runs on the committer, so it only moves references
//! into bounded queues and wakes sessions. It never waits.

mod budget;
mod heads;
mod mailbox;
mod notes;
mod posted;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use eim_codec::id::{DeviceId, UserId};
use eim_codec::registry::limits;

pub use budget::Budget;
pub use heads::Heads;
pub use mailbox::{Delivery, Encoded, Mail, Mailbox, Owner, QueueLimits, Room, Signal};
pub use notes::Notes;
pub use watch::Watch;

use self::posted::Posted;
use crate::calls::{Party, Signal as CallSignal};
use crate::metrics::names;
use crate::presence::Presence;
use crate::store::{CommitSink, Committed, LoggedOut, Marked, TenantId};

/// Whether a session gets pushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receives {
    /// All entries of the user's timeline.
    Pushes,
    /// Results only (a send-only session, or a connection that is still being opened).
    Nothing,
}

#[derive(Debug)]
struct Online {
    mailbox: Arc<Mailbox>,
    receives: Receives,
}

/// Sessions by their user.
type Sessions = HashMap<(TenantId, UserId), Vec<Online>>;

/// The sessions of every user that is online on this server.
#[derive(Debug)]
pub struct Hub {
    online: Mutex<Sessions>,
    limits: QueueLimits,
    budget: Arc<Budget>,
    presence: Arc<Presence>,
    next_id: AtomicU64,
    owed: Arc<tokio::sync::Notify>,
    watch: Watch,
    pushes: metrics::Counter,
    lagged: metrics::Counter,
    accepted: metrics::Counter,
    batch: metrics::Histogram,
}

impl Hub {
    /// A hub with nobody online. `limits` bounds each queue, `octets` all of them together.
    #[must_use]
    pub fn new(limits: QueueLimits, octets: usize) -> Self {
        Self {
            online: Mutex::default(),
            limits,
            budget: Arc::new(Budget::new(octets)),
            presence: Arc::new(Presence::new(usize_of(
                limits::PRESENCE_SUBSCRIPTIONS.default,
            ))),
            next_id: AtomicU64::new(1),
            owed: Arc::default(),
            watch: Watch::default(),
            pushes: metrics::counter!(names::PUSHES),
            lagged: metrics::counter!(names::LAGGED),
            accepted: metrics::counter!(names::MESSAGES_ACCEPTED),
            batch: metrics::histogram!(names::COMMIT_BATCH_SIZE),
        }
    }

    /// Sets how many subscriptions a connection may have.
    #[must_use]
    pub fn with_subscriptions(mut self, subscriptions: usize) -> Self {
        self.presence = Arc::new(Presence::new(subscriptions));
        self
    }

    /// Presence and typing of those who are online.
    #[must_use]
    pub const fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// Told when notifications are owed that were not before.
    #[must_use]
    pub fn owing(&self) -> Arc<tokio::sync::Notify> {
        Arc::clone(&self.owed)
    }

    /// Timelines that somebody reads who is no session.
    #[must_use]
    pub const fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Opens a mailbox for a session of `owner`.
    #[must_use]
    pub fn register(&self, owner: Owner, receives: Receives) -> Arc<Mailbox> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mailbox = Arc::new(Mailbox::new(
            id,
            owner,
            self.limits,
            Arc::clone(&self.budget),
        ));
        let entry = Online {
            mailbox: Arc::clone(&mailbox),
            receives,
        };
        self.lock()
            .entry((owner.tenant, owner.user))
            .or_default()
            .push(entry);
        mailbox
    }

    /// Forgets a mailbox.
    pub fn unregister(&self, mailbox: &Mailbox) {
        let key = (mailbox.owner.tenant, mailbox.owner.user);
        let mut online = self.lock();
        if let Some(sessions) = online.get_mut(&key) {
            sessions.retain(|online| online.mailbox.id != mailbox.id);
            if sessions.is_empty() {
                online.remove(&key);
            } else {
                sessions.shrink_to_fit();
            }
        }
    }

    /// Signals every session of this server, in the order they were opened.
    pub fn signal_all(&self, signal: Signal) {
        let mut all: Vec<Arc<Mailbox>> = self
            .lock()
            .values()
            .flatten()
            .map(|online| Arc::clone(&online.mailbox))
            .collect();
        all.sort_unstable_by_key(|mailbox| mailbox.id);
        all.iter().for_each(|mailbox| mailbox.signal(signal));
    }

    /// Signals every session of one user.
    pub fn signal_user(&self, tenant: TenantId, user: UserId, signal: Signal) {
        let sessions: Vec<Arc<Mailbox>> = self
            .lock()
            .get(&(tenant, user))
            .into_iter()
            .flatten()
            .map(|online| Arc::clone(&online.mailbox))
            .collect();
        sessions.iter().for_each(|mailbox| mailbox.signal(signal));
    }

    /// Signals the sessions of one device.
    pub fn signal_device(&self, owner: Owner, signal: Signal) {
        let sessions: Vec<Arc<Mailbox>> = self
            .lock()
            .get(&(owner.tenant, owner.user))
            .into_iter()
            .flatten()
            .map(|online| Arc::clone(&online.mailbox))
            .filter(|mailbox| mailbox.owner.device == owner.device)
            .collect();
        sessions.iter().for_each(|mailbox| mailbox.signal(signal));
    }

    /// Devices of a user that have a session which gets pushes and is not waiting for a resume.
    #[must_use]
    pub fn online(&self, tenant: TenantId, user: UserId) -> BTreeSet<DeviceId> {
        let online = self.lock();
        let sessions = online.get(&(tenant, user)).into_iter().flatten();
        sessions
            .filter(|session| session.receives == Receives::Pushes && session.mailbox.is_attached())
            .map(|session| session.mailbox.owner.device)
            .collect()
    }

    /// Queues a signal of a call for the devices of users, but not for the one that sent it. Returns
    /// whom to wake.
    // impl[EIM-CAL-008]
    #[must_use]
    pub(crate) fn ring(
        &self,
        tenant: TenantId,
        users: &[UserId],
        sender: Option<Party>,
        signal: &Arc<CallSignal>,
    ) -> Vec<Waker> {
        let online = self.lock();
        let mut wakers = Vec::new();
        for user in users {
            for session in online.get(&(tenant, *user)).into_iter().flatten() {
                let device = session.mailbox.owner.device;
                let sent = sender
                    == Some(Party {
                        user: *user,
                        device,
                    });
                if session.receives == Receives::Pushes && !sent {
                    wakers.extend(session.mailbox.ring(signal));
                }
            }
        }
        wakers
    }

    /// Users with a session here, and octets waiting in all queues.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        (self.lock().len(), self.budget.used())
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.online.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl CommitSink for Hub {
    // impl[EIM-MSG-056]
    fn committed(&self, commits: &[Committed]) {
        let mut posted = Posted::default();
        {
            let online = self.lock();
            for commit in commits {
                for (user, user_seq) in commit.recipients.iter() {
                    if let Some(sessions) = online.get(&(commit.tenant, *user)) {
                        posted.post(commit, *user_seq, None, sessions);
                    }
                }
                posted.post_audience(commit, &online);
            }
        }
        posted.wakers.into_iter().for_each(Waker::wake);
        self.watch.committed(commits);
        self.accepted.increment(commits.len() as u64);
        self.batch.record(commits.len() as f64);
        self.pushes.increment(posted.pushes);
        self.lagged.increment(posted.lagged);
    }

    fn marked(&self, marked: &[Marked]) {
        let mut wakers = Vec::new();
        {
            let online = self.lock();
            for change in marked {
                let sessions = online.get(&(change.tenant, change.to));
                for session in sessions.into_iter().flatten() {
                    let device = session.mailbox.owner.device;
                    if session.receives == Receives::Pushes && change.except != Some(device) {
                        wakers.extend(session.mailbox.note(change.note));
                    }
                }
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    // impl[EIM-NTF-012]
    fn attends(&self, tenant: TenantId, user: UserId, device: DeviceId) -> bool {
        let online = self.lock();
        let sessions = online.get(&(tenant, user)).into_iter().flatten();
        sessions
            .filter(|session| session.receives == Receives::Pushes)
            .filter(|session| session.mailbox.owner.device == device)
            .any(|session| session.mailbox.is_in_foreground())
    }

    fn owed(&self) {
        self.owed.notify_one();
    }

    // impl[EIM-SEC-005, EIM-DEV-004]
    fn logged_out(&self, devices: &[LoggedOut]) {
        for out in devices {
            let owner = Owner {
                tenant: out.tenant,
                user: out.user,
                device: out.device,
            };
            self.signal_device(owner, Signal::LoggedOut(out.reason));
        }
    }
}
