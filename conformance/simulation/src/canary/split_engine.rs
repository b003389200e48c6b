//! An engine that writes idempotency keys in a batch of their own, after everything else.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::{Room, StoreError};

use super::early::part;

#[derive(Debug)]
pub(super) struct SplitEngine(Arc<dyn Engine>);

impl SplitEngine {
    pub(super) fn new(real: Arc<dyn Engine>) -> Self {
        Self(real)
    }
}

impl Reader for SplitEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.0.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.0.scan(space, from, to, order, visit)
    }
}

#[async_trait]
impl Engine for SplitEngine {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let is_key = |space| space == Space::Idempotency;
        self.0.commit(&part(batch, |space| !is_key(space))).await?;
        self.0.commit(&part(batch, is_key)).await
    }

    fn room(&self) -> Option<Room> {
        self.0.room()
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.0.reader()
    }
}
