//! Tags in code: `impl[EIM-FRM-012]` beside what keeps a requirement.
//!
//! A tag may name several ids, separated by commas, and a revision: `impl[EIM-FRM-012+2]`.

use super::project::Project;
use crate::spec::{Finding, Requirement, Rule};

/// Folders whose code carries tags.
pub const FOLDERS: [&str; 3] = ["codec", "server-ref", "client-ref"];

/// One id of one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// File, relative to the project.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// The id as written, without revision.
    pub id: String,
    /// Revision, if the tag names one.
    pub rev: Option<String>,
}

/// All tags of the project's code.
///
/// # Errors
/// Which file cannot be read, and why.
pub fn scan(project: &Project) -> Result<Vec<Tag>, String> {
    let mut tags = Vec::new();
    for folder in FOLDERS {
        for file in project.files(folder, "rs")? {
            tags.extend(tags_of(&file, &project.read(&file)?));
        }
    }
    Ok(tags)
}

/// The tags of one file.
#[must_use]
pub fn tags_of(file: &str, text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for part in line.split("impl[").skip(1) {
            let Some((inside, _)) = part.split_once(']') else {
                continue;
            };
            if !inside.trim_start().starts_with("EIM-") {
                continue;
            }
            for word in inside.split(',').map(str::trim) {
                let (id, rev) = match word.split_once('+') {
                    Some((id, rev)) => (id, Some(rev.to_owned())),
                    None => (word, None),
                };
                let (file, id) = (file.to_owned(), id.to_owned());
                tags.push(Tag {
                    file,
                    line: index + 1,
                    id,
                    rev,
                });
            }
        }
    }
    tags
}

/// Tags that name nothing, or an older revision.
#[must_use]
pub fn check(tags: &[Tag], requirements: &[Requirement]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tag in tags {
        let known = requirements
            .iter()
            .find(|requirement| requirement.id == tag.id);
        let message = match (known, &tag.rev) {
            (None, _) => format!("`{}` is no requirement", tag.id),
            (Some(known), _) if !known.is_active() => format!("{} is withdrawn", tag.id),
            (Some(known), Some(rev)) if *rev != known.rev.to_string() => {
                format!("{} has revision {}, the tag says {rev}", tag.id, known.rev)
            }
            _ => continue,
        };
        findings.push(Finding::new(&tag.file, tag.line, Rule::StaleTag, message));
    }
    findings
}
