//! The gate stays shut for each reason that it has, and opens only for cases that ran and passed.

use eim_conformance::results::{CaseResult, FORMAT, Results, Role, Run, Status, Suite, Testee};
use eim_conformance::spec::{Rule, catalogue, parse};
use eim_conformance::trace::Report;
use eim_conformance::trace::exceptions::{Exception, Exceptions};
use eim_conformance::trace::gate::{Gate, Verdict, judge};
use eim_conformance::trace::tests::{TestLog, check, tags_of};

const CHAPTER: &str = "\
# Sample

#### EIM-FRM-001

A receiver MUST reject such a frame with error INVALID_TYPE.

<!-- req: role=receiver level=must since=1.0 verify=vector,live-server,live-client error=INVALID_TYPE rev=1 -->

#### EIM-FRM-002

A server MUST do it.

<!-- req: role=server level=must since=1.0 verify=live-server,unit rev=1 -->

#### EIM-FRM-003

A client SHOULD do it.

<!-- req: role=client level=should since=1.0 verify=live-client rev=1 -->

#### EIM-FRM-004

A side MUST NOT guess.

<!-- req: role=both level=must-not since=1.0 verify=review rev=1 -->
";

fn report(code: &str) -> Report {
    Report {
        requirements: parse("spec/10-sample.md", CHAPTER).requirements,
        tags: Vec::new(),
        tests: tags_of("codec/src/sample.rs", code),
        exceptions: Exceptions::default(),
        findings: Vec::new(),
        written: Vec::new(),
    }
}

fn case(id: &str, req: &[&str], status: Status) -> CaseResult {
    CaseResult {
        id: id.into(),
        area: "framing".into(),
        req: req.iter().map(|&id| id.to_owned()).collect(),
        level: "must".into(),
        kind: "invalid".into(),
        desc: String::new(),
        status,
        reason: String::new(),
        expected: String::new(),
        actual: String::new(),
        log: Vec::new(),
        ms: 1,
    }
}

fn results(runs: Vec<(Role, Vec<CaseResult>)>) -> Results {
    let run = |(role, cases)| Run {
        role,
        name: "sample".into(),
        testee: Testee::default(),
        command: String::new(),
        cases,
        ms: 1,
    };
    Results {
        format: FORMAT,
        suite: Suite {
            version: "1.0.0".into(),
            requirements_sha256: String::new(),
            cases_sha256: String::new(),
        },
        started_s: 1,
        runs: runs.into_iter().map(run).collect(),
    }
}

fn verdicts(gate: &Gate<'_>) -> Vec<Verdict> {
    gate.rows.iter().map(|row| row.verdict).collect()
}

/// Everything that is needed to open the gate for the sample.
fn enough() -> Vec<(Role, Vec<CaseResult>)> {
    vec![
        (
            Role::Codec,
            vec![case("a", &["EIM-FRM-001"], Status::Passed)],
        ),
        (
            Role::Server,
            vec![case("b", &["EIM-FRM-002"], Status::Passed)],
        ),
    ]
}

#[test]
fn opens_when_each_must_was_shown() {
    let report = report("");
    let gate = judge(&report, &results(enough()), &TestLog::default());
    assert!(gate.findings.is_empty(), "{:?}", gate.findings);
    let (shown, read, open) = (Verdict::Shown, Verdict::Read, Verdict::NotShown);
    assert_eq!(verdicts(&gate), [shown, shown, open, read]);
}

/// A case that exists and did not run, or did not apply, or failed, shows nothing.
#[test]
fn stays_shut_for_cases_that_did_not_pass() {
    for status in [
        Status::Failed,
        Status::Crashed,
        Status::TimedOut,
        Status::Garbage,
        Status::Flaky,
        Status::NotApplicable,
        Status::KnownFailing,
        Status::KnownFlaky,
        Status::UnexpectedlyPassed,
    ] {
        let mut runs = enough();
        runs[1].1[0].status = status;
        let report = report("");
        let gate = judge(&report, &results(runs), &TestLog::default());
        assert_eq!(gate.findings.len(), 1, "{status:?}: {:?}", gate.findings);
        assert_eq!(gate.findings[0].rule, Rule::NotShown);
        assert!(gate.findings[0].message.contains("EIM-FRM-002"));
    }
}

/// One failed case is enough, whatever else passed.
#[test]
fn stays_shut_when_one_of_the_cases_failed() {
    let mut runs = enough();
    runs[0].1.push(case("c", &["EIM-FRM-001"], Status::Failed));
    let report = report("");
    let gate = judge(&report, &results(runs), &TestLog::default());
    assert_eq!(verdicts(&gate)[0], Verdict::Failed);
    assert_eq!(gate.findings.len(), 1);
}

/// What binds both sides is shown for both: a script for a server says nothing about clients.
#[test]
fn stays_shut_when_one_side_is_not_shown() {
    let mut runs = enough();
    runs[0].0 = Role::Client;
    let report = report("");
    let gate = judge(&report, &results(runs), &TestLog::default());
    assert_eq!(gate.findings.len(), 1);
    assert!(gate.findings[0].message.ends_with("for the server"));
}

