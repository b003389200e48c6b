//! `report`: the files that can be made from a results file.

use std::path::PathBuf;
use std::process::ExitCode;

use super::Global;
use crate::matrix::table::table;
use crate::report::files::{Files, load};

/// Makes reports from a results file
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The results file.
    from: PathBuf,
    #[command(flatten)]
    files: Files,
}

/// Runs the verb.
///
/// # Errors
/// A file that cannot be read or written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let results = load(&args.from)?;
    print!("{}", table(&results));
    args.files.write(&results, &global.data())?;
    Ok(ExitCode::SUCCESS)
}
