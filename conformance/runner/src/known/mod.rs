//! Lists of cases that are known to fail, or to be flaky, in a testee.
//!
//! ```text
//! # issue 17
//! cmp-zstd-window-*   # the library has no bound on the window
//! ```
//!
//! Each line is a pattern of ids and, behind `#`, the reason. A list cannot rot: a pattern that fits no
//! case, or that fits cases of which none fails, is stale.

use std::path::Path;

use crate::pattern::Pattern;
use crate::results::{Run, Status};

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which cases.
    pub pattern: Pattern,
    /// Why.
    pub reason: String,
    /// Line of the file, from 1.
    pub line: usize,
}

/// Both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lists {
    /// Cases that fail.
    pub failing: Vec<Known>,
    /// Cases that fail now and then.
    pub flaky: Vec<Known>,
}

impl Lists {
    /// Reads the lists from files.
    ///
    /// # Errors
    /// A file that cannot be read, or a line without a reason.
    pub fn read(failing: Option<&Path>, flaky: Option<&Path>) -> Result<Self, String> {
        let read = |file: Option<&Path>| {
            let Some(file) = file else {
                return Ok(Vec::new());
            };
            let name = file.display();
            let text = std::fs::read_to_string(file).map_err(|e| format!("{name}: {e}"))?;
            parse(&text).map_err(|error| format!("{name}:{error}"))
        };
        Ok(Self {
            failing: read(failing)?,
            flaky: read(flaky)?,
        })
    }

    /// Marks what is known in the results of a run. `all` are the ids of all cases of the role, so that a
    /// choice of cases makes no line stale. Returns what is stale, in words.
    #[must_use]
    pub fn apply(&self, run: &mut Run, all: &[&str]) -> Vec<String> {
        let mut stale = Vec::new();
        for known in &self.failing {
            let mut chosen = false;
            let mut failed = false;
            let mut passing = Vec::new();
            for case in run
                .cases
                .iter_mut()
                .filter(|it| known.pattern.fits(plain(&it.id)))
            {
                chosen = true;
                if case.status.is_failure() {
                    case.status = Status::KnownFailing;
                    case.reason = format!("{} ({})", known.reason, case.reason);
                    failed = true;
                } else if case.status == Status::Passed {
                    case.status = Status::UnexpectedlyPassed;
                    case.reason.clone_from(&known.reason);
                    passing.push(case.id.clone());
                } else {
                    failed |= case.status == Status::KnownFailing;
                }
            }
            stale.extend(known.fits_nothing(all));
            match passing.as_slice() {
                [] if chosen && !failed => {
                    stale.push(known.stale("no case that it fits is applicable"));
                }
                [] => {}
                [one] => stale.push(known.stale(&format!("{one} passes"))),
                [first, others @ ..] => {
                    let message = format!("{first} and {} more pass", others.len());
                    stale.push(known.stale(&message));
                }
            }
        }
        for known in &self.flaky {
            for case in run
                .cases
                .iter_mut()
                .filter(|it| known.pattern.fits(plain(&it.id)))
            {
                if case.status == Status::Flaky {
                    case.status = Status::KnownFlaky;
                    case.reason = format!("{} ({})", known.reason, case.reason);
                }
            }
            stale.extend(known.fits_nothing(all));
        }
        stale
    }
}

/// The id without the transport.
fn plain(id: &str) -> &str {
    id.split_once('@').map_or(id, |(id, _)| id)
}

impl Known {
    fn place(&self) -> String {
        format!("line {}: {}", self.line, self.pattern.text())
    }

    fn stale(&self, why: &str) -> String {
        format!("{}: {why}", self.place())
    }

    fn fits_nothing(&self, all: &[&str]) -> Option<String> {
        let fits = all.iter().any(|id| self.pattern.fits(id));
        (!fits).then(|| self.stale("fits no case"))
    }
}

