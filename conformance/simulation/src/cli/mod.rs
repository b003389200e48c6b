//! The command line.

mod campaign;
mod single;

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::canary;

/// Deterministic simulation of EIM: real servers and clients in worlds that seeds decide.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the plans of many seeds. Every failure prints its seed and the command that repeats it.
    Run {
        /// From the first to before the last: 0..1000.
        #[arg(long, value_parser = seeds, default_value = "0..200")]
        seeds: Range<u64>,
        /// Threads, each with one run at a time.
        #[arg(long, default_value_t = 1)]
        jobs: usize,
        /// Runs each plan twice and compares what happened.
        #[arg(long)]
        twice: bool,
        /// Failures after which no further seed is begun.
        #[arg(long, default_value_t = 10)]
        failures: usize,
    },
    /// Runs one plan again.
    Replay {
        /// A seed, or a file with a plan.
        what: String,
        /// Prints everything that was seen, with its virtual time.
        #[arg(long)]
        observations: bool,
        /// Prints what server and clients log, up to this level.
        #[arg(long, default_value = "off")]
        log: String,
    },
    /// Finds the smallest plan that fails as this one does.
    Shrink {
        /// A seed, or a file with a plan.
        what: String,
        /// Where the plan is written.
        #[arg(long, default_value = "shrunk-plan.json")]
        out: PathBuf,
    },
    /// Runs implementations that are wrong on purpose, until each is caught.
    Canaries {
        /// Seeds within which each must be caught.
        #[arg(long, default_value_t = canary::SEEDS)]
        seeds: u64,
    },
    /// Prints the plan of a seed.
    Plan {
        /// The seed.
        seed: u64,
    },
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("{text} is not a range such as 0..1000");
    let (first, end) = text.split_once("..").ok_or_else(wrong)?;
    let range = first.parse().map_err(|_| wrong())?..end.parse().map_err(|_| wrong())?;
    if range.is_empty() {
        Err(wrong())
    } else {
        Ok(range)
    }
}

/// Runs the command.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run {
            seeds,
            jobs,
            twice,
            failures,
        } => campaign::run(&campaign::Campaign {
            seeds,
            jobs,
            twice,
            failures,
        }),
        Command::Replay {
            what,
            observations,
            log,
        } => single::replay(&what, observations, &log),
        Command::Shrink { what, out } => single::shrink(&what, &out),
        Command::Canaries { seeds } => canary::hunt_all(seeds),
        Command::Plan { seed } => single::print(seed),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
