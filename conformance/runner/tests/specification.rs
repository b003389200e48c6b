//! The specification of this repository keeps its own rules.

use std::path::Path;

use eim_conformance::trace::project::Project;
use eim_conformance::trace::{Mode, Report, run, summary};

fn report() -> Report {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::around(here).expect("the crate stands inside the project");
    run(&project, Mode::Check).expect("the specification can be read")
}

/// Lint, generated tables, `requirements.json` and tags in one: a finding names its rule.
#[test]
fn has_no_findings() {
    let findings: Vec<String> = report().findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn is_as_large_as_promised() {
    let all = summary::count(&report(), None);
    assert!(all.total >= 250, "{} requirements", all.total);
    assert!(all.absolute >= 150, "{} MUSTs", all.absolute);
}

#[test]
fn every_area_has_requirements() {
    let report = report();
    for (area, title) in eim_conformance::spec::lint::AREAS {
        assert!(
            summary::count(&report, Some(area)).total > 0,
            "{area} ({title}) is empty"
        );
    }
}

/// What refuses names what it answers, or says that it ignores.
#[test]
fn refusals_name_registered_errors() {
    let report = report();
    let refusing = report
        .requirements
        .iter()
        .filter(|r| r.error.is_some())
        .count();
    assert!(
        refusing >= 100,
        "{refusing} requirements say what is answered"
    );
}
