//! Copies of files of the specification that implementations carry, so that they run from any folder.

use super::project::Project;
use super::{Mode, settle};
use crate::spec::{Finding, Rule};

/// Folders of copies; each file in them has the name of one in [`SOURCES`].
const FOLDERS: [&str; 1] = ["conformance/testees/python/eim/data"];

/// What is copied.
const SOURCES: [&str; 2] = ["spec/registry", "spec/proto/eim/v1"];

/// Compares or writes all copies.
///
/// # Errors
/// What cannot be read or written.
pub(super) fn settle_all(
    project: &Project,
    mode: Mode,
    findings: &mut Vec<Finding>,
    written: &mut Vec<String>,
) -> Result<(), String> {
    for folder in FOLDERS {
        let mut copies = project.files(folder, "toml")?;
        copies.extend(project.files(folder, "proto")?);
        for copy in copies {
            let name = copy.rsplit('/').next().unwrap_or(&copy);
            let sources = SOURCES.map(|source| format!("{source}/{name}"));
            let Some(source) = sources.iter().find(|file| project.path(file).exists()) else {
                let message = "the specification has no file of this name any more";
                findings.push(Finding::new(&copy, 0, Rule::NotCurrent, message));
                continue;
            };
            settle(
                project,
                mode,
                &copy,
                &project.read(source)?,
                findings,
                written,
            )?;
        }
    }
    Ok(())
}
