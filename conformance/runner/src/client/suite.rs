//! All cases against a client.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::listen::Identity;
use super::play::{Played, play};
use super::probe::probe;
use super::steps;
use super::testee::{Launch, Testee};
use crate::codec::CommandLine;
use crate::data::Data;
use crate::live::clock::{self, Patience};
use crate::live::context::Environment;
use crate::live::log::Log;
use crate::live::outcome::Stop;
use crate::live::pulse;
use crate::live::script::{Case, Kind, Mutant, load};
use crate::live::step::Verbs;
use crate::live::steps::COMMON;
use crate::results::{CaseResult, Role, Run, Status, Testee as Description};
use crate::wire::protocol::Protocol;
use crate::wire::scram::Keys;

/// How a client is tested.
#[derive(Clone, Debug)]
pub struct Options {
    /// Starts the testee.
    pub command: CommandLine,
    /// Cases at the same time.
    pub jobs: usize,
    /// How long to wait.
    pub patience: Patience,
    /// Seed of ids and nonces.
    pub seed: u64,
}

/// One run of a case: on one transport.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Id, with the transport behind it where that is not TCP.
    pub id: String,
    /// Area.
    pub area: String,
    /// The case.
    pub case: Arc<Case>,
    /// Transport.
    pub transport: String,
}

/// Why a run of the suite cannot begin or go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuiteError {
    /// A script is wrong.
    Scripts(String),
    /// The testee cannot be started.
    Testee(String),
}

/// What the cases of a run share.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Protocol, seed, keys, steps.
    pub environment: Arc<Environment>,
    /// The certificate of the listeners.
    pub identity: Identity,
    /// Starts a testee.
    pub launch: Launch,
    /// What the testee says about itself.
    pub testee: Description,
}

/// The steps of scripts for clients.
#[must_use]
pub fn verbs() -> Verbs {
    let families: Vec<_> = COMMON.iter().chain(&steps::FAMILIES).copied().collect();
    Verbs::of(&families)
}

/// All runs of all cases, by id.
///
/// # Errors
/// A script that cannot be read.
pub fn plan(data: &Data) -> Result<Vec<Planned>, String> {
    let mut planned = Vec::new();
    for source in load(data, Role::Client)? {
        for case in source.suite.cases {
            let case = Arc::new(case);
            for transport in &case.transports {
                let id = match transport.as_str() {
                    "tcp" => case.id.clone(),
                    other => format!("{}@{other}", case.id),
                };
                planned.push(Planned {
                    id,
                    area: source.suite.area.clone(),
                    case: Arc::clone(&case),
                    transport: transport.clone(),
                });
            }
        }
    }
    planned.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(planned)
}

impl Suite {
    /// Reads the specification, and asks the testee what it is.
    ///
    /// # Errors
    /// Files that are wrong, or a testee that does not start.
    pub async fn new(data: &Data, options: &Options) -> Result<Self, SuiteError> {
        let launch = Launch::Command(options.command.clone());
        Self::with(data, launch, options.patience, options.seed).await
    }

    /// The same for anything that can play a testee.
    ///
    /// # Errors
    /// As [`Suite::new`].
    pub async fn with(
        data: &Data,
        launch: Launch,
        patience: Patience,
        seed: u64,
    ) -> Result<Self, SuiteError> {
        let protocol = Protocol::load(data).map_err(SuiteError::Scripts)?;
        let environment = Environment {
            protocol: Arc::new(protocol),
            patience,
            seed,
            keys: Keys::default(),
            verbs: verbs(),
            probe,
        };
        let started = Testee::start("testee", &launch, None, Log::new()).await;
        let (mut testee, description) = started.map_err(|stop| match stop {
            Stop::Testee(why) => SuiteError::Testee(why),
            other => SuiteError::Testee(other.to_string()),
        })?;
        testee.kill().await;
        Ok(Self {
            environment: Arc::new(environment),
            identity: Identity::new().map_err(SuiteError::Testee)?,
            launch,
            testee: description,
        })
    }

    /// Runs a case, perhaps under a fault. A case about time in which the suite itself stood still is no verdict, and
    /// is run again.
    pub async fn run(&self, planned: &Planned, mutant: Option<&Mutant>) -> Played {
        let timing = planned.case.kind == Kind::Timing && mutant.is_none();
        let mut runs = 1;
        loop {
            let began = clock::now();
            let _ = pulse::longest_since(began);
            let played = play(self, planned, mutant).await;
            let stalled = || pulse::longest_since(began) >= pulse::STALL;
            let void = timing && played.status.is_failure() && stalled();
            if !void || runs == pulse::MOST_RUNS {
                return played;
            }
            runs += 1;
        }
    }

    /// Runs a case, and once more when it fails: what passes then is flaky.
    async fn judge(&self, planned: &Planned) -> CaseResult {
        let began = clock::now();
        let first = self.run(planned, None).await;
        let mut result = first.result(planned);
        if result.status.is_failure() {
            let second = self.run(planned, None).await;
            if second.status == Status::Passed {
                result.status = Status::Flaky;
            }
            let told = [&second.expected, &second.actual, &second.reason];
            let why = told.map(String::as_str).join(" ");
            result.again(&why, &second.log, &pulse::machine(began));
        }
        result.ms = clock::ms(began.elapsed());
        result
    }
}

/// Runs cases; `ended` is told each result.
///
/// # Errors
/// See [`SuiteError`].
pub async fn test(
    data: &Data,
    options: &Options,
    planned: Vec<Planned>,
    ended: impl Fn(&CaseResult),
) -> Result<Run, SuiteError> {
    let suite = Suite::new(data, options).await?;
    let began = clock::now();
    let seats = Arc::new(Semaphore::new(options.jobs.max(1)));
    let mut running = JoinSet::new();
    for planned in planned {
        let (suite, seats) = (suite.clone(), Arc::clone(&seats));
        running.spawn(async move {
            let _seat = seats.acquire_owned().await;
            suite.judge(&planned).await
        });
    }
    let mut cases = Vec::new();
    while let Some(joined) = running.join_next().await {
        let result = joined.map_err(|error| SuiteError::Testee(error.to_string()))?;
        ended(&result);
        cases.push(result);
    }
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Run {
        role: Role::Client,
        name: suite.testee.name.clone(),
        testee: suite.testee,
        command: options.command.to_string(),
        cases,
        ms: clock::ms(began.elapsed()),
    })
}

/// The longest a case may take altogether.
pub(super) const LONGEST: Duration = Duration::from_secs(120);
