//! The scripts tested: every case is run under each of its mutants, and has to fail.
//!
//! A mutant is a fault between the suite and a testee that passes without it. A case that passes
//! under its mutant tests nothing; a mutant that never happens proves nothing. What stops a case
//! for another reason than a verdict, such as an error of the script, kills nothing either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::score::{Mutation, Score};
use crate::client::suite::{self, Options, Planned, Suite};
use crate::codec::CommandLine;
use crate::data::Data;
use crate::live::clock::Patience;
use crate::live::context::Environment;
use crate::live::outcome::Stop;
use crate::live::script::{self, Case, Kind, Mutant};
use crate::pattern::{Pattern, any_fits};
use crate::results::{Role, Status};
use crate::server::plan::{self, Job};
use crate::server::probe::probe;
use crate::server::runner::{Runner, Target};
use crate::server::{setups, verbs};
use crate::wire::protocol::Protocol;
use crate::wire::scram::Keys;

/// How a run of a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed: what it says.
    Failed(String),
    /// The testee lacks what it needs.
    NotApplicable,
    /// It stopped for another reason.
    Broken(String),
}

/// Something that runs cases against a testee.
#[async_trait]
pub trait Player: Send + Sync + 'static {
    /// The cases, each on one transport.
    fn cases(&self) -> Vec<Arc<Case>>;
    /// Runs a case, perhaps under a mutant. `attempt` differs for each run of the same case. Gives
    /// the verdict, and whether the mutant happened.
    async fn play(&self, case: usize, attempt: u32, mutant: Option<&Mutant>) -> (Verdict, bool);
}

/// The outcome of the self-test of scripts.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Mutants and what killed them.
    pub score: Score,
    /// Cases that fail without any mutant, mutants that break a script, and such.
    pub errors: Vec<String>,
}

/// Servers.
#[derive(Debug)]
pub struct Servers {
    /// Runs the cases.
    pub runner: Runner,
    /// The cases.
    pub jobs: Vec<Job>,
}

#[async_trait]
impl Player for Servers {
    fn cases(&self) -> Vec<Arc<Case>> {
        self.jobs.iter().map(|job| Arc::clone(&job.case)).collect()
    }

    async fn play(&self, case: usize, attempt: u32, mutant: Option<&Mutant>) -> (Verdict, bool) {
        let Some(job) = self.jobs.get(case) else {
            return (Verdict::NotApplicable, false);
        };
        let outcome = self.runner.once(job, attempt, mutant).await;
        let verdict = match outcome.stopped {
            None => Verdict::Passed,
            Some(stopped) => match stopped.why {
                Stop::Failed(_) => Verdict::Failed(format!("{}: {}", stopped.place(), stopped.why)),
                Stop::NotApplicable(_) => Verdict::NotApplicable,
                _ => Verdict::Broken(format!("{}: {}", stopped.place(), stopped.why)),
            },
        };
        (verdict, outcome.fired)
    }
}

/// Clients.
#[derive(Debug)]
pub struct Clients {
    /// Runs the cases.
    pub suite: Suite,
    /// The cases.
    pub planned: Vec<Planned>,
}

#[async_trait]
impl Player for Clients {
    fn cases(&self) -> Vec<Arc<Case>> {
        self.planned
            .iter()
            .map(|planned| Arc::clone(&planned.case))
            .collect()
    }

    async fn play(&self, case: usize, _: u32, mutant: Option<&Mutant>) -> (Verdict, bool) {
        let Some(planned) = self.planned.get(case) else {
            return (Verdict::NotApplicable, false);
        };
        let played = self.suite.run(planned, mutant).await;
        let verdict = match played.status {
            Status::Passed => Verdict::Passed,
            Status::Failed | Status::TimedOut => {
                Verdict::Failed(format!("{}; got {}", played.expected, played.actual))
            }
            Status::NotApplicable => Verdict::NotApplicable,
            _ => Verdict::Broken(played.reason.clone()),
        };
        (verdict, played.fired)
    }
}

