//! All chosen cases, side by side, and their results.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as Plain, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio::task::JoinSet;

use super::features::{RESUMED, resumes};
use super::instance::Instance;
use super::plan::Job;
use super::setups::Setups;
use crate::live::case::{self, Stopped};
use crate::live::clock::{self, ms};
use crate::live::context::{Account, Context, Endpoints, Environment};
use crate::live::faults::Fault;
use crate::live::log::Log;
use crate::live::outcome::Stop;
use crate::live::pulse;
use crate::live::random::Random;
use crate::live::script::{Kind, Mutant};
use crate::live::step::Step;
use crate::live::steps::control::Liveness;
use crate::results::{CaseResult, LogLine, Status, Testee};

/// The least and the most accounts of one server.
pub(super) const ACCOUNTS: (usize, usize) = (64, 2048);

/// The longest a case may take.
const LONGEST: Duration = Duration::from_secs(180);

/// The server that is tested.
#[derive(Clone, Debug)]
pub enum Target {
    /// Launched by the suite, with this command.
    Launch(String),
    /// Running already.
    Running(Endpoints, PathBuf),
}

/// A run of the server suite.
#[derive(Debug)]
pub struct Runner {
    /// What all cases share.
    pub environment: Arc<Environment>,
    /// The server.
    pub target: Target,
    /// Limits by setup.
    pub setups: Setups,
    /// Cases at a time.
    pub jobs: usize,
    /// Accounts that the shared servers need, by setup.
    pub accounts: BTreeMap<String, usize>,
    /// Accounts are used once; when a server has no more, another one is launched.
    pub fresh: bool,
    pub(super) servers: Mutex<BTreeMap<String, Arc<Instance>>>,
    pub(super) features: Plain<Option<Vec<String>>>,
    pub(super) testee: Plain<Testee>,
    pub(super) returned: Notify,
    pub(super) folder: TempDir,
    pub(super) launched: Plain<u64>,
}

/// How one run of a case ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Why it stopped; `None` when it passed.
    pub stopped: Option<Stopped>,
    /// What was exchanged.
    pub log: Vec<LogLine>,
    /// Whether the fault of the run happened.
    pub fired: bool,
}

