//! `show`: a case in full.

use std::process::ExitCode;

use super::{Global, PASSED, exit};
use crate::catalogue::{self, Entry};
use crate::codec;
use crate::report::hexdump::hexdump;
use crate::report::terminal::{Requirements, role_name, wrapped};
use crate::results::Role;
use crate::vectors::load;
use crate::vectors::model::{Case, Config, Test};

/// Shows cases in full: requirements, octets by field, what is expected
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Ids, as `list` shows them.
    #[arg(required_unless_present = "protocol", value_name = "CASE")]
    ids: Vec<String>,
    /// Prints the testee protocol of a role, or the form of histories.
    #[arg(long, value_name = "ROLE", value_parser = ["codec", "server", "client", "history"])]
    protocol: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// An unknown case, or files that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let data = global.data();
    match args.protocol.as_deref() {
        Some("history") => print!("{}", data.read("conformance/history.md")?),
        Some(role) => print!("{}", data.read(&format!("conformance/testees/{role}.md"))?),
        None => {}
    }
    let entries = catalogue::all(&data)?;
    let requirements = Requirements::read(&data)?;
    let files = load(&data)?;
    for id in &args.ids {
        let entry = find(&entries, id)?;
        print!("{}", head(entry, &requirements));
        if entry.role == Role::Codec {
            let vectors = load::cases(&files);
            let case = vectors.iter().find(|(_, case)| case.id == *id);
            print!("{}", case.map(|(_, case)| vector(case)).unwrap_or_default());
        } else {
            print!("{}", script(&data.read(&entry.file)?, &entry.id)?);
        }
    }
    Ok(exit(PASSED))
}

/// The case with this id, or which ones are meant perhaps.
///
/// # Errors
/// There is none.
pub fn find<'a>(entries: &'a [Entry], id: &str) -> Result<&'a Entry, String> {
    let plain = id.split_once('@').map_or(id, |(id, _)| id);
    if let Some(entry) = entries.iter().find(|entry| entry.id == plain) {
        return Ok(entry);
    }
    let ids = entries.iter().map(|entry| entry.id.as_str());
    let mut near: Vec<(usize, &str)> = ids.map(|known| (likeness(known, plain), known)).collect();
    near.retain(|(likeness, _)| *likeness >= ALIKE);
    near.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let near: Vec<&str> = near.into_iter().map(|(_, known)| known).take(5).collect();
    if near.is_empty() {
        return Err(format!("no case {id}; `list --short` names every case"));
    }
    Err(format!("no case {id}; perhaps {}", near.join(", ")))
}

/// Likeness from which on an id is suggested.
const ALIKE: usize = 4;

/// How much an id is like what was given: all of it when it contains it, else what both begin with.
fn likeness(known: &str, given: &str) -> usize {
    if known.contains(given) {
        return given.len().max(ALIKE);
    }
    known
        .bytes()
        .zip(given.bytes())
        .take_while(|(a, b)| a == b)
        .count()
}

fn head(entry: &Entry, requirements: &Requirements) -> String {
    let mut text = format!(
        "{} ({} {}, {}, {})\n",
        entry.id,
        role_name(entry.role),
        entry.kind,
        entry.level,
        entry.file
    );
    text.push_str(&wrapped(&entry.desc, "  "));
    text.push_str(&requirements.show(&entry.req, "  "));
    text
}

fn vector(case: &Case) -> String {
    let mut text = String::new();
    let mut line = |title: &str, value: &str| {
        let mut lines = value.trim_end().lines();
        text.push_str(&format!(
            "  {title:<9} {}\n",
            lines.next().unwrap_or_default()
        ));
        lines.for_each(|more| text.push_str(&format!("            {more}\n")));
    };
    line("op", case.op());
    if case.config != Config::default() {
        line("config", &json(&case.config));
    }
    if let Some(near) = &case.near {
        line("near", near);
    }
    if !case.requires.is_empty() {
        line("requires", &case.requires.join(" "));
    }
    match &case.test {
        Test::Decode(_) => line("octets", &hexdump(&codec::fields(case))),
        Test::Encode(test) => line("frame", &json(&test.frame)),
        Test::Story(test) => {
            line("start", &json(&test.start));
            for (place, step) in test.steps.iter().enumerate() {
                line(&format!("step {place}"), &json(step));
            }
        }
        Test::Derive(test) => {
            let arguments = json(&test.arguments);
            line("function", &format!("{} {arguments}", test.function));
        }
    }
    line("expected", &codec::expected(case));
    text.push('\n');
    text
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The steps of a live case, one a line.
fn script(text: &str, id: &str) -> Result<String, String> {
    let file: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let cases = file.get("cases").and_then(serde_json::Value::as_array);
    let case = cases
        .into_iter()
        .flatten()
        .find(|case| case.get("id").is_some_and(|it| it == id))
        .ok_or("the case has gone")?;
    let mut text = String::new();
    for key in ["requires", "setup", "transports"] {
        if let Some(value) = case.get(key) {
            text.push_str(&format!("  {key:<10} {value}\n"));
        }
    }
    for key in ["steps", "mutants"] {
        let list = case.get(key).and_then(serde_json::Value::as_array);
        for (place, value) in list.into_iter().flatten().enumerate() {
            let title = key.trim_end_matches('s');
            text.push_str(&format!("  {:<10} {value}\n", format!("{title} {place}")));
        }
    }
    text.push('\n');
    Ok(text)
}
