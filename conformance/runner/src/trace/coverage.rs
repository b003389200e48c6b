//! What the gate found, as a table for a terminal and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::Report;
use super::gate::{Gate, Row, Verdict};
use crate::spec::lint::AREAS;

/// One line of each area: MUSTs, how many are shown, read only, not shown, failed, and tagged in
/// code.
#[must_use]
pub fn table(report: &Report, gate: &Gate<'_>) -> String {
    let mut text = String::from(
        "area                         MUST   shown    read  not shown  failed  tagged  cases\n",
    );
    let areas = AREAS.iter().map(|(area, title)| (Some(*area), *title));
    for (area, title) in areas.chain([(None, "all areas")]) {
        let rows: Vec<&Row<'_>> = gate
            .rows
            .iter()
            .filter(|row| row.requirement.level.is_absolute())
            .filter(|row| area.is_none_or(|area| area == row.requirement.area()))
            .collect();
        let of = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
        let tagged = rows
            .iter()
            .filter(|row| report.tags.iter().any(|tag| tag.id == row.requirement.id))
            .count();
        let cases: usize = rows.iter().map(|row| row.proofs.len()).sum();
        let _ = writeln!(
            text,
            "{:<4}{title:<24}{:>5}{:>8}{:>8}{:>11}{:>8}{tagged:>8}{cases:>7}",
            area.unwrap_or(""),
            rows.len(),
            of(Verdict::Shown),
            of(Verdict::Read),
            of(Verdict::NotShown),
            of(Verdict::Failed),
        );
    }
    text
}

#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    rev: u32,
    level: &'a str,
    verdict: &'a str,
    missing: Vec<&'a str>,
    proofs: Vec<&'a str>,
    code: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// `coverage.json`: each requirement in force, its verdict, its cases and tests, and the code that
/// is tagged with it.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn json(report: &Report, gate: &Gate<'_>) -> Result<String, String> {
    let lines: Vec<Line<'_>> = gate
        .rows
        .iter()
        .map(|row| Line {
            id: &row.requirement.id,
            rev: row.requirement.rev,
            level: row.requirement.level.name(),
            verdict: row.verdict.name(),
            missing: row.missing.iter().map(|side| side.name()).collect(),
            proofs: row.proofs.iter().map(|proof| proof.what.as_str()).collect(),
            code: places(report, &row.requirement.id),
            reason: report.exceptions.reason(&row.requirement.id),
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&lines).map_err(|e| e.to_string())?;
    text.push('\n');
    Ok(text)
}

/// Where code is tagged with a requirement, as `file:line`.
#[must_use]
pub fn places(report: &Report, id: &str) -> Vec<String> {
    report
        .tags
        .iter()
        .filter(|tag| tag.id == id)
        .map(|tag| format!("{}:{}", tag.file, tag.line))
        .collect()
}