impl Runner {
    /// A runner.
    ///
    /// # Errors
    /// There is no place for temporary files.
    pub fn new(
        environment: Arc<Environment>,
        target: Target,
        setups: Setups,
        jobs: usize,
    ) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("eim-conformance-")
            .tempdir();
        Ok(Self {
            environment,
            target,
            setups,
            jobs,
            accounts: BTreeMap::new(),
            fresh: false,
            servers: Mutex::default(),
            features: Plain::default(),
            testee: Plain::default(),
            returned: Notify::new(),
            folder: folder.map_err(|error| error.to_string())?,
            launched: Plain::new(0),
        })
    }

    /// What the server says about itself, and what it has.
    #[must_use]
    pub fn testee(&self) -> Testee {
        let mut testee = self
            .testee
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let features = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        testee.features = features.clone().unwrap_or_default();
        testee
    }

    /// Stops all servers.
    pub async fn leave(&self) {
        let servers = std::mem::take(&mut *self.servers.lock().await);
        for server in servers.into_values() {
            server.leave().await;
        }
    }

    pub(super) fn context(
        &self,
        id: &str,
        transport: &str,
        instance: &Instance,
        fault: Option<Arc<Plain<Fault>>>,
    ) -> Context {
        let seed = self.environment.seed;
        Context {
            environment: Arc::clone(&self.environment),
            id: id.to_owned(),
            transport: transport.to_owned(),
            timing: false,
            endpoints: instance.endpoints.clone(),
            control: None,
            users: BTreeMap::new(),
            limits: self.limits(instance),
            connections: BTreeMap::new(),
            variables: BTreeMap::new(),
            loops: Vec::new(),
            log: Log::new(),
            random: Random::new(seed, &format!("{id} {transport}")),
            fault,
            step_began: clock::now(),
            before: clock::now(),
            least_before: None,
            least: None,
            mark: None,
            extension: None,
        }
    }

    /// Defaults of the registry and what the server was launched with; nothing about one that ran
    /// before.
    fn limits(&self, instance: &Instance) -> BTreeMap<String, u64> {
        let Some(launch) = &instance.launch else {
            return BTreeMap::new();
        };
        let registry = &self.environment.protocol.registries.limits.limit;
        let defaults = registry.iter().map(|row| (row.name.clone(), row.default));
        let mut limits: BTreeMap<String, u64> = defaults.collect();
        limits.extend(launch.setup.limits.clone());
        limits
    }

    /// Why a job cannot be run against this server, if it cannot.
    pub(super) fn lacking(&self, job: &Job, instance: &Instance) -> Option<String> {
        let features = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        let features = features.clone().unwrap_or_default();
        let missing = |need: &&String| !features.contains(need);
        let resumed = resumes(&job.case).then(|| RESUMED.to_owned());
        let mut needs = job.case.requires.iter().chain(&resumed);
        if let Some(need) = needs.find(missing) {
            return Some(format!("the testee lacks {need}"));
        }
        if job.own && instance.launch.is_none() {
            return Some("needs --launch".into());
        }
        if !instance.endpoints.addresses.contains_key(&job.transport) {
            return Some(format!("the testee does not listen by {}", job.transport));
        }
        if instance.launch.is_none() && job.case.setup != "default" {
            return Some(format!(
                "needs the setup {}, and with it --launch",
                job.case.setup
            ));
        }
        let limits = &self.setups.get(&job.case.setup)?.limits;
        let unset = limits.keys().find(|limit| instance.unset.contains(limit));
        unset.map(|limit| format!("the testee cannot set the limit {limit}"))
    }

    /// Runs a case. `attempt` makes the devices of a repetition differ. A case about time in which the suite itself
    /// stood still is no verdict, and is run again.
    pub async fn once(&self, job: &Job, attempt: u32, mutant: Option<&Mutant>) -> Outcome {
        let timing = job.case.kind == Kind::Timing && mutant.is_none();
        let mut runs = 1;
        loop {
            let began = clock::now();
            let _ = pulse::longest_since(began);
            let number = attempt * pulse::MOST_RUNS + runs - 1;
            let outcome = self.single(job, number, mutant).await;
            let stalled = || pulse::longest_since(began) >= pulse::STALL;
            let void = timing && outcome.stopped.is_some() && stalled();
            if !void || runs == pulse::MOST_RUNS {
                return outcome;
            }
            runs += 1;
        }
    }

    async fn single(&self, job: &Job, attempt: u32, mutant: Option<&Mutant>) -> Outcome {
        let fault = mutant.map(|mutant| Arc::new(Plain::new(Fault::new(mutant.clone()))));
        let (stopped, log) = match self.try_once(job, attempt, fault.clone()).await {
            Ok((stopped, log)) => (stopped, log),
            Err(why) => {
                let stopped = Stopped {
                    why,
                    step: "start".into(),
                    raw: Value::Null,
                };
                (Some(stopped), Vec::new())
            }
        };
        let fired =
            fault.is_some_and(|fault| fault.lock().unwrap_or_else(PoisonError::into_inner).fired);
        Outcome {
            stopped,
            log,
            fired,
        }
    }

    async fn try_once(
        &self,
        job: &Job,
        attempt: u32,
        fault: Option<Arc<Plain<Fault>>>,
    ) -> Result<(Option<Stopped>, Vec<LogLine>), Stop> {
        let own = job.own && matches!(self.target, Target::Launch(_));
        let (instance, accounts) = self.place(job, own).await?;
        let mut id = job.case.id.clone();
        if attempt > 0 {
            id = format!("{id} again {attempt}");
        }
        let mut cx = self.context(&id, &job.transport, &instance, fault);
        cx.timing = job.case.kind == Kind::Timing;
        cx.users = job.roles.iter().cloned().zip(accounts).collect();
        if own {
            cx.control = instance.control();
        }
        let outcome = tokio::time::timeout(LONGEST, self.steps(job, &mut cx, &instance)).await;
        let outcome = outcome.unwrap_or_else(|_| {
            let why = Stop::timed_out("the end of the case", format!("none for {LONGEST:?}"));
            Err(Stopped {
                why,
                step: "end".into(),
                raw: Value::Null,
            })
        });
        case::leave(&mut cx).await;
        if !self.fresh {
            instance
                .pool
                .give_back(std::mem::take(&mut cx.users).into_values());
            self.returned.notify_waiters();
        }
        let mut stopped = outcome.err();
        if let Some(stopped) = &mut stopped
            && !own
            && let Some(ended) = instance.ended().await
        {
            stopped.why = Stop::Testee(format!("{ended}\n{}", stopped.why));
        }
        if own {
            instance.leave().await;
        }
        Ok((stopped, cx.log.lines()))
    }

    async fn steps(&self, job: &Job, cx: &mut Context, instance: &Instance) -> Result<(), Stopped> {
        let stopped = |step: &str| {
            let step = step.to_owned();
            move |why| Stopped {
                why,
                step,
                raw: Value::Null,
            }
        };
        let steps = job
            .case
            .parse(&self.environment.verbs)
            .map_err(Stop::Script);
        let steps = steps.map_err(stopped("parse"))?;
        self.identify(cx, instance)
            .await
            .map_err(stopped("accounts"))?;
        cx.log = Log::new();
        cx.before = clock::now();
        case::run(cx, &steps).await?;
        if job.case.kind != Kind::Negative || job.own || cx.fault.is_some() {
            return Ok(());
        }
        let role = job.roles.first().cloned().unwrap_or_default();
        let live = Liveness { liveness: role }.run(cx).await;
        live.map_err(|why| {
            let expected = "a fresh connection to log in and get a PONG afterwards";
            let why = match why {
                Stop::Failed(failure) => Stop::failed(expected, failure.actual),
                other => other,
            };
            stopped("liveness")(why)
        })
    }

    async fn identified(
        &self,
        cx: &Context,
        instance: &Instance,
        role: &str,
        account: &Account,
    ) -> Result<Account, Stop> {
        let mut probe = self.context("probe", &cx.transport, instance, None);
        probe.users.insert(role.to_owned(), account.clone());
        let live = Liveness {
            liveness: role.to_owned(),
        };
        let known = live.run(&mut probe).await;
        case::leave(&mut probe).await;
        known?;
        probe
            .users
            .remove(role)
            .ok_or_else(|| Stop::script("no user"))
    }

    /// Learns the ids of users, each once, by logging in. It is no part of the case, so it may be
    /// tried again.
    async fn identify(&self, cx: &mut Context, instance: &Instance) -> Result<(), Stop> {
        let unknown: Vec<(String, Account)> = cx
            .users
            .iter()
            .filter(|(_, account)| account.user_id.is_empty())
            .map(|(role, account)| (role.clone(), account.clone()))
            .collect();
        for (role, account) in unknown {
            let mut known = self.identified(cx, instance, &role, &account).await;
            for _ in 0..2 {
                if known.is_err() {
                    known = self.identified(cx, instance, &role, &account).await;
                }
            }
            cx.users.insert(role, known?);
        }
        Ok(())
    }

    /// Runs all jobs: those about time in the end, when the processors are idle. Results are in
    /// the order of the jobs.
    pub async fn all(
        self: &Arc<Self>,
        jobs: &[Job],
        retry: bool,
        ended: impl Fn(&CaseResult),
    ) -> Vec<CaseResult> {
        let began = clock::now();
        let mut results: BTreeMap<usize, CaseResult> = BTreeMap::new();
        for timing in [false, true] {
            let places = Arc::new(Semaphore::new(self.jobs.max(1)));
            let mut running = JoinSet::new();
            for (index, job) in jobs.iter().enumerate() {
                if (job.case.kind == Kind::Timing) != timing {
                    continue;
                }
                let (runner, job, places) = (Arc::clone(self), job.clone(), Arc::clone(&places));
                running.spawn(async move {
                    let _place = places.acquire_owned().await;
                    let began = clock::now();
                    let outcome = runner.once(&job, 0, None).await;
                    (index, result(&job, &outcome, began))
                });
            }
            while let Some(joined) = running.join_next().await {
                if let Ok((index, case)) = joined {
                    ended(&case);
                    results.insert(index, case);
                }
            }
        }
        if retry {
            for (index, case) in &mut results {
                let failed = matches!(case.status, Status::Failed | Status::TimedOut);
                if let Some(job) = jobs.get(*index).filter(|_| failed) {
                    let second = self.once(job, 1, None).await;
                    if second.stopped.is_none() {
                        case.status = Status::Flaky;
                    }
                    let why = second.stopped.map(|stopped| {
                        let place = stopped.place();
                        format!("{place}: {}", stopped.why)
                    });
                    let machine = pulse::machine(began);
                    case.again(&why.unwrap_or_default(), &second.log, &machine);
                }
            }
        }
        results.into_values().collect()
    }
}

/// The line of the results for one run of a case.
#[must_use]
pub fn result(job: &Job, outcome: &Outcome, began: Instant) -> CaseResult {
    let case = &job.case;
    let mut result = CaseResult {
        id: job.id(),
        area: job.area.clone(),
        req: case.req.clone(),
        level: case.level.name().into(),
        kind: case.kind.name().into(),
        desc: case.desc.clone(),
        status: Status::Passed,
        reason: String::new(),
        expected: String::new(),
        actual: String::new(),
        log: Vec::new(),
        ms: ms(clock::now().saturating_duration_since(began)),
    };
    let Some(stopped) = &outcome.stopped else {
        return result;
    };
    result.status = case::status(&stopped.why);
    match &stopped.why {
        Stop::NotApplicable(reason) => {
            result.reason.clone_from(reason);
            return result;
        }
        Stop::Failed(failure) => {
            result.reason = stopped.place();
            result.expected.clone_from(&failure.expected);
            result.actual.clone_from(&failure.actual);
        }
        other => result.reason = format!("{}: {other}", stopped.place()),
    }
    result.log.clone_from(&outcome.log);
    result
}
