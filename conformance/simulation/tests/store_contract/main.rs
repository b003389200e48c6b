//! The contract of the server's store, told by its own suite, over the simulated disk.

#![expect(dead_code, reason = "the suite serves other engines as well")]

#[path = "../../../../server-ref/tests/store_contract/accounts.rs"]
mod accounts;
#[path = "../../../../server-ref/tests/store_contract/blobs.rs"]
mod blobs;
#[path = "../../../../server-ref/tests/store_contract/bots.rs"]
mod bots;
#[path = "../../../../server-ref/tests/store_contract/contacts.rs"]
mod contacts;
#[path = "../../../../server-ref/tests/store_contract/department_groups.rs"]
mod department_groups;
#[path = "../../../../server-ref/tests/store_contract/devices.rs"]
mod devices;
#[path = "../../../../server-ref/tests/store_contract/directory.rs"]
mod directory;
#[path = "../../../../server-ref/tests/store_contract/groups.rs"]
mod groups;
#[path = "../../../../server-ref/tests/store_contract/harness.rs"]
mod harness;
#[path = "../../../../server-ref/tests/store_contract/idempotency.rs"]
mod idempotency;
#[path = "../../../../server-ref/tests/store_contract/large.rs"]
mod large;
#[path = "../../../../server-ref/tests/store_contract/marks.rs"]
mod marks;
#[path = "../../../../server-ref/tests/store_contract/mentions.rs"]
mod mentions;
#[path = "../../../../server-ref/tests/store_contract/messages.rs"]
mod messages;
#[path = "../../../../server-ref/tests/store_contract/model/mod.rs"]
mod model;
#[path = "../../../../server-ref/tests/store_contract/notify.rs"]
mod notify;
#[path = "../../../../server-ref/tests/store_contract/operations.rs"]
mod operations;
#[path = "../../../../server-ref/tests/store_contract/policy.rs"]
mod policy;
#[path = "../../../../server-ref/tests/store_contract/roles.rs"]
mod roles;
#[macro_use]
#[path = "../../../../server-ref/tests/store_contract/stories.rs"]
mod stories;
#[path = "../../../../server-ref/tests/store_contract/sweeping.rs"]
mod sweeping;
#[path = "../../../../server-ref/tests/store_contract/timelines.rs"]
mod timelines;

use std::sync::Arc;

use eim_server::store::kv::{Environment, KvStore, Options};
use eim_server::store::{Accounts, Store, StoreError, Target};
use eim_simulation::disk::Disk;
use eim_simulation::plan::{DiskConfig, DiskFault, Range};
use eim_simulation::run::Nobody;
use eim_simulation::seed::Dice;
use eim_simulation::world::{Life, Recorder};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A disk on which each sync takes virtual time. Every opening follows a crash, so whatever was
/// answered before must have been synced.
fn disk() -> harness::Disk {
    let disk = simulated(0);
    harness::Disk::Engines(Box::new(move || {
        disk.crash(&mut Dice::new(2));
        disk.engine(&Life::new())
    }))
}

fn simulated(survives_permille: u64) -> Disk {
    let config = DiskConfig {
        sync_us: Range {
            low: 10,
            high: 5_000,
        },
        survives_permille,
        torn_permille: 500,
    };
    Disk::new(config, Dice::new(1), Recorder::new(Box::new(Nobody)))
}

on_engine!(
    on_simulated,
    tokio::test(start_paused = true),
    crate::disk()
);

proptest! {
    // The same acts on every run; another seed is a change here.
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(20_261_121),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_simulated_disk_does_what_the_model_says(acts in model::acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async { model::play(disk(), acts).await });
    }
}

/// Nobody is told of a message whose sync failed or that did not fit, whether it survives or not,
/// and the commit loop ends; the next process goes on from what is there.
#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_answers_nobody_and_ends_the_process() {
    for (survives, fault) in [
        (0, DiskFault::SyncFails),
        (1000, DiskFault::SyncFails),
        (0, DiskFault::Full { for_ms: 60_000 }),
    ] {
        let disk = simulated(survives);
        let h = harness::Harness::new(harness::Disk::memory()).await;
        let sink = Arc::new(harness::Recorder::default());
        let open = async || {
            let engine = disk.engine(&Life::new());
            let environment = Environment::system();
            let opened = KvStore::open(engine, Options::default(), environment, sink.clone());
            let (store, committing) = opened.await.unwrap();
            (store, tokio::spawn(committing.run()))
        };
        let (store, _) = open().await;
        let account = harness::account(1);
        let created = store.create_users(harness::TENANT, vec![account]).await;
        created.unwrap().remove(0).unwrap();
        drop(store);
        let (store, running) = open().await;
        let (user, origin) = (harness::user(1), harness::origin(harness::user(1)));
        let note = || h.text(Target::Direct(user), "note");
        disk.fault(fault);
        // A full disk may be one whose reserve is touched: that refuses, and loses nothing.
        let outcome = store.append(origin, vec![note()]).await;
        if let Ok(outcomes) = &outcome {
            assert!(matches!(fault, DiskFault::Full { .. }) && outcomes[0].is_err());
            continue;
        }
        assert!(matches!(outcome, Err(StoreError::Closed)), "{outcome:?}");
        let ended = running.await.unwrap();
        assert!(matches!(ended, Err(StoreError::Engine(_))), "{ended:?}");
        assert!(sink.taken().is_empty());
        disk.crash(&mut Dice::new(3));
        disk.heal();
        let (store, _running) = open().await;
        let head = store.timeline_head(harness::TENANT, user).await.unwrap().0;
        assert_eq!(head, survives / 1000, "after {fault:?}");
        let next = store.append(origin, vec![note()]).await.unwrap().remove(0);
        assert_eq!(next.unwrap().conv_seq, head + 1);
    }
}
