//! One case on its way: what is still to be asked, and what the replies have shown.

use std::time::Instant;

use super::hello::{error_of, is_unsupported};
use super::judge::{self, Differences};
use super::judge_others;
use super::plan::{self, Ask, Run};
use super::prepared::Prepared;
use super::reply;
use super::session::{Reply, Trouble, now};
use super::words;
use crate::results::Status;
use crate::vectors::model::{Case, Test};

/// Why a case did not pass.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) status: Status,
    /// The form in which the octets were given.
    pub(super) run: Run,
    pub(super) differences: Differences,
    /// The verdict of the testee in words; empty if there was none.
    pub(super) actual: String,
    /// The request, without braces and id, and the reply if there was one.
    pub(super) request: String,
    pub(super) reply: Option<String>,
}

/// A case on its way.
#[derive(Debug)]
pub(super) struct CaseRun<'a> {
    pub(super) case: &'a Case,
    /// Place of the case among those that were chosen.
    pub(super) place: usize,
    prepared: Option<Prepared<'a>>,
    /// Runs not asked yet, last first; of decoding cases.
    runs: Vec<Run>,
    /// Requests not asked yet, last first; of other cases.
    asks: Vec<Ask>,
    /// Requests asked and not answered.
    pub(super) open: usize,
    pub(super) failure: Option<Failure>,
    /// The last reply that gave the right verdict for the whole octets, without its id.
    right: Vec<u8>,
    pub(super) began: Instant,
    stages_only: bool,
}

impl<'a> CaseRun<'a> {
    /// The same, without encoding what was decoded, for a testee that does not encode.
    pub(super) fn without_encoding(mut self) -> Self {
        self.runs.retain(|run| !matches!(run, Run::Encoded(_)));
        self
    }

    /// The same, not divided into two pieces.
    pub(super) fn without_splits(mut self) -> Self {
        self.runs.retain(|run| !matches!(run, Run::Split(_)));
        self
    }

    /// A case that nothing was asked about yet.
    ///
    /// # Errors
    /// The vector is broken.
    pub(super) fn new(case: &'a Case, place: usize, stages_only: bool) -> Result<Self, String> {
        let prepared = match &case.test {
            Test::Decode(test) => Some(Prepared::new(test)?),
            Test::Encode(_) | Test::Story(_) | Test::Derive(_) => None,
        };
        let mut runs = prepared
            .as_ref()
            .map(|prepared| plan::runs(prepared))
            .unwrap_or_default();
        let mut asks = plan::others(case)?;
        runs.reverse();
        asks.reverse();
        Ok(Self {
            case,
            place,
            prepared,
            runs,
            asks,
            open: 0,
            failure: None,
            right: Vec::new(),
            began: now(),
            stages_only,
        })
    }

    /// The next request; none after a failure.
    pub(super) fn next(&mut self) -> Option<Ask> {
        if self.failure.is_some() {
            return None;
        }
        match &self.prepared {
            Some(prepared) => {
                let run = self.runs.pop()?;
                Some(plan::decode(self.case, prepared, run))
            }
            None => self.asks.pop(),
        }
    }

    /// Whether all was asked and answered, or the case failed.
    pub(super) fn is_over(&self) -> bool {
        let asked = self.runs.is_empty() && self.asks.is_empty();
        self.open == 0 && (asked || self.failure.is_some())
    }

    /// Takes a reply.
    pub(super) fn answered(&mut self, ask: &Ask, reply: &Reply) {
        if self.failure.is_some() {
            return;
        }
        if ask.run.is_division() && reply.tail().is_some_and(|tail| tail == self.right) {
            return;
        }
        let mut actual = String::new();
        match self.judge(ask.run, reply, &mut actual) {
            Ok(differences) if differences.is_empty() => {
                if ask.run.is_division() && self.prepared.is_some() {
                    self.right = reply.tail().unwrap_or_default().to_vec();
                }
            }
            Ok(differences) => self.fail(Status::Failed, ask, differences, actual, Some(reply)),
            Err(why) => self.fail(Status::Garbage, ask, vec![why], actual, Some(reply)),
        }
    }

    /// Takes that there was no reply.
    pub(super) fn troubled(&mut self, ask: &Ask, trouble: &Trouble, remark: &str) {
        let status = match trouble {
            Trouble::Crashed(_) => Status::Crashed,
            Trouble::TimedOut { .. } => Status::TimedOut,
            Trouble::Garbage { .. } => Status::Garbage,
        };
        let why = format!("{trouble}{remark}");
        self.fail(status, ask, vec![why], String::new(), None);
    }

    /// Takes that there was a reply only when asked again.
    pub(super) fn flaky(&mut self, ask: &Ask, trouble: &Trouble) {
        let why = format!("{trouble}; answered when asked again");
        self.fail(Status::Flaky, ask, vec![why], String::new(), None);
    }

    fn fail(
        &mut self,
        status: Status,
        ask: &Ask,
        differences: Differences,
        actual: String,
        reply: Option<&Reply>,
    ) {
        self.failure = Some(Failure {
            status,
            run: ask.run,
            differences,
            actual,
            request: ask.body.clone(),
            reply: reply.map(Reply::text),
        });
    }

    /// How the reply differs from what is expected.
    ///
    /// # Errors
    /// It is no reply to the request.
    fn judge(&self, run: Run, got: &Reply, actual: &mut String) -> Result<Differences, String> {
        let value = got.value()?;
        if is_unsupported(&value) {
            *actual = "unsupported".to_owned();
            return Ok(vec!["unsupported, although it is declared".to_owned()]);
        }
        if let Some(error) = error_of(&value) {
            *actual = format!("an error: {error}");
            return Ok(vec!["the testee made no sense of the request".to_owned()]);
        }
        let stages_only = self.stages_only;
        if let (Run::Encoded(place), Some(prepared)) = (run, &self.prepared) {
            let got = reply::read(value)?;
            return Ok(judge_others::encoded_again(prepared, place, &got));
        }
        match &self.case.test {
            Test::Decode(_) => {
                let got = reply::Verdict::read(value)?;
                *actual = words::actual(&got);
                let prepared = self.prepared.as_ref().ok_or("not a decoding case")?;
                Ok(judge::verdict(self.case, prepared, run, &got, stages_only))
            }
            Test::Encode(test) => {
                let got = reply::read(value)?;
                Ok(judge_others::encoded(test, &got, stages_only))
            }
            Test::Story(test) => {
                let got = reply::read(value)?;
                Ok(judge_others::told(test, &got, stages_only))
            }
            Test::Derive(test) => {
                let got = reply::read(value)?;
                Ok(judge_others::derived(test, &got, stages_only))
            }
        }
    }
}
