//! One case of a server or a client, with everything that is exchanged.

use std::process::ExitCode;
use std::sync::Arc;

use crate::cli::server::environment;
use crate::cli::suite::no_testee;
use crate::cli::{FAILED, PASSED, exit};
use crate::client::suite::{self, Suite, SuiteError};
use crate::codec::CommandLine;
use crate::data::Data;
use crate::live::clock::{self, Patience};
use crate::live::random::fresh_seed;
use crate::live::script;
use crate::report::hexdump::hexdump;
use crate::report::terminal::{Requirements, failure, logged, name};
use crate::results::{CaseResult, LogLine, Role, Run, Testee};
use crate::server::runner::{Runner, Target, result};
use crate::server::{plan, setups};

/// What one run of a case gives.
struct Replayed {
    result: CaseResult,
    log: Vec<LogLine>,
    /// The command, as results show it.
    command: String,
}

/// Runs a case once.
///
/// # Errors
/// A case that has no run of this transport, or files that cannot be read.
pub(super) fn replay(
    role: Role,
    id: &str,
    command: &CommandLine,
    seed: Option<u64>,
    data: &Data,
) -> Result<ExitCode, String> {
    let seed = seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let replayed = match role {
        Role::Server => runtime.block_on(server(id, command, seed, data))?,
        Role::Client | Role::Codec => runtime.block_on(client(id, command, seed, data))?,
    };
    let Replayed {
        result,
        log,
        command,
    } = match replayed {
        Ok(replayed) => replayed,
        Err(why) => {
            return Ok(no_testee(role, &command.to_string(), &why));
        }
    };
    for line in &log {
        println!("{}", logged(line));
        for row in hexdump(&line.octets).lines() {
            println!("           {row}");
        }
    }
    let status = result.status;
    println!("{} {} {}", name(status), result.id, result.reason);
    if !status.is_failure() {
        return Ok(exit(PASSED));
    }
    let run = Run {
        role,
        name: String::new(),
        testee: Testee::default(),
        command,
        cases: vec![CaseResult {
            log: Vec::new(),
            ..result
        }],
        ms: 0,
    };
    let requirements = Requirements::read(data)?;
    run.cases
        .iter()
        .for_each(|case| print!("\n{}", failure(&run, case, &requirements)));
    Ok(exit(FAILED))
}

async fn server(
    id: &str,
    command: &CommandLine,
    seed: u64,
    data: &Data,
) -> Result<Result<Replayed, String>, String> {
    let sources = script::load(data, Role::Server)?;
    let mut jobs = plan::jobs(&sources, &[], &[]);
    jobs.retain(|job| job.id() == id);
    let job = jobs.first().ok_or_else(|| no_run(id))?;
    let environment = environment(data, seed, Patience::JUDGING)?;
    let target = Target::Launch(command.to_string());
    let mut runner = Runner::new(Arc::new(environment), target, setups::load(data)?, 1)?;
    runner.accounts = plan::accounts(&jobs);
    if let Err(why) = runner.begin().await {
        return Ok(Err(why));
    }
    let began = clock::now();
    let outcome = runner.once(job, 0, None).await;
    runner.leave().await;
    let command = format!("--launch '{command}'");
    Ok(Ok(Replayed {
        result: result(job, &outcome, began),
        log: outcome.log,
        command,
    }))
}

async fn client(
    id: &str,
    command: &CommandLine,
    seed: u64,
    data: &Data,
) -> Result<Result<Replayed, String>, String> {
    let planned = suite::plan(data)?;
    let planned = planned
        .iter()
        .find(|planned| planned.id == id)
        .ok_or_else(|| no_run(id))?;
    let options = suite::Options {
        command: command.clone(),
        jobs: 1,
        patience: Patience::JUDGING,
        seed,
    };
    let suite = match Suite::new(data, &options).await {
        Ok(suite) => suite,
        Err(SuiteError::Testee(why)) => return Ok(Err(why)),
        Err(SuiteError::Scripts(why)) => return Err(why),
    };
    let played = suite.run(planned, None).await;
    let result = played.result(planned);
    Ok(Ok(Replayed {
        result,
        log: played.log,
        command: command.to_string(),
    }))
}

fn no_run(id: &str) -> String {
    format!("{id} is not run on this transport; `show` says on which")
}
