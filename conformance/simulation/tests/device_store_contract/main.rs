//! The contract of the client's store, told by its own suite, over the simulated disk of a device.

#[path = "../../../../client-ref/tests/store_contract/fixtures.rs"]
mod fixtures;
#[path = "../../../../client-ref/tests/store_contract/operations.rs"]
mod operations;
#[macro_use]
#[path = "../../../../client-ref/tests/store_contract/stories.rs"]
mod stories;

use std::sync::Arc;

use eim_client::store::{Batch, Store};
use eim_simulation::device_store::DeviceDisk;
use eim_simulation::plan::{DeviceNumber, DiskConfig, Range};
use eim_simulation::run::Nobody;
use eim_simulation::seed::Dice;
use eim_simulation::world::{Life, Recorder};

use crate::fixtures::{arrival, identity, item, message};

fn disk() -> DeviceDisk {
    let config = DiskConfig {
        sync_us: Range {
            low: 10,
            high: 5_000,
        },
        survives_permille: 0,
        torn_permille: 0,
    };
    let recorder = Recorder::new(Box::new(Nobody));
    DeviceDisk::new(DeviceNumber(0), config, Dice::new(1), recorder)
}

fn store() -> (Arc<dyn Store>, Life) {
    let life = Life::new();
    (disk().store(&life), life)
}

on_store!(
    on_simulated,
    tokio::test(start_paused = true),
    super::store()
);

#[tokio::test(start_paused = true)]
async fn survives_the_end_of_the_program() {
    let disk = disk();
    let life = Life::new();
    let batch = Batch {
        identity: Some(identity()),
        outbox: vec![item(1), item(2)],
        arrivals: vec![arrival(message(1, 1))],
        ..Batch::default()
    };
    disk.store(&life).commit(batch).await.unwrap();
    life.end();
    disk.crash(&mut Dice::new(1));
    let store = disk.store(&Life::new());
    let loaded = store.load(false).await.unwrap();
    assert!(loaded.outbox.is_empty(), "not adopted");
    let loaded = store.load(true).await.unwrap();
    assert_eq!(loaded.identity, Some(identity()));
    assert_eq!(loaded.outbox.len(), 2);
    let stored = store.latest(message(1, 1).conversation, 9).await.unwrap();
    assert_eq!(stored.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn leaves_the_outbox_of_a_living_program_alone() {
    let disk = disk();
    let life = Life::new();
    let (first, second) = (disk.store(&life), disk.store(&Life::new()));
    let batch = Batch {
        outbox: vec![item(1)],
        ..Batch::default()
    };
    first.commit(batch).await.unwrap();
    assert!(second.load(true).await.unwrap().outbox.is_empty());
    assert_eq!(second.outbox_len().await.unwrap(), 1);
    life.end();
    assert_eq!(second.load(true).await.unwrap().outbox.len(), 1);
}