/// The lines of a list.
///
/// # Errors
/// The first line without a reason, in words that begin with its number.
pub fn parse(text: &str) -> Result<Vec<Known>, String> {
    let mut list = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let number = place + 1;
        let (pattern, reason) = line.split_once('#').unwrap_or((line, ""));
        let (pattern, reason) = (pattern.trim(), reason.trim());
        if pattern.is_empty() {
            continue;
        }
        if reason.is_empty() {
            return Err(format!(
                "{number}: {pattern} has no reason: pattern # reason"
            ));
        }
        list.push(Known {
            pattern: Pattern::new(pattern),
            reason: reason.to_owned(),
            line: number,
        });
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{CaseResult, Role, Testee};

    fn case(id: &str, status: Status) -> CaseResult {
        CaseResult {
            id: id.to_owned(),
            area: "frm".to_owned(),
            req: vec!["EIM-FRM-001".to_owned()],
            level: "must".to_owned(),
            kind: "valid".to_owned(),
            desc: String::new(),
            status,
            reason: "was so".to_owned(),
            expected: String::new(),
            actual: String::new(),
            log: Vec::new(),
            ms: 0,
        }
    }

    fn run_of(cases: &[(&str, Status)]) -> Run {
        Run {
            role: Role::Codec,
            name: "x".to_owned(),
            testee: Testee::default(),
            command: String::new(),
            cases: cases.iter().map(|(id, status)| case(id, *status)).collect(),
            ms: 0,
        }
    }

    fn apply(list: &str, flaky: &str, run: &mut Run, all: &[&str]) -> Vec<String> {
        let failing = parse(list).unwrap();
        let flaky = parse(flaky).unwrap();
        Lists { failing, flaky }.apply(run, all)
    }

    #[test]
    fn a_line_needs_a_reason() {
        assert!(parse("a-*").unwrap_err().starts_with("1: "));
        assert!(
            parse("\n# only words\na # \n")
                .unwrap_err()
                .starts_with("3: ")
        );
        let list = parse("# words\n\n a-*   # why # and how\n").unwrap();
        assert_eq!(list.len(), 1);
        assert_eq!(
            (list[0].line, list[0].reason.as_str()),
            (3, "why # and how")
        );
    }

    #[test]
    fn known_failures_are_no_failures_and_passing_ones_are_stale() {
        let mut run = run_of(&[
            ("a-1", Status::Failed),
            ("a-2", Status::Crashed),
            ("b-1@tls", Status::TimedOut),
            ("c-1", Status::Failed),
        ]);
        let all = ["a-1", "a-2", "b-1", "c-1"];
        assert_eq!(apply("a-* # x\nb-1 # y", "", &mut run, &all), [""; 0]);
        let statuses: Vec<Status> = run.cases.iter().map(|it| it.status).collect();
        let known = Status::KnownFailing;
        assert_eq!(statuses, [known, known, known, Status::Failed]);

        let mut run = run_of(&[
            ("a-1", Status::Passed),
            ("a-2", Status::Passed),
            ("a-3", Status::Passed),
        ]);
        let stale = apply("a-* # x", "", &mut run, &["a-1", "a-2", "a-3"]);
        assert_eq!(stale, ["line 1: a-*: a-1 and 2 more pass"]);

        let mut run = run_of(&[("a-1", Status::Failed), ("a-2", Status::Passed)]);
        let stale = apply("a-* # x", "", &mut run, &["a-1", "a-2"]);
        assert_eq!(stale, ["line 1: a-*: a-2 passes"]);
        assert_eq!(run.cases[1].status, Status::UnexpectedlyPassed);
    }

    #[test]
    fn a_line_that_fits_nothing_is_stale_but_one_that_was_not_chosen_is_not() {
        let mut run = run_of(&[("a-1", Status::Failed)]);
        let all = ["a-1", "b-1"];
        assert_eq!(
            apply("a-1 # x\nb-1 # not chosen", "", &mut run, &all),
            [""; 0]
        );
        let stale = apply("c-1 # gone", "d-* # gone", &mut run, &all);
        assert_eq!(
            stale,
            ["line 1: c-1: fits no case", "line 1: d-*: fits no case"]
        );
    }

    #[test]
    fn a_line_of_which_nothing_is_applicable_is_stale() {
        let mut run = run_of(&[("a-1", Status::NotApplicable)]);
        let stale = apply("a-1 # x", "", &mut run, &["a-1"]);
        assert_eq!(stale, ["line 1: a-1: no case that it fits is applicable"]);
    }

    #[test]
    fn known_flaky_cases_are_marked_and_may_pass() {
        let mut run = run_of(&[
            ("a-1", Status::Flaky),
            ("a-2", Status::Passed),
            ("a-3", Status::Failed),
        ]);
        assert_eq!(apply("", "a-* # x", &mut run, &["a-1"]), [""; 0]);
        let statuses: Vec<Status> = run.cases.iter().map(|it| it.status).collect();
        assert_eq!(
            statuses,
            [Status::KnownFlaky, Status::Passed, Status::Failed]
        );
    }
}
