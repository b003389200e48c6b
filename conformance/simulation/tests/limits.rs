//! Plans with limits so tight that nearly everything meets one: nothing may be lost, nobody starved.

use eim_codec::registry::ErrorCode;
use eim_simulation::observation::Observation;
use eim_simulation::plan::Plan;
use eim_simulation::run::{Stats, run};

const SEEDS: std::ops::Range<u64> = 500_000..500_040;

/// One message a second of a user and two of all, few logins, little that may wait.
const TIGHT: &str = "[rates]\nuser_messages_per_s = 1\ntenant_messages_per_s = 2\n\
    user_octets_per_s = 20000\nuser_logins_per_min = 20\nuser_requests_per_s = 16\nremembered = 2\n\
    [store]\nbacklog_messages = 2\nbacklog_ms = 50\n";

// test[EIM-LIM-017, EIM-LIM-020]
#[test]
fn tight_limits_lose_nothing_and_starve_nobody() {
    let (mut failed, mut total) = (Vec::new(), Stats::default());
    let (mut rate, mut load) = (0, 0);
    for seed in SEEDS {
        let mut plan = Plan::generate(seed);
        plan.world.server = TIGHT.to_owned();
        let outcome = run(&plan).unwrap();
        total.add(&outcome.stats);
        for observed in &outcome.observations {
            match &observed.what {
                Observation::Postponed { code, .. } if *code == ErrorCode::RATE_LIMITED => {
                    rate += 1
                }
                Observation::Postponed { code, .. } if *code == ErrorCode::OVERLOADED => load += 1,
                _ => {}
            }
        }
        for violation in outcome.violations {
            failed.push(format!("seed {seed} with tight limits: {violation}"));
        }
    }
    println!("{total:?}: {rate} beyond a rate, {load} too many for the store");
    assert!(
        rate > 100 && load > 10,
        "these limits are not tight: {rate}, {load}"
    );
    assert_eq!(failed, Vec::<String>::new());
}
