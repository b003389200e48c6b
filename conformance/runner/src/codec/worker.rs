//! One process after another, fed with the requests of many cases at once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::case_run::CaseRun;
use super::finish;
use super::hello::Hello;
use super::plan::Ask;
use super::session::{Reply, Session, Trouble};
use super::{Options, TestError};
use crate::results::{CaseResult, Status};
use crate::vectors::model::Case;

/// Requests, and their octets, that are written ahead of their replies.
const AHEAD: usize = 256;
const AHEAD_OCTETS: usize = 8 * 1024 * 1024;

/// Cases in a row without an answer after which the testee is given up.
const GIVE_UP: usize = 25;

/// What all workers share.
pub(super) struct Shared<'a> {
    pub(super) cases: &'a [&'a Case],
    pub(super) options: &'a Options,
    pub(super) hello: &'a Hello,
    /// How fast the testee answered a probe.
    pub(super) round_trip: Duration,
    pub(super) progress: &'a (dyn Fn(&CaseResult) + Sync),
    next: AtomicUsize,
    results: Mutex<Vec<Option<CaseResult>>>,
    /// Cases in a row that got no answer.
    unanswered: AtomicUsize,
    problems: Mutex<Vec<String>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        cases: &'a [&'a Case],
        options: &'a Options,
        session: (&'a Hello, Duration),
        progress: &'a (dyn Fn(&CaseResult) + Sync),
    ) -> Self {
        Self {
            cases,
            options,
            hello: session.0,
            round_trip: session.1,
            progress,
            next: AtomicUsize::new(0),
            results: Mutex::new(vec![None; cases.len()]),
            unanswered: AtomicUsize::new(0),
            problems: Mutex::new(Vec::new()),
        }
    }

    /// Results in the order of the cases, and what else was wrong.
    pub(super) fn into_parts(self) -> (Vec<CaseResult>, Vec<String>) {
        let gave_up = self.gave_up();
        let results = self.results.into_inner();
        let results = results.unwrap_or_else(PoisonError::into_inner);
        let problems = self.problems.into_inner();
        let mut problems = problems.unwrap_or_else(PoisonError::into_inner);
        if gave_up {
            problems.push(format!(
                "gave up: {GIVE_UP} cases in a row were not answered"
            ));
        }
        let results = results
            .into_iter()
            .zip(self.cases)
            .map(|(result, case)| result.unwrap_or_else(|| finish::not_run(case)))
            .collect();
        (results, problems)
    }

    fn gave_up(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= GIVE_UP
    }

    pub(super) fn problem(&self, problem: String) {
        let problems = self.problems.lock();
        problems
            .unwrap_or_else(PoisonError::into_inner)
            .push(problem);
    }

    fn put(&self, place: usize, result: CaseResult) {
        match result.status {
            Status::Crashed | Status::TimedOut | Status::Garbage => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
            }
            Status::NotApplicable => {}
            _ => self.unanswered.store(0, Ordering::Relaxed),
        }
        (self.progress)(&result);
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = results.get_mut(place) {
            *slot = Some(result);
        }
    }
}

/// A request that waits for its reply.
struct InFlight {
    id: u64,
    place: usize,
    ask: Ask,
}

