//! The driver of codec testees against testees with one fault each: what they do wrong is told apart.

mod faulty;

use std::num::NonZeroUsize;
use std::time::Duration;

use eim_conformance::codec::{self, CommandLine, Options, TestError, Tested};
use eim_conformance::results::{CaseResult, Status};
use eim_conformance::vectors::Case;
use serde_json::json;

/// The case in which the fault shows.
const FAULTY: &str = "b-faulty";

fn options(arguments: &[&str]) -> Options {
    let program = faulty::program();
    let words = [program]
        .into_iter()
        .chain(arguments.iter().map(|it| (*it).to_owned()));
    let mut options = Options::new(CommandLine::of_words(words).expect("a command"));
    options.jobs = NonZeroUsize::MIN;
    options.deadlines.floor = Duration::from_secs(10);
    options
}

fn case(id: &str, hex: &str, expect: serde_json::Value) -> Case {
    serde_json::from_value(json!({
        "id": id, "req": ["EIM-FRM-004"], "level": "must", "since": "1.0", "op": "decode",
        "kind": "valid", "desc": "x", "about": {"field": "frame", "class": "whole"},
        "input": [{"hex": hex, "f": "octets"}], "input_hex": hex, "expect": expect,
    }))
    .expect("a case")
}

/// A PING, one more, and a frame of another version.
fn cases() -> Vec<Case> {
    let frame = |payload: &str| json!({"version": 1, "type": 8, "sequence": 0, "compression": 0, "payload_hex": payload});
    let ping = "01080000000000000000020801";
    vec![
        case("a-ping", ping, json!({"frames": [frame("0801")]})),
        case(
            FAULTY,
            &format!("{ping}{ping}"),
            json!({"frames": [frame("0801"), frame("0801")]}),
        ),
        case(
            "c-version",
            "0208000000000000000002",
            json!({"reject": {"stage": "header", "code": "UNSUPPORTED_VERSION"}, "decide_by": 11}),
        ),
        case(
            "d-part",
            "0108",
            json!({"incomplete": {"need_at_least": 9}}),
        ),
    ]
}

fn run(options: &Options) -> Result<Tested, TestError> {
    let cases = cases();
    let cases: Vec<&Case> = cases.iter().collect();
    codec::test(&cases, options, &|_| {})
}

/// Runs all cases against a testee with this fault in one of them, which has to be the only one that
/// does not pass.
fn only_fault(arguments: &[&str]) -> CaseResult {
    only_fault_with(&options(arguments))
}

fn only_fault_with(options: &Options) -> CaseResult {
    let tested = run(options).expect("the testee starts");
    assert_eq!(tested.problems, [""; 0]);
    let (faulty, others): (Vec<CaseResult>, Vec<CaseResult>) =
        tested.run.cases.into_iter().partition(|it| it.id == FAULTY);
    for other in others {
        assert_eq!(other.status, Status::Passed, "{other:?}");
    }
    faulty.into_iter().next().expect("the case was run")
}

#[track_caller]
fn assert_says(result: &CaseResult, status: Status, words: &[&str]) {
    assert_eq!(result.status, status, "{result:?}");
    for word in words {
        assert!(
            result.actual.contains(word),
            "no {word} in: {}",
            result.actual
        );
    }
    assert!(!result.reason.is_empty() && !result.expected.is_empty() && !result.log.is_empty());
}

#[test]
fn a_codec_without_fault_passes() {
    let tested = run(&options(&["none"])).expect("the testee starts");
    assert_eq!(tested.problems, [""; 0]);
    assert!(
        tested
            .run
            .cases
            .iter()
            .all(|it| it.status == Status::Passed)
    );
    assert_eq!(tested.run.testee.name, "faulty");
    assert!(tested.run.cases.iter().all(|it| it.log.is_empty()));
}

#[test]
fn results_keep_the_order_of_the_cases_whatever_runs_them() {
    let ids = |options: &Options| {
        let cases = run(options).expect("the testee starts").run.cases;
        cases
            .into_iter()
            .map(|it| (it.id, it.status))
            .collect::<Vec<_>>()
    };
    let one = options(&["crash", FAULTY]);
    let mut many = one.clone();
    many.jobs = NonZeroUsize::new(3).expect("three");
    let mut isolated = one.clone();
    isolated.isolate = true;
    assert_eq!(ids(&one), ids(&many));
    assert_eq!(ids(&one), ids(&isolated));
}

#[test]
fn a_crash_is_told_with_its_exit_code_and_last_words() {
    let result = only_fault(&["crash", FAULTY]);
    assert_says(
        &result,
        Status::Crashed,
        &["exit code 7", "index out of range"],
    );
    assert!(
        result.actual.len() < 5000,
        "only the end of standard error is kept"
    );
}

#[cfg(unix)]
#[test]
fn a_signal_is_told() {
    let result = only_fault(&["abort", FAULTY]);
    assert_says(&result, Status::Crashed, &["signal 6"]);
}

