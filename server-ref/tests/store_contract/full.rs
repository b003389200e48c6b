//! A disk that is nearly full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::DeviceId;
use eim_codec::registry::ErrorCode;
use eim_server::store::engine::{Batch, Engine, Order, Reader, Space, Visit};
use eim_server::store::memory::MemoryEngine;
use eim_server::store::{
    Accounts, Append, Change, Refused, Room, SenderOrder, Store as _, StoreError, Target,
};

use crate::harness::{Disk, Harness, TENANT, origin};

/// Says that it has no room once it is told to.
#[derive(Clone, Debug, Default)]
struct Narrow {
    disk: MemoryEngine,
    short: Arc<AtomicBool>,
}

impl Reader for Narrow {
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
impl Engine for Narrow {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        self.disk.commit(batch).await
    }

    fn room(&self) -> Option<Room> {
        let free = if self.short.load(Ordering::SeqCst) {
            0
        } else {
            10
        };
        Some(Room::new(free, 5, false))
    }

    fn reader(&self) -> Box<dyn Reader> {
        self.disk.reader()
    }
}

async fn harness() -> (Harness, Arc<AtomicBool>) {
    let engine = Narrow::default();
    let short = Arc::clone(&engine.short);
    let disk = Disk::Engines(Box::new(move || Arc::new(engine.clone())));
    (Harness::new(disk).await, short)
}

// test[EIM-MSG-072]
#[tokio::test]
async fn without_room_new_messages_are_refused_and_repeats_answered() {
    let (h, short) = harness().await;
    let [a, b] = h.users([1, 2]).await;
    let kept = h.text(Target::Direct(b), "kept");
    let first = h.append(a, kept.clone()).await.unwrap();
    short.store(true, Ordering::SeqCst);

    let new = h.text(Target::Direct(b), "new");
    let refused = h.append(a, new.clone()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::OVERLOADED);
    let again = h.append(a, kept).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.conv_seq, first.conv_seq);
    assert_eq!(h.bodies(first.conversation).await, ["kept"]);
    assert!(h.store.room().is_some_and(|room| room.short));

    short.store(false, Ordering::SeqCst);
    let taken = h.append(a, new).await.unwrap();
    assert!(!taken.duplicate);
    assert_eq!(taken.conv_seq, first.conv_seq + 1);
}

/// Whoever sent on before the refusal could be heard does not get ahead of what was refused.
// test[EIM-MSG-051, EIM-MSG-052, EIM-MSG-053]
#[tokio::test]
async fn what_was_queued_behind_a_refused_message_does_not_overtake_it() {
    let (h, short) = harness().await;
    let [a, b, c] = h.users([1, 2, 3]).await;
    let order = SenderOrder::default();
    let queue = async |batch| {
        let queued = h.store.queue(origin(a), &order, batch).await;
        queued.unwrap().await.unwrap()
    };
    let code =
        |outcome: &Result<_, Refused>| outcome.as_ref().map_err(|refused| refused.code).err();

    short.store(true, Ordering::SeqCst);
    let (first, second) = (
        h.text(Target::Direct(b), "1"),
        h.text(Target::Direct(b), "2"),
    );
    let refused = queue(vec![first.clone(), second.clone()]).await;
    assert_eq!(code(&refused[0]), Some(ErrorCode::OVERLOADED));
    assert_eq!(code(&refused[1]), Some(ErrorCode::PREDECESSOR_FAILED));

    short.store(false, Ordering::SeqCst);
    let (third, elsewhere) = (
        h.text(Target::Direct(b), "3"),
        h.text(Target::Direct(c), "4"),
    );
    let held = queue(vec![third.clone(), elsewhere]).await;
    assert_eq!(code(&held[0]), Some(ErrorCode::PREDECESSOR_FAILED));
    assert_eq!(code(&held[1]), None, "another conversation");

    let first = Append {
        after_failed: true,
        ..first
    };
    let taken = queue(vec![first, second, third]).await;
    let conversation = taken[0].as_ref().unwrap().conversation;
    assert_eq!(taken.iter().map(code).collect::<Vec<_>>(), [None; 3]);
    assert_eq!(h.bodies(conversation).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn without_room_groups_do_not_change_and_devices_log_in() {
    let (h, short) = harness().await;
    let [a, b] = h.users([1, 2]).await;
    let group = h.create_group(a, &[]).await;
    short.store(true, Ordering::SeqCst);

    let change = |request| Change::AddMembers {
        origin: origin(a),
        request,
        conversation: group,
        users: vec![b],
    };
    let request = h.fresh();
    let refused = h.change(change(request)).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::OVERLOADED);
    let device = DeviceId::from([9; 16]);
    let opened = h.store.open_device(TENANT, a, device, 0, "new".into());
    assert_eq!(opened.await.unwrap().device, device);
    let record = h.store.device(TENANT, a, device).await.unwrap();
    assert!(record.is_some(), "logins are written");

    short.store(false, Ordering::SeqCst);
    h.change(change(request)).await.unwrap();
}

/// The embedded store looks at the real disk.
#[tokio::test]
async fn a_reserve_that_no_disk_has_leaves_no_room() {
    use eim_server::store::embedded::{self, EmbeddedOptions};
    use eim_server::store::kv::{Environment, Options};

    let folder = tempfile::tempdir().unwrap();
    let open = |reserve_octets| {
        let embedded = EmbeddedOptions {
            reserve_octets,
            ..EmbeddedOptions::default()
        };
        let sink = Arc::new(crate::harness::Recorder::default());
        let (options, system) = (Options::default(), Environment::system());
        embedded::open(folder.path(), &embedded, options, system, sink).unwrap()
    };
    for (reserve, short) in [(0, false), (u64::MAX, true), (1, false)] {
        let store = open(reserve);
        let room = store.room().expect("disks have an end");
        assert_eq!(room.short, short, "{room:?}");
        assert!(room.free > 0, "{room:?}");
        store.close().await;
    }
}
