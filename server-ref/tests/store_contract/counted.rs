//! What a message costs an engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::UserId;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::memory::MemoryEngine;
use eim_server::store::{Accounts, Store, StoreError, Target, UserRecord};

use crate::harness::{Disk, Harness, TENANT, account};

/// Counts writes by space.
#[derive(Clone, Debug, Default)]
struct Counting {
    disk: MemoryEngine,
    writes: Arc<Mutex<BTreeMap<Space, usize>>>,
}

impl Reader for Counting {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.disk.get(space, key)
    }

    fn scan(
        &self,
        space: Space,
        from: &[u8],
        to: &[u8],
        order: Order,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.disk.scan(space, from, to, order, visit)
    }
}

#[async_trait]
impl Engine for Counting {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        for (space, ..) in batch.iter() {
            *self.writes.lock().unwrap().entry(space).or_default() += 1;
        }
        self.disk.commit(batch).await
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.disk.reader()
    }
}

/// A group of 10,000: one message is one entry, its key, the note of when the key expires, and the
/// mark of its sender, whoever is a member.
// test[EIM-LGR-004]
#[tokio::test]
async fn a_message_to_ten_thousand_is_written_once() {
    const MEMBERS: u128 = 10_000;
    const AT_ONCE: usize = 3_000;
    let engine = Counting::default();
    let (disk, writes) = (engine.clone(), Arc::clone(&engine.writes));
    let h = Harness::new(Disk::Engines(Box::new(move || Arc::new(disk.clone())))).await;
    let [owner] = h.users([1]).await;
    let all: Vec<UserId> = (1..MEMBERS)
        .map(|number| (number << 64).to_be_bytes().into())
        .collect();
    for some in all.chunks(AT_ONCE) {
        let records = some.iter().map(|user| UserRecord {
            user: *user,
            name: user.to_string(),
            ..account(2)
        });
        let created = h.store.create_users(TENANT, records.collect()).await;
        assert!(created.unwrap().iter().all(Result::is_ok));
    }
    let id = h.create_group(owner, &[]).await;
    for some in all.chunks(AT_ONCE) {
        h.add(owner, id, some).await.unwrap();
    }
    let view = h.store.conversation(TENANT, owner, id).await.unwrap();
    assert_eq!(u128::from(view.unwrap().members), MEMBERS);
    writes.lock().unwrap().clear();
    h.say(owner, Target::Conversation(id), "to all").await;
    let counted = std::mem::take(&mut *writes.lock().unwrap());
    // The state is the read mark of the sender.
    let due = [
        (Space::Log, 1),
        (Space::Idempotency, 1),
        (Space::Expiry, 1),
        (Space::State, 1),
    ];
    assert_eq!(counted, BTreeMap::from(due));
}