#[test]
fn a_crash_inside_a_line_is_a_crash() {
    let result = only_fault(&["half-line", FAULTY]);
    assert_says(
        &result,
        Status::Crashed,
        &["exit code 7", "inside the line {\"id\":3,\"fra"],
    );
}

#[test]
fn a_crash_that_needs_other_requests_is_blamed_on_the_one_that_met_it() {
    let result = only_fault(&["crash-after-others", FAULTY]);
    assert_says(
        &result,
        Status::Crashed,
        &["exit code 8", "only among other requests"],
    );
}

#[test]
fn silence_is_a_time_out() {
    let mut options = options(&["hang", FAULTY]);
    options.deadlines.floor = Duration::from_secs(3);
    let result = only_fault_with(&options);
    assert_says(&result, Status::TimedOut, &["no answer within"]);
}

#[test]
fn silence_that_does_not_come_again_is_flaky() {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = folder.path().join("marker");
    let mut options = options(&["hang-once", FAULTY, marker.to_str().expect("UTF-8")]);
    options.deadlines.floor = Duration::from_secs(3);
    let result = only_fault_with(&options);
    assert_says(&result, Status::Flaky, &["answered when asked again"]);
}

#[test]
fn what_is_not_of_the_protocol_is_garbage_and_named() {
    for (fault, words) in [
        ("noise", "no JSON: DEBUG decoding"),
        ("wrong-id", "a reply with id 1000000"),
        ("oversize", "more than 64 MiB: xxxx"),
        ("both", "both incomplete and reject"),
        ("unknown-key", "unknown field `rejct`"),
        ("no-frames", "it needs frames"),
    ] {
        let result = only_fault(&[fault, FAULTY]);
        assert_says(&result, Status::Garbage, &[words]);
    }
}

#[test]
fn a_verdict_that_depends_on_the_reads_fails() {
    let result = only_fault(&["split", FAULTY]);
    let words = ["in two pieces", "incomplete with at least 1 octets missing"];
    assert_says(&result, Status::Failed, &words);
}

#[test]
fn a_rejection_before_it_is_due_fails() {
    let tested = run(&options(&["eager"])).expect("the testee starts");
    let failed: Vec<&CaseResult> = tested
        .run
        .cases
        .iter()
        .filter(|it| it.status != Status::Passed)
        .collect();
    let [result] = failed.as_slice() else {
        panic!("{failed:?}");
    };
    assert_eq!(result.id, "c-version");
    let words = ["the first 10 octets", "although nothing is wrong yet"];
    assert_says(result, Status::Failed, &words);
}

#[test]
fn what_is_declared_has_to_work_and_what_is_not_is_not_applicable() {
    let result = only_fault(&["unsupported", FAULTY]);
    assert_says(
        &result,
        Status::Failed,
        &["unsupported, although it is declared"],
    );
    let result = only_fault(&["error", FAULTY]);
    assert_says(&result, Status::Failed, &["an error: what?"]);
    let tested = run(&options(&["few-ops"])).expect("the testee starts");
    for result in tested.run.cases {
        assert_eq!(result.status, Status::NotApplicable);
        assert_eq!(result.reason, "the testee does not declare op decode");
    }
}

#[test]
fn a_testee_without_codes_is_judged_by_stages() {
    let result = only_fault(&["stage", FAULTY]);
    assert_says(
        &result,
        Status::Failed,
        &["rejected with INVALID_TYPE (payload)"],
    );
    // The wrong stage fails in the other cases too, the missing code does not.
    let result = run(&options(&["stage", "c-version"])).expect("the testee starts");
    let version = result.run.cases.into_iter().find(|it| it.id == "c-version");
    let version = version.expect("the case was run");
    assert_says(
        &version,
        Status::Failed,
        &["reject.stage: expected header, got payload"],
    );
    assert!(!version.actual.contains("code: expected"));
}

#[test]
fn a_testee_that_cannot_be_tested_is_no_failure_of_cases() {
    for (fault, words) in [
        ("silent", "exit code 9"),
        ("other-protocol", "protocol 2 instead of 1"),
        ("yes-man", "not answered with unsupported"),
    ] {
        match run(&options(&[fault])) {
            Err(TestError::Testee(why)) => assert!(why.contains(words), "{fault}: {why}"),
            other => panic!("{fault}: {other:?}"),
        }
    }
    let mut missing = options(&[]);
    missing.command.program = "no-such-program-anywhere".to_owned();
    assert!(matches!(run(&missing), Err(TestError::Testee(_))));
}

#[test]
fn a_testee_has_to_end_in_order() {
    let tested = run(&options(&["bad-bye"])).expect("the testee starts");
    assert!(
        tested
            .run
            .cases
            .iter()
            .all(|it| it.status == Status::Passed)
    );
    assert_eq!(tested.problems, ["bye: ended with exit code 1"]);
}
