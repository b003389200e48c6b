//! The command line.

use std::process::ExitCode;

use crate::plan::Plan;
use crate::run::run;

/// Runs the command.
#[must_use]
pub fn main() -> ExitCode {
    for seed in 0..20 {
        let plan = Plan::generate(seed);
        match run(&plan) {
            Ok(outcome) => println!(
                "{seed} {} {:?} {:?}",
                outcome.trace_hash, outcome.stats, outcome.violations
            ),
            Err(error) => println!("{error}"),
        }
    }
    ExitCode::SUCCESS
}
