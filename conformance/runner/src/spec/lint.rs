//! Rules that need all chapters and the registries.

use std::collections::BTreeMap;

use super::chapter::Chapter;
use super::finding::{Finding, Rule};
use super::number;
use super::requirement::Requirement;
use crate::registry::Registries;

/// Areas of requirement ids, with what they are about.
pub const AREAS: &[(&str, &str)] = &[
    ("CNV", "conventions"),
    ("FRM", "framing"),
    ("CMP", "compression"),
    ("FRG", "fragmentation"),
    ("CON", "connection life cycle"),
    ("VER", "versions"),
    ("SEQ", "sequence"),
    ("WIN", "window"),
    ("RES", "results"),
    ("CUR", "cursor"),
    ("RSM", "resume"),
    ("HBT", "heartbeat"),
    ("AUT", "authentication"),
    ("DEV", "devices"),
    ("MSG", "messages"),
    ("TML", "timeline"),
    ("CNT", "content"),
    ("OPS", "text and operations"),
    ("SYN", "synchronisation"),
    ("GRP", "groups"),
    ("GPO", "group policy"),
    ("LGR", "large groups"),
    ("CTC", "contacts"),
    ("DIR", "directory"),
    ("ERR", "errors"),
    ("LIM", "limits"),
    ("TRN", "transports"),
    ("SEC", "security"),
    ("EXT", "extension points"),
    ("REG", "registries"),
    ("MRK", "marks"),
    ("PRS", "presence"),
    ("CAL", "calls"),
    ("BLB", "blobs"),
    ("NTF", "notifications"),
    ("BOT", "bots"),
];

/// Checks the chapters against each other and against the registries. Findings of the chapters
/// themselves are included.
#[must_use]
pub fn lint(chapters: &[(String, Chapter)], registries: &Registries) -> Vec<Finding> {
    let all: Vec<&Requirement> = chapters
        .iter()
        .flat_map(|(_, chapter)| &chapter.requirements)
        .collect();
    let mut findings: Vec<Finding> = chapters
        .iter()
        .flat_map(|(_, chapter)| chapter.findings.clone())
        .collect();
    findings.extend(ids(&all));
    for requirement in all.iter().filter(|requirement| requirement.is_active()) {
        findings.extend(errors(requirement, registries));
        findings.extend(numbers(requirement, registries));
    }
    for (file, chapter) in chapters {
        for (line, id) in &chapter.references {
            if !all.iter().any(|requirement| &requirement.id == id) {
                let message = format!("{id} does not exist");
                findings.push(Finding::new(file, *line, Rule::UnknownReference, message));
            }
        }
    }
    findings.sort();
    findings
}

/// Ids are unique and count 1, 2, 3 … in known areas.
fn ids(all: &[&Requirement]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut areas: BTreeMap<&str, BTreeMap<u32, &Requirement>> = BTreeMap::new();
    for requirement in all {
        if let Some(first) = areas
            .entry(requirement.area())
            .or_default()
            .insert(requirement.number(), requirement)
        {
            let message = format!("{} stands at {}:{} too", first.id, first.file, first.line);
            findings.push(at(requirement, Rule::DuplicateId, message));
        }
    }
    for (area, numbers) in areas {
        let known = AREAS.iter().any(|(name, _)| *name == area);
        for (expected, (number, requirement)) in (1..).zip(&numbers) {
            if !known {
                findings.push(at(
                    requirement,
                    Rule::IdSequence,
                    format!("unknown area {area}"),
                ));
            } else if *number != expected {
                let message = format!("EIM-{area}-{expected:03} is missing before this one");
                findings.push(at(requirement, Rule::IdSequence, message));
                break;
            }
        }
    }
    findings
}

/// What rejects says with which error; the error exists, and the text names it.
fn errors(requirement: &Requirement, registries: &Registries) -> Option<Finding> {
    let id = &requirement.id;
    let Some(error) = requirement.error.as_deref() else {
        let message = format!("{id}: rejected with which error?");
        return requirement
            .text
            .contains("MUST reject")
            .then(|| at(requirement, Rule::NoOutcome, message));
    };
    if error == "ignore" {
        None
    } else if !registries.errors.error.iter().any(|row| row.name == error) {
        let message = format!("{id}: the registry has no error {error}");
        Some(at(requirement, Rule::UnknownError, message))
    } else if !requirement.text.contains(error) {
        let message = format!("{id}: the text does not say {error}");
        Some(at(requirement, Rule::ErrorNotInText, message))
    } else {
        None
    }
}

/// Stated limits are those of the registry.
fn numbers(requirement: &Requirement, registries: &Registries) -> Vec<Finding> {
    let mut findings = Vec::new();
    for stated in number::stated(&requirement.text) {
        let row = registries
            .limits
            .limit
            .iter()
            .find(|row| row.name == stated.name);
        let message = match (row, stated.default) {
            (None, _) => format!("the registry has no limit {}", stated.name),
            (Some(row), Some(default)) if row.default != default => {
                format!(
                    "{} is {default} here, {} in the registry",
                    stated.name, row.default
                )
            }
            _ => continue,
        };
        findings.push(at(requirement, Rule::NumberMismatch, message));
    }
    findings
}

fn at(requirement: &Requirement, rule: Rule, message: String) -> Finding {
    Finding::new(&requirement.file, requirement.line, rule, message)
}
