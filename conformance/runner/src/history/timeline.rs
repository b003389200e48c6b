//! What happened when, for reports: never for the verdict.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::{Event, Op};
use super::verdict::{Kind, Verdict};

/// Columns of throughput; when there are more, two become one.
const COLUMNS: usize = 400;

/// Marks that are kept.
const MARKS: usize = 2000;

/// What was done in one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Messages sent.
    pub sent: u64,
    /// Messages acked.
    pub acked: u64,
    /// Entries delivered.
    pub delivered: u64,
}

/// Something at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Microseconds from the first writer's begin.
    pub at_us: u64,
    /// How long it lasted, where that is known.
    pub for_us: u64,
    /// What it was.
    pub text: String,
}

/// What happened when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Width of a column.
    pub column_us: u64,
    /// Columns, by number.
    pub columns: BTreeMap<u64, Column>,
    /// Faults and crashes.
    pub faults: Vec<Mark>,
    /// Findings, at the end of their witnesses.
    pub findings: Vec<(Kind, Mark)>,
    /// When each process began, for putting witnesses on the same line.
    #[serde(skip)]
    offsets: BTreeMap<String, u64>,
    #[serde(skip)]
    offset: u64,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            column_us: 100_000,
            columns: BTreeMap::new(),
            faults: Vec::new(),
            findings: Vec::new(),
            offsets: BTreeMap::new(),
            offset: 0,
        }
    }
}

impl Timeline {
    /// A writer begins, this long after the first.
    pub(super) fn writer(&mut self, offset: u64) {
        self.offset = offset;
    }

    pub(super) fn add(&mut self, event: &Event) {
        let at_us = self.offset.saturating_add(event.at_us);
        match &event.op {
            Op::Send(_) => self.column(at_us).sent += 1,
            Op::Ack(_) => self.column(at_us).acked += 1,
            Op::Deliver(_) => self.column(at_us).delivered += 1,
            Op::Start(_) if self.offset > 0 && self.offsets.len() < MARKS => {
                self.offsets.insert(event.process.clone(), self.offset);
            }
            Op::Crash => self.fault(at_us, 0, format!("crash of {}", event.process)),
            Op::Fault(fault) => {
                let text = format!("{} {}", fault.kind, fault.detail);
                self.fault(at_us, fault.for_us.unwrap_or(0), text.trim().to_owned());
            }
            Op::Start(_) | Op::End | Op::Fail(_) | Op::Read(_) | Op::Mark(_) | Op::Unread(_) => {}
        }
    }

    fn column(&mut self, at_us: u64) -> &mut Column {
        while self.columns.len() >= COLUMNS && !self.columns.contains_key(&(at_us / self.column_us))
        {
            self.column_us = self.column_us.saturating_mul(2);
            for (at, column) in std::mem::take(&mut self.columns) {
                let sum = self.columns.entry(at / 2).or_default();
                sum.sent += column.sent;
                sum.acked += column.acked;
                sum.delivered += column.delivered;
            }
        }
        self.columns.entry(at_us / self.column_us).or_default()
    }

    fn fault(&mut self, at_us: u64, for_us: u64, text: String) {
        if self.faults.len() < MARKS {
            self.faults.push(Mark {
                at_us,
                for_us,
                text,
            });
        }
    }

    /// When an event was, from the first writer's begin.
    #[must_use]
    pub fn at(&self, event: &Event) -> u64 {
        let offset = self.offsets.get(&event.process).copied().unwrap_or(0);
        offset.saturating_add(event.at_us)
    }

    pub(super) fn findings(&mut self, verdict: &Verdict) {
        for finding in &verdict.findings {
            let at_us = finding.witness.iter().map(|event| self.at(event)).max();
            if let Some(at_us) = at_us {
                let text = finding.text.clone();
                self.findings.push((
                    finding.kind,
                    Mark {
                        at_us,
                        for_us: 0,
                        text,
                    },
                ));
            }
        }
    }

    /// The end of everything.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        let columns = self.columns.keys().next_back();
        let columns = columns.map_or(0, |last| (last + 1).saturating_mul(self.column_us));
        let faults = self
            .faults
            .iter()
            .map(|mark| mark.at_us.saturating_add(mark.for_us));
        let findings = self.findings.iter().map(|(_, mark)| mark.at_us);
        faults.chain(findings).chain([columns]).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stay_few_and_lose_nothing() {
        let mut timeline = Timeline::default();
        for n in 0..100_000 {
            timeline.column(n * 977_777).sent += 1;
        }
        assert!(timeline.columns.len() <= COLUMNS);
        let sum: u64 = timeline.columns.values().map(|column| column.sent).sum();
        assert_eq!(sum, 100_000);
    }
}
