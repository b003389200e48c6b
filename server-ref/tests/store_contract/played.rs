//! The model played against each engine.

use std::future::Future;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::harness::Disk;
use crate::model::{acts, play};

fn run<F: Future<Output = ()>>(play: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(play());
}

/// The same acts on every run; another seed is a change here.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20_261_121),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn memory_does_what_the_model_says(acts in acts()) {
        run(|| play(Disk::memory(), acts));
    }
}

proptest! {
    // Each case opens and closes folders and syncs every act.
    #![proptest_config(config(16))]

    #[test]
    fn fjall_does_what_the_model_says(acts in acts()) {
        run(|| play(Disk::embedded(), acts));
    }
}
