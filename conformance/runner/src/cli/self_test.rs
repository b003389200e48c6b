//! `self-test`: the suite itself, tested with implementations that are wrong on purpose.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::thread;

use super::{FAILED, Global, exit};
use crate::live::random::fresh_seed;
use crate::pattern::Pattern;
use crate::self_test::score::Mutation;
use crate::self_test::{codec, live};

/// Puts faults into implementations, to test the suite itself
///
/// Each has to be noticed by a case of a requirement that it breaks, and each case that refuses something has
/// to notice one. Needs a checkout, python3 and node.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Implementations tested at the same time; default: one for each processor.
    #[arg(long, value_name = "COUNT")]
    jobs: Option<NonZeroUsize>,
    /// Prints every mutant, with the number of cases that noticed it.
    #[arg(long)]
    verbose: bool,
    /// Tests the scripts for servers instead, with a server that passes them: its command by the
    /// launch protocol.
    #[arg(long, value_name = "CMD")]
    server: Option<String>,
    /// Tests the scripts for clients instead, with a client that passes them.
    #[arg(long, value_name = "CMD")]
    client: Option<String>,
    /// Only scripts whose ids match.
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    only: Vec<Pattern>,
    /// Seed of ids and nonces of scripts.
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs the verb.
///
/// # Errors
/// No checkout, or an implementation that cannot be run as it is.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let project = global.project()?;
    let one = NonZeroUsize::MIN;
    let jobs = args
        .jobs
        .unwrap_or_else(|| thread::available_parallelism().unwrap_or(one));
    if args.server.is_some() || args.client.is_some() {
        return scripts(args, global);
    }
    let progress = |mutation: &Mutation| {
        if args.verbose {
            println!("{}: {} cases", mutation.name, mutation.killed_by.len());
        }
    };
    let score = codec::run(&project, jobs, &progress)?;
    print!("{}", score.text("codec"));
    Ok(if score.is_full() {
        ExitCode::SUCCESS
    } else {
        exit(FAILED)
    })
}

/// Scripts at the same time: most of the time they wait for what does not come.
const AT_ONCE: usize = 16;

fn scripts(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let data = global.data();
    let at_once = args.jobs.map_or(AT_ONCE, NonZeroUsize::get);
    let seed = args.seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let progress = |mutation: &Mutation| {
        if args.verbose {
            let killed = if mutation.killed_by.is_empty() {
                "survived"
            } else {
                "killed"
            };
            println!("{}: {killed}", mutation.name);
        }
    };
    let mut full = true;
    if let Some(command) = &args.server {
        let tested = live::servers(&data, command, &args.only, seed, at_once, progress);
        full &= show("server", &runtime.block_on(tested)?);
    }
    if let Some(command) = &args.client {
        let tested = live::clients(&data, command, &args.only, seed, at_once, progress);
        full &= show("client", &runtime.block_on(tested)?);
    }
    Ok(if full {
        ExitCode::SUCCESS
    } else {
        exit(FAILED)
    })
}

/// Prints a score; whether nothing is left to wish for.
fn show(what: &str, outcome: &live::Outcome) -> bool {
    for error in &outcome.errors {
        println!("error: {error}");
    }
    print!("{}", outcome.score.text(what));
    outcome.errors.is_empty() && outcome.score.is_full()
}
