//! One full connection a device: a newer one waits until the older has settled.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

use crate::hub::{Mailbox, Owner, Signal};

#[derive(Debug, Default)]
struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    holder: Option<Arc<Mailbox>>,
    waiting: usize,
}

/// The slots of all devices that are connected here.
#[derive(Debug, Default)]
pub struct Slots(Mutex<HashMap<Owner, Arc<Slot>>>);

/// The right to be the full connection of a device; given back when dropped.
#[derive(Debug)]
pub struct Turn {
    slots: Arc<Slots>,
    slot: Arc<Slot>,
    owner: Owner,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Slots {
    /// Waits for the turn of a new connection of `owner`; the one that has it is told to end.
    /// `None` when it did not within `patience`.
    // impl[EIM-CON-015, EIM-CON-020]
    pub async fn claim(self: &Arc<Self>, owner: Owner, patience: Duration) -> Option<Turn> {
        let slot = Arc::clone(lock(&self.0).entry(owner).or_default());
        // From here on, dropping the turn (also half made) cleans the map up.
        let mut turn = Turn {
            slots: Arc::clone(self),
            slot: Arc::clone(&slot),
            owner,
            guard: None,
        };
        let waiting = Waiting::new(&slot);
        let acquired = tokio::time::timeout(patience, Arc::clone(&slot.turn).lock_owned()).await;
        drop(waiting);
        turn.guard = Some(acquired.ok()?);
        Some(turn)
    }

    /// Devices connected or connecting.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Whether no device is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Turn {
    /// Makes the holder known, so that a newer connection can tell it to end; if one waits
    /// already, it is told at once.
    pub fn hold(&self, mailbox: &Arc<Mailbox>) {
        let mut state = lock(&self.slot.state);
        state.holder = Some(Arc::clone(mailbox));
        if state.waiting > 0 {
            mailbox.signal(Signal::Replaced);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut slots = lock(&self.slots.0);
        if self.guard.take().is_some() {
            lock(&self.slot.state).holder = None;
        }
        // Two: the map's and ours. Claims clone under the same lock.
        if Arc::strong_count(&self.slot) <= 2 {
            slots.remove(&self.owner);
        }
    }
}

/// Counts one waiting connection and tells the holder to end.
struct Waiting<'a>(&'a Slot);

impl<'a> Waiting<'a> {
    fn new(slot: &'a Slot) -> Self {
        let mut state = lock(&slot.state);
        state.waiting += 1;
        if let Some(holder) = &state.holder {
            holder.signal(Signal::Replaced);
        }
        Self(slot)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).waiting -= 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use eim_codec::id::{DeviceId, UserId};

    use super::*;
    use crate::hub::{Hub, Mail, QueueLimits, Receives, Room};
    use crate::store::TenantId;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn owner(device: u8) -> Owner {
        let user = UserId::from([1; 16]);
        Owner {
            tenant: TenantId(0),
            user,
            device: DeviceId::from([device; 16]),
        }
    }

    fn told(mailbox: &Mailbox) -> bool {
        let cx = Context::from_waker(Waker::noop());
        matches!(
            mailbox.poll(
                &cx,
                Room {
                    frames: 1,
                    octets: 1,
                    quiet: false,
                }
            ),
            Poll::Ready(Mail::Signal(Signal::Replaced))
        )
    }

    // test[EIM-CON-020]
    #[tokio::test(start_paused = true)]
    async fn the_newer_connection_waits_for_the_older_one() {
        let hub = Hub::new(
            QueueLimits {
                frames: 1,
                octets: 1 << 10,
            },
            1 << 10,
        );
        let slots = Arc::new(Slots::default());
        let first = hub.register(owner(1), Receives::Pushes);
        let turn = slots.claim(owner(1), PATIENCE).await.unwrap();
        turn.hold(&first);
        assert!(!told(&first));
        assert!(
            slots.claim(owner(1), PATIENCE).await.is_none(),
            "the older one does not settle"
        );
        assert!(told(&first));

        let newer = {
            let slots = Arc::clone(&slots);
            tokio::spawn(async move { slots.claim(owner(1), PATIENCE).await })
        };
        tokio::task::yield_now().await;
        assert!(told(&first));
        drop(turn);
        let turn = newer.await.unwrap().unwrap();
        let second = hub.register(owner(1), Receives::Pushes);
        turn.hold(&second);
        assert!(!told(&second));
        assert!(
            slots.claim(owner(2), PATIENCE).await.is_some(),
            "other devices do not wait"
        );
        drop(turn);
        assert!(slots.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_third_connection_replaces_the_second_that_was_waiting() {
        let hub = Hub::new(
            QueueLimits {
                frames: 1,
                octets: 1 << 10,
            },
            1 << 10,
        );
        let slots = Arc::new(Slots::default());
        let turn = slots.claim(owner(1), PATIENCE).await.unwrap();
        let claims = [(), ()].map(|()| {
            let slots = Arc::clone(&slots);
            tokio::spawn(async move { slots.claim(owner(1), PATIENCE).await })
        });
        tokio::task::yield_now().await;
        drop(turn);
        let [second, third] = claims;
        let turn = second.await.unwrap().unwrap();
        let mailbox = hub.register(owner(1), Receives::Pushes);
        turn.hold(&mailbox);
        assert!(told(&mailbox));
        drop(turn);
        assert!(third.await.unwrap().is_some());
    }
}
