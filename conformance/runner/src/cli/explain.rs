//! `explain`: what a requirement says, which cases test it, and where it is kept.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Deserialize;

use super::{Global, PASSED, exit};
use crate::catalogue::{self, Entry};
use crate::pattern::Pattern;
use crate::report::terminal::wrapped;
use crate::trace::{self, Mode};

/// Prints requirements, the cases that test them, and the code that keeps them
///
/// The code only inside a checkout.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Ids, such as EIM-FRM-012, or patterns (`EIM-FRM-*`).
    #[arg(required = true, value_name = "ID", value_parser = clap::value_parser!(Pattern))]
    ids: Vec<Pattern>,
}

/// What is told of a requirement.
#[derive(Debug, Deserialize)]
struct Requirement {
    id: String,
    level: String,
    roles: Vec<String>,
    text: String,
    file: String,
    line: usize,
    verify: Vec<String>,
    error: Option<String>,
    status: String,
}

/// Cases that are named for each role; the others are counted.
const NAMED: usize = 8;

/// Runs the verb.
///
/// # Errors
/// An id that is no requirement; files that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let data = global.data();
    let text = data.read(trace::CATALOGUE)?;
    let all: Vec<Requirement> =
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", trace::CATALOGUE))?;
    let cases = catalogue::all(&data)?;
    let tags = tags(global)?;
    for wanted in &args.ids {
        let fitting: Vec<&Requirement> = all.iter().filter(|it| wanted.fits(&it.id)).collect();
        if fitting.is_empty() {
            return Err(unknown(wanted.text(), &all));
        }
        for requirement in fitting {
            print!("{}", explained(requirement, &cases));
            for place in tags.get(&requirement.id).into_iter().flatten() {
                println!("  kept at   {place}");
            }
            println!();
        }
    }
    Ok(exit(PASSED))
}

/// Where code is tagged, by requirement; nothing where there is no checkout.
fn tags(global: &Global) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if let Ok(project) = global.project() {
        for tag in trace::run(&project, Mode::Check)?.tags {
            places
                .entry(tag.id)
                .or_default()
                .push(format!("{}:{}", tag.file, tag.line));
        }
    }
    Ok(places)
}

fn explained(requirement: &Requirement, cases: &[Entry]) -> String {
    let Requirement {
        id, level, roles, ..
    } = requirement;
    let mut text = format!("{id} ({level}, {})\n", roles.join(", "));
    text.push_str(&wrapped(&requirement.text, "  "));
    let mut line = |title: &str, value: &str| {
        text.push_str(&format!("  {title:<9} {value}\n"));
    };
    if requirement.status != "active" {
        line("status", &requirement.status);
    }
    if let Some(error) = &requirement.error {
        line("error", error);
    }
    line("verify", &requirement.verify.join(", "));
    line(
        "chapter",
        &format!("{}:{}", requirement.file, requirement.line),
    );
    let mut by_role: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.req.contains(id)) {
        by_role.entry(case.role.name()).or_default().push(&case.id);
    }
    for (role, ids) in by_role {
        let named = ids
            .iter()
            .take(NAMED)
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        line(
            role,
            &match ids.len().saturating_sub(NAMED) {
                0 => named,
                more => format!("{named} and {more} more: list --role {role} --req {id}"),
            },
        );
    }
    text
}

/// What to say about an id that nothing has.
fn unknown(wanted: &str, all: &[Requirement]) -> String {
    let area = wanted.rsplit_once('-').map_or(wanted, |(area, _)| area);
    let last = all
        .iter()
        .rfind(|it| it.id.starts_with(area) && area.len() > 4);
    let hint = match last {
        Some(last) => format!("the last of {area} is {}", last.id),
        None => "ids look like EIM-FRM-012; `explain 'EIM-FRM-*'` prints an area".to_owned(),
    };
    format!("no requirement {wanted}; {hint}")
}
