//! The verdict as JUnit XML: one test a rule.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::super::files::Judged;
use super::super::verdict::Rule;
use super::text::line;

/// The XML.
///
/// # Errors
/// It cannot be written.
pub fn junit(judged: &Judged) -> Result<String, String> {
    let mut suite = TestSuite::new("history");
    for rule in Rule::ALL {
        let findings = judged.verdict.findings.iter();
        let mut findings = findings.filter(|finding| finding.rule == rule);
        let status = match findings.next() {
            None => TestCaseStatus::success(),
            Some(first) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_type(rule.kind().name());
                status.set_message(format!("{} (and {} more)", first.text, findings.count()));
                let witness = first.witness.iter();
                let witness: Vec<String> = witness
                    .map(|event| format!("{} {} {}", event.at_us, event.process, line(event)))
                    .collect();
                status.set_description(witness.join("\n"));
                status
            }
        };
        let mut test = TestCase::new(rule.name(), status);
        test.set_classname(format!("history.{}", rule.kind().name()));
        suite.add_test_case(test);
    }
    let mut report = Report::new("eim-conformance history");
    report.add_test_suite(suite);
    report.to_string().map_err(|error| error.to_string())
}