/// Leaves one transport of each case: a mutant is above the transport.
#[must_use]
pub fn once_each<T>(runs: Vec<T>, id: impl Fn(&T) -> String) -> Vec<T> {
    let mut seen = BTreeSet::new();
    runs.into_iter()
        .filter(|run| seen.insert(id(run)))
        .collect()
}

/// Runs all cases as they are, then under each mutant, so many at a time. `progress` is told each
/// mutation.
pub async fn run<P: Player>(
    player: Arc<P>,
    at_once: usize,
    progress: impl Fn(&Mutation),
) -> Outcome {
    let cases = player.cases();
    let mut outcome = Outcome::default();
    let plain = (0..cases.len()).map(|case| (case, 0, None)).collect();
    let verdicts = all(&player, &cases, at_once, plain, |_, _, _| {}).await;
    let mut trials = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        match verdicts.get(&(index, 0)) {
            Some((Verdict::Passed, _)) => {}
            Some((Verdict::NotApplicable, _)) => continue,
            // A machine that was busy elsewhere is no verdict: once more, alone.
            Some((Verdict::Failed(_), _))
                if player.play(index, AGAIN, None).await.0 == Verdict::Passed => {}
            Some((Verdict::Failed(why) | Verdict::Broken(why), _)) => {
                let text = format!("{} fails without a mutant: {why}", case.id);
                outcome.errors.push(text);
                continue;
            }
            None => outcome.errors.push(format!("{} did not end", case.id)),
        }
        for (attempt, mutant) in (1..).zip(&case.mutants) {
            trials.push((index, attempt, Some(mutant.clone())));
        }
    }
    let mut mutations = BTreeMap::new();
    let done = all(
        &player,
        &cases,
        at_once,
        trials.clone(),
        |index, mutant, verdict| {
            if let Some((case, mutant)) = cases.get(index).zip(mutant) {
                progress(&mutation(case, mutant, verdict));
            }
        },
    )
    .await;
    for (index, attempt, mutant) in trials {
        let (Some(case), Some(mutant)) = (cases.get(index), mutant) else {
            continue;
        };
        match done.get(&(index, attempt)) {
            Some((verdict, fired)) => {
                let place = format!("{} {}", case.id, mutant.name);
                match (verdict, fired) {
                    (Verdict::Broken(why), _) => outcome.errors.push(format!("{place}: {why}")),
                    (Verdict::Passed, false) => {
                        outcome
                            .errors
                            .push(format!("{place}: the mutant never happens"));
                    }
                    _ => {}
                }
                mutations.insert(place, mutation(case, &mutant, verdict));
            }
            None => outcome
                .errors
                .push(format!("{} {} did not end", case.id, mutant.name)),
        }
    }
    outcome.score = score(&cases, mutations.into_values().collect());
    outcome
}

type Trial = (usize, u32, Option<Mutant>);
type Verdicts = BTreeMap<(usize, u32), (Verdict, bool)>;

/// Runs trials: those about time in the end, when the processors are idle.
async fn all<P: Player>(
    player: &Arc<P>,
    cases: &[Arc<Case>],
    at_once: usize,
    trials: Vec<Trial>,
    ended: impl Fn(usize, Option<&Mutant>, &Verdict),
) -> Verdicts {
    let timing = |trial: &Trial| cases.get(trial.0).is_some_and(|c| c.kind == Kind::Timing);
    let (timed, others): (Vec<_>, Vec<_>) = trials.into_iter().partition(timing);
    let mut verdicts = some(player, at_once, others, &ended).await;
    verdicts.extend(some(player, at_once.min(AT_ONCE_TIMED), timed, &ended).await);
    verdicts
}

/// Number of the attempt that repeats a case without a mutant.
const AGAIN: u32 = 1_000_000;

/// Cases about time that run at once: they wait most of the time, but what they wait for has to
/// be seen when it comes.
const AT_ONCE_TIMED: usize = 12;

