//! A plan is all there is to a run.

use eim_simulation::plan::Plan;
use eim_simulation::run::run;

#[test]
fn the_same_plan_gives_the_same_run() {
    for seed in 1_000..1_012 {
        let plan = Plan::generate(seed);
        let first = run(&plan).unwrap();
        let again = run(&Plan::from_json(&plan.to_json().unwrap()).unwrap()).unwrap();
        assert_eq!(first.trace_hash, again.trace_hash, "seed {seed}");
        assert_eq!(first.stats, again.stats, "seed {seed}");
    }
}

#[test]
fn other_seeds_give_other_runs() {
    let hash = |seed| run(&Plan::generate(seed)).unwrap().trace_hash;
    assert_ne!(hash(1), hash(2));
    // The seed alone is enough to make a difference: it decides every delay.
    let mut plan = Plan::generate(1);
    plan.seed = 2;
    assert_ne!(run(&plan).unwrap().trace_hash, hash(1));
}

#[test]
fn people_get_their_messages() {
    let plan = Plan::generate(7);
    let outcome = run(&plan).unwrap();
    assert!(
        outcome.stats.sends > 0 && outcome.stats.acked > 0,
        "{:?}",
        outcome.stats
    );
    assert!(
        outcome.stats.delivered >= outcome.stats.acked,
        "{:?}",
        outcome.stats
    );
}

/// Plans that once showed a fault of the code, each named by it and by its seed.
#[test]
fn what_was_once_found_stays_mended() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let plan = Plan::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let outcome = run(&plan).unwrap();
        assert_eq!(outcome.violations, [], "{}", path.display());
        count += 1;
    }
    assert!(count >= 5);
}
