//! `requirements.json`: all requirements, for machines.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::finding::{Finding, Rule};
use super::requirement::Requirement;

/// What an older catalogue says about a requirement.
#[derive(Clone, Debug, Deserialize)]
struct Row {
    id: String,
    rev: u32,
    sha256: String,
}

/// Requirements whose text differs from that in `older`, a `requirements.json`, under the same
/// revision. Whoever changes a meaning says so; whoever only mends wording says that, by naming
/// the id in `editorial`.
///
/// # Errors
/// When `older` is no catalogue.
pub fn same_revision(
    requirements: &[Requirement],
    older: &str,
    editorial: &[String],
) -> Result<Vec<Finding>, serde_json::Error> {
    let rows: Vec<Row> = serde_json::from_str(older)?;
    let rows: BTreeMap<&str, &Row> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let changed = |requirement: &&Requirement| {
        rows.get(requirement.id.as_str())
            .is_some_and(|row| row.sha256 != requirement.sha256 && requirement.rev <= row.rev)
            && !editorial.contains(&requirement.id)
    };
    let finding = |requirement: &Requirement| {
        let message = format!(
            "{id} was changed: give it rev={rev}, or run `trace --write --editorial {id}` if its meaning is the same",
            id = requirement.id,
            rev = requirement.rev + 1,
        );
        Finding::new(
            &requirement.file,
            requirement.line,
            Rule::SameRevision,
            message,
        )
    };
    Ok(requirements.iter().filter(changed).map(finding).collect())
}

/// The text of `requirements.json`: sorted by id, one trailing newline.
///
/// # Errors
/// When a requirement cannot be written as JSON.
pub fn catalogue(requirements: &[Requirement]) -> Result<String, serde_json::Error> {
    let mut sorted: Vec<&Requirement> = requirements.iter().collect();
    sorted.sort_by(|a, b| {
        a.id.cmp(&b.id)
            .then(a.file.cmp(&b.file))
            .then(a.line.cmp(&b.line))
    });
    let mut text = serde_json::to_string_pretty(&sorted)?;
    text.push('\n');
    Ok(text)
}