/// Feeds one process at a time.
pub(super) struct Worker<'a> {
    shared: &'a Shared<'a>,
    session: Option<Session>,
    /// Cases under way, by place.
    active: BTreeMap<usize, CaseRun<'a>>,
    in_flight: VecDeque<InFlight>,
    octets: usize,
    /// Requests that have to be asked again, of a process before.
    again: VecDeque<(usize, Ask)>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, session: Option<Session>) -> Self {
        Self {
            shared,
            session,
            active: BTreeMap::new(),
            in_flight: VecDeque::new(),
            octets: 0,
            again: VecDeque::new(),
        }
    }

    /// Works until no case is left.
    ///
    /// # Errors
    /// A broken vector, or a testee that does not start again.
    pub(super) fn work(mut self) -> Result<(), TestError> {
        loop {
            self.fill()?;
            let Some(head) = self.in_flight.pop_front() else {
                break;
            };
            self.octets -= head.ask.body.len();
            match self.receive(&head, 1)? {
                Ok(reply) => self.take(head.place, &head.ask, &reply),
                Err(trouble) => self.recover(head, &trouble)?,
            }
        }
        self.close_session();
        Ok(())
    }

    /// Writes requests ahead.
    fn fill(&mut self) -> Result<(), TestError> {
        while self.in_flight.len() < AHEAD && self.octets < AHEAD_OCTETS {
            let Some((place, ask)) = self.next_ask()? else {
                return Ok(());
            };
            let id = self.session()?.send(&ask.body);
            self.octets += ask.body.len();
            self.in_flight.push_back(InFlight { id, place, ask });
        }
        Ok(())
    }

    fn next_ask(&mut self) -> Result<Option<(usize, Ask)>, TestError> {
        if let Some(again) = self.again.pop_front() {
            return Ok(Some(again));
        }
        loop {
            for (place, case) in &mut self.active {
                if let Some(ask) = case.next() {
                    case.open += 1;
                    return Ok(Some((*place, ask)));
                }
            }
            if !self.begin_case()? {
                return Ok(None);
            }
        }
    }

    /// Takes up another case, if there is one and it may run beside the others.
    fn begin_case(&mut self) -> Result<bool, TestError> {
        let shared = self.shared;
        loop {
            if shared.gave_up() || (shared.options.isolate && !self.active.is_empty()) {
                return Ok(false);
            }
            let place = shared.next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = shared.cases.get(place).copied() else {
                return Ok(false);
            };
            if let Some(reason) = shared.hello.lacks(case.op(), &case.requires) {
                shared.put(place, finish::not_applicable(case, reason));
                continue;
            }
            let broken = |why: String| TestError::Vectors(format!("{}: {why}", case.id));
            let run = CaseRun::new(case, place, shared.hello.stages_only).map_err(broken)?;
            let run = if shared.hello.has_op("encode") {
                run
            } else {
                run.without_encoding()
            };
            let run = if shared.options.splits {
                run
            } else {
                run.without_splits()
            };
            if shared.options.isolate {
                self.close_session();
            }
            self.active.insert(place, run);
            return Ok(true);
        }
    }

    fn session(&mut self) -> Result<&mut Session, TestError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.open_session()?,
        };
        Ok(self.session.insert(session))
    }

    fn open_session(&self) -> Result<Session, TestError> {
        let options = self.shared.options;
        let mut session =
            Session::open(&options.command, options.deadlines).map_err(TestError::Testee)?;
        session.as_fast_as(self.shared.round_trip);
        Ok(session)
    }

    /// Ends the process in order.
    fn close_session(&mut self) {
        if let Some(session) = self.session.take()
            && let Err(problem) = session.close()
        {
            self.shared.problem(problem);
        }
    }

    fn receive(
        &mut self,
        request: &InFlight,
        times: u32,
    ) -> Result<Result<Reply, Trouble>, TestError> {
        let session = self.session()?;
        let patience = session.patience(request.ask.body.len()) * times;
        Ok(session.receive(request.id, patience))
    }

    fn take(&mut self, place: usize, ask: &Ask, reply: &Reply) {
        if let Some(case) = self.active.get_mut(&place) {
            case.answered(ask, reply);
        }
        self.closed(place);
    }

    /// Notes that a request is done with.
    fn closed(&mut self, place: usize) {
        let Some(case) = self.active.get_mut(&place) else {
            return;
        };
        case.open = case.open.saturating_sub(1);
        if case.is_over()
            && let Some(case) = self.active.remove(&place)
        {
            self.shared.put(case.place, finish::result(&case));
        }
    }

    fn has_failed(&self, place: usize) -> bool {
        let case = self.active.get(&place);
        case.is_none_or(|case| case.failure.is_some())
    }

    /// The process is of no use any more: finds out which of the requests written ahead did it, by asking
    /// them again one by one.
    fn recover(&mut self, head: InFlight, trouble: &Trouble) -> Result<(), TestError> {
        self.session = None;
        let head_place = head.place;
        let head_ask = head.ask.clone();
        let undecided = !self.has_failed(head_place);
        let mut suspects: VecDeque<InFlight> = std::mem::take(&mut self.in_flight);
        suspects.push_front(head);
        self.octets = 0;
        let mut found = false;
        while let Some(suspect) = suspects.pop_front() {
            if self.has_failed(suspect.place) {
                self.closed(suspect.place);
                continue;
            }
            let id = self.session()?.send(&suspect.ask.body);
            let suspect = InFlight { id, ..suspect };
            match self.receive(&suspect, 2)? {
                Ok(reply) => {
                    if let Some(case) = self.active.get_mut(&suspect.place) {
                        case.answered(&suspect.ask, &reply);
                    }
                    // The first one is blamed if no other is found.
                    if suspect.place != head_place {
                        self.closed(suspect.place);
                    } else if let Some(case) = self.active.get_mut(&head_place) {
                        case.open = case.open.saturating_sub(1);
                    }
                }
                Err(trouble) => {
                    self.session = None;
                    if let Some(case) = self.active.get_mut(&suspect.place) {
                        case.troubled(&suspect.ask, &trouble, "");
                    }
                    self.closed(suspect.place);
                    found = true;
                    break;
                }
            }
        }
        if !found && undecided {
            self.blame(head_place, &head_ask, trouble);
        }
        self.again
            .extend(suspects.into_iter().map(|it| (it.place, it.ask)));
        self.settle(head_place);
        Ok(())
    }

    /// Nobody failed when asked alone.
    fn blame(&mut self, place: usize, ask: &Ask, trouble: &Trouble) {
        let Some(case) = self.active.get_mut(&place) else {
            return;
        };
        if case.failure.is_some() {
            return;
        }
        if matches!(trouble, Trouble::TimedOut { .. }) {
            case.flaky(ask, trouble);
        } else {
            case.troubled(
                ask,
                trouble,
                "; only among other requests, not when asked alone",
            );
        }
    }

    /// Puts the result of a case that is over.
    fn settle(&mut self, place: usize) {
        if self.active.get(&place).is_some_and(CaseRun::is_over)
            && let Some(case) = self.active.remove(&place)
        {
            self.shared.put(case.place, finish::result(&case));
        }
    }
}
