//! `eim-server config …`.

use clap::Subcommand;

use super::{CliError, Common};
use crate::config::DEFAULT;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Checks the configuration as the server would load it.
    Check,
    /// Prints the default configuration with the meaning of every key.
    PrintDefault,
}

pub(super) fn run(command: &ConfigCommand, common: &Common) -> Result<(), CliError> {
    match command {
        ConfigCommand::Check => {
            let config = common.load()?;
            println!(
                "the configuration is good; data folder {}",
                config.server.data_dir.display()
            );
        }
        ConfigCommand::PrintDefault => print!("{DEFAULT}"),
    }
    Ok(())
}
