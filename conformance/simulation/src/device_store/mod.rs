//! The stores of the devices: what a commit has not synced is lost in a crash, or not.
//!
//! A [`DeviceDisk`] outlives the programs of a device, which may be several at a time. Each has its
//! [`SimStore`]. As in the store that ships, one program writes at a time, readers see what is
//! committed, and a program keeps its own messages in the outbox that all share: another one takes
//! them over only when their program is over.

mod state;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eim_client::store::{Applied, Batch, MemoryStore, Store};
use futures_util::FutureExt as _;

use self::state::State;
pub use self::store::SimStore;
use crate::canary::Canary;
use crate::plan::{DeviceNumber, DiskConfig, DiskFault};
use crate::seed::Dice;
use crate::world::{Life, Recorder, ms, now};

/// The disk of a device. Clones are the same disk.
#[derive(Clone)]
pub struct DeviceDisk {
    device: DeviceNumber,
    /// What is durable.
    durable: Arc<MemoryStore>,
    state: Arc<Mutex<State>>,
    /// Held by the program that writes.
    writing: Arc<tokio::sync::Mutex<()>>,
    recorder: Recorder,
    canary: Option<Canary>,
}

impl fmt::Debug for DeviceDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DeviceDisk").field(&self.device).finish()
    }
}

impl DeviceDisk {
    /// The empty disk of a device. `recorder` is told of each batch at the moment it is durable.
    #[must_use]
    pub fn new(device: DeviceNumber, config: DiskConfig, dice: Dice, recorder: Recorder) -> Self {
        Self {
            device,
            durable: Arc::default(),
            state: Arc::new(Mutex::new(State::new(config, dice))),
            writing: Arc::default(),
            recorder,
            canary: None,
        }
    }

    /// The same disk, with programs over it that are wrong on purpose.
    #[must_use]
    pub fn with(mut self, canary: Option<Canary>) -> Self {
        self.canary = canary;
        self
    }

    /// The store for one program of the device.
    #[must_use]
    pub fn store(&self, life: &Life) -> Arc<dyn Store> {
        let owner = self.state().register(life);
        let store = Arc::new(SimStore::new(self.clone(), life.clone(), owner));
        match self.canary {
            Some(canary) => canary.device_store(store),
            None => store,
        }
    }

    /// What is durable now, read without any delay.
    #[must_use]
    pub fn durable(&self) -> Arc<dyn Store> {
        Arc::clone(&self.durable) as _
    }

    /// All programs are over: what was being written survives or not.
    pub fn crash(&self, dice: &mut Dice) {
        let left = self.state().left(Some(dice));
        self.resolve(left);
    }

    /// Messages in the outbox that nobody sends: their programs are over, and no other has taken
    /// them over yet.
    #[must_use]
    pub fn orphans(&self) -> usize {
        self.state().orphans()
    }

    /// Misbehaves from now on.
    pub fn fault(&self, fault: DiskFault) {
        let mut state = self.state();
        match fault {
            DiskFault::Slow { by_ms, for_ms } => state.slow = Some((now() + ms(for_ms), ms(by_ms))),
            DiskFault::SyncFails => state.sync_fails = true,
            DiskFault::Full { for_ms } => state.full_until = Some(now() + ms(for_ms)),
        }
    }

    /// Works again.
    pub fn heal(&self) {
        let mut state = self.state();
        state.slow = None;
        state.sync_fails = false;
        state.full_until = None;
    }

    /// Makes durable what a program left behind half way and what survived.
    fn resolve(&self, left: Option<(u64, Batch)>) {
        if let Some((owner, batch)) = left {
            self.apply(owner, batch);
        }
    }

    /// Makes a batch durable.
    fn apply(&self, owner: u64, batch: Batch) -> Applied {
        // A store in memory never waits, and never fails.
        let applied = self.durable.commit(batch.clone()).now_or_never();
        let applied = applied.and_then(Result::ok).unwrap_or_default();
        self.state().applied(owner, &batch, &applied);
        self.recorder.device_durable(self.device, &batch, &applied);
        applied
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
