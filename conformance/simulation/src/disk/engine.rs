//! The engine of one server process over a disk.

use std::fmt;
use std::future::pending;

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::{Room, StoreError};

use super::{Disk, record};
use crate::world::{Life, Point};

/// What one server process writes to and reads from. It is of no use once the process is over.
pub(super) struct DiskEngine {
    disk: Disk,
    incarnation: u64,
    life: Life,
}

impl fmt::Debug for DiskEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskEngine")
            .field("incarnation", &self.incarnation)
            .finish_non_exhaustive()
    }
}

impl DiskEngine {
    pub(super) const fn new(disk: Disk, incarnation: u64, life: Life) -> Self {
        Self {
            disk,
            incarnation,
            life,
        }
    }

    async fn alive(&self) {
        if !self.life.is_alive() {
            pending::<()>().await;
        }
    }
}

impl Reader for DiskEngine {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.disk.state().readable.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.disk.snapshot().scan(space, from, to, order, visit)
    }
}

#[async_trait]
impl Engine for DiskEngine {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.alive().await;
        let takes = self.disk.state().takes();
        let written = {
            let record = record::encode(batch);
            self.disk.state().write(self.incarnation, &record)
        };
        if written.is_ok() {
            self.life.pass(Point::Written).await;
        }
        tokio::time::sleep(takes).await;
        self.alive().await;
        let durable = self.disk.state().sync(self.incarnation, written?)?;
        for writes in durable {
            self.disk.recorder.server_durable(&record::batch(&writes));
        }
        self.life.pass(Point::Synced).await;
        Ok(())
    }

    fn room(&self) -> Option<Room> {
        self.disk.state().room()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.disk.snapshot())
    }
}
