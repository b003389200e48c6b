//! Every report is made from the results alone, and says what they say.

use eim_conformance::data::Data;
use eim_conformance::report::{html, junit, markdown};
use eim_conformance::results::{
    CaseResult, Direction, FORMAT, Field, LogLine, Results, Role, Run, Status, Suite, Testee,
};
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

fn case(id: &str, status: Status) -> CaseResult {
    let failed = status.is_failure();
    CaseResult {
        id: id.into(),
        area: "framing".into(),
        req: vec!["EIM-FRM-012".into()],
        level: "must".into(),
        kind: "invalid".into(),
        desc: "a length <beyond> the limit & more".into(),
        status,
        reason: if status.is_pass() { "" } else { "because" }.into(),
        expected: if failed { "reject at \"length\"" } else { "" }.into(),
        actual: if failed { "1 frame" } else { "" }.into(),
        log: failed
            .then(|| LogLine {
                at_ms: 3,
                place: "testee".into(),
                direction: Direction::Sent,
                text: "octets".into(),
                octets: vec![Field {
                    name: "length".into(),
                    hex: "00010001".into(),
                }],
            })
            .into_iter()
            .collect(),
        ms: 5,
    }
}

const STATUSES: [Status; 10] = [
    Status::Passed,
    Status::Failed,
    Status::Crashed,
    Status::TimedOut,
    Status::Garbage,
    Status::Flaky,
    Status::NotApplicable,
    Status::KnownFailing,
    Status::KnownFlaky,
    Status::UnexpectedlyPassed,
];

/// One case for each status, and a second testee that passes them all.
fn sample() -> Results {
    let run = |name: &str, cases: Vec<CaseResult>| Run {
        role: Role::Codec,
        name: name.into(),
        testee: Testee {
            name: format!("impl-{name}"),
            version: "1.0".into(),
            ..Testee::default()
        },
        command: "./testee".into(),
        cases,
        ms: 1500,
    };
    let each = STATUSES.map(|status| case(&format!("frm-{}", status.name()), status));
    let all = STATUSES.map(|status| case(&format!("frm-{}", status.name()), Status::Passed));
    Results {
        format: FORMAT,
        suite: Suite {
            version: "1.0.0".into(),
            requirements_sha256: "aa".into(),
            cases_sha256: "bb".into(),
        },
        started_s: 1,
        runs: vec![run("one", each.into()), run("two", all.into())],
    }
}

#[test]
fn results_survive_their_file() {
    let results = sample();
    let text = serde_json::to_string(&results).unwrap();
    assert_eq!(serde_json::from_str::<Results>(&text).unwrap(), results);
    let unknown = text.replacen("\"format\"", "\"mood\":1,\"format\"", 1);
    assert!(serde_json::from_str::<Results>(&unknown).is_err());
}

#[test]
fn times_are_all_that_differs_between_equal_runs() {
    let mut later = sample();
    later.started_s = 99;
    later.runs[0].ms = 7;
    later.runs[0].cases[1].ms = 7;
    later.runs[0].cases[1].log[0].at_ms = 7;
    assert_ne!(later, sample());
    assert_eq!(later.clone().without_times(), sample().without_times());
    later.runs[0].cases[0].status = Status::Failed;
    assert_ne!(later.without_times(), sample().without_times());
}

/// The XML is read back by a parser of JUnit, which refuses what the form does not know.
#[test]
fn junit_says_what_the_results_say() {
    let results = sample();
    let report = Report::deserialize_from_str(&junit::junit(&results).unwrap()).unwrap();
    assert_eq!((report.tests, report.failures, report.errors), (20, 3, 3));
    let suite = &report.test_suites[0];
    assert_eq!((suite.tests, suite.disabled), (10, 3));
    for (test, case) in suite.test_cases.iter().zip(&results.runs[0].cases) {
        assert_eq!(test.name.as_str(), case.id);
        assert_eq!(test.properties[0].value.as_str(), "EIM-FRM-012");
        let expected = match case.status {
            Status::Passed => "success",
            Status::NotApplicable | Status::KnownFailing | Status::KnownFlaky => "skipped",
            Status::Crashed | Status::TimedOut | Status::Garbage => "error",
            _ => "failure",
        };
        let actual = match &test.status {
            TestCaseStatus::Success { .. } => "success",
            TestCaseStatus::Skipped { .. } => "skipped",
            TestCaseStatus::NonSuccess {
                kind: NonSuccessKind::Error,
                ..
            } => "error",
            TestCaseStatus::NonSuccess { .. } => "failure",
        };
        assert_eq!(actual, expected, "{}", case.id);
    }
}

#[test]
fn the_page_escapes_and_shows_the_octets() {
    let page = html::html(&sample(), &Data::Embedded).unwrap();
    assert!(page.contains("a length &lt;beyond&gt; the limit &amp; more"));
    assert!(!page.contains("<beyond>"));
    assert!(page.contains("<i>length</i>00 01 00 01"));
    assert!(page.contains("<b>EIM-FRM-012</b> A "), "with its text");
    assert_eq!(page.matches("class=\"case\"").count(), STATUSES.len());
    assert!(!page.contains("http"), "the page needs nothing but itself");
}

#[test]
fn markdown_lists_what_failed() {
    let text = markdown::markdown(&sample());
    assert!(
        text.contains("| codec | impl-one 1.0 | 1 | 5 | 2 | 1 | 1 |"),
        "{text}"
    );
    assert!(text.contains("- `frm-timed-out` timed-out (EIM-FRM-012)"));
    assert!(!text.contains("codec two\n"), "nothing of it failed");
}
