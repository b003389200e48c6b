//! Results as JUnit XML: one suite a run, one test a case, requirements as properties.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::results::{CaseResult, Results, Run, Status};

/// The XML.
///
/// # Errors
/// When it cannot be written.
pub fn junit(results: &Results) -> Result<String, String> {
    let mut report = Report::new("eim-conformance");
    report.add_test_suites(results.runs.iter().map(suite));
    report.to_string().map_err(|e| e.to_string())
}

fn suite(run: &Run) -> TestSuite {
    let mut suite = TestSuite::new(format!("{} {}", run.role.name(), run.name));
    suite.set_time(Duration::from_millis(run.ms));
    suite.add_property(Property::new("testee", &*run.testee.name));
    suite.add_property(Property::new("version", &*run.testee.version));
    for case in &run.cases {
        suite.add_test_case(test(run, case));
    }
    suite
}

fn test(run: &Run, case: &CaseResult) -> TestCase {
    let status = match case.status {
        Status::Passed => TestCaseStatus::success(),
        Status::NotApplicable | Status::KnownFailing | Status::KnownFlaky => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(&*case.reason);
            status
        }
        Status::Crashed | Status::TimedOut | Status::Garbage => bad(NonSuccessKind::Error, case),
        Status::Failed | Status::Flaky | Status::UnexpectedlyPassed => {
            bad(NonSuccessKind::Failure, case)
        }
    };
    let mut test = TestCase::new(&*case.id, status);
    test.set_classname(format!("{}.{}.{}", run.role.name(), run.name, case.area));
    test.set_time(Duration::from_millis(case.ms));
    for id in &case.req {
        test.add_property(Property::new("requirement", &**id));
    }
    test
}

fn bad(kind: NonSuccessKind, case: &CaseResult) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(case.status.name());
    status.set_message(&*case.reason);
    status.set_description(format!(
        "{}\nexpected: {}\nactual: {}",
        case.desc, case.expected, case.actual
    ));
    status
}
