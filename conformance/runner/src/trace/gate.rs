//! The gate: no MUST without a case that has run and passed.
//!
//! A requirement is shown for each side that it binds, client and server (a sender or a receiver
//! is both). A vector shows it for both, because both contain a codec; a script for a server or a
//! client shows it for that side; a tagged test shows it for both where the chapter allows
//! `unit`. What passed is read from the results of a run, never from the presence of a case.

use std::collections::{BTreeMap, BTreeSet};

use super::Report;
use super::tests::TestLog;
use crate::results::{CaseResult, Results, Role, Run, Status};
use crate::spec::{self, Finding, Requirement, Rule, Verify};

/// A side that a requirement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// What a user's device runs.
    Client,
    /// What devices connect to.
    Server,
}

impl Side {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// Something that shows a requirement, or fails to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Id of a case, or `file:line function` of a test.
    pub what: String,
    /// Sides it speaks about.
    pub sides: BTreeSet<Side>,
    /// How it ended; a test that is not in the log has none.
    pub status: Option<Status>,
}

impl Proof {
    fn passed_for(&self, side: Side) -> bool {
        self.sides.contains(&side) && self.status.is_some_and(Status::is_pass)
    }
}

/// Whether a requirement is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// By a case that ran and passed, for each side.
    Shown,
    /// By reading alone.
    Read,
    /// Not, for at least one side.
    NotShown,
    /// A case of it failed.
    Failed,
}

impl Verdict {
    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Read => "read",
            Self::NotShown => "not shown",
            Self::Failed => "failed",
        }
    }
}

/// A requirement and what shows it.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// The requirement.
    pub requirement: &'a Requirement,
    /// Cases and tests.
    pub proofs: Vec<Proof>,
    /// Sides it binds for which nothing passed.
    pub missing: BTreeSet<Side>,
    /// Whether it is shown.
    pub verdict: Verdict,
}

/// The gate's answer.
#[derive(Clone, Debug)]
pub struct Gate<'a> {
    /// Active requirements in the order of chapters.
    pub rows: Vec<Row<'a>>,
    /// What keeps the gate shut.
    pub findings: Vec<Finding>,
}

/// The sides that a requirement binds.
#[must_use]
pub fn sides(requirement: &Requirement) -> BTreeSet<Side> {
    let mut sides = BTreeSet::new();
    for role in &requirement.roles {
        match role {
            spec::Role::Client => {
                sides.insert(Side::Client);
            }
            spec::Role::Server => {
                sides.insert(Side::Server);
            }
            spec::Role::Sender | spec::Role::Receiver => {
                sides.extend([Side::Client, Side::Server]);
            }
        }
    }
    sides
}

/// Judges requirements by the results of a run: of each role the first run of the file, which is
/// that of the reference.
#[must_use]
pub fn judge<'a>(report: &'a Report, results: &Results, tests: &TestLog) -> Gate<'a> {
    let mut findings = Vec::new();
    let mut proofs = case_proofs(report, results, &mut findings);
    let by_test = |id: &str| {
        let known = report.requirements.iter().find(|known| known.id == id);
        known.is_some_and(|known| known.verify.contains(&Verify::Unit))
    };
    for tag in report.tests.iter().filter(|tag| by_test(&tag.id)) {
        let Some(function) = &tag.function else {
            continue;
        };
        proofs.entry(&tag.id).or_default().push(Proof {
            what: format!("{}:{} {function}", tag.file, tag.line),
            sides: BTreeSet::from([Side::Client, Side::Server]),
            status: tests.passed(function).then_some(Status::Passed),
        });
    }
    let active = report.requirements.iter().filter(|r| r.is_active());
    let rows: Vec<Row<'a>> = active
        .map(|requirement| {
            let proofs = proofs.remove(requirement.id.as_str()).unwrap_or_default();
            row(requirement, proofs)
        })
        .collect();
    findings.extend(rows.iter().filter_map(not_shown));
    Gate { rows, findings }
}

/// Proofs by requirement, from the first run of each role.
fn case_proofs<'a>(
    report: &'a Report,
    results: &Results,
    findings: &mut Vec<Finding>,
) -> BTreeMap<&'a str, Vec<Proof>> {
    let known: BTreeMap<&str, bool> = report
        .requirements
        .iter()
        .map(|requirement| (requirement.id.as_str(), requirement.is_active()))
        .collect();
    let mut proofs: BTreeMap<&str, Vec<Proof>> = BTreeMap::new();
    for role in [Role::Codec, Role::Server, Role::Client] {
        let Some(run) = results.runs.iter().find(|run| run.role == role) else {
            continue;
        };
        for case in &run.cases {
            findings.extend(without_requirement(run, case, &known));
            for id in &case.req {
                if let Some((id, _)) = known.get_key_value(id.as_str()) {
                    proofs.entry(id).or_default().push(proof(role, case));
                }
            }
        }
    }
    proofs
}

fn proof(role: Role, case: &CaseResult) -> Proof {
    let sides = match role {
        Role::Codec => BTreeSet::from([Side::Client, Side::Server]),
        Role::Server => BTreeSet::from([Side::Server]),
        Role::Client => BTreeSet::from([Side::Client]),
    };
    Proof {
        what: case.id.clone(),
        sides,
        status: Some(case.status),
    }
}

fn without_requirement(
    run: &Run,
    case: &CaseResult,
    known: &BTreeMap<&str, bool>,
) -> Option<Finding> {
    let unknown = case
        .req
        .iter()
        .find(|id| known.get(id.as_str()) != Some(&true));
    let message = match unknown {
        _ if case.req.is_empty() => format!("{} ({}) shows no requirement", case.id, run.name),
        Some(id) => format!(
            "{} ({}): {id} is no requirement in force",
            case.id, run.name
        ),
        None => return None,
    };
    Some(Finding::new(
        "results",
        0,
        Rule::CaseWithoutRequirement,
        message,
    ))
}

fn row(requirement: &Requirement, proofs: Vec<Proof>) -> Row<'_> {
    let missing: BTreeSet<Side> = sides(requirement)
        .into_iter()
        .filter(|side| !proofs.iter().any(|proof| proof.passed_for(*side)))
        .collect();
    let failed = proofs
        .iter()
        .any(|proof| proof.status.is_some_and(Status::is_failure));
    let verdict = if failed {
        Verdict::Failed
    } else if missing.is_empty() {
        Verdict::Shown
    } else if requirement.verify == [Verify::Review] {
        Verdict::Read
    } else {
        Verdict::NotShown
    };
    Row {
        requirement,
        proofs,
        missing,
        verdict,
    }
}

/// A MUST that is not shown, or of which a case failed.
fn not_shown(row: &Row<'_>) -> Option<Finding> {
    let requirement = row.requirement;
    if !requirement.level.is_absolute() {
        return None;
    }
    let id = &requirement.id;
    let message = match row.verdict {
        Verdict::Shown | Verdict::Read => return None,
        Verdict::NotShown => {
            let sides: Vec<&str> = row.missing.iter().map(|side| side.name()).collect();
            format!("{id}: no case passed for the {}", sides.join(" and the "))
        }
        Verdict::Failed => {
            let failed = |proof: &&Proof| proof.status.is_some_and(Status::is_failure);
            let cases: Vec<&str> = row
                .proofs
                .iter()
                .filter(failed)
                .map(|proof| proof.what.as_str())
                .collect();
            format!("{id}: failed: {}", cases.join(", "))
        }
    };
    Some(Finding::new(
        &requirement.file,
        requirement.line,
        Rule::NotShown,
        message,
    ))
}
