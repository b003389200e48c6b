//! What must hold at every step and at the end.
//!
//! Each invariant is one file: its name, the requirements it stands for, and tests with a run that
//! keeps it and runs that break it. All are told the same events in the same order, after the model
//! has taken them over; none changes anything.

pub mod acked_is_durable;
pub mod announced_is_durable;
pub mod answers_are_true;
pub mod becomes_quiet;
pub mod calls_are_heard;
pub mod change_is_once;
pub mod contacts_agree;
pub mod cursor_is_backed;
pub mod decided_is_told;
pub mod delivered_in_order;
pub mod departments_follow;
pub mod device_holds_the_log;
pub mod epoch_only_rises;
pub mod every_send_ends;
pub mod everything_arrives;
pub mod files_are_kept;
pub mod files_are_private;
pub mod invitations_bind;
pub mod key_has_one_place;
pub mod limits_are_kept;
pub mod log_has_no_gaps;
pub mod logged_out_is_out;
pub mod marks_are_true;
pub mod membership_is_kept;
pub mod memory_is_bounded;
pub mod nobody_invents;
pub mod nobody_peeks;
pub mod one_result;
pub mod outbox_order_holds;
pub mod presence_is_true;
pub mod profiles_are_versioned;
pub mod rows_follow_the_log;
pub mod timeline_is_complete;
pub mod unread_is_true;
pub mod uploads_go_on;

use std::fmt;
use std::time::Duration;

use eim_client::store::{Applied, Batch};
use eim_conformance::history;
use eim_server::store::engine;
use eim_server::store::kv::inspect::{self, Name, Record};

use crate::model::{Event, Gauge, History, Model};
use crate::observation::Observation;
use crate::plan::DeviceNumber;
use crate::run::{self, Violation};

/// Violations of one invariant that are kept: the first ones say what went wrong, the rest follows.
const KEPT: usize = 8;

/// Something that must hold.
pub trait Invariant: fmt::Debug + Send {
    /// Its name in reports; shrinking looks for it.
    fn name(&self) -> &'static str;

    /// Requirements of the specification that it stands for.
    fn requirements(&self) -> &'static [&'static str];

    /// Looks at an event that `model` has taken over.
    fn check(&mut self, model: &Model, event: &Event<'_>, found: &mut Found);
}

/// Where an invariant says what is wrong.
#[derive(Debug, Default)]
pub struct Found(Vec<String>);

impl Found {
    /// Something is wrong.
    pub fn add(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// Something is wrong if `wrong`.
    pub fn add_if(&mut self, wrong: bool, what: impl FnOnce() -> String) {
        if wrong {
            self.0.push(what());
        }
    }
}

/// All invariants.
#[must_use]
pub fn all() -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(acked_is_durable::AckedIsDurable),
        Box::new(announced_is_durable::AnnouncedIsDurable),
        Box::new(answers_are_true::AnswersAreTrue::default()),
        Box::new(becomes_quiet::BecomesQuiet),
        Box::new(calls_are_heard::CallsAreHeard::default()),
        Box::new(change_is_once::ChangeIsOnce),
        Box::new(contacts_agree::ContactsAgree),
        Box::new(cursor_is_backed::CursorIsBacked),
        Box::new(decided_is_told::DecidedIsTold::default()),
        Box::new(delivered_in_order::DeliveredInOrder::default()),
        Box::new(departments_follow::DepartmentsFollow::default()),
        Box::new(device_holds_the_log::DeviceHoldsTheLog),
        Box::new(epoch_only_rises::EpochOnlyRises),
        Box::new(every_send_ends::EverySendEnds),
        Box::new(everything_arrives::EverythingArrives),
        Box::new(files_are_kept::FilesAreKept),
        Box::new(files_are_private::FilesArePrivate::default()),
        Box::new(invitations_bind::InvitationsBind::default()),
        Box::new(key_has_one_place::KeyHasOnePlace),
        Box::new(limits_are_kept::LimitsAreKept::default()),
        Box::new(log_has_no_gaps::LogHasNoGaps),
        Box::new(logged_out_is_out::LoggedOutIsOut::default()),
        Box::new(marks_are_true::MarksAreTrue::default()),
        Box::new(memory_is_bounded::MemoryIsBounded),
        Box::new(membership_is_kept::MembershipIsKept),
        Box::new(nobody_invents::NobodyInvents),
        Box::new(nobody_peeks::NobodyPeeks),
        Box::new(one_result::OneResult),
        Box::new(outbox_order_holds::OutboxOrderHolds::default()),
        Box::new(presence_is_true::PresenceIsTrue::default()),
        Box::new(profiles_are_versioned::ProfilesAreVersioned::default()),
        Box::new(rows_follow_the_log::RowsFollowTheLog),
        Box::new(timeline_is_complete::TimelineIsComplete::default()),
        Box::new(unread_is_true::UnreadIsTrue::default()),
        Box::new(uploads_go_on::UploadsGoOn::default()),
    ]
}

/// Judges a run while it goes on.
#[derive(Debug)]
pub struct Judge {
    model: Model,
    history: History,
    /// Whether the history is judged too.
    second: bool,
    invariants: Vec<Box<dyn Invariant>>,
    violations: Vec<Violation>,
    kept: Vec<usize>,
}

impl Default for Judge {
    fn default() -> Self {
        Self::new()
    }
}

impl Judge {
    /// A judge with all invariants, and the checker of histories as a second judge.
    #[must_use]
    pub fn new() -> Self {
        Self {
            second: true,
            ..Self::of(all())
        }
    }

