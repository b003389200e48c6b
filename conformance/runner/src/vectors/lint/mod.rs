//! What must hold for vectors beyond their form: each tests something that is required, each fault
//! is alone, and together they are enough.

mod case;
mod near;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

pub use case::features;
pub use totals::{CASES, DISTINCT, Totals};

use super::load::{Loaded, cases};
use super::model::Case;
use crate::data::Data;
use crate::registry::Registries;

/// All ids that were ever given, one a line, sorted; ids are never given twice.
pub const IDS: &str = "conformance/vectors/ids.txt";

/// What the lint knows besides the vectors.
#[derive(Debug)]
pub struct Knowledge {
    requirements: BTreeMap<String, Row>,
    codes: BTreeSet<String>,
    /// Ids that were given before.
    ids: BTreeSet<String>,
}

/// A requirement, as far as vectors need it.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    level: String,
    status: String,
    verify: Vec<String>,
}

impl Row {
    fn needs_vectors(&self) -> bool {
        self.status == "active" && self.verify.iter().any(|kind| kind == "vector")
    }
}

impl Knowledge {
    /// Reads requirements, error codes and the ids of before.
    ///
    /// # Errors
    /// Which file cannot be read, and why.
    pub fn load(data: &Data) -> Result<Self, String> {
        let text = data.read("spec/registry/requirements.json")?;
        let rows: Vec<Row> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let codes = Registries::load(data)?.errors.error;
        let ids = data.read(IDS)?;
        Ok(Self {
            requirements: rows.into_iter().map(|row| (row.id.clone(), row)).collect(),
            codes: codes.into_iter().map(|code| code.name).collect(),
            ids: ids.lines().map(str::to_owned).collect(),
        })
    }
}

/// Everything that is wrong with the files, one line each, and what they amount to.
#[must_use]
pub fn lint(files: &[Loaded], knowledge: &Knowledge) -> (Vec<String>, Totals) {
    let mut findings = Vec::new();
    let mut by_id: BTreeMap<&str, &Case> = BTreeMap::new();
    for (loaded, case) in cases(files) {
        if by_id.insert(&case.id, case).is_some() {
            findings.push(format!(
                "{}: {}: the id is there twice",
                loaded.path, case.id
            ));
        }
    }
    for loaded in files {
        findings.extend(
            file(loaded)
                .into_iter()
                .map(|what| format!("{}: {what}", loaded.path)),
        );
        for case in &loaded.file.cases {
            let mut faults = case::check(case, knowledge);
            faults.extend(near::check(case, &by_id));
            let of = |what| format!("{}: {}: {what}", loaded.path, case.id);
            findings.extend(faults.into_iter().map(of));
        }
    }
    let now: BTreeSet<String> = by_id.keys().map(|id| (*id).to_owned()).collect();
    let gone = knowledge.ids.difference(&now);
    findings.extend(gone.map(|id| format!("{IDS}: {id} was a case and is gone")));
    let new = now.difference(&knowledge.ids);
    findings.extend(new.map(|id| format!("{IDS}: {id} is new: run `vectors manifest`")));
    let totals = Totals::of(files, knowledge);
    findings.extend(totals.shortfalls());
    (findings, totals)
}

/// What is wrong with a file as a whole.
fn file(loaded: &Loaded) -> Vec<String> {
    let mut faults = Vec::new();
    let file = &loaded.file;
    if file.schema != "../../schema/vectors.v1.schema.json" {
        faults.push("another schema".into());
    }
    let path = loaded
        .path
        .trim_start_matches(super::load::FOLDER)
        .trim_start_matches('/');
    let name = path.trim_end_matches(".json");
    if name.split('/').next() != Some(&file.area) {
        faults.push(format!("area {} in another folder", file.area));
    }
    if file
        .generator
        .as_ref()
        .is_some_and(|generator| generator.family != name)
    {
        faults.push("the generator has another name".into());
    }
    let used: BTreeSet<&String> = file.cases.iter().flat_map(|case| &case.flags).collect();
    for flag in used.iter().filter(|flag| !file.flags.contains_key(**flag)) {
        faults.push(format!("flag {flag} is not explained"));
    }
    if file.cases.is_empty() {
        faults.push("no case".into());
    }
    faults
}
