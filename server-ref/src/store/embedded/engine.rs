//! fjall as the ordered engine: one database, one keyspace a space.

use std::ops::ControlFlow;
use std::path::Path;
use std::{array, fmt};

use async_trait::async_trait;
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};

use super::folder::Folder;
use super::space::FreeSpace;
use super::{EmbeddedOptions, journal};
use crate::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use crate::store::{Room, StoreError};

/// When a commit counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// After the journal was synced to the disk. The only choice in a normal build.
    #[default]
    Sync,
    /// Never for production: answers without syncing, so that acceptance runs can prove that
    /// their power cuts detect loss.
    #[cfg(feature = "negative-control")]
    NegativeControlNoSync,
}

impl Durability {
    const fn mode(self) -> PersistMode {
        match self {
            Self::Sync => PersistMode::SyncData,
            #[cfg(feature = "negative-control")]
            Self::NegativeControlNoSync => PersistMode::Buffer,
        }
    }
}

/// Sizes of the embedded engine, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Cache of blocks read from the disk.
    pub cache: u64,
    /// Writes of one space held in memory before they go to a table.
    pub memtable: u64,
    /// Journals on the disk before the spaces that hold them back are written out.
    pub journals: u64,
    /// Threads that write out and merge tables. One of several only writes out, and takes a
    /// whole core while it waits for the others, so one serves small machines best.
    pub workers: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            cache: 64 << 20,
            memtable: 32 << 20,
            journals: 256 << 20,
            workers: 1,
        }
    }
}

pub(super) struct EmbeddedEngine {
    spaces: [Keyspace; Space::ALL.len()],
    database: Database,
    mode: PersistMode,
    free: FreeSpace,
    // Dropped last: the folder stays locked until the database is closed.
    folder: Folder,
}

impl fmt::Debug for EmbeddedEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedEngine")
            .field("folder", &self.folder)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl EmbeddedEngine {
    pub(super) fn open(folder: Folder, options: &EmbeddedOptions) -> Result<Self, StoreError> {
        let sizes = options.sizes;
        let path = folder.engine();
        let database = open_database(&path, sizes)?;
        let free = FreeSpace::new(&path, options.reserve_octets);
        let mut spaces = Vec::with_capacity(Space::ALL.len());
        for space in Space::ALL {
            let options =
                || KeyspaceCreateOptions::default().max_memtable_size(memtable(space, sizes));
            spaces.push(database.keyspace(space.name(), options).map_err(failed)?);
        }
        let spaces = array::from_fn(|index| spaces[index].clone());
        Ok(Self {
            spaces,
            database,
            mode: options.durability.mode(),
            free,
            folder,
        })
    }

    fn space(&self, space: Space) -> &Keyspace {
        &self.spaces[space as usize]
    }
}

/// Opens the database. A journal in which a good batch stands behind a bad one is left as it is; one that ends
/// in a torn batch is cut there, once; see [`journal`].
fn open_database(path: &Path, sizes: Sizes) -> Result<Database, StoreError> {
    journal::check(path).map_err(|why| StoreError::Engine(format!("Journal: {why}")))?;
    let open = || {
        Database::builder(path)
            .cache_size(sizes.cache)
            .max_journaling_size(sizes.journals)
            .worker_threads(sizes.workers)
            .open()
    };
    match open() {
        Err(error @ fjall::Error::JournalRecovery(_)) => {
            let mended = journal::mend(path)
                .map_err(|why| StoreError::Engine(format!("{error}; and its journal: {why}")))?;
            let Some(mended) = mended else {
                return Err(failed(error));
            };
            let file = mended.file.display();
            tracing::warn!(%error, %file, at = mended.at, "a torn batch was cut off the journal");
            open().map_err(failed)
        }
        opened => opened.map_err(failed),
    }
}

/// Spaces with small records get by with less, so that their journals are let go in time.
const fn memtable(space: Space, sizes: Sizes) -> u64 {
    match space {
        Space::Log | Space::Timeline | Space::Idempotency => sizes.memtable,
        Space::Expiry | Space::State | Space::Meta => sizes.memtable / 4,
    }
}

impl Reader for EmbeddedEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self.space(space).get(key).map_err(failed)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if from > to {
            return Ok(());
        }
        walk(self.space(space).range(from..=to), order, visit)
    }
}

#[async_trait]
impl Engine for EmbeddedEngine {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        // This blocks, on the store's own thread, and so never waits for anything else.
        // The journal is synced before the writes reach the memory tables that readers see.
        let mut writes = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), batch.len())
            .durability(Some(self.mode));
        for (space, key, value) in batch.iter() {
            match value {
                Some(value) => writes.insert(self.space(space), key, value),
                None => writes.remove(self.space(space), key),
            }
        }
        writes.commit().map_err(failed)
    }

    fn room(&self) -> Option<Room> {
        Some(self.free.look())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(View {
            snapshot: self.database.snapshot(),
            spaces: self.spaces.clone(),
        })
    }
}

/// The store as of one commit.
struct View {
    snapshot: Snapshot,
    spaces: [Keyspace; Space::ALL.len()],
}

impl Reader for View {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let value = self
            .snapshot
            .get(&self.spaces[space as usize], key)
            .map_err(failed)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        if from > to {
            return Ok(());
        }
        walk(
            self.snapshot.range(&self.spaces[space as usize], from..=to),
            order,
            visit,
        )
    }
}

fn walk(mut range: fjall::Iter, order: Order, visit: &mut Visit<'_>) -> Result<(), StoreError> {
    loop {
        let next = match order {
            Order::Ascending => range.next(),
            Order::Descending => range.next_back(),
        };
        let Some(item) = next else { return Ok(()) };
        let (key, value) = item.into_inner().map_err(failed)?;
        if let ControlFlow::Break(()) = visit(&key, &value)? {
            return Ok(());
        }
    }
}

fn failed(error: fjall::Error) -> StoreError {
    StoreError::Engine(error.to_string())
}
