//! Generated files: a difference is a finding in check mode, and gone after write mode.

use std::fs;
use std::path::Path;

use eim_conformance::spec::Rule;
use eim_conformance::trace::project::Project;
use eim_conformance::trace::{CATALOGUE, Mode, run};

const CHAPTER: &str = "\
#### EIM-REG-001

A side MUST use the registry.

<!-- req: role=both level=must since=1.0 verify=unit rev=1 -->

<!-- registry:compression -->
<!-- /registry -->
";

/// A project with one chapter, the registries of this one, and one file of code.
fn sample(root: &Path) -> Project {
    let registry = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/registry");
    fs::create_dir_all(root.join("spec/registry")).unwrap();
    fs::create_dir_all(root.join("codec/src")).unwrap();
    for entry in fs::read_dir(registry).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            fs::copy(
                &path,
                root.join("spec/registry").join(path.file_name().unwrap()),
            )
            .unwrap();
        }
    }
    fs::write(root.join("spec/90-sample.md"), CHAPTER).unwrap();
    fs::write(
        root.join("spec/README.md"),
        "Not a chapter: MUST is no finding here.\n",
    )
    .unwrap();
    fs::write(root.join("codec/src/lib.rs"), "// impl[EIM-REG-001]\n").unwrap();
    Project::at(root)
}

#[test]
fn write_settles_what_check_finds() {
    let folder = tempfile::tempdir().unwrap();
    let project = sample(folder.path());

    let before = run(&project, Mode::Check).unwrap();
    let files: Vec<&str> = before
        .findings
        .iter()
        .map(|finding| finding.file.as_str())
        .collect();
    assert_eq!(files, ["spec/90-sample.md", CATALOGUE]);
    assert!(
        before
            .findings
            .iter()
            .all(|finding| finding.rule == Rule::NotCurrent)
    );
    assert!(before.written.is_empty() && !project.path(CATALOGUE).exists());

    let writing = run(&project, Mode::Write).unwrap();
    assert_eq!(writing.written, ["spec/90-sample.md", CATALOGUE]);
    assert!(
        project
            .read("spec/90-sample.md")
            .unwrap()
            .contains("| 1 | zstd | active |")
    );

    let after = run(&project, Mode::Check).unwrap();
    assert_eq!(after.findings, []);
    assert_eq!(after.tags.len(), 1);
}

#[test]
fn a_changed_text_makes_the_catalogue_stale() {
    let folder = tempfile::tempdir().unwrap();
    let project = sample(folder.path());
    run(&project, Mode::Write).unwrap();
    let text = project.read("spec/90-sample.md").unwrap();
    let changed = text.replace("use the", "heed the");
    for (text, file, rule) in [
        (changed.clone(), "spec/90-sample.md", Rule::SameRevision),
        (
            changed.replace("rev=1", "rev=2"),
            CATALOGUE,
            Rule::NotCurrent,
        ),
    ] {
        project.write("spec/90-sample.md", &text).unwrap();
        let findings = run(&project, Mode::Check).unwrap().findings;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!((findings[0].file.as_str(), findings[0].rule), (file, rule));
    }
}

#[test]
fn companions_cite_what_exists() {
    let folder = tempfile::tempdir().unwrap();
    let project = sample(folder.path());
    run(&project, Mode::Write).unwrap();
    project
        .write("spec/README.md", "See EIM-REG-001,\nand EIM-REG-002.\n")
        .unwrap();

    let findings = run(&project, Mode::Check).unwrap().findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(
        (findings[0].line, findings[0].rule),
        (2, Rule::UnknownReference)
    );
}

#[test]
fn a_mistyped_registry_key_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let project = sample(folder.path());
    let file = "spec/registry/compression.toml";
    let text = project.read(file).unwrap();
    project
        .write(file, &text.replacen("status", "state", 1))
        .unwrap();
    let error = run(&project, Mode::Check).unwrap_err();
    assert!(error.contains("compression.toml"), "{error}");
}

#[test]
fn copies_are_those_of_the_specification() {
    const COPY: &str = "conformance/testees/python/eim/data/limits.toml";
    const GONE: &str = "conformance/testees/python/eim/data/no-such.toml";
    let folder = tempfile::tempdir().unwrap();
    let project = sample(folder.path());
    fs::create_dir_all(project.path(COPY).parent().unwrap()).unwrap();
    project.write(COPY, "older").unwrap();
    run(&project, Mode::Write).unwrap();
    assert_eq!(
        project.read(COPY).unwrap(),
        project.read("spec/registry/limits.toml").unwrap()
    );

    project.write(COPY, "edited").unwrap();
    project.write(GONE, "").unwrap();
    let findings = run(&project, Mode::Check).unwrap().findings;
    let files: Vec<&str> = findings
        .iter()
        .map(|finding| finding.file.as_str())
        .collect();
    assert_eq!(files, [COPY, GONE]);
    assert!(
        findings
            .iter()
            .all(|finding| finding.rule == Rule::NotCurrent)
    );
}
