//! `trace`: the specification checked against itself and the code.

use std::process::ExitCode;

use super::{FAILED, Global, exit};
use crate::trace::{self, Mode, Report, summary};

/// Checks the chapters, the generated files and the tags in the code.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Writes requirements.json and the registry tables instead of comparing them.
    #[arg(long)]
    write: bool,
    /// Lists the MUSTs that no code is tagged with.
    #[arg(long)]
    gaps: bool,
}

/// Runs the verb.
///
/// # Errors
/// No checkout, or files that cannot be read.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let mode = if args.write { Mode::Write } else { Mode::Check };
    Ok(show(&trace::run(&global.project()?, mode)?, args.gaps))
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
            exit(FAILED)
        }
    }
}