/// The gate judges the reference, which is the first run of a role; others cannot stand in.
#[test]
fn other_implementations_do_not_stand_in() {
    let mut runs = enough();
    runs.insert(1, (Role::Codec, runs[0].1.clone()));
    runs[0].1[0].status = Status::NotApplicable;
    let report = report("");
    let gate = judge(&report, &results(runs), &TestLog::default());
    assert_eq!(verdicts(&gate)[0], Verdict::NotShown);
}

#[test]
fn cases_show_requirements_that_exist() {
    let mut runs = enough();
    runs[0].1.push(case("c", &[], Status::Passed));
    runs[0].1.push(case("d", &["EIM-FRM-009"], Status::Passed));
    let report = report("");
    let gate = judge(&report, &results(runs), &TestLog::default());
    let rules: Vec<Rule> = gate.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [Rule::CaseWithoutRequirement; 2]);
}

/// A tagged test counts when it is in the log and passed.
#[test]
fn tagged_tests_count_when_they_passed() {
    let code = "// test[EIM-FRM-002]\n#[test]\nfn it_does_it() {}\n";
    let report = report(code);
    let mut runs = enough();
    runs.truncate(1);
    for (log, findings) in [
        ("test sample::it_does_it ... ok\n", 0),
        ("test sample::it_does_it ... FAILED\n", 1),
        ("test sample::it_does_it ... ignored\n", 1),
        ("test sample::another ... ok\n", 1),
        (
            "test a::it_does_it ... ok\ntest b::it_does_it ... FAILED\n",
            1,
        ),
    ] {
        let gate = judge(&report, &results(runs.clone()), &TestLog::parse(log));
        assert_eq!(gate.findings.len(), findings, "{log}");
    }
}

/// What vectors and scripts have to show, a test inside the implementation cannot.
#[test]
fn tagged_tests_count_only_where_the_chapter_allows_it() {
    let report = report("// test[EIM-FRM-001]\n#[test]\nfn it_rejects() {}\n");
    let mut runs = enough();
    runs.remove(0);
    let gate = judge(&report, &results(runs), &TestLog::same_command());
    assert_eq!(verdicts(&gate)[0], Verdict::NotShown);
}

#[test]
fn tags_stand_above_tests_that_run() {
    let requirements = parse("spec/10-sample.md", CHAPTER).requirements;
    let wrong = |code: &str| {
        check(&tags_of("codec/src/sample.rs", code), &requirements)
            .iter()
            .filter(|finding| finding.rule == Rule::StaleTag)
            .count()
    };
    let good = "// test[EIM-FRM-002]\n/// Words.\n#[tokio::test]\nasync fn does() {}\n";
    assert_eq!(wrong(good), 0);
    for bad in [
        good.replace("FRM-002", "FRM-009"),
        good.replace("#[tokio::test]\n", ""),
        good.replace("#[tokio::test]\n", "#[tokio::test]\n#[ignore]\n"),
        good.replace("fn does", "struct Does"),
    ] {
        assert_eq!(wrong(&bad), 1, "{bad}");
    }
}

#[test]
fn exceptions_fit_the_chapters_and_only_shrink() {
    let requirements = parse("spec/10-sample.md", CHAPTER).requirements;
    let exception = |id: &str, reason: &str| Exception {
        id: id.into(),
        reason: reason.into(),
    };
    let reason = "Guessing does not show on the wire.";
    let good = Exceptions {
        at_most: 1,
        exception: vec![exception("EIM-FRM-004", reason)],
    };
    assert_eq!(good.check(&requirements), []);
    let mut more = good.clone();
    more.exception.push(exception("EIM-FRM-001", reason));
    let mut lazy = good.clone();
    lazy.exception[0].reason = "too hard".into();
    assert_eq!(
        more.check(&requirements).len(),
        2,
        "not read only; too many"
    );
    assert_eq!(lazy.check(&requirements).len(), 1);
    let mut shrunk = good;
    shrunk.at_most = 2;
    assert_eq!(shrunk.check(&requirements).len(), 1);
    assert_eq!(Exceptions::default().check(&requirements).len(), 1);
}

#[test]
fn a_changed_text_gets_a_new_revision() {
    let older = catalogue(&parse("spec/10-sample.md", CHAPTER).requirements).unwrap();
    let find = |text: &str, editorial: &[String]| {
        let requirements = parse("spec/10-sample.md", text).requirements;
        catalogue::same_revision(&requirements, &older, editorial).unwrap()
    };
    let changed = CHAPTER.replace("NOT guess", "NOT guess twice");
    let revised = changed.replace("verify=review rev=1", "verify=review rev=2");
    assert_eq!(find(CHAPTER, &[]), []);
    assert_eq!(find(&revised, &[]), []);
    assert_eq!(find(&changed, &["EIM-FRM-004".to_owned()]), []);
    let findings = find(&changed, &[]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].rule, Rule::SameRevision);
}
