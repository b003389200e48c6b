//! Results as one page of HTML, which needs nothing but itself.
//!
//! A table of cases by testees for each role; each cell leads to what was expected, what came, and
//! every octet that was exchanged, by field.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;

use super::terminal::replay;
use crate::data::Data;
use crate::results::{CaseResult, Direction, LogLine, Results, Role, Run, Status};

const STYLE: &str = include_str!("html.css");
const SCRIPT: &str = include_str!("html.js");

/// As much of `requirements.json` as the page shows.
#[derive(Debug, Deserialize)]
struct Text {
    id: String,
    text: String,
}

/// The page.
///
/// # Errors
/// When the requirements cannot be read.
pub fn html(results: &Results, data: &Data) -> Result<String, String> {
    let catalogue = data.read("spec/registry/requirements.json")?;
    let rows: Vec<Text> = serde_json::from_str(&catalogue).map_err(|e| e.to_string())?;
    let texts: BTreeMap<String, String> = rows.into_iter().map(|row| (row.id, row.text)).collect();
    let mut body = summary(results);
    for role in [Role::Codec, Role::Server, Role::Client] {
        let runs: Vec<&Run> = results.runs.iter().filter(|run| run.role == role).collect();
        if !runs.is_empty() {
            matrix(role, &runs, &texts, &mut body);
        }
    }
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>EIM conformance</title>\
         <style>{STYLE}</style></head>\n<body><h1>EIM conformance</h1>\n{body}\
         <p class=\"suite\">Suite {}, requirements sha256:{}, cases sha256:{}</p>\
         <script>{SCRIPT}</script></body></html>\n",
        escape(&results.suite.version),
        escape(&results.suite.requirements_sha256),
        escape(&results.suite.cases_sha256)
    ))
}

/// One line a run, and the filters.
fn summary(results: &Results) -> String {
    let mut text = String::from(
        "<div class=\"scroll\"><table class=\"summary\"><tr><th>role<th>testee<th class=\"features\">features",
    );
    let all: BTreeSet<Status> = results
        .runs
        .iter()
        .flat_map(|run| run.cases.iter().map(|case| case.status))
        .collect();
    for status in &all {
        let _ = write!(text, "<th>{}", status.name());
    }
    text.push_str("</tr>\n");
    for run in &results.runs {
        let counts = run.counts();
        let _ = write!(
            text,
            "<tr><td>{}<td><b>{}</b>: {} {} {}<td class=\"features\">{}",
            run.role.name(),
            escape(&run.name),
            escape(&run.testee.name),
            escape(&run.testee.version),
            escape(&run.testee.language),
            escape(&run.testee.features.join(", "))
        );
        for status in &all {
            let count = counts.get(status).copied().unwrap_or(0);
            let class = if count == 0 { "none" } else { status.name() };
            let _ = write!(text, "<td class=\"{class}\">{count}");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table></div>\n<p class=\"filter\"><label>cases <input id=\"words\" type=\"search\" placeholder=\"id, requirement, words\"></label> ");
    text.push_str("<label>show <select id=\"show\"><option value=\"all\">all<option value=\"open\">what did not pass everywhere<option value=\"failed\">what failed somewhere</select></label> <span id=\"count\"></span></p>\n");
    text
}

/// The cases of a role, by area; a column a testee.
fn matrix(role: Role, runs: &[&Run], texts: &BTreeMap<String, String>, out: &mut String) {
    let mut cases: BTreeMap<(&str, &str), Vec<Option<&CaseResult>>> = BTreeMap::new();
    for (column, run) in runs.iter().enumerate() {
        for case in &run.cases {
            let cells = cases
                .entry((&case.area, &case.id))
                .or_insert_with(|| vec![None; runs.len()]);
            if let Some(cell) = cells.get_mut(column) {
                *cell = Some(case);
            }
        }
    }
    let _ = write!(
        out,
        "<section><h2>{}</h2>\n<table class=\"matrix\"><thead><tr><th>case",
        role.name()
    );
    for run in runs {
        let _ = write!(out, "<th>{}", escape(&run.name));
    }
    out.push_str("</tr></thead>\n");
    let mut area = "";
    for ((of, id), cells) in &cases {
        if *of != area {
            area = of;
            let columns = runs.len() + 1;
            let _ = writeln!(
                out,
                "<tr class=\"area\"><th colspan=\"{columns}\">{}</tr>",
                escape(area)
            );
        }
        row(id, runs, cells, texts, out);
    }
    out.push_str("</table></section>\n");
}

fn row(
    id: &str,
    runs: &[&Run],
    cells: &[Option<&CaseResult>],
    texts: &BTreeMap<String, String>,
    out: &mut String,
) {
    let Some(first) = cells.iter().flatten().next() else {
        return;
    };
    let all = |wanted: fn(Status) -> bool| cells.iter().flatten().all(|case| wanted(case.status));
    let state = if all(Status::is_pass) {
        "passed"
    } else if all(|status| status.is_pass() || status == Status::NotApplicable) {
        "open"
    } else {
        "failed"
    };
    let _ = write!(
        out,
        "<tr class=\"case\" data-state=\"{state}\"><td><details><summary>{}</summary><p>{}</p><ul>",
        escape(id),
        escape(&first.desc)
    );
    for id in &first.req {
        let text = texts.get(id).map_or("", String::as_str);
        let _ = write!(out, "<li><b>{}</b> {}", escape(id), escape(text));
    }
    out.push_str("</ul>");
    for (run, case) in runs.iter().zip(cells) {
        if let Some(case) = case.filter(|case| !case.status.is_pass()) {
            verdict(run, case, out);
        }
    }
    out.push_str("</details>");
    for case in cells {
        match case {
            Some(case) => {
                let name = case.status.name();
                let _ = write!(out, "<td class=\"{name}\">{name}");
            }
            None => out.push_str("<td class=\"none\">"),
        }
    }
    out.push_str("</tr>\n");
}

/// Why a case did not pass, with its log.
fn verdict(run: &Run, case: &CaseResult, out: &mut String) {
    let _ = write!(
        out,
        "<h4>{}: {}</h4><p>{}</p>",
        escape(&run.name),
        case.status.name(),
        escape(&case.reason)
    );
    if !case.status.is_failure() && case.log.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<dl><dt>expected<dd><pre>{}</pre><dt>actual<dd><pre>{}</pre></dl>",
        escape(&case.expected),
        escape(&case.actual)
    );
    let _ = write!(
        out,
        "<dl><dt>replay<dd><pre>{}</pre></dl>",
        escape(&replay(run, case))
    );
    out.push_str("<table class=\"log\">");
    for line in &case.log {
        log_line(line, out);
    }
    out.push_str("</table>");
}

fn log_line(line: &LogLine, out: &mut String) {
    let arrow = match line.direction {
        Direction::Sent => "→",
        Direction::Received => "←",
        Direction::Note => "·",
    };
    let _ = write!(
        out,
        "<tr><td>{} ms<td>{}<td>{arrow}<td>{}",
        line.at_ms,
        escape(&line.place),
        escape(&line.text)
    );
    if !line.octets.is_empty() {
        out.push_str("<div class=\"octets\">");
        for field in &line.octets {
            let _ = write!(
                out,
                "<span title=\"{0}\"><i>{0}</i>{1}</span>",
                escape(&field.name),
                escape(&spaced(&field.hex))
            );
        }
        out.push_str("</div>");
    }
    out.push_str("</tr>");
}

/// `01a2` as `01 a2`.
fn spaced(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    let pairs: Vec<String> = digits.chunks(2).map(|pair| pair.iter().collect()).collect();
    pairs.join(" ")
}

/// Text in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
