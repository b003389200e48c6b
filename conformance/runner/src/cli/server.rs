//! `server`: the suite against a server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{FAILED, FLAKY, Global, TESTEE, USAGE, exit};
use crate::live::clock::{self, Patience, ms};
use crate::live::context::{Endpoints, Environment};
use crate::live::random::fresh_seed;
use crate::live::script;
use crate::live::step::Verbs;
use crate::live::steps::{COMMON, SERVER};
use crate::pattern::Pattern;
use crate::report::terminal;
use crate::results::{FORMAT, Results, Role, Run, Status};
use crate::server::plan::{self, Job};
use crate::server::runner::{Runner, Target};
use crate::server::setups;
use crate::wire::protocol::Protocol;
use crate::wire::scram::Keys;

/// Tests a server that runs, or that the suite starts.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Command that starts a server by the launch protocol.
    #[arg(long, value_name = "CMD", conflicts_with = "target")]
    launch: Option<String>,
    /// Address of a running server; give it again with `tls=`, `ws=` or `wss=` before the address
    /// for its other transports.
    #[arg(long, value_name = "HOST:PORT", requires = "accounts")]
    target: Vec<String>,
    /// Certificate of a running server, PEM.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// TOML file with accounts of a running server.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Only cases whose ids match, such as `srv-seq-*`; may be repeated.
    #[arg(long, value_name = "GLOB")]
    only: Vec<Pattern>,
    /// Only these transports.
    #[arg(long, value_name = "TRANSPORT")]
    transport: Vec<String>,
    /// Cases at a time.
    #[arg(long, default_value_t = 8)]
    jobs: usize,
    /// Seed of ids, nonces and accounts.
    #[arg(long)]
    seed: Option<u64>,
    /// Does not repeat failed cases to tell flaky ones apart.
    #[arg(long)]
    no_retry: bool,
    /// Writes the results to a file.
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// Short name of the testee in the results.
    #[arg(long, default_value = "server")]
    name: String,
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, or files that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(test(args, global))
}

async fn test(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let data = global.data();
    let seed = args.seed.unwrap_or_else(fresh_seed);
    let sources = script::load(&data, Role::Server)?;
    let jobs = plan::jobs(&sources, &args.only, &args.transport);
    if jobs.is_empty() {
        eprintln!("eim-conformance: no case matches");
        return Ok(exit(USAGE));
    }
    let environment = Arc::new(Environment {
        protocol: Arc::new(Protocol::load(&data)?),
        patience: Patience::JUDGING,
        seed,
        keys: Keys::default(),
        verbs: verbs(),
    });
    let (target, command) = target(args)?;
    let mut runner = Runner::new(environment, target, setups::load(&data)?, args.jobs)?;
    runner.accounts = plan::accounts(&jobs);
    let runner = Arc::new(runner);
    println!("seed {seed}");
    let began = clock::now();
    let started_s = clock::unix().as_secs();
    if let Err(why) = runner.begin().await {
        eprintln!("eim-conformance: {why}");
        return Ok(exit(TESTEE));
    }
    let run = play(args, &runner, &jobs, &command).await;
    runner.leave().await;
    let run = Run {
        ms: ms(clock::now().saturating_duration_since(began)),
        ..run
    };
    let requirements = terminal::Requirements::read(&data)?;
    print!("{}", terminal::report(&run, &requirements));
    let code = verdict(&run);
    let results = Results {
        format: FORMAT,
        suite: data.suite()?,
        started_s,
        runs: vec![run],
    };
    if let Some(file) = &args.results {
        let text = serde_json::to_string_pretty(&results).map_err(|error| error.to_string())?;
        std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(code)
}

/// The steps that server scripts may have.
#[must_use]
pub fn verbs() -> Verbs {
    let families: Vec<_> = COMMON.into_iter().chain(SERVER).collect();
    Verbs::of(&families)
}

async fn play(args: &Args, runner: &Arc<Runner>, jobs: &[Job], command: &str) -> Run {
    let progress = terminal::Progress::new(jobs.len());
    let cases = runner.all(jobs, !args.no_retry, |case| progress.ended(case)).await;
    progress.finish();
    Run {
        role: Role::Server,
        name: args.name.clone(),
        testee: runner.testee(),
        command: command.to_owned(),
        cases,
        ms: 0,
    }
}

fn target(args: &Args) -> Result<(Target, String), String> {
    if let Some(command) = &args.launch {
        let shown = format!("--launch '{command}'");
        return Ok((Target::Launch(command.clone()), shown));
    }
    let accounts = args.accounts.clone().ok_or("--launch or --target")?;
    let mut endpoints = Endpoints::default();
    for target in &args.target {
        let (transport, address) = target.split_once('=').unwrap_or(("tcp", target));
        endpoints.addresses.insert(transport.to_owned(), address.to_owned());
    }
    if endpoints.addresses.is_empty() {
        return Err("--launch or --target".into());
    }
    if let Some(file) = &args.certificate {
        let pem = std::fs::read_to_string(file);
        endpoints.certificate = Some(pem.map_err(|e| format!("{}: {e}", file.display()))?);
    }
    let mut shown = String::new();
    for target in &args.target {
        shown.push_str(&format!("--target {target} "));
    }
    shown.push_str(&format!("--accounts {}", accounts.display()));
    Ok((Target::Running(endpoints, accounts), shown))
}

/// The exit code that a run means.
fn verdict(run: &Run) -> ExitCode {
    let any = |test: &dyn Fn(Status) -> bool| run.cases.iter().any(|case| test(case.status));
    if any(&Status::is_failure) {
        exit(FAILED)
    } else if any(&|status| status == Status::Flaky) {
        exit(FLAKY)
    } else {
        ExitCode::SUCCESS
    }
}
