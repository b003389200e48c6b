//! The store in memory: for tests and simulation. Nothing survives the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;

use super::engine::{Batch, Engine, Order, Reader, Space, Visit};
use super::kv::{Environment, KvStore, Options};
use super::{CommitSink, StoreError};

/// Opens an empty store in memory. Its commit loop is a task of the current tokio runtime.
///
/// # Errors
/// [`StoreError`] when the store cannot be set up.
pub async fn open(
    options: Options,
    environment: Environment,
    sink: Arc<dyn CommitSink>,
) -> Result<KvStore, StoreError> {
    open_engine(
        Arc::new(MemoryEngine::default()),
        options,
        environment,
        sink,
    )
    .await
}

/// Opens a store over any engine whose commit does not block for long, such as a
/// [`MemoryEngine`] that another store has filled or a simulated disk. Its commit loop is a task
/// of the current tokio runtime.
///
/// # Errors
/// [`StoreError`] when the engine cannot be read.
pub async fn open_engine(
    engine: Arc<dyn Engine>,
    options: Options,
    environment: Environment,
    sink: Arc<dyn CommitSink>,
) -> Result<KvStore, StoreError> {
    let (store, committing) = KvStore::open(engine, options, environment, sink).await?;
    tokio::spawn(committing.run());
    Ok(store)
}

type Map = BTreeMap<Vec<u8>, Bytes>;

/// Ordered maps behind a lock.
#[derive(Clone, Debug, Default)]
pub struct MemoryEngine {
    spaces: Arc<RwLock<[Map; Space::ALL.len()]>>,
}

impl Reader for MemoryEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let spaces = self.spaces.read().unwrap_or_else(PoisonError::into_inner);
        Ok(spaces[space as usize].get(key).cloned())
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
        let spaces = self.spaces.read().unwrap_or_else(PoisonError::into_inner);
        let range = (Bound::Included(from), Bound::Included(to));
        let mut range = spaces[space as usize].range::<[u8], _>(range);
        loop {
            let next = match order {
                Order::Ascending => range.next(),
                Order::Descending => range.next_back(),
            };
            let Some((key, value)) = next else {
                return Ok(());
            };
            if let ControlFlow::Break(()) = visit(key, value)? {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Engine for MemoryEngine {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut spaces = self.spaces.write().unwrap_or_else(PoisonError::into_inner);
        for (space, key, value) in batch.iter() {
            let map = &mut spaces[space as usize];
            match value {
                Some(value) => map.insert(key.to_vec(), Bytes::copy_from_slice(value)),
                None => map.remove(key),
            };
        }
        Ok(())
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}
