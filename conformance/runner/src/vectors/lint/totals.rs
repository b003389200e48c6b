//! How many cases there are, and how many of them test something that no other tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use super::Knowledge;
use crate::vectors::load::{Loaded, cases};
use crate::vectors::model::{Case, Stage, Test};

/// Cases that there are at least.
pub const CASES: usize = 2_000;
/// Cases that differ in requirement, stage, field or boundary class, at least.
pub const DISTINCT: usize = 600;

/// What the vectors amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// All cases.
    pub cases: usize,
    /// By operation.
    pub by_op: BTreeMap<String, usize>,
    /// By kind.
    pub by_kind: BTreeMap<String, usize>,
    /// Different combinations of first requirement, stage, field and boundary class.
    pub distinct: usize,
    /// Of these, without those that only differ in the field of a payload.
    pub distinct_outside_payloads: usize,
    /// Requirements that vectors verify.
    pub required: usize,
    /// Of these, the ones without a case.
    pub untested: Vec<String>,
}

/// Where the verdict falls.
fn stage(case: &Case) -> Option<Stage> {
    match &case.test {
        Test::Decode(test) => test.expect.reject.as_ref().map(|reject| reject.stage),
        Test::Story(test) => {
            let mut rejects = test.expect.iter().filter_map(|step| step.reject.as_ref());
            rejects.next().map(|reject| reject.stage)
        }
        Test::Encode(_) | Test::Derive(_) => None,
    }
}

impl Totals {
    pub(super) fn of(files: &[Loaded], knowledge: &Knowledge) -> Self {
        let (mut by_op, mut by_kind) = (BTreeMap::new(), BTreeMap::new());
        let (mut distinct, mut tested) = (BTreeSet::new(), BTreeSet::new());
        let mut outside = BTreeSet::new();
        let all = cases(files);
        for (loaded, case) in &all {
            *by_op.entry(case.op().to_owned()).or_insert(0) += 1;
            *by_kind
                .entry(format!("{:?}", case.kind).to_lowercase())
                .or_insert(0) += 1;
            tested.extend(case.req.iter().cloned());
            let combination = (case.req.first(), stage(case), case.op(), &case.about);
            distinct.insert((combination.0, combination.1, combination.3));
            if loaded.file.area != "payloads" {
                outside.insert((combination.0, combination.1, combination.3));
            }
        }
        let required = knowledge
            .requirements
            .values()
            .filter(|row| row.needs_vectors());
        let required: Vec<String> = required.map(|row| row.id.clone()).collect();
        Self {
            cases: all.len(),
            by_op,
            by_kind,
            distinct: distinct.len(),
            distinct_outside_payloads: outside.len(),
            required: required.len(),
            untested: required
                .into_iter()
                .filter(|id| !tested.contains(id))
                .collect(),
        }
    }

    /// What is missing.
    pub(super) fn shortfalls(&self) -> Vec<String> {
        let mut shortfalls = Vec::new();
        if self.cases < CASES {
            shortfalls.push(format!("{} cases, {CASES} are asked for", self.cases));
        }
        if self.distinct < DISTINCT {
            shortfalls.push(format!(
                "{} cases that differ, {DISTINCT} are asked for",
                self.distinct
            ));
        }
        let none = |id| format!("{id} has no case");
        shortfalls.extend(self.untested.iter().map(none));
        shortfalls
    }
}

impl Display for Totals {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let list = |counts: &BTreeMap<String, usize>| {
            let counts: Vec<String> = counts
                .iter()
                .map(|(name, count)| format!("{count} {name}"))
                .collect();
            counts.join(", ")
        };
        writeln!(f, "{} cases: {}", self.cases, list(&self.by_op))?;
        writeln!(f, "by kind: {}", list(&self.by_kind))?;
        writeln!(
            f,
            "{} differ in requirement, stage, field or boundary class ({} without those about fields of payloads)",
            self.distinct, self.distinct_outside_payloads
        )?;
        writeln!(
            f,
            "{} of {} requirements that vectors verify have cases",
            self.required - self.untested.len(),
            self.required
        )
    }
}
