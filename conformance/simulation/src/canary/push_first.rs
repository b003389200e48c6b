//! An engine that tells the sink what is in a batch, and only then makes the batch durable.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::UserId;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::kv::inspect::{self, Name, Record};
use eim_server::store::{CommitSink, Committed, LoggedOut, Marked, Room, StoreError, TenantId};

pub(super) struct PushFirst {
    real: Arc<dyn Engine>,
    sink: Arc<dyn CommitSink>,
}

impl fmt::Debug for PushFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PushFirst").field(&self.real).finish()
    }
}

impl PushFirst {
    /// The engine, and the sink for the store above it, which hears of everything too late.
    pub(super) fn new(
        real: Arc<dyn Engine>,
        sink: Arc<dyn CommitSink>,
    ) -> (Self, Arc<dyn CommitSink>) {
        let deaf = Arc::new(Deaf(Arc::clone(&sink)));
        (Self { real, sink }, deaf)
    }
}

/// Hears of devices only: entries were announced before.
struct Deaf(Arc<dyn CommitSink>);

impl CommitSink for Deaf {
    fn committed(&self, _: &[Committed]) {}

    fn logged_out(&self, devices: &[LoggedOut]) {
        self.0.logged_out(devices);
    }

    fn marked(&self, marked: &[Marked]) {
        self.0.marked(marked);
    }
}

/// What a batch adds to timelines, in the order of each.
fn commits(batch: &Batch) -> Result<Vec<Committed>, StoreError> {
    let mut entries = BTreeMap::new();
    let mut references: BTreeMap<(TenantId, UserId, u64), _> = BTreeMap::new();
    for (space, key, value) in batch.iter() {
        let (Space::Log | Space::Timeline, Some(value)) = (space, value) else {
            continue;
        };
        let (tenant, name) = inspect::name(space, key)?;
        match (name, inspect::record(name, value)?) {
            (Name::Entry(conversation, conv_seq), Record::Entry(entry)) => {
                entries.insert((tenant, conversation, conv_seq), Arc::new(*entry));
            }
            (Name::Chunk(user, _), Record::Chunk(chunk)) => {
                for (number, conversation, conv_seq) in chunk {
                    references.insert((tenant, user, number), (tenant, conversation, conv_seq));
                }
            }
            _ => {}
        }
    }
    // A chunk that is written again names entries of earlier batches too.
    let commits = references
        .into_iter()
        .filter_map(|((tenant, user, number), place)| {
            Some(Committed {
                tenant,
                entry: Arc::clone(entries.get(&place)?),
                recipients: Arc::from([(user, number)]),
                audience: None,
            })
        });
    Ok(commits.collect())
}

impl Reader for PushFirst {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.real.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.real.scan(space, from, to, order, visit)
    }
}

#[async_trait]
impl Engine for PushFirst {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.sink.committed(&commits(batch)?);
        self.real.commit(batch).await
    }

    fn room(&self) -> Option<Room> {
        self.real.room()
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.real.reader()
    }
}
