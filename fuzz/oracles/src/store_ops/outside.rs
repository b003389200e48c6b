//! The outside world of the store: a disk that crashes, a clock that jumps, randomness, a listener.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use eim_server::clock::Clock;
use eim_server::random::Random;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::memory::MemoryEngine;
use eim_server::store::{CommitSink, Committed, LoggedOut, Marked, StoreError};

/// How a crash treats the batch under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// It was not written.
    Lost,
    /// It was written, but nobody was told.
    Kept,
}

/// The memory engine, with a crash on demand.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    memory: MemoryEngine,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    /// Commits until the crash.
    countdown: Option<(u8, Crash)>,
    crashed: bool,
}

impl Disk {
    /// The commit after so many others is the last one.
    pub(super) fn arm(&self, commits: u8, crash: Crash) {
        self.plan().countdown = Some((commits, crash));
    }

    /// Whether it crashed since the last call; from now on it works.
    pub(super) fn repair(&self) -> bool {
        let mut plan = self.plan();
        plan.countdown = None;
        std::mem::take(&mut plan.crashed)
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of the next commit.
    fn next(&self) -> Option<Crash> {
        let mut plan = self.plan();
        match plan.countdown {
            Some((0, crash)) => {
                plan.countdown = None;
                plan.crashed = true;
                Some(crash)
            }
            Some((commits, crash)) => {
                plan.countdown = Some((commits - 1, crash));
                None
            }
            None if plan.crashed => Some(Crash::Lost),
            None => None,
        }
    }
}

impl Reader for Disk {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.memory.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.memory.scan(space, from, to, order, visit)
    }
}

#[async_trait::async_trait]
impl Engine for Disk {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let crash = self.next();
        if crash != Some(Crash::Lost) {
            self.memory.commit(batch).await?;
        }
        match crash {
            Some(_) => Err(StoreError::Engine("crash".to_owned())),
            None => Ok(()),
        }
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.memory.reader()
    }
}

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub(super) struct StandingClock(pub(super) AtomicU64);

impl Clock for StandingClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The same octets in every run (splitmix64).
#[derive(Debug, Default)]
pub(super) struct FixedRandom(AtomicU64);

impl Random for FixedRandom {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let mut x = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let octets = (x ^ (x >> 31)).to_be_bytes();
            chunk
                .iter_mut()
                .zip(octets)
                .for_each(|(to, from)| *to = from);
        }
    }
}

/// Remembers what was announced.
#[derive(Debug, Default)]
pub(super) struct Listener(Mutex<Vec<Committed>>, Mutex<Vec<LoggedOut>>);

impl Listener {
    pub(super) fn taken(&self) -> Vec<Committed> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Devices that were announced as logged out.
    pub(super) fn logged_out(&self) -> Vec<LoggedOut> {
        std::mem::take(&mut self.1.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CommitSink for Listener {
    fn committed(&self, commits: &[Committed]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(commits);
    }

    fn marked(&self, _marked: &[Marked]) {}

    fn logged_out(&self, devices: &[LoggedOut]) {
        let mut all = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(devices);
    }
}
