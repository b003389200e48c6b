//! Codecs as testees: a process that answers requests on standard input, one JSON object a line.
//!
//! `conformance/testees/codec.md` describes the protocol. Requests are written ahead, so that a
//! testee is kept busy; when it crashes, hangs or writes something else, the requests in question are
//! asked again one by one in a new process, to find the one that did it.
//!
//! A crash, a time-out and garbage are never a rejection.

mod asker;
mod case_run;
mod command;
mod finish;
mod hello;
mod judge;
mod judge_others;
mod opened;
mod plan;
mod prepared;
mod process;
mod replay;
mod reply;
mod session;
mod words;
mod worker;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::num::NonZeroUsize;
use std::thread;

pub use asker::{Asker, Opinion};
pub use command::CommandLine;
pub use finish::{area, expected, kind};
pub use process::REPLY_OCTETS;
pub use replay::{Exchange, replay};
pub use session::Deadlines;

use crate::results::{CaseResult, Field, Role, Run};
use crate::vectors::model::Case;
use session::{Session, now};
use worker::{Shared, Worker};

/// How a testee is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What starts it.
    pub command: CommandLine,
    /// How long it may take.
    pub deadlines: Deadlines,
    /// Processes at the same time.
    pub jobs: NonZeroUsize,
    /// A process of its own for each case.
    pub isolate: bool,
    /// Decoding cases are fed in two pieces too, divided everywhere.
    pub splits: bool,
}

impl Options {
    /// As many processes as there are processors, shared by all cases.
    #[must_use]
    pub fn new(command: CommandLine) -> Self {
        let one = NonZeroUsize::MIN;
        Self {
            command,
            deadlines: Deadlines::default(),
            jobs: thread::available_parallelism().unwrap_or(one),
            isolate: false,
            splits: true,
        }
    }
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestError {
    /// A vector is broken.
    Vectors(String),
    /// The testee does not start, or does not say hello as it should.
    Testee(String),
}

/// What became of the cases.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The results.
    pub run: Run,
    /// What the testee did wrong outside of cases.
    pub problems: Vec<String>,
}

/// Runs cases against a testee. `progress` is told each result as it comes.
///
/// # Errors
/// [`TestError`].
pub fn test(
    cases: &[&Case],
    options: &Options,
    progress: &(dyn Fn(&CaseResult) + Sync),
) -> Result<Tested, TestError> {
    let began = now();
    let mut first =
        Session::open(&options.command, options.deadlines).map_err(TestError::Testee)?;
    first.probe(&probes(&first)).map_err(TestError::Testee)?;
    let hello = first.hello.clone();
    let shared = Shared::new(cases, options, (&hello, first.round_trip()), progress);
    let mut first = Some(first);
    let jobs = options.jobs.get().min(cases.len().max(1));
    let outcome = thread::scope(|scope| {
        let start = |session| {
            let worker = Worker::new(&shared, session);
            thread::Builder::new().spawn_scoped(scope, move || worker.work())
        };
        let workers: Vec<_> = (0..jobs).map(|_| start(first.take())).collect();
        workers.into_iter().try_for_each(|worker| {
            let worker = worker.map_err(|error| TestError::Testee(error.to_string()))?;
            let panicked = |_| TestError::Testee("the suite itself failed".to_owned());
            worker.join().map_err(panicked)?
        })
    });
    outcome?;
    let (cases, problems) = shared.into_parts();
    let testee = hello.testee;
    let run = Run {
        role: Role::Codec,
        name: testee.name.clone(),
        testee,
        command: options.command.to_string(),
        cases,
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Ok(Tested { run, problems })
}

/// Requests that no testee has, so that one that makes answers up is found out.
fn probes(session: &Session) -> Vec<String> {
    let random = RandomState::new().build_hasher().finish();
    let invented = format!("\"op\":\"x-{random:016x}\"");
    let function = format!("\"op\":\"derive\",\"function\":\"x_{random:016x}\",\"arguments\":{{}}");
    let derive = session.hello.has_op("derive").then_some(function);
    [Some(invented.clone()), derive, Some(invented)]
        .into_iter()
        .flatten()
        .collect()
}

/// The octets of a case, by field; none for operations that take no octets. At most 4,096 octets.
#[must_use]
pub fn fields(case: &Case) -> Vec<Field> {
    finish::fields(case, plan::Run::Whole)
}
