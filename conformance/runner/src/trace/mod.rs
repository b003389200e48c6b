//! `eim-conformance trace`: everything the specification promises about itself, checked.

mod copies;
pub mod coverage;
pub mod exceptions;
pub mod gate;
pub mod page;
pub mod project;
pub mod summary;
pub mod tags;
pub mod tests;

use crate::registry::{Registries, markers};
use crate::spec::{self, Chapter, Finding, Requirement, Rule, chapter, lint};
use exceptions::Exceptions;
use project::Project;

/// Path of the generated catalogue, relative to the project.
pub const CATALOGUE: &str = "spec/registry/requirements.json";

/// What a run found out.
#[derive(Clone, Debug)]
pub struct Report {
    /// All requirements, in the order of chapters.
    pub requirements: Vec<Requirement>,
    /// All tags in code.
    pub tags: Vec<tags::Tag>,
    /// All tests that are tagged with what they show.
    pub tests: Vec<tests::TestTag>,
    /// Requirements that nothing but reading shows.
    pub exceptions: Exceptions,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
    /// Files that were written.
    pub written: Vec<String>,
}

/// Whether generated files are compared or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Differences are findings.
    Check,
    /// Differences are written.
    Write,
}

/// Checks a project.
///
/// # Errors
/// What cannot be read or written.
pub fn run(project: &Project, mode: Mode) -> Result<Report, String> {
    run_editing(project, mode, &[])
}

/// Checks a project in which the wording of the requirements `editorial`, but not their meaning,
/// may have changed since the catalogue was written.
///
/// # Errors
/// What cannot be read or written.
pub fn run_editing(project: &Project, mode: Mode, editorial: &[String]) -> Result<Report, String> {
    let registries = Registries::read(&project.path("spec/registry"))?;
    let mut findings = Vec::new();
    let mut written = Vec::new();
    let mut chapters: Vec<(String, Chapter)> = Vec::new();
    for file in project.chapters()? {
        let text = project.read(&file)?;
        let text = match markers::fill(&text, &registries) {
            Ok(filled) => {
                settle(project, mode, &file, &filled, &mut findings, &mut written)?;
                filled
            }
            Err((line, message)) => {
                findings.push(Finding::new(&file, line, Rule::NotCurrent, message));
                text
            }
        };
        let chapter = spec::parse(&file, &text);
        chapters.push((file, chapter));
    }
    for file in project.companions()? {
        chapters.push((file.clone(), companion(&project.read(&file)?)));
    }
    findings.extend(lint::lint(&chapters, &registries));

    let requirements: Vec<Requirement> = chapters
        .into_iter()
        .flat_map(|(_, chapter)| chapter.requirements)
        .collect();
    let catalogue = spec::catalogue(&requirements).map_err(|e| e.to_string())?;
    let changed = changed(project, &requirements, editorial)?;
    if changed.is_empty() {
        settle(
            project,
            mode,
            CATALOGUE,
            &catalogue,
            &mut findings,
            &mut written,
        )?;
    }
    findings.extend(changed);
    copies::settle_all(project, mode, &mut findings, &mut written)?;

    let tags = tags::scan(project)?;
    findings.extend(tags::check(&tags, &requirements));
    let tests = tests::scan(project)?;
    findings.extend(tests::check(&tests, &requirements));
    let exceptions = Exceptions::read(project)?;
    findings.extend(exceptions.check(&requirements));
    Ok(Report {
        requirements,
        tags,
        tests,
        exceptions,
        findings,
        written,
    })
}

/// Requirements whose text changed since the catalogue was written, without a new revision.
fn changed(
    project: &Project,
    requirements: &[Requirement],
    editorial: &[String],
) -> Result<Vec<Finding>, String> {
    if !project.path(CATALOGUE).exists() {
        return Ok(Vec::new());
    }
    let older = project.read(CATALOGUE)?;
    spec::catalogue::same_revision(requirements, &older, editorial)
        .map_err(|error| format!("{CATALOGUE}: {error}"))
}

/// A document beside the chapters: it states nothing, but what it cites exists.
fn companion(text: &str) -> Chapter {
    let lines = (1..).zip(text.lines());
    let references =
        lines.flat_map(|(number, line)| chapter::references(line).map(move |id| (number, id)));
    Chapter {
        references: references.collect(),
        ..Chapter::default()
    }
}

/// Compares or writes a generated file.
fn settle(
    project: &Project,
    mode: Mode,
    file: &str,
    text: &str,
    findings: &mut Vec<Finding>,
    written: &mut Vec<String>,
) -> Result<(), String> {
    let current = project
        .path(file)
        .exists()
        .then(|| project.read(file))
        .transpose()?;
    if current.as_deref() == Some(text) {
        return Ok(());
    }
    match mode {
        Mode::Check => {
            let message = "run `eim-conformance trace --write` and commit the result";
            findings.push(Finding::new(file, 0, Rule::NotCurrent, message));
        }
        Mode::Write => {
            project.write(file, text)?;
            written.push(file.to_owned());
        }
    }
    Ok(())
}
