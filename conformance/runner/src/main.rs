//! `eim-conformance`: the command line of the conformance suite.
//!
//! Exit codes: 0 all is well; 1 findings; 2 wrong usage or files that cannot be read.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eim_conformance::trace::project::Project;
use eim_conformance::trace::{self, Mode, Report, summary};

/// The EIM conformance suite.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Folder of the project; default: the one around the current folder.
    #[arg(long, global = true)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks the chapters, the generated files and the tags in the code.
    Trace {
        /// Writes requirements.json and the registry tables instead of comparing them.
        #[arg(long)]
        write: bool,
        /// Lists the MUSTs that no code is tagged with.
        #[arg(long)]
        gaps: bool,
    },
    /// Prints requirements, and where code is tagged with them.
    Explain {
        /// Ids, such as EIM-FRM-012.
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("eim-conformance: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, String> {
    let here = std::env::current_dir().map_err(|e| e.to_string())?;
    let project = match &cli.root {
        Some(root) => Project::at(root),
        None => Project::around(&here).ok_or("no spec/registry around here; use --root")?,
    };
    match &cli.command {
        Command::Trace { write, gaps } => {
            let mode = if *write { Mode::Write } else { Mode::Check };
            Ok(show(&trace::run(&project, mode)?, *gaps))
        }
        Command::Explain { ids } => explain(&trace::run(&project, Mode::Check)?, ids),
    }
}

fn show(report: &Report, gaps: bool) -> ExitCode {
    for file in &report.written {
        println!("written: {file}");
    }
    for finding in &report.findings {
        println!("{finding}");
    }
    if gaps {
        for requirement in &report.requirements {
            let tagged = report.tags.iter().any(|tag| tag.id == requirement.id);
            if requirement.is_active() && requirement.level.is_absolute() && !tagged {
                let (file, line) = (&requirement.file, requirement.line);
                println!("{file}:{line}: untagged: // impl[{}]", requirement.id);
            }
        }
    }
    print!("{}", summary::summary(report));
    match report.findings.len() {
        0 => ExitCode::SUCCESS,
        count => {
            println!("{count} findings");
            ExitCode::from(1)
        }
    }
}

fn explain(report: &Report, ids: &[String]) -> Result<ExitCode, String> {
    for id in ids {
        let requirement = report
            .requirements
            .iter()
            .find(|requirement| &requirement.id == id);
        let requirement = requirement.ok_or_else(|| format!("{id} is no requirement"))?;
        println!("{id} ({}:{})", requirement.file, requirement.line);
        println!("  {}", requirement.text);
        for tag in report.tags.iter().filter(|tag| &tag.id == id) {
            println!("  kept at {}:{}", tag.file, tag.line);
        }
    }
    Ok(ExitCode::SUCCESS)
}
