//! Octets of files on the disk of the server: a part that was put survives everything, one that is
//! being put may.

use std::collections::BTreeMap;
use std::future::pending;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::BlobId;
use eim_server::blobs::{BlobError, BlobStore, Content};
use sha2::{Digest as _, Sha256};

use super::Disk;
use crate::observation::Observation;
use crate::seed::Dice;
use crate::world::{Life, Point};

/// Parts by number.
type Parts = BTreeMap<u32, Bytes>;

/// What is on a disk of files.
#[derive(Debug, Default)]
pub(super) struct Octets {
    durable: BTreeMap<BlobId, Parts>,
    /// Written and not synced, in order.
    unsynced: Vec<(BlobId, u32, Bytes)>,
}

impl Octets {
    /// Each part that was being put survives as a whole, or not at all.
    pub(super) fn crash(&mut self, survives_permille: u64, dice: &mut Dice) {
        for (content, part, octets) in std::mem::take(&mut self.unsynced) {
            if dice.chance(survives_permille) {
                self.durable
                    .entry(content)
                    .or_default()
                    .insert(part, octets);
            }
        }
    }

    fn sync(&mut self, content: BlobId, part: u32) {
        let mine = |it: &(BlobId, u32, Bytes)| (it.0, it.1) == (content, part);
        if let Some(at) = self.unsynced.iter().position(mine) {
            let (_, _, octets) = self.unsynced.remove(at);
            let parts = self.durable.entry(content).or_default();
            parts.insert(part, octets);
        }
    }

    fn part(&self, content: BlobId, part: u32) -> Option<&Bytes> {
        self.durable.get(&content)?.get(&part)
    }

    /// SHA-256 of the parts of each file together.
    pub(super) fn hashes(&self) -> BTreeMap<BlobId, [u8; 32]> {
        let hash = |(content, parts): (&BlobId, &Parts)| {
            let mut hash = Sha256::new();
            parts.values().for_each(|octets| hash.update(octets));
            (*content, hash.finalize().into())
        };
        self.durable.iter().map(hash).collect()
    }

    /// The parts that nobody knows of: those that survived the end of a process.
    pub(super) fn all(&self) -> impl Iterator<Item = (BlobId, u32, u64)> {
        self.durable.iter().flat_map(|(content, parts)| {
            let parts = parts.iter();
            parts.map(|(part, octets)| (*content, *part, octets.len() as u64))
        })
    }
}

/// Where one server process keeps octets. It is of no use once the process is over.
#[derive(Debug)]
pub(super) struct DiskOctets {
    disk: Disk,
    life: Life,
}

impl DiskOctets {
    pub(super) const fn new(disk: Disk, life: Life) -> Self {
        Self { disk, life }
    }

    async fn alive(&self) {
        if !self.life.is_alive() {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl BlobStore for DiskOctets {
    async fn put(&self, content: Content, part: u32, octets: Bytes) -> Result<(), BlobError> {
        self.alive().await;
        let (id, length) = (content.id, octets.len() as u64);
        let (written, takes) = {
            let mut state = self.disk.state();
            let written = !state.is_full();
            if written {
                state.octets.unsynced.push((id, part, octets));
            }
            (written, state.takes_octets())
        };
        self.life.pass(Point::Written).await;
        tokio::time::sleep(takes).await;
        self.alive().await;
        {
            let mut state = self.disk.state();
            if !written || state.is_full() {
                let mine = |it: &(BlobId, u32, Bytes)| (it.0, it.1) == (id, part);
                state.octets.unsynced.retain(|it| !mine(it));
                return Err(BlobError::Failed("no space left on the disk".to_owned()));
            }
            state.octets.sync(id, part);
        }
        self.disk.recorder.saw(Observation::PartKept {
            content: id,
            part,
            octets: length,
        });
        self.life.pass(Point::Synced).await;
        Ok(())
    }

    async fn get(
        &self,
        content: Content,
        part: u32,
        range: Range<u64>,
    ) -> Result<Bytes, BlobError> {
        self.alive().await;
        let state = self.disk.state();
        let octets = state.octets.part(content.id, part);
        let octets = octets.ok_or(BlobError::Missing)?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(octets.len());
        let start = place(range.start);
        Ok(octets.slice(start..place(range.end).max(start)))
    }

    async fn parts(&self, content: Content) -> Result<BTreeMap<u32, u64>, BlobError> {
        self.alive().await;
        let state = self.disk.state();
        let parts = state.octets.durable.get(&content.id).into_iter().flatten();
        Ok(parts
            .map(|(part, octets)| (*part, octets.len() as u64))
            .collect())
    }

    async fn remove(&self, content: Content) -> Result<(), BlobError> {
        self.alive().await;
        let id = content.id;
        {
            let mut state = self.disk.state();
            state.octets.unsynced.retain(|(of, _, _)| *of != id);
            state.octets.durable.remove(&id);
        }
        let content = id;
        self.disk
            .recorder
            .saw(Observation::PartsRemoved { content });
        Ok(())
    }
}
