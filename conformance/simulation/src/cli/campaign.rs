//! Many seeds.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::plan::Plan;
use crate::run::{self, Outcome, Stats};

/// What to run.
pub(super) struct Campaign {
    pub(super) seeds: Range<u64>,
    pub(super) jobs: usize,
    pub(super) twice: bool,
    pub(super) failures: usize,
}

#[derive(Default)]
struct Sum {
    runs: u64,
    stats: Stats,
}

/// Runs all seeds: how many there were, how many failed, and the sums.
fn run_all(campaign: &Campaign) -> Result<(u64, usize, Stats), String> {
    let next = AtomicU64::new(campaign.seeds.start);
    let failed = AtomicUsize::new(0);
    let sum: Mutex<Sum> = Mutex::default();
    let broken: Mutex<Option<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..campaign.jobs.max(1) {
            scope.spawn(|| {
                while failed.load(Ordering::Relaxed) < campaign.failures {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= campaign.seeds.end {
                        return;
                    }
                    match one(seed, campaign.twice) {
                        Ok((outcome, good)) => {
                            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                            sum.runs += 1;
                            sum.stats.add(&outcome.stats);
                            failed.fetch_add(usize::from(!good), Ordering::Relaxed);
                        }
                        Err(error) => {
                            *broken.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                            return;
                        }
                    }
                }
            });
        }
    });
    if let Some(error) = broken.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((sum.runs, failed.into_inner(), sum.stats))
}

/// Runs all seeds and prints what came of it; whether none failed.
pub(super) fn run(campaign: &Campaign) -> Result<bool, String> {
    let began = clock();
    let (runs, failed, stats) = run_all(campaign)?;
    let took = clock().saturating_sub(began);
    let rate = runs as f64 / took.as_secs_f64().max(0.001);
    let seconds = took.as_secs_f64();
    println!("{runs} seeds, {failed} failed, {seconds:.1} s, {rate:.1} seeds/s");
    let stats = serde_json::to_string(&stats).map_err(|error| error.to_string())?;
    println!("{stats}");
    Ok(failed == 0)
}

fn one(seed: u64, twice: bool) -> Result<(Outcome, bool), String> {
    let plan = Plan::generate(seed);
    let outcome = run::run(&plan).map_err(|error| format!("seed {seed}: {error}"))?;
    let mut good = outcome.violations.is_empty();
    for violation in &outcome.violations {
        println!("seed {seed}: {violation}");
    }
    if twice {
        let again = run::run(&plan).map_err(|error| format!("seed {seed}: {error}"))?;
        if again.trace_hash != outcome.trace_hash {
            good = false;
            println!(
                "seed {seed}: {} and then {}",
                outcome.trace_hash, again.trace_hash
            );
        }
    }
    if !good {
        println!("seed {seed} failed; again: eim-simulation replay {seed}");
    }
    Ok((outcome, good))
}

/// Time that this machine has run, for rates only.
#[expect(
    clippy::disallowed_methods,
    reason = "the speed of the machine is measured"
)]
fn clock() -> Duration {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(std::time::Instant::now).elapsed()
}
