//! An engine that is left alone when it cannot be read again and again.
//!
//! Writes are not guarded: after a failed commit the process ends.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::limits::Guard;
use crate::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use crate::store::{Room, StoreError};

/// An engine behind a circuit breaker.
#[derive(Debug)]
pub(super) struct GuardedEngine {
    engine: Arc<dyn Engine>,
    guard: Arc<Guard>,
}

impl GuardedEngine {
    pub(super) fn new(engine: Arc<dyn Engine>, guard: Guard) -> Self {
        Self {
            engine,
            guard: Arc::new(guard),
        }
    }
}

/// Reads if the breaker lets it; an engine that cannot read has failed, a record that does not decode
/// has not.
// impl[EIM-LIM-021]
fn guarded<T>(
    guard: &Guard,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let attempt = guard.attempt().map_err(StoreError::LeftAlone)?;
    let outcome = read();
    match &outcome {
        Err(StoreError::Engine(_)) => attempt.failed(),
        _ => attempt.succeeded(),
    }
    outcome
}

impl Reader for GuardedEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        guarded(&self.guard, || self.engine.get(space, key))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        guarded(&self.guard, || {
            self.engine.scan(space, from, to, order, visit)
        })
    }
}

#[async_trait]
impl Engine for GuardedEngine {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.engine.commit(batch).await
    }

    fn room(&self) -> Option<Room> {
        self.engine.room()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(GuardedReader {
            reader: self.engine.reader(),
            guard: Arc::clone(&self.guard),
        })
    }
}

struct GuardedReader {
    reader: Box<dyn Reader>,
    guard: Arc<Guard>,
}

impl Reader for GuardedReader {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        guarded(&self.guard, || self.reader.get(space, key))
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        guarded(&self.guard, || {
            self.reader.scan(space, from, to, order, visit)
        })
    }
}
