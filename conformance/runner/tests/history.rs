//! The corpus of histories in `conformance/history`: what other checkers may be tested with, and the
//! lines that other writers may be compared with.

use std::fs;
use std::path::PathBuf;

use eim_conformance::history::{Event, Rules, Subject, check_by, check_files};
use serde::Deserialize;

#[derive(Deserialize)]
struct Verdicts {
    format: u32,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    why: String,
    files: Vec<String>,
    #[serde(default)]
    open: bool,
    findings: Vec<Expected>,
    /// Events of the witness of the first finding.
    witness: Option<usize>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Expected {
    kind: String,
    rule: String,
    subject: Subject,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../history")
}

fn cases() -> Vec<Case> {
    let text = fs::read_to_string(folder().join("verdicts.json")).unwrap();
    let verdicts: Verdicts = serde_json::from_str(&text).unwrap();
    assert_eq!(verdicts.format, 1);
    verdicts.cases
}

fn paths(case: &Case) -> Vec<PathBuf> {
    case.files.iter().map(|file| folder().join(file)).collect()
}

#[test]
fn each_history_has_the_verdict_that_is_written_down() {
    for case in cases() {
        let rules = Rules { open: case.open };
        let verdict = check_files(&paths(&case), rules).unwrap().verdict;
        let found: Vec<Expected> = verdict
            .findings
            .iter()
            .map(|finding| Expected {
                kind: finding.kind.name().into(),
                rule: finding.rule.name().into(),
                subject: finding.subject.clone(),
            })
            .collect();
        assert_eq!(found, case.findings, "{}: {}", case.name, case.why);
        if let (Some(length), Some(finding)) = (case.witness, verdict.findings.first()) {
            assert_eq!(finding.witness.len(), length, "{}: {finding:#?}", case.name);
        }
    }
}

#[test]
fn without_any_event_of_its_witness_a_finding_is_gone() {
    for case in cases() {
        let rules = Rules { open: case.open };
        for finding in check_files(&paths(&case), rules).unwrap().verdict.findings {
            let shows = |events: &[Event]| {
                let verdict = check_by(events, rules);
                verdict.is_ok_and(|verdict| {
                    let mut all = verdict.findings.iter();
                    all.any(|other| other.rule == finding.rule && other.subject == finding.subject)
                })
            };
            assert!(shows(&finding.witness), "{}: {finding:#?}", case.name);
            for at in 0..finding.witness.len() {
                let mut without = finding.witness.clone();
                let gone = without.remove(at);
                assert!(!shows(&without), "{}: {gone:?} is not needed", case.name);
            }
        }
    }
}

#[test]
fn every_rule_is_broken_by_some_history() {
    let broken: Vec<String> = cases()
        .into_iter()
        .flat_map(|case| case.findings)
        .map(|expected| expected.rule)
        .collect();
    for rule in eim_conformance::history::Rule::ALL {
        assert!(
            broken.iter().any(|name| name == rule.name()),
            "{}",
            rule.name()
        );
    }
}

#[test]
fn every_file_of_the_corpus_belongs_to_a_case() {
    let named: Vec<PathBuf> = cases().iter().flat_map(paths).collect();
    for part in ["good", "bad"] {
        for file in fs::read_dir(folder().join(part)).unwrap() {
            let file = file.unwrap().path();
            assert!(named.contains(&file), "{}", file.display());
        }
    }
}

#[test]
fn every_line_of_the_corpus_keeps_to_the_schema() {
    let schema = folder().join("../schema/history.v1.schema.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut lines = 0;
    for case in cases() {
        for path in paths(&case) {
            for line in fs::read_to_string(path).unwrap().lines() {
                // Torn lines are no JSON.
                let Ok(line) = serde_json::from_str(line) else {
                    continue;
                };
                assert!(validator.is_valid(&line), "{}: {line}", case.name);
                lines += 1;
            }
        }
    }
    assert!(lines > 300);
    for wrong in [
        r#"{"history":2,"writer":"x"}"#,
        r#"{"at_us":1,"process":"p","op":"sned"}"#,
        r#"{"at_us":1,"process":"p","op":"send","key":"k","type":32,"sha256":"s"}"#,
        r#"{"at_us":1,"process":"p","op":"ack","key":"k","conversation":"c","log_epoch":0,"conv_seq":1}"#,
        r#"{"at_us":1,"process":"p","op":"deliver","conversation":"c","log_epoch":1,"conv_seq":1,"key":"k","type":32,"sha256":"s"}"#,
    ] {
        assert!(
            !validator.is_valid(&serde_json::from_str(wrong).unwrap()),
            "{wrong}"
        );
    }
}
