//! The state behind a disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use eim_server::store::{Room, StoreError};
use tokio::time::Instant;

use super::journal::Journal;
use super::octets::Octets;
use super::record::{self, Write};
use super::spaces::Snapshot;
use crate::plan::DiskConfig;
use crate::seed::Dice;
use crate::world::now;

/// A write that fails takes at least this long: a process that tries again at once must not stop
/// virtual time.
const FAILING: Duration = Duration::from_millis(1);

/// A disk without room.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full {
    until: Instant,
    /// The server sees it coming: its reserve is touched, not used up.
    foreseen: bool,
}

pub(super) struct State {
    config: DiskConfig,
    dice: Dice,
    journal: Journal,
    /// Octets of files.
    pub(super) octets: Octets,
    /// What the running process reads: synced batches only.
    pub(super) readable: Snapshot,
    /// Batches that are durable since the last recovery.
    synced: usize,
    /// Written and not synced: where the record ends, and the batch.
    unsynced: VecDeque<(usize, Arc<[Write]>)>,
    /// Number of the running process.
    incarnation: u64,
    /// A write or sync failed: this process cannot go on.
    failed: bool,
    /// Syncs are slower: until when, and by how much.
    pub(super) slow: Option<(Instant, Duration)>,
    /// The next sync fails.
    pub(super) sync_fails: bool,
    pub(super) full: Option<Full>,
}

impl State {
    pub(super) fn new(config: DiskConfig, dice: Dice) -> Self {
        Self {
            config,
            dice,
            journal: Journal::default(),
            octets: Octets::default(),
            readable: Snapshot::default(),
            synced: 0,
            unsynced: VecDeque::new(),
            incarnation: 0,
            failed: false,
            slow: None,
            sync_fails: false,
            full: None,
        }
    }

    /// A process starts: what is there is read. Gives back its number, and the batches of which
    /// nobody knew that they are durable.
    pub(super) fn start(&mut self) -> (u64, Vec<Vec<Write>>) {
        self.end_process();
        let mut recovered = self.journal.recover();
        recovered.drain(..self.synced.min(recovered.len()));
        self.synced = 0;
        self.readable = self.journal.base().clone();
        (self.incarnation, recovered)
    }

    /// What the running process does from now on comes to nothing.
    fn end_process(&mut self) {
        self.incarnation += 1;
        self.failed = false;
        self.unsynced.clear();
    }

    pub(super) fn crash(&mut self, dice: &mut Dice) {
        self.end_process();
        self.journal.crash(self.config, dice);
        let survives = self.config.survives_permille;
        self.octets.crash(survives, &mut dice.fork("octets"));
    }

    /// Whether the end of the journal is torn.
    #[cfg(test)]
    pub(super) fn torn(&self) -> bool {
        self.journal.torn()
    }

    /// From now on nothing fits, or the reserve is touched.
    pub(super) fn fill_up(&mut self, until: Instant) {
        let foreseen = self.dice.chance(500);
        self.full = Some(Full { until, foreseen });
    }

    pub(super) fn room(&self) -> Option<Room> {
        let short = self.full().is_some_and(|full| full.foreseen);
        Some(Room {
            free: u64::from(!short),
            reserve: u64::from(short),
            short,
        })
    }

    fn full(&self) -> Option<Full> {
        self.full.filter(|full| now() < full.until)
    }

    /// How long the next sync takes.
    pub(super) fn takes(&mut self) -> Duration {
        let range = self.config.sync_us;
        let drawn = Duration::from_micros(self.dice.between(range.low, range.high));
        let slower = self.slow.filter(|(until, _)| now() < *until);
        let slower = slower.map_or(Duration::ZERO, |(_, by)| by);
        let failing = if self.sync_fails || self.full().is_some() {
            FAILING
        } else {
            Duration::ZERO
        };
        drawn + slower + failing
    }

    /// How long it takes to make octets of a file durable.
    pub(super) fn takes_octets(&mut self) -> Duration {
        let failing = self.sync_fails;
        self.sync_fails = false;
        let takes = self.takes();
        self.sync_fails = failing;
        takes
    }

    pub(super) fn is_full(&self) -> bool {
        self.full().is_some()
    }

    fn check(&self, incarnation: u64) -> Result<(), StoreError> {
        if incarnation != self.incarnation {
            return Err(StoreError::Engine("this process is over".to_owned()));
        }
        if self.failed {
            return Err(StoreError::Engine("the disk failed before".to_owned()));
        }
        Ok(())
    }

    /// Writes a record, as far as it fits. Gives back where it ends.
    pub(super) fn write(
        &mut self,
        incarnation: u64,
        record: &bytes::Bytes,
    ) -> Result<usize, StoreError> {
        self.check(incarnation)?;
        if self.full().is_some_and(|full| !full.foreseen) {
            let fits = self.dice.index(record.len());
            self.journal
                .write_part(record.get(..fits).unwrap_or_default());
            self.failed = true;
            return Err(StoreError::Engine("no space left on the disk".to_owned()));
        }
        let Some((writes, _)) = record::decode(record) else {
            return Err(StoreError::Engine("a record does not read".to_owned()));
        };
        let end = self.journal.write(record);
        self.unsynced.push_back((end, Arc::from(writes)));
        Ok(end)
    }

    /// Makes durable and readable what was written up to `end`. Gives back the batches.
    pub(super) fn sync(
        &mut self,
        incarnation: u64,
        end: usize,
    ) -> Result<Vec<Arc<[Write]>>, StoreError> {
        self.check(incarnation)?;
        if std::mem::take(&mut self.sync_fails) {
            self.failed = true;
            return Err(StoreError::Engine("the sync failed".to_owned()));
        }
        self.journal.sync(end);
        let mut durable = Vec::new();
        while let Some((_, writes)) = self.unsynced.pop_front_if(|(until, _)| *until <= end) {
            self.readable.apply(&writes);
            self.synced += 1;
            durable.push(writes);
        }
        Ok(durable)
    }
}
