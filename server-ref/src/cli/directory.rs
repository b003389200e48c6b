//! `eim-server directory …`: through the admin socket of a running server, else on the folder.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::user::{carry_out, read};
use super::{CliError, runtime};
use crate::admin::{Command, Reply};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// Makes the directory what two CSV files say; importing them again changes nothing.
    Import(ImportArgs),
}

#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// Departments: `code,parent,name` in the first line; the parent is empty at the top. With
    /// `code,parent,name,group` a department may have a group: of its `members`, or of all in its
    /// `branch`.
    #[arg(long, value_name = "FILE")]
    departments: PathBuf,
    /// Members: `user,department,title` in the first line; login names and codes.
    #[arg(long, value_name = "FILE")]
    members: PathBuf,
    /// Checks the files and tells what would change.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(command: DirectoryCommand, config: &Config) -> Result<(), CliError> {
    let DirectoryCommand::Import(args) = command;
    let command = Command::DirectoryImport {
        departments: read(&args.departments)?,
        members: read(&args.members)?,
        dry_run: args.dry_run,
    };
    match runtime()?.block_on(carry_out(config, command))? {
        Reply::Imported { summary } => {
            let what = if args.dry_run {
                "would change"
            } else {
                "changed"
            };
            println!("{what}: {summary}");
            Ok(())
        }
        Reply::Failed { reason } => Err(CliError::Other(reason)),
        _ => Ok(()),
    }
}
