//! An engine that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::kv::{Environment, KvStore, Options};
use eim_server::store::memory::MemoryEngine;
use eim_server::store::{Accounts, Store, StoreError, Target};

use crate::harness::{Recorder, TENANT, account, origin, user};

/// Fails to sync once it is told to.
#[derive(Clone, Debug, Default)]
struct Failing {
    disk: MemoryEngine,
    broken: Arc<AtomicBool>,
}

impl Reader for Failing {
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
impl Engine for Failing {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Engine("sync failed".to_owned()));
        }
        self.disk.commit(batch).await
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.disk.reader()
    }
}

/// Nobody is told that a message is safe when its sync failed, and the loop ends.
// test[EIM-MSG-003]
#[tokio::test]
async fn a_failed_sync_answers_nobody_and_ends_the_loop() {
    let engine = Failing::default();
    let sink = Arc::new(Recorder::default());
    let (store, committing) = KvStore::open(
        Arc::new(engine.clone()),
        Options::default(),
        Environment::system(),
        sink.clone(),
    )
    .await
    .unwrap();
    let running = tokio::spawn(committing.run());
    store
        .create_users(TENANT, vec![account(1)])
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    engine.broken.store(true, Ordering::SeqCst);
    let note = eim_server::store::Append {
        target: Target::Direct(user(1)),
        frame_type: eim_codec::registry::FrameType::TEXT,
        client_msg_id: [1; 16].into(),
        first_sent_at_ms: 0,
        after_failed: false,
        body: Bytes::new(),
        fallback_text: String::new(),
        blobs: Vec::new(),
    };
    let outcome = store.append(origin(user(1)), vec![note.clone()]).await;
    assert!(matches!(outcome, Err(StoreError::Closed)), "{outcome:?}");
    let ended = running.await.unwrap();
    assert!(matches!(ended, Err(StoreError::Engine(_))), "{ended:?}");
    assert!(sink.taken().is_empty());
    let outcome = store.append(origin(user(1)), vec![note]).await;
    assert!(matches!(outcome, Err(StoreError::Closed)), "{outcome:?}");
    assert_eq!(store.timeline_head(TENANT, user(1)).await.unwrap(), (0, 0));
}
