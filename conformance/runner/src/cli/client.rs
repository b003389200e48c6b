//! `client`: the scripts against a client.

use std::process::ExitCode;

use super::Global;
use super::suite::{Common, no_testee, started};
use crate::client::manual;
use crate::client::suite::{self, Options, SuiteError};
use crate::codec::CommandLine;
use crate::live::clock::Patience;
use crate::live::random::fresh_seed;
use crate::report::terminal::Progress;
use crate::results::Role;

/// Runs the scripts against a client: `client -- my-testee client`
///
/// The suite is the server; the program around the client answers the launch protocol (`show --protocol
/// client`).
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The command of the testee in one argument, split as a shell would.
    #[arg(long, value_name = "CMD", required_unless_present_any = ["manual", "command"])]
    launch: Option<String>,
    /// A person plays the testee: the cases that need nothing but connecting, sending and
    /// looking.
    #[arg(long, conflicts_with_all = ["launch", "command"])]
    manual: bool,
    /// Cases at the same time.
    #[arg(long, value_name = "N", default_value_t = 8)]
    jobs: usize,
    /// Seed of ids and nonces, to repeat a run; default: a new one, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// The command of the testee and its arguments, behind `--`.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
    #[command(flatten)]
    common: Common,
}

/// Runs the verb.
///
/// # Errors
/// No case fits, or files that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let lists = args.common.lists()?;
    let data = global.data();
    let mut planned = suite::plan(&data)?;
    planned.retain(|planned| args.common.chooses(&planned.id));
    if planned.is_empty() {
        return Err(args.common.nothing());
    }
    let seed = args.seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}");
    let started_s = started();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let tested = if args.manual {
        runtime.block_on(manual::test(&data, planned, seed))
    } else {
        let command = match &args.launch {
            Some(line) => CommandLine::parse(line)?,
            None => CommandLine::of_words(args.command.iter().cloned())?,
        };
        let options = Options {
            command,
            jobs: args.jobs,
            patience: Patience::JUDGING,
            seed,
        };
        let progress = Progress::new(planned.len());
        let run = suite::test(&data, &options, planned, |case| progress.ended(case));
        let tested = runtime.block_on(run);
        progress.finish();
        tested
    };
    match tested {
        Ok(run) => args.common.finish(run, &lists, &[], started_s, global),
        Err(SuiteError::Scripts(why)) => Err(why),
        Err(SuiteError::Testee(why)) => {
            let words = args.command.join(" ");
            let command = args.launch.as_deref().unwrap_or(&words);
            Ok(no_testee(Role::Client, command, &why))
        }
    }
}
