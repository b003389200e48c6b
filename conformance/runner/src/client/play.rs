//! One case, played from its first step to its last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::faults::EventFault;
use super::stage::{Stage, stage};
use super::suite::{LONGEST, Planned, Suite};
use super::world::World;
use crate::live::case::{Stopped, leave, run, status};
use crate::live::clock;
use crate::live::context::{Account, Context, Endpoints};
use crate::live::faults::Fault;
use crate::live::log::Log;
use crate::live::outcome::Stop;
use crate::live::random::Random;
use crate::live::script::{Kind, Mutant};
use crate::live::step::{Parsed, Step};
use crate::live::value::evaluate;
use crate::results::{CaseResult, LogLine, Status};
use crate::wire::hex;
use crate::wire::scram::hash;

/// Roles that scripts may name.
const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// How a case ended.
#[derive(Clone, Debug)]
pub struct Played {
    /// The verdict.
    pub status: Status,
    /// Why it is not applicable, or what is wrong with the script.
    pub reason: String,
    /// Where it stopped, and what was expected there.
    pub expected: String,
    /// What came instead.
    pub actual: String,
    /// Everything exchanged.
    pub log: Vec<LogLine>,
    /// Whether the fault of the run has happened.
    pub fired: bool,
    /// Milliseconds.
    pub ms: u64,
}

impl Played {
    /// The line of the results.
    #[must_use]
    pub fn result(&self, planned: &Planned) -> CaseResult {
        let case = &planned.case;
        let log = if self.status.is_failure() {
            self.log.clone()
        } else {
            Vec::new()
        };
        CaseResult {
            id: planned.id.clone(),
            area: planned.area.clone(),
            req: case.req.clone(),
            level: case.level.name().to_owned(),
            kind: case.kind.name().to_owned(),
            desc: case.desc.clone(),
            status: self.status,
            reason: self.reason.clone(),
            expected: self.expected.clone(),
            actual: self.actual.clone(),
            log,
            ms: self.ms,
        }
    }
}

/// Plays a case, perhaps under a fault.
pub(super) async fn play(suite: &Suite, planned: &Planned, mutant: Option<&Mutant>) -> Played {
    let began = clock::now();
    let log = Log::new();
    let fault = mutant.map(|mutant| Arc::new(Mutex::new(Fault::new(mutant.clone()))));
    let played = tokio::time::timeout(LONGEST, scene(suite, planned, mutant, &fault, &log)).await;
    let stopped = played.unwrap_or_else(|_| {
        let why = Stop::timed_out("the end of the case", format!("none for {LONGEST:?}"));
        Err(at_end(why))
    });
    let fired =
        fault.is_none_or(|fault| fault.lock().unwrap_or_else(PoisonError::into_inner).fired);
    let mut played = Played {
        status: Status::Passed,
        reason: String::new(),
        expected: String::new(),
        actual: String::new(),
        log: log.lines(),
        fired,
        ms: clock::ms(began.elapsed()),
    };
    if let Err(stopped) = stopped {
        played.status = status(&stopped.why);
        match &stopped.why {
            Stop::Failed(failure) => {
                played.expected = format!("{}: {}", stopped.place(), failure.expected);
                played.actual.clone_from(&failure.actual);
            }
            other => played.reason = format!("{}: {other}", stopped.place()),
        }
    }
    played
}

fn at_end(why: Stop) -> Stopped {
    Stopped {
        why,
        step: "end".into(),
        raw: Value::Null,
    }
}

async fn scene(
    suite: &Suite,
    planned: &Planned,
    mutant: Option<&Mutant>,
    fault: &Option<Arc<Mutex<Fault>>>,
    log: &Log,
) -> Result<(), Stopped> {
    let case = &planned.case;
    let features = &suite.testee.features;
    let transport = match planned.transport.as_str() {
        "tls" => &["tls"][..],
        "ws" => &["websocket"],
        "wss" => &["tls", "websocket"],
        _ => &[],
    };
    let needed = case
        .requires
        .iter()
        .map(String::as_str)
        .chain(transport.iter().copied());
    for feature in needed {
        if !features.iter().any(|known| known == feature) {
            let text = format!("the testee does not declare {feature}");
            return Err(at_end(Stop::NotApplicable(text)));
        }
    }
    let steps = case.parse(&suite.environment.verbs);
    let steps = steps.map_err(|why| at_end(Stop::Script(why)))?;
    let steps = with_faults(steps, mutant);
    let mut cx = context(suite, planned, fault, log).map_err(at_end)?;
    if let Some(mutant) = mutant {
        stage(&mut cx).map_err(at_end)?.event_fault = EventFault::of(mutant);
    }
    let mut outcome = run(&mut cx, &steps).await;
    if outcome.is_ok() && case.kind == Kind::Negative {
        outcome = alive(&mut cx).await.map_err(at_end);
    }
    leave(&mut cx).await;
    end(&mut cx).await;
    outcome
}

