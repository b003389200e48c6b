//! Sessions whose connection was lost, kept for a while so that they can go on.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eim_codec::connection::server::ServerSession;

use super::order::Held;
use crate::hub::{Hub, Mailbox, Owner};

/// A session without a connection. Its mailbox goes on collecting, within its bounds.
#[derive(Debug)]
pub struct Detached {
    /// State of the connection.
    pub session: ServerSession,
    /// Its mailbox.
    pub mailbox: Arc<Mailbox>,
    /// Conversations that wait for the sender.
    pub held: Held,
    /// Highest user_seq that was given to the connection.
    pub pushed: u64,
}

#[derive(Debug)]
struct Kept {
    detached: Detached,
    octets: usize,
    /// Distinguishes it from later sessions of the same device.
    number: u64,
    expires_ms: u64,
}

/// Bounds of the registry.
#[derive(Clone, Copy, Debug)]
pub struct DetachedLimits {
    /// Sessions.
    pub sessions: usize,
    /// Octets they hold together.
    pub octets: usize,
    /// How long each is kept.
    pub keep_ms: u64,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<Owner, Kept>,
    /// Oldest first; may name sessions that are gone.
    order: VecDeque<(Owner, u64)>,
    octets: usize,
    next: u64,
}

/// The registry of detached sessions: at most one a device.
#[derive(Debug)]
pub struct Registry {
    state: Mutex<State>,
    limits: DetachedLimits,
    hub: Arc<Hub>,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(hub: Arc<Hub>, limits: DetachedLimits) -> Self {
        Self {
            state: Mutex::default(),
            limits,
            hub,
        }
    }

    /// Keeps a session that lost its connection now. The oldest make room.
    pub fn keep(&self, owner: Owner, detached: Detached, now_ms: u64) {
        if self.limits.keep_ms == 0 || self.limits.sessions == 0 {
            self.hub.unregister(&detached.mailbox);
            return;
        }
        let octets = detached.session.queued().1;
        let mut state = self.lock();
        state.next += 1;
        let number = state.next;
        let expires_ms = now_ms.saturating_add(self.limits.keep_ms);
        if let Some(old) = state.kept.insert(
            owner,
            Kept {
                detached,
                octets,
                number,
                expires_ms,
            },
        ) {
            state.octets -= old.octets;
            self.hub.unregister(&old.detached.mailbox);
        }
        state.octets += octets;
        state.order.push_back((owner, number));
        while state.kept.len() > self.limits.sessions || state.octets > self.limits.octets {
            if !self.drop_oldest(&mut state, u64::MAX) {
                break;
            }
        }
    }

    /// Takes the session of a device out, whatever becomes of it.
    pub fn take(&self, owner: Owner) -> Option<Detached> {
        let mut state = self.lock();
        let kept = state.kept.remove(&owner)?;
        state.octets -= kept.octets;
        Some(kept.detached)
    }

    /// Drops sessions whose time is over. Returns how many are left.
    pub fn expire(&self, now_ms: u64) -> usize {
        let mut state = self.lock();
        while self.drop_oldest(&mut state, now_ms) {}
        state.kept.len()
    }

    /// Drops the oldest session if it expired by `now_ms`; `false` when there is none.
    fn drop_oldest(&self, state: &mut State, now_ms: u64) -> bool {
        while let Some((owner, number)) = state.order.front().copied() {
            match state.kept.get(&owner) {
                Some(kept) if kept.number == number => {
                    if kept.expires_ms > now_ms {
                        return false;
                    }
                    state.order.pop_front();
                    if let Some(kept) = state.kept.remove(&owner) {
                        state.octets -= kept.octets;
                        self.hub.unregister(&kept.detached.mailbox);
                    }
                    return true;
                }
                _ => {
                    state.order.pop_front();
                }
            }
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
