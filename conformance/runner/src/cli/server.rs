//! `server`: the scripts against a server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::Global;
use super::suite::{Common, no_testee, started};
use crate::data::Data;
use crate::live::clock::{self, Patience, ms};
use crate::live::context::{Endpoints, Environment};
use crate::live::random::fresh_seed;
use crate::live::script;
use crate::report::terminal::Progress;
use crate::results::{Role, Run};
use crate::server::plan::{self, Job};
use crate::server::probe::probe;
use crate::server::runner::{Runner, Target};
use crate::server::{setups, verbs};
use crate::wire::protocol::Protocol;
use crate::wire::scram::Keys;

/// Runs the scripts against a server: `server --launch "my-testee server"`
///
/// The suite starts it by the launch protocol (`show --protocol server`), or finds it running:
/// `server --target 127.0.0.1:7440 --accounts accounts.toml`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Command that starts a server by the launch protocol.
    #[arg(
        long,
        value_name = "CMD",
        required_unless_present = "target",
        conflicts_with = "target"
    )]
    launch: Option<String>,
    /// Address of a running server; again with `tls=`, `ws=` or `wss=` before the address for its
    /// other transports. A path behind the address of a WebSocket is kept; default `/eim`.
    #[arg(long, value_name = "[TRANSPORT=]HOST:PORT", requires = "accounts")]
    target: Vec<String>,
    /// Certificate of a running server, PEM.
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// TOML file with accounts of a running server that nobody else uses.
    #[arg(long, value_name = "FILE")]
    accounts: Option<PathBuf>,
    /// Only these transports.
    #[arg(long, value_name = "TRANSPORT")]
    transport: Vec<String>,
    /// Cases at the same time.
    #[arg(long, value_name = "N", default_value_t = 8)]
    jobs: usize,
    /// Seed of ids, nonces and accounts, to repeat a run; default: a new one, which is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Does not repeat failed cases to tell flaky ones apart.
    #[arg(long)]
    no_retry: bool,
    /// Short name of the testee in the results.
    #[arg(long, value_name = "NAME", default_value = "server")]
    name: String,
    #[command(flatten)]
    common: Common,
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, or files that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let lists = args.common.lists()?;
    let data = global.data();
    let sources = script::load(&data, Role::Server)?;
    let jobs = plan::jobs(&sources, &args.common.only, &args.transport);
    if jobs.is_empty() {
        return Err(args.common.nothing());
    }
    let started_s = started();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let target = target(args)?;
    let seed = args.seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}");
    let environment = environment(&data, seed, Patience::JUDGING)?;
    match runtime.block_on(play(args, &data, environment, target, &jobs)) {
        Ok(run) => args.common.finish(run, &lists, &[], started_s, global),
        Err(why) => {
            let command = args.launch.as_deref().unwrap_or_default();
            Ok(no_testee(Role::Server, command, &why))
        }
    }
}

/// What the cases of a run share.
///
/// # Errors
/// Registries or Protobuf files that are wrong.
pub fn environment(data: &Data, seed: u64, patience: Patience) -> Result<Environment, String> {
    Ok(Environment {
        protocol: Arc::new(Protocol::load(data)?),
        patience,
        seed,
        keys: Keys::default(),
        verbs: verbs(),
        probe,
    })
}

async fn play(
    args: &Args,
    data: &Data,
    environment: Environment,
    (target, command): (Target, String),
    jobs: &[Job],
) -> Result<Run, String> {
    let began = clock::now();
    let mut runner = Runner::new(
        Arc::new(environment),
        target,
        setups::load(data)?,
        args.jobs,
    )?;
    runner.accounts = plan::accounts(jobs);
    let runner = Arc::new(runner);
    runner.begin().await?;
    let progress = Progress::new(jobs.len());
    let cases = runner
        .all(jobs, !args.no_retry, |case| progress.ended(case))
        .await;
    progress.finish();
    runner.leave().await;
    Ok(Run {
        role: Role::Server,
        name: args.name.clone(),
        testee: runner.testee(),
        command,
        cases,
        ms: ms(clock::now().saturating_duration_since(began)),
    })
}

fn target(args: &Args) -> Result<(Target, String), String> {
    if let Some(command) = &args.launch {
        let shown = format!("--launch '{command}'");
        return Ok((Target::Launch(command.clone()), shown));
    }
    let accounts = args.accounts.clone().ok_or("--accounts is missing")?;
    let mut endpoints = Endpoints::default();
    for target in &args.target {
        let (transport, address) = target.split_once('=').unwrap_or(("tcp", target));
        endpoints
            .addresses
            .insert(transport.to_owned(), address.to_owned());
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
