//! `explain`: what a requirement says and where it is kept.

use std::process::ExitCode;

use super::Global;
use crate::trace::{self, Mode};

/// Prints requirements, and where code is tagged with them.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Ids, such as EIM-FRM-012.
    #[arg(required = true)]
    ids: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// An id that is no requirement; no checkout.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let report = trace::run(&global.project()?, Mode::Check)?;
    for id in &args.ids {
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
