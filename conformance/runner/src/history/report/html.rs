//! The verdict as one page: time line, findings, what proves them.

use std::fmt::Write as _;

use super::super::files::Judged;
use super::super::verdict::{Counts, Finding, Kind};
use super::svg::svg;
use super::text::line;
use super::{number, seconds};

/// The page. `requirement` gives the text of one.
#[must_use]
pub fn html(judged: &Judged, requirement: &dyn Fn(&str) -> String) -> String {
    let verdict = &judged.verdict;
    let clean = verdict.is_clean();
    let word = if clean { "passed" } else { "failed" };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>EIM history: {word}</title>\n<style>{}</style>\n<h1>History <span class=\"{word}\">{word}</span></h1>\n",
        include_str!("page.css")
    );
    out.push_str("<p class=\"kinds\">");
    for kind in Kind::ALL {
        let count = verdict.count(kind);
        let class = if count == 0 { "none" } else { "failed" };
        let _ = write!(
            out,
            "<span class=\"{class}\"><b>{}</b> {}</span> ",
            number(count),
            kind.name()
        );
    }
    out.push_str("</p>\n");
    out.push_str(&svg(&judged.timeline));
    out.push_str(&table(&verdict.counts, judged));
    if !clean {
        out.push_str("<h2>Findings</h2>\n");
        for finding in &verdict.findings {
            one(judged, finding, requirement, &mut out);
        }
        let found: u64 = verdict.found.values().sum();
        let given = verdict.findings.len() as u64;
        if found > given {
            let _ = writeln!(out, "<p>and {} more</p>", number(found - given));
        }
    }
    faults(judged, &mut out);
    out
}

fn table(counts: &Counts, judged: &Judged) -> String {
    let unproven = counts.acked.saturating_sub(counts.proven);
    let rows = [
        ("events", counts.events),
        ("processes", counts.processes),
        ("crashed", counts.crashes),
        ("devices", counts.devices),
        ("conversations", counts.conversations),
        ("messages sent", counts.sent),
        ("acked", counts.acked),
        ("acked, beyond all complete readings", unproven),
        (
            "acked, discarded when the store was set back",
            counts.discarded,
        ),
        ("refused for good", counts.refused),
        ("outcome unknown", counts.unknown),
        ("deliveries", counts.deliveries),
        ("complete readings", counts.readings),
        ("entries read", counts.read),
        ("torn last lines", judged.torn),
    ];
    let mut out = String::from("<table class=\"counts\">");
    for (name, count) in rows {
        let _ = write!(out, "<tr><td>{name}<td class=\"number\">{}", number(count));
    }
    for header in judged.headers.iter().take(20) {
        let seed = header
            .seed
            .map_or_else(String::new, |seed| format!(", seed {seed}"));
        let _ = write!(
            out,
            "<tr><td>written by<td>{}{seed}",
            escape(&header.writer)
        );
    }
    out.push_str("</table>\n");
    out
}

fn one(judged: &Judged, finding: &Finding, requirement: &dyn Fn(&str) -> String, out: &mut String) {
    let _ = writeln!(
        out,
        "<details open><summary><span class=\"failed\">{}</span> {}</summary>",
        finding.kind.name(),
        escape(&finding.text)
    );
    if let Some(id) = finding.rule.requirement() {
        let _ = writeln!(out, "<p><b>{id}</b> {}</p>", escape(&requirement(id)));
    }
    let _ = writeln!(out, "<p class=\"rule\">rule {}</p>", finding.rule.name());
    if !finding.witness.is_empty() {
        out.push_str("<table class=\"witness\">");
        for event in &finding.witness {
            let _ = writeln!(
                out,
                "<tr><td>{}<td>{}<td>{}",
                seconds(judged.timeline.at(event)),
                escape(&event.process),
                escape(&line(event))
            );
        }
        out.push_str("</table>\n<details><summary>as lines of a history</summary><pre>");
        for event in &finding.witness {
            let line = serde_json::to_string(event).unwrap_or_default();
            let _ = writeln!(out, "{}", escape(&line));
        }
        out.push_str("</pre></details>\n");
    }
    out.push_str("</details>\n");
}

fn faults(judged: &Judged, out: &mut String) {
    if judged.timeline.faults.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Faults and crashes</h2>\n<details><summary>all</summary><table class=\"witness\">",
    );
    for mark in &judged.timeline.faults {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}",
            seconds(mark.at_us),
            escape(&mark.text)
        );
    }
    out.push_str("</table></details>\n");
}

/// Text in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