fn context(
    suite: &Suite,
    planned: &Planned,
    fault: &Option<Arc<Mutex<Fault>>>,
    log: &Log,
) -> Result<Context, Stop> {
    let purpose = format!("{} {}", suite.environment.seed, planned.id);
    let id = |role: &str| {
        let hash = hash(format!("{purpose} user {role}").as_bytes());
        hex::encode(hash.get(..16).unwrap_or_default())
    };
    let users = USERS.map(|role| {
        let account = Account {
            name: role.to_owned(),
            password: format!("{role}'s password"),
            user_id: id(role),
        };
        (role.to_owned(), account)
    });
    let mut cx = Context {
        environment: Arc::clone(&suite.environment),
        id: planned.id.clone(),
        transport: planned.transport.clone(),
        timing: planned.case.kind == Kind::Timing,
        endpoints: Endpoints::default(),
        control: None,
        users: BTreeMap::from(users),
        connections: BTreeMap::new(),
        variables: BTreeMap::new(),
        loops: Vec::new(),
        log: log.clone(),
        random: Random::new(suite.environment.seed, &planned.id),
        fault: fault.clone(),
        limits: BTreeMap::new(),
        step_began: clock::now(),
        before: clock::now(),
        least_before: None,
        least: None,
        mark: None,
        extension: None,
    };
    let direct = evaluate(&"$direct(alice,bob)".into(), &mut cx).map_err(Stop::Script)?;
    let mut world = World::new(
        &id("alice"),
        &id("bob"),
        direct.as_str().unwrap_or_default(),
    );
    world.users = USERS.map(|role| (role.to_owned(), id(role))).into();
    cx.extension = Some(Box::new(Stage::new(&suite.launch, &suite.identity, world)?));
    Ok(cx)
}

/// The testee still answers.
async fn alive(cx: &mut Context) -> Result<(), Stop> {
    for actor in stage(cx)?.actors.values_mut() {
        if let Some(process) = &mut actor.process {
            process.command("state", Map::new()).await?;
        }
    }
    Ok(())
}

async fn end(cx: &mut Context) {
    if let Ok(stage) = stage(cx) {
        for actor in stage.actors.values_mut() {
            if let Some(process) = &mut actor.process {
                process.kill().await;
            }
        }
    }
}

/// Faults that are no frames happen when their step begins.
fn with_faults(mut steps: Vec<Parsed>, mutant: Option<&Mutant>) -> Vec<Parsed> {
    let Some(mutant) = mutant else { return steps };
    let Some(index) = mutant.at_step else {
        return steps;
    };
    if (mutant.insert_event.is_some() || mutant.dial) && index < steps.len() {
        let Parsed { raw, step } = steps.remove(index);
        let step = Box::new(Faulty {
            inner: step,
            event: mutant.insert_event.clone(),
        });
        steps.insert(index, Parsed { raw, step });
    }
    steps
}

/// A step before which the testee seems to do something.
#[derive(Debug)]
struct Faulty {
    inner: Box<dyn Step>,
    /// An event; without one it dials.
    event: Option<Value>,
}

#[async_trait]
impl Step for Faulty {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let event = self
            .event
            .as_ref()
            .map(|event| cx.evaluate(event))
            .transpose()?;
        let stage = stage(cx)?;
        match event {
            Some(event) => {
                let running = stage
                    .actors
                    .values_mut()
                    .find_map(|actor| actor.process.as_mut());
                let running = running.ok_or_else(|| Stop::script("no testee for an event"))?;
                running.insert(event);
            }
            None => stage.listeners.dial().await?,
        }
        if let Some(fault) = &cx.fault {
            fault.lock().unwrap_or_else(PoisonError::into_inner).fired = true;
        }
        self.inner.run(cx).await
    }
}
