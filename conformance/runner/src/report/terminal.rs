//! What a person sees while and after a suite runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use super::hexdump::hexdump;
use crate::data::Data;
use crate::results::{CaseResult, Direction, LogLine, Role, Run, Status};

/// Failures that are shown in full; the others are named.
const SHOWN: usize = 20;

/// Lines of what was exchanged that are shown of a failure.
const LINES: usize = 12;

/// What the remark before a repetition begins with.
const AGAIN: &str = "run once more, ";

/// Columns of text.
const COLUMNS: usize = 96;

/// Characters of a request in a line that repeats it.
const REQUEST: usize = 2000;

/// A line that counts cases, where standard error is a terminal.
#[derive(Debug)]
pub struct Progress {
    total: usize,
    done: AtomicUsize,
    failed: AtomicUsize,
    shown: bool,
}

impl Progress {
    /// For so many cases.
    #[must_use]
    pub fn new(total: usize) -> Self {
        Self {
            total,
            done: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            shown: std::io::stderr().is_terminal(),
        }
    }

    /// A case has ended.
    pub fn ended(&self, case: &CaseResult) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let failure = usize::from(case.status.is_failure());
        let failed = self.failed.fetch_add(failure, Ordering::Relaxed) + failure;
        if self.shown && (done.is_multiple_of(16) || done == self.total || failure > 0) {
            let line = format!("\r{done}/{} cases, {failed} failed ", self.total);
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        if self.shown {
            let _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

/// Texts of requirements, by id.
#[derive(Clone, Debug, Default)]
pub struct Requirements {
    texts: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Requirement {
    id: String,
    text: String,
}

impl Requirements {
    /// Those of the specification.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn read(data: &Data) -> Result<Self, String> {
        const FILE: &str = "spec/registry/requirements.json";
        let text = data.read(FILE)?;
        let list: Vec<Requirement> =
            serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
        let texts = list.into_iter().map(|it| (it.id, it.text)).collect();
        Ok(Self { texts })
    }

    /// The text of one.
    #[must_use]
    pub fn text(&self, id: &str) -> &str {
        self.texts.get(id).map_or("(not in this release)", |it| it)
    }

    /// Id and text of requirements, wrapped and indented.
    #[must_use]
    pub fn show(&self, ids: &[String], indent: &str) -> String {
        let mut shown = String::new();
        for id in ids {
            shown.push_str(&wrapped(&format!("{id} {}", self.text(id)), indent));
        }
        shown
    }
}

/// Text in lines of `COLUMNS`.
#[must_use]
pub fn wrapped(text: &str, indent: &str) -> String {
    let mut shown = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + word.len() >= COLUMNS {
            let _ = writeln!(shown, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(shown, "{indent}{line}");
    shown
}

/// Everything about a run that a person wants to see at its end.
#[must_use]
pub fn report(run: &Run, requirements: &Requirements) -> String {
    let mut text = String::new();
    let failures: Vec<&CaseResult> = run
        .cases
        .iter()
        .filter(|case| case.status.is_failure() || case.status == Status::Flaky)
        .collect();
    for case in failures.iter().take(SHOWN) {
        text.push_str(&failure(run, case, requirements));
    }
    if failures.len() > SHOWN {
        let _ = writeln!(text, "and {} more:", failures.len() - SHOWN);
        for case in failures.iter().skip(SHOWN) {
            let _ = writeln!(text, "  {} {}", name(case.status), case.id);
        }
        text.push('\n');
    }
    for case in &run.cases {
        if case.status == Status::UnexpectedlyPassed {
            let _ = writeln!(text, "passed although known to fail: {}", case.id);
        }
    }
    text.push_str(&summary(run));
    text
}

/// A failed case: what it is about, what was expected and came, and how to see it again.
#[must_use]
pub fn failure(run: &Run, case: &CaseResult, requirements: &Requirements) -> String {
    let mut text = format!("{} {}\n", name(case.status), case.id);
    text.push_str(&wrapped(&case.desc, "  "));
    text.push_str(&requirements.show(&case.req, "  "));
    if !case.reason.is_empty() && (case.actual.is_empty() || run.role == Role::Server) {
        text.push_str(&indented("reason", &case.reason));
    }
    if !case.expected.is_empty() {
        text.push_str(&indented("expected", &case.expected));
    }
    if !case.actual.is_empty() {
        text.push_str(&indented("actual", &case.actual));
    }
    match run.role {
        Role::Codec => {
            for line in case.log.iter().filter(|line| !line.octets.is_empty()) {
                text.push_str(&indented("octets", hexdump(&line.octets).trim_end()));
            }
        }
        Role::Server | Role::Client => {
            // Nobody can repeat what passes when it is repeated.
            let most = match case.status {
                Status::Flaky => usize::MAX,
                _ => LINES,
            };
            text.push_str(&exchange(&case.log, most));
        }
    }
    let _ = writeln!(text, "  replay    {}", replay(run, case));
    if let Some(raw) = raw(run, case) {
        let _ = writeln!(text, "  by hand   {raw}");
    }
    text.push('\n');
    text
}

/// The end of what was exchanged, in the first run and in the repetition behind it, and the octets of the last
/// frame of the testee.
fn exchange(log: &[LogLine], most: usize) -> String {
    let again = |line: &LogLine| line.text.starts_with(AGAIN);
    let first = log.iter().position(again).unwrap_or(log.len());
    let (first, second) = log.split_at(first);
    let mut text = String::new();
    for run in [first, second] {
        let earlier = run.len().saturating_sub(most);
        if let Some(remark) = run.first().filter(|line| earlier > 0 && again(line)) {
            text.push_str(&indented("again", &logged(remark)));
        }
        if earlier > 0 {
            let _ = writeln!(
                text,
                "  exchanged … {earlier} lines before, which replay shows"
            );
        }
        for line in run.iter().skip(earlier) {
            let title = if text.is_empty() { "exchanged" } else { "" };
            text.push_str(&indented(title, &logged(line)));
        }
    }
    let received =
        |line: &&LogLine| line.direction == Direction::Received && !line.octets.is_empty();
    if let Some(line) = first.iter().rfind(received) {
        text.push_str(&indented("octets", hexdump(&line.octets).trim_end()));
    }
    text
}

/// One line of what was exchanged: time, connection, direction, what.
#[must_use]
pub fn logged(line: &LogLine) -> String {
    let direction = match line.direction {
        Direction::Sent => ">",
        Direction::Received => "<",
        Direction::Note => "·",
    };
    format!(
        "{:>5} ms {} {direction} {}",
        line.at_ms, line.place, line.text
    )
}

/// A title, and lines below one another.
fn indented(title: &str, text: &str) -> String {
    let mut lines = text.lines();
    let mut shown = format!("  {title:<9} {}\n", lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(shown, "            {line}");
    }
    shown
}

/// The command that runs one case again.
#[must_use]
pub fn replay(run: &Run, case: &CaseResult) -> String {
    match run.role {
        Role::Codec => format!("eim-conformance replay {} -- {}", case.id, run.command),
        Role::Server => format!(
            "eim-conformance server --only '{}' {}",
            case.id, run.command
        ),
        Role::Client => format!(
            "eim-conformance client --only '{}' -- {}",
            case.id, run.command
        ),
    }
}

/// The request that failed, for a shell and the testee alone.
fn raw(run: &Run, case: &CaseResult) -> Option<String> {
    if run.role != Role::Codec {
        return None;
    }
    let sent = case.log.iter().find(|it| it.direction == Direction::Sent)?;
    let fits = sent.text.len() <= REQUEST && !sent.text.contains('\'');
    fits.then(|| format!("printf '%s\\n' '{}' | {}", sent.text, run.command))
}

/// One line for each status, and what the run was.
#[must_use]
pub fn summary(run: &Run) -> String {
    let counts = run.counts();
    let count = |status| counts.get(&status).copied().unwrap_or(0);
    let mut parts = vec![format!("{} passed", count(Status::Passed))];
    let failed: usize = counts
        .iter()
        .filter(|(status, _)| status.is_failure())
        .map(|(_, count)| count)
        .sum();
    parts.push(format!("{failed} failed"));
    for status in [
        Status::Crashed,
        Status::TimedOut,
        Status::Garbage,
        Status::Flaky,
        Status::NotApplicable,
        Status::KnownFailing,
        Status::KnownFlaky,
        Status::UnexpectedlyPassed,
    ] {
        if count(status) > 0 {
            parts.push(format!("{} {}", count(status), name(status)));
        }
    }
    let mut text = String::new();
    for (reason, count) in not_applicable(run) {
        let _ = writeln!(text, "not applicable: {count} ({reason})");
    }
    let _ = writeln!(
        text,
        "{} {} {}: {} cases, {} ({:.1} s)",
        role_name(run.role),
        run.testee.name,
        run.testee.version,
        run.cases.len(),
        parts.join(", "),
        std::time::Duration::from_millis(run.ms).as_secs_f64()
    );
    text
}

fn not_applicable(run: &Run) -> BTreeMap<&str, usize> {
    let mut reasons = BTreeMap::new();
    for case in &run.cases {
        if case.status == Status::NotApplicable {
            *reasons.entry(case.reason.as_str()).or_insert(0) += 1;
        }
    }
    reasons
}

/// A status in words.
#[must_use]
pub const fn name(status: Status) -> &'static str {
    match status {
        Status::Passed => "passed",
        Status::Failed => "FAILED",
        Status::Crashed => "CRASHED",
        Status::TimedOut => "TIMED OUT",
        Status::Garbage => "GARBAGE",
        Status::Flaky => "FLAKY",
        Status::NotApplicable => "not applicable",
        Status::KnownFailing => "known failing",
        Status::KnownFlaky => "known flaky",
        Status::UnexpectedlyPassed => "unexpectedly passed",
    }
}

/// A role in words.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Codec => "codec",
        Role::Server => "server",
        Role::Client => "client",
    }
}
