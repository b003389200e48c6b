//! The matrix on a terminal: one line a testee.

use std::fmt::Write as _;

use crate::results::{Results, Run, Status};

/// The table, in the order of the list.
#[must_use]
pub fn table(results: &Results) -> String {
    let testee = |run: &Run| format!("{} {}", run.testee.name, run.testee.version);
    let width = |of: &dyn Fn(&Run) -> usize, least: usize| {
        results.runs.iter().map(of).max().unwrap_or(0).max(least)
    };
    let name = width(&|run| run.name.len(), 4);
    let version = width(&|run| testee(run).len(), 6);
    let mut text = format!(
        "{:<6}  {:<name$}  {:<version$}  {:>6} {:>6} {:>5} {:>5} {:>14} {:>6}\n",
        "role", "name", "testee", "passed", "failed", "flaky", "known", "not applicable", "time"
    );
    for run in &results.runs {
        let counts = run.counts();
        let of = |status| counts.get(&status).copied().unwrap_or(0);
        let failed = run
            .cases
            .iter()
            .filter(|case| case.status.is_failure())
            .count();
        let known = of(Status::KnownFailing) + of(Status::KnownFlaky);
        let seconds = std::time::Duration::from_millis(run.ms).as_secs_f64();
        let _ = writeln!(
            text,
            "{:<6}  {:<name$}  {:<version$}  {:>6} {:>6} {:>5} {:>5} {:>14} {:>4.0} s",
            run.role.name(),
            run.name,
            testee(run),
            of(Status::Passed),
            failed + of(Status::UnexpectedlyPassed),
            of(Status::Flaky),
            known,
            of(Status::NotApplicable),
            seconds
        );
    }
    text
}
