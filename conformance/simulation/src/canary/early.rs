//! An engine that says at once that a batch is durable, and makes it so later.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::memory::MemoryEngine;
use eim_server::store::{Room, StoreError};
use tokio::sync::{mpsc, watch};

use crate::world::Life;

/// Longer than any key.
const BEYOND: [u8; 128] = [0xFF; 128];

/// The engine in front of the real one.
pub(super) struct Early {
    real: Arc<dyn Engine>,
    /// What readers are told.
    told: MemoryEngine,
    queue: mpsc::UnboundedSender<Batch>,
    /// Batches that were said to be durable.
    said: watch::Sender<u64>,
    /// Batches that are.
    durable: watch::Receiver<u64>,
}

impl fmt::Debug for Early {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Early")
            .field("real", &self.real)
            .finish_non_exhaustive()
    }
}

impl Early {
    pub(super) async fn over(real: Arc<dyn Engine>, life: &Life) -> Result<Arc<Self>, StoreError> {
        let told = MemoryEngine::default();
        told.commit(&all(&*real)?).await?;
        let (queue, mut batches) = mpsc::unbounded_channel::<Batch>();
        let (count, durable) = watch::channel(0);
        let (engine, process) = (Arc::clone(&real), life.clone());
        life.spawn(async move {
            while let Some(batch) = batches.recv().await {
                if engine.commit(&batch).await.is_err() {
                    process.end();
                    return;
                }
                count.send_modify(|durable| *durable += 1);
            }
        });
        Ok(Arc::new(Self {
            real,
            told,
            queue,
            said: watch::Sender::new(0),
            durable,
        }))
    }

    /// Number of the last batch that was said to be durable.
    pub(super) fn said(&self) -> u64 {
        *self.said.borrow()
    }

    /// Waits until the batch of this number is durable.
    pub(super) async fn durable(&self, number: u64) {
        let mut durable = self.durable.clone();
        if durable
            .wait_for(|durable| *durable >= number)
            .await
            .is_err()
        {
            // The process is over.
            std::future::pending::<()>().await;
        }
    }
}

/// Everything in an engine.
fn all(engine: &dyn Engine) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    for space in Space::ALL {
        engine.scan(space, &[], &BEYOND, Order::Ascending, &mut |key, value| {
            batch.put(space, key, value);
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
    }
    Ok(batch)
}

/// The same writes, of those spaces that `of` wants.
pub(super) fn part(batch: &Batch, of: impl Fn(Space) -> bool) -> Batch {
    let mut part = Batch::default();
    for (space, key, value) in batch.iter().filter(|(space, _, _)| of(*space)) {
        match value {
            Some(value) => part.put(space, key, value),
            None => part.delete(space, key),
        }
    }
    part
}

impl Reader for Early {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.told.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.told.scan(space, from, to, order, visit)
    }
}

#[async_trait]
impl Engine for Early {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.told.commit(batch).await?;
        self.said.send_modify(|said| *said += 1);
        let sent = self.queue.send(part(batch, |_| true));
        sent.map_err(|_| StoreError::Engine("this process is over".to_owned()))
    }

    fn room(&self) -> Option<Room> {
        self.real.room()
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.told.reader()
    }
}
