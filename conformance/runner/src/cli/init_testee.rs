//! `init-testee`: a codec testee to begin with.

use std::path::PathBuf;
use std::process::ExitCode;

use super::{Global, PASSED, exit};
use crate::init::{TEMPLATES, template};

/// Writes a codec testee to begin with, in a language of your choice
///
/// It has the whole protocol of testees, around a codec that has just begun. It needs nothing beyond the
/// language.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Its language.
    #[arg(long, value_parser = TEMPLATES.map(|template| template.key))]
    lang: String,
    /// Where the files go; made if it is not there. Default: `eim-testee-LANG`.
    folder: Option<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// A file that exists already, or cannot be written.
pub fn run(args: &Args, global: &Global) -> Result<ExitCode, String> {
    let template = template(&args.lang).ok_or("no template for this language")?;
    let usual = || PathBuf::from(format!("eim-testee-{}", template.key));
    let folder = args.folder.clone().unwrap_or_else(usual);
    for file in template.write(&folder, &global.data())? {
        println!("written: {}", file.display());
    }
    println!("\nNow, and every time something has changed:\n");
    println!("  cd {}", folder.display());
    for command in template.commands() {
        println!("  {command}");
    }
    println!("\nAll of these cases pass. README.md in the folder says what comes next.");
    Ok(exit(PASSED))
}
