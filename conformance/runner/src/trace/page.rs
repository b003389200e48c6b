//! The specification as one page of HTML, in which each requirement shows its cases, its code and
//! whether it is shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

use super::Report;
use super::coverage::places;
use super::gate::{Gate, Row, Verdict};
use super::project::Project;
use crate::results::Status;
use crate::spec::metadata;

const STYLE: &str = include_str!("page.css");

/// The page.
///
/// # Errors
/// Which chapter cannot be read, and why.
pub fn page(project: &Project, report: &Report, gate: &Gate<'_>) -> Result<String, String> {
    let rows: BTreeMap<&str, &Row<'_>> = gate
        .rows
        .iter()
        .map(|row| (row.requirement.id.as_str(), row))
        .collect();
    let mut contents = String::new();
    let mut body = String::new();
    for file in project.chapters()? {
        let text = project.read(&file)?;
        let title = text.lines().next().unwrap_or("").trim_start_matches("# ");
        let name = file.trim_start_matches("spec/").trim_end_matches(".md");
        let own: Vec<&&Row<'_>> = rows
            .values()
            .filter(|r| r.requirement.file == file)
            .collect();
        let shown = own.iter().filter(|r| r.verdict == Verdict::Shown).count();
        let _ = writeln!(
            contents,
            "<li><a href=\"#{name}\">{}</a> <small>{shown}/{}</small></li>",
            escape(title),
            own.len()
        );
        let _ = writeln!(body, "<section id=\"{name}\">");
        chapter(&text, report, &rows, &mut body);
        body.push_str("</section>\n");
    }
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>EIM: the specification and its proof</title><style>{STYLE}</style></head>\n\
         <body><nav><h1>EIM</h1>{}<ul>{contents}</ul></nav><main>{body}</main></body></html>\n",
        totals(gate)
    ))
}

/// How many MUSTs stand where.
fn totals(gate: &Gate<'_>) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for row in &gate.rows {
        if row.requirement.level.is_absolute() {
            *counts.entry(row.verdict).or_insert(0) += 1;
        }
    }
    let mut text = String::from("<p>");
    for (verdict, count) in counts {
        let name = verdict.name();
        let _ = write!(
            text,
            "<span class=\"{}\">{count} {name}</span> ",
            class(verdict)
        );
    }
    text + "</p>"
}

/// One chapter; the metadata comment of a requirement becomes its panel.
fn chapter(text: &str, report: &Report, rows: &BTreeMap<&str, &Row<'_>>, out: &mut String) {
    let mut current: Option<&Row<'_>> = None;
    let mut in_heading = false;
    let mut events = Vec::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match &event {
            Event::Start(Tag::Heading {
                level: HeadingLevel::H4,
                ..
            }) => in_heading = true,
            Event::End(TagEnd::Heading(HeadingLevel::H4)) => in_heading = false,
            Event::Text(id) if in_heading => {
                current = rows.get(&**id).copied();
                if let Some(row) = current {
                    let badge = format!(
                        "<span id=\"{id}\" class=\"{}\">{}</span> ",
                        class(row.verdict),
                        row.verdict.name()
                    );
                    events.push(Event::InlineHtml(CowStr::from(badge)));
                }
            }
            Event::Html(comment) if metadata::comment(comment).is_some() => {
                if let Some(row) = current.take() {
                    events.push(Event::Html(CowStr::from(panel(report, row))));
                }
                continue;
            }
            _ => {}
        }
        events.push(event);
    }
    html::push_html(out, events.into_iter());
}

/// Cases, code and metadata of a requirement.
fn panel(report: &Report, row: &Row<'_>) -> String {
    let requirement = row.requirement;
    let mut text = format!(
        "<details class=\"{}\"><summary>{} cases, {} places in code, since {}, revision {}</summary>",
        class(row.verdict),
        row.proofs.len(),
        places(report, &requirement.id).len(),
        requirement.since,
        requirement.rev
    );
    if let Some(reason) = report.exceptions.reason(&requirement.id) {
        let _ = write!(text, "<p>Read, not run: {}</p>", escape(reason));
    }
    text.push_str("<ul>");
    for proof in &row.proofs {
        let (mark, word) = match proof.status {
            Some(Status::Passed) => ("shown", "passed"),
            Some(status) if status.is_failure() => ("failed", "failed"),
            Some(_) => ("open", "not run"),
            None => ("open", "no result"),
        };
        let what = escape(&proof.what);
        let _ = write!(text, "<li><span class=\"{mark}\">{word}</span> {what}</li>");
    }
    for place in places(report, &requirement.id) {
        let _ = write!(text, "<li><code>{}</code></li>", escape(&place));
    }
    text + "</ul></details>\n"
}

const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Shown => "shown",
        Verdict::Read => "read",
        Verdict::NotShown => "open",
        Verdict::Failed => "failed",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
