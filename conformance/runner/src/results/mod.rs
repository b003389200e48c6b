//! The results file: the only source of every report.
//!
//! It is written once a command ends, and holds everything a reader may ask for later: what was
//! tested, with what, and for each case the verdict, the reasons and the octets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Version of the form of the results file.
pub const FORMAT: u32 = 1;

/// A results file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// [`FORMAT`].
    pub format: u32,
    /// What tested.
    pub suite: Suite,
    /// Unix time at the start, in seconds. Not compared between runs.
    pub started_s: u64,
    /// One for each testee and role.
    pub runs: Vec<Run>,
}

/// What tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Version of the suite.
    pub version: String,
    /// SHA-256 of `requirements.json`, hexadecimal.
    pub requirements_sha256: String,
    /// SHA-256 over all vectors and scripts, hexadecimal.
    pub cases_sha256: String,
}

/// The role of a testee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Octets to frames and back, by vectors.
    Codec,
    /// A server, by scripts.
    Server,
    /// A client, by scripts.
    Client,
}

/// The cases of one testee in one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The role it was tested in.
    pub role: Role,
    /// Short name, unique among the runs of its role: `rust`, `python`, or the testee's own.
    pub name: String,
    /// What the testee says about itself.
    pub testee: Testee,
    /// The command that started it, or the address.
    pub command: String,
    /// One for each case that was chosen, in the order of ids. Time-outs and order of execution do
    /// not show here.
    pub cases: Vec<CaseResult>,
    /// Duration in milliseconds. Not compared between runs.
    pub ms: u64,
}

/// What a testee says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Testee {
    /// Name of the implementation.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The language it is written in, if it says so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// Features it declares, sorted.
    #[serde(default)]
    pub features: Vec<String>,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As expected.
    Passed,
    /// Another verdict than the expected one.
    Failed,
    /// The testee ended.
    Crashed,
    /// The testee did not answer in time.
    TimedOut,
    /// The testee answered with something that is not its protocol.
    Garbage,
    /// Failed, and passed when repeated.
    Flaky,
    /// Needs what the testee does not declare or the way of testing cannot give; see `reason`.
    NotApplicable,
    /// Failed as the list of known failures says; see `reason`.
    KnownFailing,
    /// Flaky as the list of known flaky cases says.
    KnownFlaky,
    /// Passed although the list says that it fails.
    UnexpectedlyPassed,
}

impl Role {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Codec => "codec",
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

impl Status {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::TimedOut => "timed-out",
            Self::Garbage => "garbage",
            Self::Flaky => "flaky",
            Self::NotApplicable => "not-applicable",
            Self::KnownFailing => "known-failing",
            Self::KnownFlaky => "known-flaky",
            Self::UnexpectedlyPassed => "unexpectedly-passed",
        }
    }

    /// Whether the case shows that its requirements are kept.
    #[must_use]
    pub const fn is_pass(self) -> bool {
        matches!(self, Self::Passed)
    }

    /// Whether the case makes the run fail.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Crashed | Self::TimedOut | Self::Garbage
        )
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseResult {
    /// Id of the case; a live case run on another transport than TCP has `@tls`, `@ws` or `@wss`
    /// behind it.
    pub id: String,
    /// Its area.
    pub area: String,
    /// Requirements it tests.
    pub req: Vec<String>,
    /// must, should, may.
    pub level: String,
    /// Kind of the case, such as valid or negative.
    pub kind: String,
    /// What the case is about.
    pub desc: String,
    /// How it ended.
    pub status: Status,
    /// Why it is not applicable, known to fail, or failed, in a line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was expected, for people; empty unless it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// What came instead; empty unless it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actual: String,
    /// What was exchanged, in order; kept for failures only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LogLine>,
    /// Duration in milliseconds. Not compared between runs.
    pub ms: u64,
}

impl CaseResult {
    /// Adds a second run of the case to the first, which failed: what went wrong again (empty when it passed), what
    /// was exchanged, and how busy the machine was.
    pub fn again(&mut self, why: &str, log: &[LogLine], machine: &str) {
        let outcome = match why.trim() {
            "" => "it passed".to_owned(),
            why => format!("it failed again: {why}"),
        };
        self.log.push(LogLine {
            at_ms: 0,
            place: "suite".to_owned(),
            direction: Direction::Note,
            text: format!("run once more, {outcome}; {machine}"),
            octets: Vec::new(),
        });
        self.log.extend_from_slice(log);
    }
}

/// Something exchanged with the testee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// Milliseconds since the case began. Not compared between runs.
    pub at_ms: u64,
    /// Connection, process or request: `a`, `testee`.
    pub place: String,
    /// From the suite to the testee, the other way, or a remark of the suite.
    pub direction: Direction,
    /// For people: a frame in words, a line of JSON, a remark.
    pub text: String,
    /// The octets, hexadecimal, with names for runs of them; at most 4,096 are kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub octets: Vec<Field>,
}

/// Which way a line of the log went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the suite.
    Sent,
    /// From the testee.
    Received,
    /// Neither: a step that began, a fault that was put in.
    Note,
}

/// Octets of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name, such as `sequence` or `payload`.
    pub name: String,
    /// Hexadecimal.
    pub hex: String,
}

impl Run {
    /// Number of cases in each status.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Status, usize> {
        let mut counts = BTreeMap::new();
        for case in &self.cases {
            *counts.entry(case.status).or_insert(0) += 1;
        }
        counts
    }
}

impl Results {
    /// The same without what differs between two runs of the same thing: times.
    #[must_use]
    pub fn without_times(mut self) -> Self {
        self.started_s = 0;
        for run in &mut self.runs {
            run.ms = 0;
            for case in &mut run.cases {
                case.ms = 0;
                for line in &mut case.log {
                    line.at_ms = 0;
                }
            }
        }
        self
    }
}
