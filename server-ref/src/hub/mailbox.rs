//! The bounded queue between the committer and one session, and the signals to that session.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use eim_codec::id::{DeviceId, UserId};

use super::{Budget, Heads, Notes};
use crate::store::{Entry, LogoutReason, MarkNote, TenantId};

/// What a queued push costs beside its body.
const OVERHEAD_OCTETS: usize = 192;

/// Octets that every queue may hold whatever the common budget says, so that sessions which do not
/// read cannot starve those that do.
const RESERVE_OCTETS: usize = 16 * 1024;

/// Who owns a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Tenant.
    pub tenant: TenantId,
    /// User.
    pub user: UserId,
    /// Device.
    pub device: DeviceId,
}

/// Bounds of one queue.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Pushes.
    pub frames: usize,
    /// Octets.
    pub octets: usize,
}

/// How much a session can take now.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Pushes.
    pub frames: usize,
    /// Octets; one push fits whatever its size while this is not 0.
    pub octets: usize,
}

impl Room {
    /// Nothing fits.
    pub const NONE: Self = Self {
        frames: 0,
        octets: 0,
    };

    /// Whether anything fits.
    #[must_use]
    pub const fn is_some(self) -> bool {
        self.frames > 0 && self.octets > 0
    }
}

/// The octets of a push that many sessions make alike: encoded by the first of them.
pub type Encoded = Arc<OnceLock<Bytes>>;

/// One push to make.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The committed entry.
    pub entry: Arc<Entry>,
    /// Its number in the timeline of the owner; 0 when it is not in it.
    pub user_seq: u64,
    /// The owner's device sent it.
    pub echo: bool,
    /// Shared by all who get the entry whole and without a number.
    pub encoded: Option<Encoded>,
}

impl Delivery {
    fn octets(&self) -> usize {
        let body = if self.echo { 0 } else { self.entry.body.len() };
        body + self.entry.fallback_text.len() + OVERHEAD_OCTETS
    }
}

/// Something a session must do besides pushing; the variants in order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// The server is stopping: say GOAWAY and settle.
    Drain,
    /// The drain deadline passed: close now.
    Stop,
    /// A newer connection of the device waits.
    Replaced,
    /// The account was disabled.
    Disabled,
    /// The device was logged out.
    LoggedOut(LogoutReason),
}

/// What a session finds in its mailbox.
#[derive(Debug)]
pub enum Mail {
    /// A signal that was not reported before.
    Signal(Signal),
    /// Pushes were dropped; the number is the head of the timeline at that time, 0 if nothing of it
    /// was among them. What the connection has queued may be dropped too.
    Lagged(u64, Heads),
    /// Pushes in commit order.
    Pushes(VecDeque<Delivery>),
    /// What changed about marks.
    Notes(Box<Notes>),
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Delivery>,
    octets: usize,
    /// Of those, taken from the common budget.
    borrowed: usize,
    /// The queue overflowed and was not emptied by its session since: it gets the reserve only.
    suspect: bool,
    lagged: Option<u64>,
    /// Logs outside the timeline of which pushes were dropped.
    missed: Heads,
    signal: Option<Signal>,
    notes: Option<Box<Notes>>,
    waker: Option<Waker>,
    /// The session has no connection now.
    detached: bool,
}

/// A session's bounded queue. Writers never wait: a full queue is dropped and marked lagged.
#[derive(Debug)]
pub struct Mailbox {
    /// Number of the mailbox; grows.
    pub id: u64,
    /// Its owner.
    pub owner: Owner,
    limits: QueueLimits,
    budget: Arc<Budget>,
    state: Mutex<State>,
}

impl Mailbox {
    pub(super) fn new(id: u64, owner: Owner, limits: QueueLimits, budget: Arc<Budget>) -> Self {
        Self {
            id,
            owner,
            limits,
            budget,
            state: Mutex::default(),
        }
    }

    /// Queues `delivery`, or drops the queue and marks it lagged. Returns whom to wake, so that a
    /// batch of commits wakes each session once, and whether the queue overflowed just now.
    #[must_use]
    pub(super) fn deliver(&self, delivery: Delivery) -> (Option<Waker>, bool) {
        let octets = delivery.octets();
        let mut state = self.lock();
        if let Some(head) = &mut state.lagged {
            *head = (*head).max(delivery.user_seq);
            state.missed.note(&delivery);
            return (None, false);
        }
        let fits = state.queue.len() < self.limits.frames && self.take(&mut state, octets);
        if fits {
            state.queue.push_back(delivery);
        } else {
            self.drop_all(&mut state, [delivery]);
        }
        (state.waker.take(), !fits)
    }

