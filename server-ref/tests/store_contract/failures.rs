//! An engine that fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::kv::{Environment, KvStore, Options};
use eim_server::store::memory::MemoryEngine;
use eim_server::store::{Accounts, Store, StoreError, Target};

use crate::harness::{FakeClock, Recorder, TENANT, account, origin, user};

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

/// Cannot be read once it is told to, and counts who tries.
#[derive(Clone, Debug, Default)]
struct Unreadable {
    disk: MemoryEngine,
    broken: Arc<AtomicBool>,
    tried: Arc<AtomicU32>,
}

impl Reader for Unreadable {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            self.tried.fetch_add(1, Ordering::SeqCst);
            return Err(StoreError::Engine("input/output error".to_owned()));
        }
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
impl Engine for Unreadable {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.disk.commit(batch).await
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}

/// A store that cannot be read is left alone, says so at once, and is found out to work again.
// test[EIM-LIM-021]
#[tokio::test]
async fn an_engine_that_cannot_be_read_is_left_alone() {
    let engine = Unreadable::default();
    let clock = Arc::new(FakeClock::default());
    let environment = Environment {
        clock: clock.clone(),
        ..Environment::system()
    };
    let options = Options::default();
    let sink = Arc::new(Recorder::default());
    let opened = KvStore::open(Arc::new(engine.clone()), options, environment, sink);
    let (store, committing) = opened.await.unwrap();
    let running = tokio::spawn(committing.run());
    store.create_users(TENANT, vec![account(1)]).await.unwrap();
    let read = || store.user_by_name(TENANT, "user001");
    read().await.unwrap();
    engine.broken.store(true, Ordering::SeqCst);
    let failures = options.breaker.failures;
    for _ in 0..failures {
        assert!(matches!(read().await, Err(StoreError::Engine(_))));
    }
    for _ in 0..100 {
        assert!(matches!(read().await, Err(StoreError::LeftAlone(_))));
    }
    assert_eq!(engine.tried.load(Ordering::SeqCst), failures);
    clock.set(60_000);
    assert!(
        matches!(read().await, Err(StoreError::Engine(_))),
        "one tries"
    );
    assert!(matches!(read().await, Err(StoreError::LeftAlone(_))));
    engine.broken.store(false, Ordering::SeqCst);
    clock.set(600_000);
    for _ in 0..3 {
        read().await.unwrap();
    }
    store.close().await;
    running.await.unwrap().unwrap();
}
