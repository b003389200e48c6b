//! Results as Markdown, for the summary of a CI step.

use std::fmt::Write as _;

use crate::results::{Results, Run, Status};

/// How many failures of a run are listed.
const LISTED: usize = 50;

/// The Markdown.
#[must_use]
pub fn markdown(results: &Results) -> String {
    let mut text = String::from("# EIM conformance\n\n");
    text.push_str("| role | testee | passed | failed | known | flaky | not applicable |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---:|\n");
    for run in &results.runs {
        let counts = run.counts();
        let of = |status| counts.get(&status).copied().unwrap_or(0);
        let failed: usize = run.cases.iter().filter(|c| c.status.is_failure()).count();
        let _ = writeln!(
            text,
            "| {} | {} {} | {} | {} | {} | {} | {} |",
            run.role.name(),
            run.testee.name,
            run.testee.version,
            of(Status::Passed),
            failed + of(Status::UnexpectedlyPassed),
            of(Status::KnownFailing) + of(Status::KnownFlaky),
            of(Status::Flaky),
            of(Status::NotApplicable)
        );
    }
    for run in &results.runs {
        failures(run, &mut text);
    }
    let suite = &results.suite;
    let _ = writeln!(
        text,
        "\nSuite {}, requirements sha256:{}, cases sha256:{}",
        suite.version, suite.requirements_sha256, suite.cases_sha256
    );
    text
}

fn failures(run: &Run, text: &mut String) {
    let bad = |status: Status| {
        status.is_failure() || matches!(status, Status::Flaky | Status::UnexpectedlyPassed)
    };
    let failed: Vec<_> = run.cases.iter().filter(|case| bad(case.status)).collect();
    if failed.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n## {} {}\n", run.role.name(), run.name);
    for case in failed.iter().take(LISTED) {
        let _ = writeln!(
            text,
            "- `{}` {} ({}): expected {}; {}",
            case.id,
            case.status.name(),
            case.req.join(", "),
            one_line(&case.expected),
            one_line(&case.actual)
        );
    }
    if failed.len() > LISTED {
        let _ = writeln!(text, "- and {} more", failed.len() - LISTED);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
