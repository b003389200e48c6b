//! The contract of the server's store, told by its own suite, over the simulated disk.

#![expect(dead_code, reason = "the suite serves other engines as well")]

#[path = "../../../../server-ref/tests/store_contract/accounts.rs"]
mod accounts;
#[path = "../../../../server-ref/tests/store_contract/groups.rs"]
mod groups;
#[path = "../../../../server-ref/tests/store_contract/harness.rs"]
mod harness;
#[path = "../../../../server-ref/tests/store_contract/idempotency.rs"]
mod idempotency;
#[path = "../../../../server-ref/tests/store_contract/messages.rs"]
mod messages;
#[path = "../../../../server-ref/tests/store_contract/model/mod.rs"]
mod model;
#[path = "../../../../server-ref/tests/store_contract/roles.rs"]
mod roles;
#[macro_use]
#[path = "../../../../server-ref/tests/store_contract/stories.rs"]
mod stories;
#[path = "../../../../server-ref/tests/store_contract/sweeping.rs"]
mod sweeping;
#[path = "../../../../server-ref/tests/store_contract/timelines.rs"]
mod timelines;

use eim_simulation::disk::Disk;
use eim_simulation::plan::{DiskConfig, Range};
use eim_simulation::run::Nobody;
use eim_simulation::seed::Dice;
use eim_simulation::world::{Life, Recorder};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A disk on which each sync takes virtual time. Every opening follows a crash, so whatever was
/// answered before must have been synced.
fn disk() -> harness::Disk {
    let config = DiskConfig {
        sync_us: Range {
            low: 10,
            high: 5_000,
        },
        survives_permille: 0,
        torn_permille: 500,
    };
    let disk = Disk::new(config, Dice::new(1), Recorder::new(Box::new(Nobody)));
    harness::Disk::Engines(Box::new(move || {
        disk.crash(&mut Dice::new(2));
        disk.engine(&Life::new())
    }))
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
