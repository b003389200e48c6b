//! One plan.

use std::path::Path;

use crate::plan::{self, Plan};
use crate::run::{Outcome, run};

/// The plan of a seed, or of a file.
fn plan(what: &str) -> Result<Plan, String> {
    if let Ok(seed) = what.parse() {
        return Ok(Plan::generate(seed));
    }
    let text = std::fs::read_to_string(what).map_err(|error| format!("{what}: {error}"))?;
    Plan::from_json(&text).map_err(|error| format!("{what}: {error}"))
}

/// Prints the plan of a seed.
pub(super) fn print(seed: u64) -> Result<bool, String> {
    let json = Plan::generate(seed)
        .to_json()
        .map_err(|error| error.to_string())?;
    println!("{json}");
    Ok(true)
}

/// Runs one plan and prints what came of it; whether nothing was violated.
pub(super) fn replay(what: &str, observations: bool, log: &str) -> Result<bool, String> {
    let plan = plan(what)?;
    let filter = tracing_subscriber::EnvFilter::try_new(log).map_err(|error| error.to_string())?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .without_time()
        .with_writer(std::io::stderr)
        .init();
    let outcome = run(&plan)?;
    if observations {
        for observed in &outcome.observations {
            println!("{:>9.3} {:?}", observed.at.as_secs_f64(), observed.what);
        }
    }
    report(&outcome)?;
    Ok(outcome.violations.is_empty())
}

fn report(outcome: &Outcome) -> Result<(), String> {
    for violation in &outcome.violations {
        println!("{violation}");
    }
    let stats = serde_json::to_string(&outcome.stats).map_err(|error| error.to_string())?;
    println!("{stats}");
    println!("trace {}", outcome.trace_hash);
    Ok(())
}

/// Finds a smaller plan that violates the same invariant first, and writes it.
pub(super) fn shrink(what: &str, out: &Path) -> Result<bool, String> {
    let plan = plan(what)?;
    let Some(name) = first(&run(&plan)?) else {
        println!("nothing is violated");
        return Ok(true);
    };
    let steps = plan.steps.len();
    let same = |plan: &Plan| run(plan).is_ok_and(|outcome| first(&outcome).as_ref() == Some(&name));
    let (small, runs) = plan::shrink(&plan, same);
    let json = small.to_json().map_err(|error| error.to_string())?;
    std::fs::write(out, json).map_err(|error| format!("{}: {error}", out.display()))?;
    println!(
        "{name}: {} of {steps} steps are left after {runs} runs",
        small.steps.len()
    );
    for step in &small.steps {
        println!("  {:>6} ms  {:?}", step.at_ms, step.action);
    }
    report(&run(&small)?)?;
    println!("again: eim-simulation replay {}", out.display());
    Ok(false)
}

fn first(outcome: &Outcome) -> Option<String> {
    outcome
        .violations
        .first()
        .map(|violation| violation.invariant.clone())
}
