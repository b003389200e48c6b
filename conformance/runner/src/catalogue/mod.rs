//! All cases of the suite, of every role, in short.

use serde::Deserialize;

use crate::codec;
use crate::data::Data;
use crate::results::Role;
use crate::vectors::load;
use crate::vectors::model::{Case, Level};

/// A case in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Role of the testee.
    pub role: Role,
    /// Unique in the suite.
    pub id: String,
    /// Its area.
    pub area: String,
    /// Requirements it tests.
    pub req: Vec<String>,
    /// must, should, may.
    pub level: String,
    /// Kind, such as valid or negative.
    pub kind: String,
    /// What it is about.
    pub desc: String,
    /// Path of the file it is in, below the project.
    pub file: String,
}

/// What a catalogue needs of a script.
#[derive(Deserialize)]
struct Script {
    role: Role,
    area: String,
    cases: Vec<ScriptCase>,
}

#[derive(Deserialize)]
struct ScriptCase {
    id: String,
    req: Vec<String>,
    level: String,
    kind: String,
    desc: String,
}

/// All cases, ordered by role and id.
///
/// # Errors
/// A file that cannot be read.
pub fn all(data: &Data) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let files = load(data)?;
    for (loaded, case) in load::cases(&files) {
        entries.push(of_vector(&loaded.path, case));
    }
    for path in data.files("conformance/live", "json")? {
        entries.extend(scripts(data, &path)?);
    }
    entries.sort_by(|a, b| (a.role, &a.id).cmp(&(b.role, &b.id)));
    Ok(entries)
}

fn of_vector(file: &str, case: &Case) -> Entry {
    let level = match case.level {
        Level::Must => "must",
        Level::Should => "should",
        Level::May => "may",
    };
    Entry {
        role: Role::Codec,
        id: case.id.clone(),
        area: codec::area(case),
        req: case.req.clone(),
        level: level.to_owned(),
        kind: codec::kind(case.kind).to_owned(),
        desc: case.desc.clone(),
        file: file.to_owned(),
    }
}

/// Cases of a script file; other files of the folder have none.
fn scripts(data: &Data, path: &str) -> Result<Vec<Entry>, String> {
    let text = data.read(path)?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
    if value.get("cases").is_none() {
        return Ok(Vec::new());
    }
    let script: Script =
        serde_json::from_value(value).map_err(|error| format!("{path}: {error}"))?;
    let entry = |case: ScriptCase| Entry {
        role: script.role,
        id: case.id,
        area: script.area.clone(),
        req: case.req,
        level: case.level,
        kind: case.kind,
        desc: case.desc,
        file: path.to_owned(),
    };
    Ok(script.cases.into_iter().map(entry).collect())
}
