//! Tags of tests: `test[EIM-CMP-017]` in a comment directly above a test function says that the
//! test shows the requirement. The gate counts it where the chapter says `verify=unit`.

use std::collections::BTreeMap;

use super::project::Project;
use super::tags::FOLDERS;
use crate::spec::{Finding, Requirement, Rule};

/// How many lines below its tag a test function begins at the latest.
const REACH: usize = 8;

/// One id of one tagged test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestTag {
    /// File, relative to the project.
    pub file: String,
    /// Line of the tag, from 1.
    pub line: usize,
    /// The requirement.
    pub id: String,
    /// Name of the test function; `None` if no test that runs stands below the tag.
    pub function: Option<String>,
}

/// All tagged tests of the project's code.
///
/// # Errors
/// Which file cannot be read, and why.
pub fn scan(project: &Project) -> Result<Vec<TestTag>, String> {
    let mut tags = Vec::new();
    for folder in FOLDERS {
        for file in project.files(folder, "rs")? {
            tags.extend(tags_of(&file, &project.read(&file)?));
        }
    }
    Ok(tags)
}

/// The tagged tests of one file.
#[must_use]
pub fn tags_of(file: &str, text: &str) -> Vec<TestTag> {
    let lines: Vec<&str> = text.lines().collect();
    let mut tags = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(inside) = line
            .trim_start()
            .strip_prefix("// test[")
            .and_then(|rest| rest.split_once(']'))
        else {
            continue;
        };
        let below = lines.iter().skip(index + 1).take(REACH);
        let function = test_function(below.copied());
        for id in inside.0.split(',').map(str::trim) {
            tags.push(TestTag {
                file: file.to_owned(),
                line: index + 1,
                id: id.to_owned(),
                function: function.clone(),
            });
        }
    }
    tags
}

/// Name of the test function that begins in `lines`.
fn test_function<'a>(lines: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut is_test = false;
    for line in lines.map(str::trim) {
        if line.starts_with("#[ignore") {
            return None;
        }
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let words = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = words.strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or(rest);
            // Property tests carry their attribute inside a macro.
            return is_test.then(|| name.to_owned());
        }
    }
    None
}

/// Tags that show nothing.
#[must_use]
pub fn check(tags: &[TestTag], requirements: &[Requirement]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tag in tags {
        let id = &tag.id;
        let message = match requirements.iter().find(|known| &known.id == id) {
            None => format!("`{id}` is no requirement"),
            Some(known) if !known.is_active() => format!("{id} is withdrawn"),
            Some(_) if tag.function.is_none() => format!("no test that runs stands below {id}"),
            Some(_) => continue,
        };
        findings.push(Finding::new(&tag.file, tag.line, Rule::StaleTag, message));
    }
    findings
}

/// What `cargo test` printed, as far as it says which test passed.
#[derive(Clone, Debug, Default)]
pub struct TestLog {
    /// By last segment of the name: whether all tests of that name passed.
    outcomes: BTreeMap<String, bool>,
    assumed: bool,
}

impl TestLog {
    /// Reads the lines `test path::to::name ... ok`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut outcomes = BTreeMap::new();
        for line in text.lines() {
            let Some((name, outcome)) = line
                .strip_prefix("test ")
                .and_then(|rest| rest.split_once(" ... "))
            else {
                continue;
            };
            let name = name.split(" - ").next().unwrap_or(name);
            let last = name.rsplit("::").next().unwrap_or(name).to_owned();
            let passed = outcome.trim() == "ok";
            outcomes
                .entry(last)
                .and_modify(|all| *all &= passed)
                .or_insert(passed);
        }
        Self {
            outcomes,
            assumed: false,
        }
    }

    /// For a gate that is a test itself: the tagged tests run in the same `cargo test`, and fail
    /// it when they fail.
    #[must_use]
    pub fn same_command() -> Self {
        Self {
            assumed: true,
            ..Self::default()
        }
    }

    /// Whether a test of this name ran, and all of this name passed.
    #[must_use]
    pub fn passed(&self, function: &str) -> bool {
        self.outcomes.get(function).copied().unwrap_or(self.assumed)
    }
}
