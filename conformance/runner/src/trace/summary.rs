//! The table at the end: what each area asks, and how much of it the code claims to keep.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::Report;
use crate::spec::lint::AREAS;

/// Counts of one area, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Requirements.
    pub total: usize,
    /// MUST and MUST NOT.
    pub absolute: usize,
    /// Requirements that some code is tagged with.
    pub tagged: usize,
    /// MUST and MUST NOT that some code is tagged with.
    pub absolute_tagged: usize,
}

/// Counts the requirements of one area; of all with `None`.
#[must_use]
pub fn count(report: &Report, area: Option<&str>) -> Count {
    let tagged: BTreeSet<&str> = report.tags.iter().map(|tag| tag.id.as_str()).collect();
    let mut count = Count::default();
    for requirement in &report.requirements {
        if !requirement.is_active() || area.is_some_and(|area| area != requirement.area()) {
            continue;
        }
        let absolute = requirement.level.is_absolute();
        let tagged = tagged.contains(requirement.id.as_str());
        count.total += 1;
        count.absolute += usize::from(absolute);
        count.tagged += usize::from(tagged);
        count.absolute_tagged += usize::from(absolute && tagged);
    }
    count
}

/// The table as text.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut text =
        String::from("area                        requirements  MUST  tagged  MUST tagged\n");
    let areas = AREAS.iter().map(|(area, title)| (Some(*area), *title));
    for (area, title) in areas.chain([(None, "all areas")]) {
        let c = count(report, area);
        let name = area.unwrap_or("");
        let _ = writeln!(
            text,
            "{name:<4}{title:<24}{:>12}{:>6}{:>8}{:>13}",
            c.total, c.absolute, c.tagged, c.absolute_tagged
        );
    }
    text
}
