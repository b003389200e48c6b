//! The judge: the history checker of the conformance suite, over what the clients wrote down.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use eim_conformance::history::{Checker, Counts, Event, Kind, Rules, Verdict};
use serde::Serialize;

use crate::Failure;

/// Witnesses kept for the report, of each run.
const WITNESSES: usize = 10;

/// What the checker says.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Judged {
    /// How often each kind of violation was found; all kinds are named.
    pub(crate) violations: BTreeMap<&'static str, u64>,
    /// What was looked at.
    pub(crate) looked_at: Counts,
    /// The first violations, each with the events that prove it.
    pub(crate) first: Vec<String>,
}

/// Judges what the clients of one deployment wrote down.
pub(crate) fn judge(histories: &[PathBuf]) -> Result<Judged, Failure> {
    let mut checker = Checker::new(Rules::default());
    let mut wrong = None;
    read(histories, &mut |event| {
        if let Err(malformed) = checker.push(event) {
            wrong.get_or_insert(malformed);
        }
    })?;
    if let Some(malformed) = wrong {
        return Err(Failure::Run(format!("a history is malformed: {malformed}")));
    }
    let verdict = checker.finish(|take| read(histories, take))?;
    Ok(Judged::new(&verdict))
}

/// Gives every event of these files to `take`. A torn line, of a writer that was killed, is no
/// evidence.
fn read(histories: &[PathBuf], take: &mut dyn FnMut(&Event)) -> Result<(), Failure> {
    for path in histories {
        for line in BufReader::new(File::open(path)?).split(b'\n') {
            if let Ok(event) = serde_json::from_slice(&line?) {
                take(&event);
            }
        }
    }
    Ok(())
}

impl Judged {
    fn new(verdict: &Verdict) -> Self {
        let witnesses = verdict.findings.iter().take(WITNESSES);
        let first = witnesses.map(|finding| {
            let events = finding.witness.iter();
            let events: Vec<String> = events
                .filter_map(|event| serde_json::to_string(event).ok())
                .collect();
            let kind = finding.kind.name();
            format!("{kind}: {}\n  {}", finding.text, events.join("\n  "))
        });
        Self {
            violations: Kind::ALL
                .iter()
                .map(|kind| (kind.name(), verdict.count(*kind)))
                .collect(),
            looked_at: verdict.counts.clone(),
            first: first.collect(),
        }
    }

    /// Whether nothing was found.
    pub(crate) fn is_clean(&self) -> bool {
        self.violations.values().all(|&count| count == 0)
    }

    /// One line for the terminal.
    pub(crate) fn summary(&self) -> String {
        let found: Vec<String> = self
            .violations
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let looked_at = &self.looked_at;
        format!(
            "{} of {} acknowledged messages were looked for in {} readings: {}",
            looked_at.proven,
            looked_at.acked,
            looked_at.readings,
            found.join(", ")
        )
    }

    /// How often each kind was found.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.violations.iter().map(|(kind, count)| (*kind, *count))
    }

    /// The first violations, for people.
    pub(crate) fn witnesses(&self) -> impl Iterator<Item = String> + '_ {
        self.first.iter().cloned()
    }

    /// Writes `verdict.json` and turns a bad verdict into a failure.
    pub(crate) fn close(&self, folder: &Path) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Failure::Setup(error.to_string()))?;
        std::fs::write(folder.join("verdict.json"), json)?;
        println!("{}", self.summary());
        if self.is_clean() {
            return Ok(());
        }
        Err(Failure::Verdict(format!(
            "{}\n{}",
            self.summary(),
            self.first.join("\n")
        )))
    }
}
