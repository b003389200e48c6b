//! `trace`: the specification checked against itself, the code and the results of a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{FAILED, Global, exit};
use crate::results::Results;
use crate::spec::{Finding, Rule};
use crate::trace::project::Project;
use crate::trace::tests::TestLog;
use crate::trace::{self, CATALOGUE, Mode, Report, coverage, gate, page, summary};

/// Checks chapters, generated files and tags; with results, that every MUST was shown
///
/// A MUST is shown by a case that ran and passed, for each side that it binds.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Writes requirements.json and the registry tables instead of comparing them.
    #[arg(long)]
    write: bool,
    /// A requirement whose wording changed, but not its meaning, so that its revision stays.
    #[arg(long, value_name = "ID")]
    editorial: Vec<String>,
    /// Lists the MUSTs that no code is tagged with.
    #[arg(long)]
    gaps: bool,
    /// Results of a run: the gate.
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
    /// What `cargo test` printed: which of the tagged tests passed.
    #[arg(long, value_name = "FILE", requires = "results")]
    tests: Option<PathBuf>,
    /// Takes tagged tests as passed: for commands that stand beside `cargo test --workspace`, which
    /// fails when one of them does.
    #[arg(long, requires = "results", conflicts_with = "tests")]
    assume_tests: bool,
    /// Writes the coverage of every requirement.
    #[arg(long, value_name = "FILE", requires = "results")]
    json: Option<PathBuf>,
    /// Writes the specification as a page that shows cases, code and verdict of each requirement.
    #[arg(long, value_name = "FILE", requires = "results")]
    html: Option<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// No checkout, or files that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let mode = if args.write { Mode::Write } else { Mode::Check };
    let project = global.project()?;
    let report = trace::run_editing(&project, mode, &args.editorial)?;
    for file in &report.written {
        println!("written: {file}");
    }
    let mut findings = report.findings.clone();
    if args.gaps {
        untagged(&report);
    }
    match &args.results {
        None => print!("{}", summary::summary(&report)),
        Some(file) => findings.extend(judge(args, file, &project, &report)?),
    }
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(ExitCode::SUCCESS),
        count => {
            println!("{count} findings");
            Ok(exit(FAILED))
        }
    }
}

/// The gate: prints its table, writes what was asked for, and gives what keeps it shut.
fn judge(
    args: &Args,
    file: &Path,
    project: &Project,
    report: &Report,
) -> Result<Vec<Finding>, String> {
    let results: Results =
        serde_json::from_str(&text(file)?).map_err(|e| format!("{}: {e}", file.display()))?;
    let tests = match &args.tests {
        Some(log) => TestLog::parse(&text(log)?),
        None if args.assume_tests => TestLog::same_command(),
        None => TestLog::default(),
    };
    let gate = gate::judge(report, &results, &tests);
    print!("{}", coverage::table(report, &gate));
    if let Some(file) = &args.json {
        write(file, &coverage::json(report, &gate)?)?;
    }
    if let Some(file) = &args.html {
        write(file, &page::page(project, report, &gate)?)?;
    }
    let mut findings = gate.findings;
    let current = crate::data::sha256(project.read(CATALOGUE)?.as_bytes());
    if results.suite.requirements_sha256 != current {
        let message = "these results are of another requirements.json";
        findings.push(Finding::new("results", 0, Rule::StaleResults, message));
    }
    Ok(findings)
}

fn text(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

fn untagged(report: &Report) {
    for requirement in &report.requirements {
        let tagged = report.tags.iter().any(|tag| tag.id == requirement.id);
        if requirement.is_active() && requirement.level.is_absolute() && !tagged {
            let (file, line) = (&requirement.file, requirement.line);
            println!("{file}:{line}: untagged: // impl[{}]", requirement.id);
        }
    }
}
