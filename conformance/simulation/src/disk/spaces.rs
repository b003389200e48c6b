//! Ordered maps, and views of them that later commits do not change.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::store::StoreError;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};

use super::record::Write;

type Map = BTreeMap<Bytes, Bytes>;

/// What a disk holds at one instant: everything that is durable, and nothing else. Cheap to take
/// and to clone; later commits do not show in it.
///
/// It reads like an engine that refuses commits, so a `KvStore` can be opened over it to see the
/// durable state as the server would.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    spaces: [Arc<Map>; Space::ALL.len()],
    batches: u64,
}

impl Snapshot {
    /// Number of batches that made this state. A state with the same number is the same.
    #[must_use]
    pub const fn batches(&self) -> u64 {
        self.batches
    }

    /// All keys and values of a space, in order.
    pub fn iter(&self, space: Space) -> impl DoubleEndedIterator<Item = (&Bytes, &Bytes)> {
        self.spaces[space as usize].iter()
    }

    /// Carries out the writes of a batch.
    pub(super) fn apply(&mut self, writes: &[Write]) {
        for Write { space, key, value } in writes {
            let map = Arc::make_mut(&mut self.spaces[*space as usize]);
            match value {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        self.batches += 1;
    }
}

impl Reader for Snapshot {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.spaces[space as usize].get(key).cloned())
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
        let range = (Bound::Included(from), Bound::Included(to));
        let mut range = self.spaces[space as usize].range::<[u8], _>(range);
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
impl Engine for Snapshot {
    async fn commit(&self, _batch: &Batch) -> Result<(), StoreError> {
        Err(StoreError::Engine(
            "a snapshot is not written to".to_owned(),
        ))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}
