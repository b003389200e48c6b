//! The result of a case, with everything a report needs.

use super::case_run::{CaseRun, Failure};
use super::judge_others::outcomes;
use super::plan::{Run, sentinel};
use super::words;
use crate::results::{CaseResult, Direction, Field, LogLine, Status};
use crate::vectors::model::{Case, Kind, Level, Part, Test};
use crate::vectors::octets::to_hex;

/// Octets of the log that are kept.
const LOGGED: usize = 4096;

/// Characters of a request or reply that are kept.
const TEXT: usize = 16 * 1024;

/// Area of a vector: the second part of the id of its first requirement, in lower case.
#[must_use]
pub fn area(case: &Case) -> String {
    let first = case.req.first().and_then(|id| id.split('-').nth(1));
    first.unwrap_or("none").to_lowercase()
}

fn blank(case: &Case) -> CaseResult {
    let level = match case.level {
        Level::Must => "must",
        Level::Should => "should",
        Level::May => "may",
    };
    CaseResult {
        id: case.id.clone(),
        area: area(case),
        req: case.req.clone(),
        level: level.to_owned(),
        kind: kind(case.kind).to_owned(),
        desc: case.desc.clone(),
        status: Status::Passed,
        reason: String::new(),
        expected: String::new(),
        actual: String::new(),
        log: Vec::new(),
        ms: 0,
    }
}

/// Name of a kind, as in the vectors.
#[must_use]
pub const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Valid => "valid",
        Kind::Invalid => "invalid",
        Kind::Boundary => "boundary",
        Kind::Order => "order",
        Kind::Limit => "limit",
    }
}

pub(super) fn not_applicable(case: &Case, reason: String) -> CaseResult {
    CaseResult {
        status: Status::NotApplicable,
        reason,
        ..blank(case)
    }
}

/// A case that was not reached because the testee did not answer others.
pub(super) fn not_run(case: &Case) -> CaseResult {
    CaseResult {
        status: Status::Garbage,
        reason: "not run: the testee was given up".to_owned(),
        ..blank(case)
    }
}

/// The result of a case that is over.
pub(super) fn result(run: &CaseRun<'_>) -> CaseResult {
    let ms = u64::try_from(run.began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut result = CaseResult {
        ms,
        ..blank(run.case)
    };
    if let Some(failure) = &run.failure {
        result.status = failure.status;
        result.reason = reason(failure);
        result.expected = expected(run.case);
        result.actual = actual(failure);
        result.log = log(run.case, failure);
    }
    result
}

fn reason(failure: &Failure) -> String {
    let first = failure.differences.first();
    let first = first.and_then(|text| text.lines().next());
    format!("{}: {}", failure.run, first.unwrap_or_default())
}

/// What is expected of a case, in words.
#[must_use]
pub fn expected(case: &Case) -> String {
    match &case.test {
        Test::Decode(test) => words::expected(&test.expect),
        Test::Encode(test) => serde_json::to_string(&test.expect).unwrap_or_default(),
        Test::Story(test) => outcomes(&test.expect),
        Test::Derive(test) => serde_json::to_string(&test.expect).unwrap_or_default(),
    }
}

fn actual(failure: &Failure) -> String {
    let verdict = match (&failure.reply, failure.actual.as_str()) {
        (Some(reply), "") => shortened(reply),
        (_, verdict) => verdict.to_owned(),
    };
    let lines = [format!("{}:", failure.run), verdict];
    lines
        .into_iter()
        .chain(failure.differences.iter().map(|it| format!("- {it}")))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

fn log(case: &Case, failure: &Failure) -> Vec<LogLine> {
    let line = |direction, text: String, octets| LogLine {
        at_ms: 0,
        place: "testee".to_owned(),
        direction,
        text,
        octets,
    };
    let request = shortened(&format!("{{\"id\":0,{}}}", failure.request));
    let mut log = vec![
        line(Direction::Note, failure.run.to_string(), Vec::new()),
        line(Direction::Sent, request, fields(case, failure.run)),
    ];
    log.extend(
        failure
            .reply
            .as_deref()
            .map(|reply| line(Direction::Received, shortened(reply), Vec::new())),
    );
    log
}

fn shortened(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(TEXT).collect();
    shown.push('…');
    shown
}

/// The octets of a run, by field; none for operations that take no octets.
#[must_use]
pub(super) fn fields(case: &Case, run: Run) -> Vec<Field> {
    let Test::Decode(test) = &case.test else {
        return Vec::new();
    };
    let most = match run {
        Run::Undecided(count) | Run::Decided(count) | Run::Prefix(count) => count.min(LOGGED),
        _ => LOGGED,
    };
    let mut fields = named(&test.input, most);
    let used: usize = fields.iter().map(|field| field.hex.len() / 2).sum();
    if run == Run::Followed && used < most {
        fields.push(Field {
            name: "the frame that follows".to_owned(),
            hex: to_hex(&sentinel(&case.config).octets()),
        });
    }
    fields
}

/// The first octets of parts, under the names of their fields.
pub(super) fn named(parts: &[Part], most: usize) -> Vec<Field> {
    let mut left = most;
    let mut fields = Vec::new();
    for part in parts {
        if left == 0 {
            break;
        }
        let mut octets = part.octets().unwrap_or_default();
        octets.truncate(left);
        left -= octets.len();
        fields.push(Field {
            name: part.field().to_owned(),
            hex: to_hex(&octets),
        });
    }
    fields
}
