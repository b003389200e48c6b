//! Requirements that no case and no test can show: somebody reads for them.
//!
//! Each has a reason, and their number may only shrink: the file says how many there are, and a
//! list that has become shorter has to say so.

use serde::Deserialize;

use super::project::Project;
use crate::spec::{Finding, Requirement, Rule, Verify};

/// Path of the list, relative to the project.
pub const FILE: &str = "conformance/review-only.toml";

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    /// How many there are at most. Only ever lowered.
    pub at_most: usize,
    /// The requirements.
    #[serde(default)]
    pub exception: Vec<Exception>,
}

/// One requirement of the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// The requirement.
    pub id: String,
    /// Why neither octets nor a test can show it, and how it is checked.
    pub reason: String,
}

impl Exceptions {
    /// Reads the list of a project; a project without one has no exceptions.
    ///
    /// # Errors
    /// The file is not of this form.
    pub fn read(project: &Project) -> Result<Self, String> {
        if !project.path(FILE).exists() {
            return Ok(Self::default());
        }
        toml::from_str(&project.read(FILE)?).map_err(|error| format!("{FILE}: {error}"))
    }

    /// The reason why a requirement is only read.
    #[must_use]
    pub fn reason(&self, id: &str) -> Option<&str> {
        self.exception
            .iter()
            .find(|exception| exception.id == id)
            .map(|exception| exception.reason.as_str())
    }

    /// What does not fit the chapters.
    #[must_use]
    pub fn check(&self, requirements: &[Requirement]) -> Vec<Finding> {
        let mut messages = Vec::new();
        let read_only = |requirement: &&Requirement| {
            requirement.is_active()
                && requirement.level.is_absolute()
                && requirement.verify == [Verify::Review]
        };
        for requirement in requirements.iter().filter(read_only) {
            if self.reason(&requirement.id).is_none() {
                messages.push(format!("{} has verify=review alone: why?", requirement.id));
            }
        }
        for Exception { id, reason } in &self.exception {
            if !requirements.iter().filter(read_only).any(|r| &r.id == id) {
                messages.push(format!("{id} is no MUST with verify=review alone"));
            }
            if reason.split_whitespace().count() < 4 {
                messages.push(format!("{id}: `{reason}` is no reason"));
            }
        }
        let (count, at_most) = (self.exception.len(), self.at_most);
        if count > at_most {
            messages.push(format!("{count} exceptions; there may be {at_most}"));
        } else if count < at_most {
            messages.push(format!("{count} exceptions: write at_most = {count}"));
        }
        messages
            .into_iter()
            .map(|message| Finding::new(FILE, 0, Rule::ReviewOnly, message))
            .collect()
    }
}