    /// Drops what is queued and marks the queue lagged; the session could not pass `these` on.
    pub fn overflow(&self, these: impl IntoIterator<Item = Delivery>) {
        self.drop_all(&mut self.lock(), these);
    }

    // impl[EIM-SYN-048, EIM-SYN-050]
    fn take(&self, state: &mut State, octets: usize) -> bool {
        let total = state.octets.saturating_add(octets);
        if total > RESERVE_OCTETS {
            let beyond = total - RESERVE_OCTETS - state.borrowed;
            if state.suspect || total > self.limits.octets || !self.budget.take(beyond) {
                return false;
            }
            state.borrowed += beyond;
        }
        state.octets = total;
        true
    }

    fn drop_all(&self, state: &mut State, these: impl IntoIterator<Item = Delivery>) {
        let dropped = std::mem::take(&mut state.queue);
        state.octets = 0;
        self.budget.give(std::mem::take(&mut state.borrowed));
        let mut head = state.lagged.unwrap_or(0);
        for delivery in dropped.into_iter().chain(these) {
            head = head.max(delivery.user_seq);
            state.missed.note(&delivery);
        }
        state.lagged = Some(head);
        state.suspect = true;
    }

    /// Tells the session something; a weaker signal than an earlier one changes nothing.
    pub fn signal(&self, signal: Signal) {
        let waker = {
            let mut state = self.lock();
            state.signal = state.signal.max(Some(signal));
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Tells the session about marks. Returns whom to wake.
    #[must_use]
    pub(super) fn note(&self, note: MarkNote) -> Option<Waker> {
        let mut state = self.lock();
        state.notes.get_or_insert_default().add(note);
        state.waker.take()
    }

    /// Takes what is there, signals first. Without room, pushes stay queued.
    ///
    /// Emptying the queue leaves no allocation behind.
    pub fn poll(&self, cx: &Context<'_>, room: Room) -> Poll<Mail> {
        let mut state = self.lock();
        if let Some(signal) = state.signal.take() {
            return Poll::Ready(Mail::Signal(signal));
        }
        if let Some(head) = state.lagged.take() {
            let missed = std::mem::take(&mut state.missed);
            return Poll::Ready(Mail::Lagged(head, missed));
        }
        if room.is_some() && !state.queue.is_empty() {
            return Poll::Ready(Mail::Pushes(self.take_pushes(&mut state, room)));
        }
        if let Some(notes) = state.notes.take() {
            return Poll::Ready(Mail::Notes(notes));
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn take_pushes(&self, state: &mut State, room: Room) -> VecDeque<Delivery> {
        if state.queue.len() <= room.frames && state.octets <= room.octets {
            state.octets = 0;
            self.budget.give(std::mem::take(&mut state.borrowed));
            state.suspect = false;
            return std::mem::take(&mut state.queue);
        }
        let (mut count, mut octets) = (0, 0);
        for delivery in state.queue.iter().take(room.frames) {
            count += 1;
            octets += delivery.octets();
            if octets >= room.octets {
                break;
            }
        }
        state.octets -= octets;
        let surplus = state.octets.saturating_sub(RESERVE_OCTETS);
        self.budget
            .give(state.borrowed - surplus.min(state.borrowed));
        state.borrowed = state.borrowed.min(surplus);
        state.queue.drain(..count).collect()
    }

    /// A newer connection goes on with this mailbox: what told the older one to make room for it
    /// is not meant for itself.
    // impl[EIM-CON-015]
    pub fn taken_over(&self) {
        let mut state = self.lock();
        if state.signal == Some(Signal::Replaced) {
            state.signal = None;
        }
        state.detached = false;
    }

    /// The connection is gone: nobody is woken until the next poll.
    pub fn detach(&self) {
        let mut state = self.lock();
        state.waker = None;
        state.detached = true;
    }

    /// Whether its session has a connection.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        !self.lock().detached
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let borrowed = self.lock().borrowed;
        self.budget.give(borrowed);
    }
}
