//! The testees of a list, one after the other, each through the suite of its role.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Matrix, Testee};
use crate::catalogue;
use crate::cli::server::environment;
use crate::client::suite::{self, SuiteError};
use crate::codec::{self, CommandLine, TestError};
use crate::data::Data;
use crate::known::Lists;
use crate::live::clock::{self, Patience, ms};
use crate::live::script;
use crate::results::{CaseResult, Role, Run};
use crate::server::runner::{Runner, Target};
use crate::server::{plan, setups};
use crate::vectors::load::{cases, load};
use crate::vectors::model::Case;

/// How testees are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Cases that are run; all when empty.
    pub only: Vec<crate::pattern::Pattern>,
    /// Seed of ids and nonces of live suites.
    pub seed: u64,
    /// Live cases at the same time.
    pub jobs: usize,
    /// How long to wait for what has to arrive.
    pub patience: Patience,
}

/// What became of one testee.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The results.
    pub run: Run,
    /// What it did wrong outside of cases.
    pub problems: Vec<String>,
    /// Lines of its lists that are stale.
    pub stale: Vec<String>,
}

/// Why there is no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Files of the suite, or of the list, are wrong.
    Usage(String),
    /// The testee does not start, or breaks its protocol.
    Testee(String),
}

/// Runs one testee; `None` when no case of its role was chosen. Commands run in the current folder, which has
/// to be that of the list.
///
/// # Errors
/// [`Failure`].
pub fn run(
    matrix: &Matrix,
    testee: &Testee,
    data: &Data,
    options: &Options,
    ended: &(dyn Fn(&CaseResult) + Sync),
) -> Result<Option<Outcome>, Failure> {
    let command = matrix.command(testee).map_err(Failure::Usage)?;
    let place = |file: &Option<PathBuf>| file.clone();
    let (failing, flaky) = (place(&testee.known_failing), place(&testee.known_flaky));
    let lists = Lists::read(failing.as_deref(), flaky.as_deref()).map_err(Failure::Usage)?;
    let tested = match testee.role {
        Role::Codec => run_codec(&command, data, options, ended)?,
        Role::Server => block_on(run_server(&command, data, options, ended))?,
        Role::Client => block_on(run_client(&command, data, options, ended))?,
    };
    let Some((mut run, problems)) = tested else {
        return Ok(None);
    };
    run.name.clone_from(&testee.name);
    let all = catalogue::all(data).map_err(Failure::Usage)?;
    let all = all.iter().filter(|entry| entry.role == testee.role);
    let all: Vec<&str> = all.map(|entry| entry.id.as_str()).collect();
    let stale = lists.apply(&mut run, &all);
    Ok(Some(Outcome {
        run,
        problems,
        stale,
    }))
}

/// How many cases a testee of a role will be asked for.
///
/// # Errors
/// Files of the suite that are wrong.
pub fn count(role: Role, data: &Data, options: &Options) -> Result<usize, String> {
    Ok(match role {
        Role::Codec => {
            let files = load(data)?;
            let cases = cases(&files).into_iter();
            cases.filter(|(_, case)| chosen(options, &case.id)).count()
        }
        Role::Server => plan::jobs(&script::load(data, role)?, &options.only, &[]).len(),
        Role::Client => {
            let planned = suite::plan(data)?.into_iter();
            planned
                .filter(|planned| chosen(options, &planned.id))
                .count()
        }
    })
}

type Tested = Option<(Run, Vec<String>)>;

fn chosen(options: &Options, id: &str) -> bool {
    crate::pattern::any_fits(&options.only, id)
}

fn run_codec(
    command: &str,
    data: &Data,
    options: &Options,
    ended: &(dyn Fn(&CaseResult) + Sync),
) -> Result<Tested, Failure> {
    let command = CommandLine::parse(command).map_err(Failure::Usage)?;
    let files = load(data).map_err(Failure::Usage)?;
    let cases = cases(&files).into_iter().map(|(_, case)| case);
    let cases: Vec<&Case> = cases.filter(|case| chosen(options, &case.id)).collect();
    if cases.is_empty() {
        return Ok(None);
    }
    match codec::test(&cases, &codec::Options::new(command), ended) {
        Ok(tested) => Ok(Some((tested.run, tested.problems))),
        Err(TestError::Vectors(why)) => Err(Failure::Usage(why)),
        Err(TestError::Testee(why)) => Err(Failure::Testee(why)),
    }
}

async fn run_server(
    command: &str,
    data: &Data,
    options: &Options,
    ended: &(dyn Fn(&CaseResult) + Sync),
) -> Result<Tested, Failure> {
    let sources = script::load(data, Role::Server).map_err(Failure::Usage)?;
    let jobs = plan::jobs(&sources, &options.only, &[]);
    if jobs.is_empty() {
        return Ok(None);
    }
    let began = clock::now();
    let environment = environment(data, options.seed, options.patience).map_err(Failure::Usage)?;
    let setups = setups::load(data).map_err(Failure::Usage)?;
    let target = Target::Launch(command.to_owned());
    let runner = Runner::new(Arc::new(environment), target, setups, options.jobs);
    let mut runner = runner.map_err(Failure::Usage)?;
    runner.accounts = plan::accounts(&jobs);
    let runner = Arc::new(runner);
    runner.begin().await.map_err(Failure::Testee)?;
    let cases = runner.all(&jobs, true, |case| ended(case)).await;
    runner.leave().await;
    let run = Run {
        role: Role::Server,
        name: String::new(),
        testee: runner.testee(),
        command: format!("--launch '{command}'"),
        cases,
        ms: ms(clock::now().saturating_duration_since(began)),
    };
    Ok(Some((run, Vec::new())))
}

async fn run_client(
    command: &str,
    data: &Data,
    options: &Options,
    ended: &(dyn Fn(&CaseResult) + Sync),
) -> Result<Tested, Failure> {
    let mut planned = suite::plan(data).map_err(Failure::Usage)?;
    planned.retain(|planned| chosen(options, &planned.id));
    if planned.is_empty() {
        return Ok(None);
    }
    let options = suite::Options {
        command: CommandLine::parse(command).map_err(Failure::Usage)?,
        jobs: options.jobs,
        patience: options.patience,
        seed: options.seed,
    };
    match suite::test(data, &options, planned, ended).await {
        Ok(run) => Ok(Some((run, Vec::new()))),
        Err(SuiteError::Scripts(why)) => Err(Failure::Usage(why)),
        Err(SuiteError::Testee(why)) => Err(Failure::Testee(why)),
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| Failure::Usage(error.to_string()))?
        .block_on(work)
}

/// Makes the folder of a list the current one, in which all its commands run.
///
/// # Errors
/// Which folder, and why.
pub fn enter(matrix: &Matrix) -> Result<(), String> {
    let folder: &Path = if matrix.folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &matrix.folder
    };
    std::env::set_current_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))
}