async fn some<P: Player>(
    player: &Arc<P>,
    at_once: usize,
    trials: Vec<Trial>,
    ended: &impl Fn(usize, Option<&Mutant>, &Verdict),
) -> Verdicts {
    let seats = Arc::new(Semaphore::new(at_once.max(1)));
    let mut running = JoinSet::new();
    for (index, attempt, mutant) in trials {
        let (player, seats) = (Arc::clone(player), Arc::clone(&seats));
        running.spawn(async move {
            let _seat = seats.acquire_owned().await;
            let verdict = player.play(index, attempt, mutant.as_ref()).await;
            (index, attempt, mutant, verdict)
        });
    }
    let mut verdicts = BTreeMap::new();
    while let Some(joined) = running.join_next().await {
        if let Ok((index, attempt, mutant, verdict)) = joined {
            ended(index, mutant.as_ref(), &verdict.0);
            verdicts.insert((index, attempt), verdict);
        }
    }
    verdicts
}

fn mutation(case: &Case, mutant: &Mutant, verdict: &Verdict) -> Mutation {
    let killed = matches!(verdict, Verdict::Failed(_));
    let killers: Vec<String> = killed.then(|| case.id.clone()).into_iter().collect();
    Mutation {
        name: format!("{} {}", case.id, mutant.name),
        breaks: mutant.breaks.clone(),
        killed_by: killers,
    }
}

/// What survived, which negative cases noticed nothing, and which requirements no mutant breaks.
fn score(cases: &[Arc<Case>], mutations: Vec<Mutation>) -> Score {
    let noticed: BTreeSet<&str> = mutations
        .iter()
        .flat_map(|mutation| mutation.killed_by.iter().map(String::as_str))
        .collect();
    let idle = cases
        .iter()
        .filter(|case| case.kind == Kind::Negative && !noticed.contains(case.id.as_str()))
        .map(|case| case.id.clone())
        .collect();
    let broken: BTreeSet<&str> = mutations
        .iter()
        .flat_map(|mutation| mutation.breaks.iter().map(String::as_str))
        .collect();
    let named = cases.iter().flat_map(|case| &case.req);
    let unbroken: BTreeSet<String> = named
        .filter(|id| !broken.contains(id.as_str()))
        .cloned()
        .collect();
    Score {
        idle,
        unbroken: unbroken.into_iter().collect(),
        mutations,
    }
}

/// Tests the scripts for servers with a server that passes them.
///
/// # Errors
/// The server cannot be tested, or a script cannot be read.
pub async fn servers(
    data: &Data,
    command: &str,
    only: &[Pattern],
    seed: u64,
    at_once: usize,
    progress: impl Fn(&Mutation),
) -> Result<Outcome, String> {
    let sources = script::load(data, Role::Server)?;
    let jobs = once_each(plan::jobs(&sources, only, &[]), |job| job.case.id.clone());
    let environment = Environment {
        protocol: Arc::new(Protocol::load(data)?),
        patience: Patience::SELF_TEST,
        seed,
        keys: Keys::default(),
        verbs: verbs(),
        probe,
    };
    let target = Target::Launch(command.to_owned());
    let setups = setups::load(data)?;
    let mut runner = Runner::new(Arc::new(environment), target, setups, at_once)?;
    runner.accounts = plan::accounts(&jobs);
    runner.fresh = true;
    runner.begin().await?;
    let player = Arc::new(Servers { runner, jobs });
    let outcome = run(Arc::clone(&player), at_once, progress).await;
    player.runner.leave().await;
    Ok(outcome)
}

/// Tests the scripts for clients with a client that passes them.
///
/// # Errors
/// The client cannot be tested, or a script cannot be read.
pub async fn clients(
    data: &Data,
    command: &str,
    only: &[Pattern],
    seed: u64,
    at_once: usize,
    progress: impl Fn(&Mutation),
) -> Result<Outcome, String> {
    let mut planned = once_each(suite::plan(data)?, |planned| planned.case.id.clone());
    planned.retain(|planned| any_fits(only, &planned.id));
    let options = Options {
        command: CommandLine::parse(command)?,
        jobs: at_once,
        patience: Patience::SELF_TEST,
        seed,
    };
    let suite = Suite::new(data, &options)
        .await
        .map_err(|error| format!("{error:?}"))?;
    let player = Arc::new(Clients { suite, planned });
    Ok(run(player, at_once, progress).await)
}
