//! Script files as they are written. Unknown keys are errors: a typing mistake would otherwise
//! make a case test less than it says.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::step::{Parsed, Verbs};
use crate::data::Data;
use crate::results::Role;

/// Version of the form of script files.
pub const FORMAT: u32 = 1;

/// One file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Where editors find the schema.
    #[serde(rename = "$schema", default)]
    pub schema: Option<String>,
    /// [`FORMAT`].
    pub format: u32,
    /// What is tested.
    pub role: Role,
    /// The area, as it stands in the ids.
    pub area: String,
    /// The cases.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Stable id.
    pub id: String,
    /// Requirements it tests.
    pub req: Vec<String>,
    /// How binding they are.
    pub level: Level,
    /// Version of the protocol that brought it.
    pub since: String,
    /// What kind of case.
    pub kind: Kind,
    /// What it is about, in a line.
    pub desc: String,
    /// What a testee may lack.
    #[serde(default)]
    pub requires: Vec<String>,
    /// How the server is set up.
    #[serde(default = "default_setup")]
    pub setup: String,
    /// Transports it is run on.
    #[serde(default = "default_transports")]
    pub transports: Vec<String>,
    /// The steps, as they are written.
    pub steps: Vec<Value>,
    /// The faults that must make it fail.
    #[serde(default)]
    pub mutants: Vec<Mutant>,
}

fn default_setup() -> String {
    "default".into()
}

fn default_transports() -> Vec<String> {
    vec!["tcp".into()]
}

/// How binding a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// An absolute requirement.
    Must,
    /// A recommendation.
    Should,
    /// An option.
    May,
}

impl Level {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }
}

/// What kind of case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// What has to work.
    Positive,
    /// What has to be refused.
    Negative,
    /// What takes time.
    Timing,
}

impl Kind {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Timing => "timing",
        }
    }
}

/// A fault between the suite and the testee.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Stable name, unique in the case.
    pub name: String,
    /// The requirements that the testee seems to break.
    pub breaks: Vec<String>,
    /// Connection; default any.
    #[serde(default)]
    pub conn: Option<String>,
    /// Type of the frame, name or number.
    #[serde(default, rename = "type")]
    pub frame: Option<Value>,
    /// Which fields the frame or event has.
    #[serde(default, rename = "where")]
    pub matching: Map<String, Value>,
    /// Which of those that match, from 1; default every.
    #[serde(default)]
    pub nth: Option<u64>,
    /// Leaves it out.
    #[serde(default)]
    pub drop: bool,
    /// Replaces fields.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// Replaces header fields.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// Twice.
    #[serde(default)]
    pub duplicate: bool,
    /// An orderly end instead.
    #[serde(default)]
    pub close: bool,
    /// A reset instead.
    #[serde(default)]
    pub reset: bool,
    /// After the next one.
    #[serde(default)]
    pub swap: bool,
    /// One more before it.
    #[serde(default)]
    pub before: Option<Value>,
    /// One more behind it.
    #[serde(default)]
    pub after: Option<Value>,
    /// Later.
    #[serde(default)]
    pub hold_ms: Option<u64>,
    /// When this step begins, from 0.
    #[serde(default)]
    pub at_step: Option<usize>,
    /// A frame out of nowhere.
    #[serde(default)]
    pub insert: Option<Value>,
    /// Nothing of the testee is seen any more.
    #[serde(default)]
    pub deaf: bool,
    /// Name of an event of a client testee.
    #[serde(default)]
    pub event: Option<String>,
    /// A command of a client testee whose answer is changed.
    #[serde(default)]
    pub answer: Option<String>,
    /// An event out of nowhere.
    #[serde(default)]
    pub insert_event: Option<Value>,
    /// A connection of a client testee out of nowhere.
    #[serde(default)]
    pub dial: bool,
}

/// A file with where it was found.
#[derive(Clone, Debug)]
pub struct Source {
    /// Path below the project.
    pub path: String,
    /// Its content.
    pub suite: Suite,
}

/// Reads all scripts of a role.
///
/// # Errors
/// Which file is wrong, and why.
pub fn load(data: &Data, role: Role) -> Result<Vec<Source>, String> {
    let folder = match role {
        Role::Server => "conformance/live/server",
        Role::Client => "conformance/live/client",
        Role::Codec => return Err("codecs are tested by vectors".into()),
    };
    let mut sources = Vec::new();
    for path in data.files(folder, "json")? {
        let text = data.read(&path)?;
        let suite: Suite = serde_json::from_str(&text).map_err(|e| format!("{path}: {e}"))?;
        if suite.format != FORMAT || suite.role != role {
            return Err(format!("{path}: format {FORMAT} for this role expected"));
        }
        sources.push(Source { path, suite });
    }
    Ok(sources)
}

impl Case {
    /// The steps, ready to run.
    ///
    /// # Errors
    /// Which step is wrong, and why.
    pub fn parse(&self, verbs: &Verbs) -> Result<Vec<Parsed>, String> {
        verbs
            .parse(&self.steps)
            .map_err(|why| format!("{}: {why}", self.id))
    }
}
