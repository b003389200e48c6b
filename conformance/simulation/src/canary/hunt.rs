//! How many runs it takes to catch a canary.

use super::Canary;
use crate::plan::Plan;
use crate::run::{self, Violation};

/// A canary must be caught within this many seeds.
pub const SEEDS: u64 = 1_000;

/// A canary that was caught.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The seed of the run that caught it, from 0.
    pub seed: u64,
    /// What caught it first: a violation of what it [breaks](Canary::breaks).
    pub violation: Violation,
    /// The plan, to replay or shrink.
    pub plan: Plan,
}

impl Canary {
    /// Runs the plans of the seeds `0..seeds` with this canary in them, until it is caught.
    ///
    /// # Errors
    /// A sentence about a plan that cannot be run.
    pub fn hunt(self, seeds: u64) -> Result<Option<Caught>, String> {
        for seed in 0..seeds {
            let sound = Plan::generate(seed);
            let mut plan = sound.clone();
            plan.world.canary = Some(self);
            let violations = run::run(&plan)?.violations;
            let own = |found: &Violation| self.breaks().contains(&&*found.invariant);
            // What also happens without the canary does not count.
            if let Some(violation) = violations.into_iter().find(own)
                && run::run(&sound)?.violations.is_empty()
            {
                return Ok(Some(Caught {
                    seed,
                    violation,
                    plan,
                }));
            }
        }
        Ok(None)
    }
}

/// Hunts all canaries and prints after how many runs each was caught, and by which invariant;
/// whether all were.
///
/// # Errors
/// A sentence about a plan that cannot be run.
pub fn hunt_all(seeds: u64) -> Result<bool, String> {
    let mut all = true;
    for canary in Canary::ALL {
        let name = canary.name();
        match canary.hunt(seeds)? {
            Some(Caught {
                seed, violation, ..
            }) => println!(
                "{name}: caught after {} runs (seed {seed}): {violation}",
                seed + 1
            ),
            None => {
                all = false;
                println!("{name}: not caught in {seeds} runs");
            }
        }
    }
    Ok(all)
}
