//! The bounded queue between the committer and one session, and the signals to that session.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use eim_codec::id::{ConversationId, DeviceId, UserId};

use super::{Budget, Heads, Notes};
use crate::calls::{Rings, Signal as CallSignal};
use crate::presence::{Hints, Shown};
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
    /// No push waits in the connection.
    pub quiet: bool,
}

impl Room {
    /// Nothing fits.
    pub const NONE: Self = Self {
        frames: 0,
        octets: 0,
        quiet: false,
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
    /// What changed about presence and typing.
    Hints(Box<Hints>),
    /// Signals of calls.
    Rings(Box<Rings>),
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
    hints: Option<Box<Hints>>,
    rings: Option<Box<Rings>>,
    /// Hints wait for the next tick.
    held: bool,
    /// The client is in the background: hints wait.
    background: bool,
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
        if let Some(rings) = state.take_rings(room) {
            return Poll::Ready(Mail::Rings(rings));
        }
        if room.is_some() && !state.queue.is_empty() {
            return Poll::Ready(Mail::Pushes(self.take_pushes(&mut state, room)));
        }
        if let Some(notes) = state.notes.take() {
            return Poll::Ready(Mail::Notes(notes));
        }
        if let Some(hints) = state.take_hints(room) {
            return Poll::Ready(Mail::Hints(hints));
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
        state.background = false;
    }

    /// The connection is gone: nobody is woken until the next poll.
    pub fn detach(&self) {
        let mut state = self.lock();
        state.waker = None;
        state.detached = true;
        state.rings = None;
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

/// Presence and typing.
impl Mailbox {
    /// A user is shown like this now. Returns whom to wake.
    #[must_use]
    pub(crate) fn hint_presence(&self, user: UserId, shown: Arc<Shown>) -> Option<Waker> {
        let mut state = self.lock();
        let hints = state.hints.get_or_insert_default();
        hints.presences.insert(user, shown);
        state.hint_waker()
    }

    /// Somebody types, or ceases to; nothing to a client in the background. Returns whom to wake.
    // impl[EIM-PRS-021]
    #[must_use]
    pub(crate) fn hint_typing(
        &self,
        conversation: ConversationId,
        user: UserId,
        typing: bool,
    ) -> Option<Waker> {
        let mut state = self.lock();
        if state.background || state.detached {
            return None;
        }
        let hints = state.hints.get_or_insert_default();
        hints.type_in(conversation, user, typing);
        state.hint_waker()
    }

    /// Takes back what waits about users.
    pub(crate) fn unhint(&self, users: &BTreeSet<UserId>) {
        let mut state = self.lock();
        if let Some(hints) = &mut state.hints {
            hints.presences.retain(|user, _| !users.contains(user));
            if hints.is_empty() {
                state.hints = None;
            }
        }
    }

    /// Could not be told: waits until it is released, unless something newer has come.
    pub(crate) fn put_back(&self, hints: Hints) {
        let mut state = self.lock();
        state.held = true;
        let waiting = state.hints.get_or_insert_default();
        for (user, shown) in hints.presences {
            waiting.presences.entry(user).or_insert(shown);
        }
    }

    /// What was put back may be told now. Returns whom to wake.
    #[must_use]
    pub(crate) fn release_hints(&self) -> Option<Waker> {
        let mut state = self.lock();
        state.held = false;
        state.hints.as_ref()?;
        state.hint_waker()
    }

    /// Whether there is a connection, and its client is not in the background.
    pub(super) fn is_in_foreground(&self) -> bool {
        let state = self.lock();
        !state.detached && !state.background
    }

    /// The client goes to the background, or is back.
    pub(crate) fn set_background(&self, background: bool) {
        let mut state = self.lock();
        state.background = background;
        if background && let Some(hints) = &mut state.hints {
            hints.typing.clear();
        }
    }

    /// The connection is over, and what it was to be told.
    pub(crate) fn forget_hints(&self) {
        let mut state = self.lock();
        state.hints = None;
        state.held = false;
    }
}

/// Calls.
impl Mailbox {
    /// A signal of a call; nothing to a session without a connection, whose client asks when it is
    /// back. Returns whom to wake.
    // impl[EIM-CAL-008, EIM-CAL-025]
    #[must_use]
    pub(super) fn ring(&self, signal: &Arc<CallSignal>) -> Option<Waker> {
        let mut state = self.lock();
        if state.detached {
            return None;
        }
        state.rings.get_or_insert_default().add(Arc::clone(signal));
        state.waker.take()
    }

    /// Signals could not be told: that is to be told once there is room.
    pub fn rings_dropped(&self) {
        self.lock().rings = Some(Box::new(Rings::stale()));
    }
}

impl State {
    fn take_rings(&mut self, room: Room) -> Option<Box<Rings>> {
        let dropped = self.rings.as_ref().is_some_and(|rings| rings.stale);
        if dropped && !room.quiet {
            return None;
        }
        self.rings.take()
    }

    // impl[EIM-PRS-021, EIM-PRS-022]
    fn take_hints(&mut self, room: Room) -> Option<Box<Hints>> {
        if self.held || self.background || !room.quiet || !self.queue.is_empty() {
            return None;
        }
        self.hints.take().filter(|hints| !hints.is_empty())
    }

    fn hint_waker(&mut self) -> Option<Waker> {
        if self.held || self.background {
            return None;
        }
        self.waker.take()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let borrowed = self.lock().borrowed;
        self.budget.give(borrowed);
    }
}
