//! `matrix`: all testees of a list.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::suite::{exit_code, started};
use super::{FAILED, FLAKY, Global, PASSED, STALE, TESTEE, exit};
use crate::live::clock::Patience;
use crate::live::random::fresh_seed;
use crate::matrix::run::{Failure, Options, Outcome, count, enter, run as test};
use crate::matrix::{FILE, Matrix, Testee, table};
use crate::pattern::Pattern;
use crate::report::files::Files;
use crate::report::terminal::{Progress, Requirements, report};
use crate::results::{FORMAT, Results};

/// Runs every testee of a list through the suite of its role
///
/// Makes one results file of it, and the reports. The commands run in the folder that the list names.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The list; default: conformance/matrix.toml of the checkout.
    file: Option<PathBuf>,
    /// Only cases whose id fits one of these patterns (`*` and `?`).
    #[arg(long, value_name = "GLOB", num_args = 1.., value_parser = clap::value_parser!(Pattern))]
    only: Vec<Pattern>,
    /// Only testees of these names.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    testee: Vec<String>,
    /// Replaces a variable of the list: `testee=target/debug/eim-testee`.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Live cases at the same time.
    #[arg(long, value_name = "N", default_value_t = 8)]
    jobs: usize,
    /// Least time in seconds that something may take to arrive from a server or a client; more on a busy machine.
    #[arg(long, value_name = "SECONDS", default_value_t = Patience::JUDGING.floor.as_secs())]
    patience: u64,
    /// Seed of ids and nonces, to repeat a run; default: a new one, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Files to write.
    #[command(flatten)]
    files: Files,
}

/// Runs the verb.
///
/// # Errors
/// A list that is wrong, something that a testee needs and is not there, no case that fits, or
/// files that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let matrix = args.matrix(global)?;
    let files = args.files.absolute()?;
    let data = global.absolute()?.data();
    enter(&matrix)?;
    let options = Options {
        only: args.only.clone(),
        seed: args.seed.unwrap_or_else(fresh_seed),
        jobs: args.jobs,
        patience: Patience {
            floor: Duration::from_secs(args.patience.max(1)),
            ..Patience::JUDGING
        },
    };
    println!("seed {}", options.seed);
    let requirements = Requirements::read(&data)?;
    let mut results = Results {
        format: FORMAT,
        suite: data.suite()?,
        started_s: started(),
        runs: Vec::new(),
    };
    let mut codes = Vec::new();
    for testee in &matrix.testee {
        let progress = Progress::new(count(testee.role, &data, &options)?);
        let outcome = test(&matrix, testee, &data, &options, &|case| {
            progress.ended(case)
        });
        progress.finish();
        match outcome {
            Ok(None) => {}
            Ok(Some(outcome)) => {
                codes.push(told(testee, &outcome, &requirements));
                results.runs.push(outcome.run);
            }
            Err(Failure::Usage(why)) => return Err(format!("{}: {why}", testee.name)),
            Err(Failure::Testee(why)) => {
                let (role, name) = (testee.role.name(), &testee.name);
                println!("{role} {name} cannot be tested: {why}");
                println!("what it has to answer: eim-conformance show --protocol {role}\n");
                codes.push(TESTEE);
            }
        }
    }
    if codes.is_empty() {
        return Err("no case of these testees fits; see the verb list".into());
    }
    print!("{}", table::table(&results));
    files.write(&results, &data)?;
    Ok(exit(worst(&codes)))
}

impl Args {
    /// The list, with the variables and the choice of the command line.
    fn matrix(&self, global: &Global) -> Result<Matrix, String> {
        let file = match &self.file {
            Some(file) => file.clone(),
            None => global.project().map_err(|_| NO_LIST)?.path(FILE),
        };
        let mut matrix = Matrix::read(&file)?;
        for set in &self.set {
            let (name, value) = set.split_once('=').ok_or("--set NAME=VALUE")?;
            let place = matrix.variables.get_mut(name);
            let known = || format!("--set {name}: {} has no such variable", file.display());
            value.clone_into(place.ok_or_else(known)?);
        }
        for name in &self.testee {
            if !matrix.testee.iter().any(|testee| &testee.name == name) {
                return Err(format!("--testee {name}: not in {}", file.display()));
            }
        }
        matrix
            .testee
            .retain(|it| self.testee.is_empty() || self.testee.contains(&it.name));
        match matrix.missing() {
            missing if missing.is_empty() => Ok(matrix),
            missing => Err(missing.join("\neim-conformance: ")),
        }
    }
}

const NO_LIST: &str =
    "no list: give one (matrix FILE), or run inside a checkout, which has conformance/matrix.toml";

/// Prints what became of a testee, and gives its exit code.
fn told(testee: &Testee, outcome: &Outcome, requirements: &Requirements) -> u8 {
    let Outcome {
        run,
        problems,
        stale,
    } = outcome;
    let (role, name) = (testee.role.name(), &testee.name);
    print!("{}", report(run, requirements));
    for problem in problems {
        println!("{role} {name} broke its protocol: {problem}");
    }
    for line in stale {
        println!("{role} {name}: stale: {line}");
    }
    println!();
    exit_code(run, !stale.is_empty(), !problems.is_empty())
}

/// The exit code of several runs: failures, then testees that cannot be tested, stale lists, flaky cases.
fn worst(codes: &[u8]) -> u8 {
    let order = [FAILED, TESTEE, STALE, FLAKY];
    order
        .into_iter()
        .find(|code| codes.contains(code))
        .unwrap_or(PASSED)
}
