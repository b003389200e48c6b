//! The disk of the server: what was synced survives everything, what was only written may not.
//!
//! A [`Disk`] outlives the processes that use it. A commit writes one record to a journal, waits for
//! a sync, and only then shows to readers, as in the engine that ships. A crash keeps a beginning of
//! what was written and not synced, and may tear the record after that; the next process cuts the
//! torn end off. Syncs are slow or fail, and the disk fills up, when it is told so.

mod engine;
mod journal;
mod octets;
mod record;
mod spaces;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eim_codec::id::BlobId;
use eim_server::blobs::BlobStore;
use eim_server::store::engine::Engine;
use eim_server::store::{CommitSink, StoreError};

use self::engine::DiskEngine;
use self::octets::DiskOctets;
pub use self::record::Write;
pub use self::spaces::Snapshot;
use self::state::State;
use crate::canary::{Canary, ServerParts};
use crate::observation::Observation;
use crate::plan::{DiskConfig, DiskFault};
use crate::seed::Dice;
use crate::world::{Life, Recorder, ms, now};

/// A disk. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    recorder: Recorder,
    canary: Option<Canary>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("batches", &self.state().readable.batches())
            .finish_non_exhaustive()
    }
}

impl Disk {
    /// An empty disk. `recorder` is told of each batch at the moment it is durable.
    #[must_use]
    pub fn new(config: DiskConfig, dice: Dice, recorder: Recorder) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new(config, dice))),
            recorder,
            canary: None,
        }
    }

    /// The same disk, with a server over it that is wrong on purpose.
    #[must_use]
    pub fn with(mut self, canary: Option<Canary>) -> Self {
        self.canary = canary;
        self
    }

    /// The parts for one incarnation of the server, which announces its commits to `sink`.
    ///
    /// # Errors
    /// When a canary cannot read the engine.
    pub async fn parts(
        &self,
        life: &Life,
        sink: Arc<dyn CommitSink>,
    ) -> Result<ServerParts, StoreError> {
        let engine = self.engine(life);
        match self.canary {
            Some(canary) => canary.server(life, engine, sink).await,
            None => Ok(ServerParts { engine, sink }),
        }
    }

    /// The engine for one incarnation of the server. What the last one left behind is read, and
    /// what is torn is cut off; an engine of an earlier incarnation can do nothing any more.
    #[must_use]
    pub fn engine(&self, life: &Life) -> Arc<dyn Engine> {
        let (incarnation, recovered) = self.state().start();
        for writes in recovered {
            self.recorder.server_durable(&record::batch(&writes));
        }
        Arc::new(DiskEngine::new(self.clone(), incarnation, life.clone()))
    }

    /// What keeps octets of files for one incarnation of the server.
    #[must_use]
    pub fn octets(&self, life: &Life) -> Arc<dyn BlobStore> {
        let kept: Vec<_> = self.state().octets.all().collect();
        for (content, part, octets) in kept {
            // What survived the end of a process is as good as what was put.
            self.recorder.saw(Observation::PartKept {
                content,
                part,
                octets,
            });
        }
        let octets: Arc<dyn BlobStore> = Arc::new(DiskOctets::new(self.clone(), life.clone()));
        match self.canary {
            Some(canary) => canary.octets(life, octets),
            None => octets,
        }
    }

    /// SHA-256 of the octets of each file that is kept.
    #[must_use]
    pub fn kept(&self) -> BTreeMap<BlobId, [u8; 32]> {
        self.state().octets.hashes()
    }

    /// The process is over: of what was not synced, what does not survive is lost.
    pub fn crash(&self, dice: &mut Dice) {
        self.state().crash(dice);
    }

    /// Misbehaves from now on.
    pub fn fault(&self, fault: DiskFault) {
        let mut state = self.state();
        match fault {
            DiskFault::Slow { by_ms, for_ms } => state.slow = Some((now() + ms(for_ms), ms(by_ms))),
            DiskFault::SyncFails => state.sync_fails = true,
            DiskFault::Full { for_ms } => state.fill_up(now() + ms(for_ms)),
        }
    }

    /// Works again.
    pub fn heal(&self) {
        let mut state = self.state();
        state.slow = None;
        state.sync_fails = false;
        state.full = None;
    }

    /// What is durable now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.state().readable.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
