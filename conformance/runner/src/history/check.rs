//! The checker.

use super::event::Event;
use super::facts::Facts;
use super::judge::{Judged, judge};
use super::verdict::{Counts, Rules, Verdict};
use super::witness::{self, Shrink};
use super::{Malformed, judge::Found};

/// Takes in events one after another, each writer's in its order and the writers in any, and keeps
/// some hundred octets a message.
#[derive(Debug, Default)]
pub struct Checker {
    facts: Facts,
}

impl Checker {
    /// A checker that knows nothing yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            facts: Facts {
                rules,
                ..Facts::default()
            },
        }
    }

    /// Takes in an event.
    ///
    /// # Errors
    /// The history is none: its writer is wrong.
    pub fn push(&mut self, event: &Event) -> Result<(), Malformed> {
        self.facts.take(event)
    }

    /// The verdict, with witnesses: `again` goes through the same events a second time, and only if
    /// there are findings.
    ///
    /// # Errors
    /// What `again` says.
    pub fn finish<E>(
        self,
        again: impl FnOnce(&mut dyn FnMut(&Event)) -> Result<(), E>,
    ) -> Result<Verdict, E> {
        let (mut verdict, found) = self.judged();
        if found.is_empty() {
            return Ok(verdict);
        }
        let mut shrink = Shrink::new(self.facts, found);
        again(&mut |event| shrink.look(event))?;
        verdict.findings = shrink.findings();
        Ok(verdict)
    }

    /// The verdict without witnesses.
    #[must_use]
    pub fn judge(&self) -> Verdict {
        let (mut verdict, found) = self.judged();
        verdict.findings = found.into_iter().map(|found| found.finding).collect();
        verdict
    }

    fn judged(&self) -> (Verdict, Vec<Found>) {
        let Judged {
            found,
            findings,
            proven,
            discarded,
        } = judge(&self.facts);
        let verdict = Verdict {
            counts: self.counts(proven, discarded),
            found,
            findings: Vec::new(),
        };
        (verdict, findings)
    }

    fn counts(&self, proven: u64, discarded: u64) -> Counts {
        let mut counts = self.facts.counts.clone();
        counts.conversations = self.facts.logs.len() as u64;
        counts.proven = proven;
        counts.discarded = discarded;
        for key in self.facts.keys.iter().filter(|key| key.sent != 0) {
            counts.acked += u64::from(key.ack.is_some());
            counts.refused += u64::from(key.refused);
            counts.unknown += u64::from(!key.result);
        }
        counts
    }
}

/// Judges a history that is in memory, by the rules of a deployment all of whose senders wrote it.
///
/// # Errors
/// The history is none: its writer is wrong.
pub fn check(events: &[Event]) -> Result<Verdict, Malformed> {
    check_by(events, Rules::default())
}

/// Judges a history that is in memory.
///
/// # Errors
/// The history is none: its writer is wrong.
pub fn check_by(events: &[Event], rules: Rules) -> Result<Verdict, Malformed> {
    let mut checker = Checker::new(rules);
    for event in events {
        checker.push(event)?;
    }
    checker.finish(|look| {
        events.iter().for_each(look);
        Ok(())
    })
}

/// Whether a short history shows a finding; see [`witness`].
pub(super) fn shows(events: &[Event], rules: Rules, finding: &super::Finding) -> bool {
    let mut checker = Checker::new(rules);
    let sound = events.iter().all(|event| checker.push(event).is_ok());
    sound
        && checker
            .judge()
            .findings
            .iter()
            .any(|other| witness::same(other, finding))
}