    /// A judge with some invariants.
    #[must_use]
    pub fn of(invariants: Vec<Box<dyn Invariant>>) -> Self {
        Self {
            model: Model::default(),
            history: History::default(),
            second: false,
            kept: vec![0; invariants.len()],
            invariants,
            violations: Vec::new(),
        }
    }

    /// What the run has promised so far.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// A batch became durable at the server.
    pub fn server_change(&mut self, batch: Vec<(Name, Option<Record>)>) {
        let change = self.model.server_durable(batch);
        self.check(&Event::Server(&change));
    }

    /// A batch became durable on a device, with what its store said about it.
    pub fn device_change(&mut self, device: DeviceNumber, batch: &Batch, applied: &Applied) {
        let change = self.model.device_durable(device, batch, applied);
        self.check(&Event::Device(device, &change));
    }

    /// Somebody saw something. What was durable before must have been told before.
    pub fn seen(&mut self, observation: &Observation) {
        self.model.saw(observation);
        self.history.see(&self.model, observation);
        self.check(&Event::Seen(observation));
    }

    /// How full a queue of the server is.
    pub fn queue(&mut self, name: &str, gauge: Gauge) {
        self.check(&Event::Gauge(name, gauge));
    }

    /// Nothing follows: looks at what must hold at the end. Gives back what was found and not
    /// given back before.
    pub fn finish(&mut self) -> Vec<Violation> {
        self.check(&Event::End);
        if self.second {
            self.judge_history();
        }
        std::mem::take(&mut self.violations)
    }

    /// The checker that judges real deployments judges this one.
    fn judge_history(&mut self) {
        match history::check(&self.history()) {
            Ok(verdict) => {
                for finding in verdict.findings.into_iter().take(KEPT) {
                    self.violated("history", finding.text);
                }
            }
            Err(error) => self.violated("history", format!("it is none: {error}")),
        }
    }

    /// The run as a history, as the drivers of a real deployment write one.
    #[must_use]
    pub fn history(&self) -> Vec<history::Event> {
        self.history.with_readings(&self.model)
    }

    fn violated(&mut self, invariant: &str, detail: String) {
        self.violations.push(Violation {
            invariant: invariant.to_owned(),
            detail,
            at: self.model.now,
        });
    }

    fn check(&mut self, event: &Event<'_>) {
        for (invariant, kept) in self.invariants.iter_mut().zip(&mut self.kept) {
            let mut found = Found::default();
            invariant.check(&self.model, event, &mut found);
            for detail in found.0 {
                *kept += 1;
                if *kept > KEPT {
                    break;
                }
                self.violations.push(Violation {
                    invariant: invariant.name().to_owned(),
                    detail,
                    at: self.model.now,
                });
            }
        }
    }
}

impl run::Judge for Judge {
    fn saw(&mut self, at: Duration, what: &Observation, found: &mut Vec<Violation>) {
        self.model.now = at;
        self.seen(what);
        found.append(&mut self.violations);
    }

    fn server_durable(&mut self, at: Duration, batch: &engine::Batch, found: &mut Vec<Violation>) {
        self.model.now = at;
        let mut writes = Vec::with_capacity(batch.len());
        for (space, key, value) in batch.iter() {
            let decoded = inspect::name(space, key).and_then(|(_, name)| {
                let record = value
                    .map(|value| inspect::record(name, value))
                    .transpose()?;
                Ok((name, record))
            });
            match decoded {
                Ok(write) => writes.push(write),
                Err(error) => self.violated("records-decode", error.to_string()),
            }
        }
        self.server_change(writes);
        found.append(&mut self.violations);
    }

    fn device_durable(
        &mut self,
        at: Duration,
        device: DeviceNumber,
        batch: &Batch,
        applied: &Applied,
        found: &mut Vec<Violation>,
    ) {
        self.model.now = at;
        self.device_change(device, batch, applied);
        found.append(&mut self.violations);
    }

    fn gauge(
        &mut self,
        at: Duration,
        name: &'static str,
        used: u64,
        limit: u64,
        found: &mut Vec<Violation>,
    ) {
        self.model.now = at;
        self.queue(name, Gauge { used, limit });
        found.append(&mut self.violations);
    }

    fn end(&mut self, at: Duration, found: &mut Vec<Violation>) {
        self.model.now = at;
        found.append(&mut self.finish());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::scene;

    #[test]
    fn names_are_different_and_stand_for_requirements() {
        let names: BTreeSet<_> = all().iter().map(|invariant| invariant.name()).collect();
        assert_eq!(names.len(), all().len());
        for invariant in all() {
            assert!(!invariant.requirements().is_empty(), "{}", invariant.name());
            for id in invariant.requirements() {
                assert!(id.starts_with("EIM-") && id.len() == 11, "{id}");
            }
        }
    }

    #[test]
    fn a_good_run_passes_all() {
        let found = scene::run(&mut Judge::new(), scene::good());
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn the_second_judge_looks_too() {
        let mut bad = scene::opening();
        bad.extend(scene::sent(1));
        let mut message = scene::message(1);
        message.client_msg_id = Some(scene::key(5));
        bad.push(scene::delivered(1, message));
        let found = scene::run(&mut Judge::new(), bad);
        let by_history = |violation: &Violation| violation.invariant == "history";
        assert!(found.iter().any(by_history), "{found:#?}");
    }
}
