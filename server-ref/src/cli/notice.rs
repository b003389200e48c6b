//! `eim-server notice`: through the admin socket of a running server, else on the folder.

use clap::Args;

use super::user::carry_out;
use super::{CliError, runtime};
use crate::admin::{Command, Reply};
use crate::config::Config;

#[derive(Args, Debug)]
pub(super) struct NoticeArgs {
    /// The text.
    text: String,
    /// Login name; may be given several times.
    #[arg(long, value_name = "NAME", required_unless_present = "all")]
    to: Vec<String>,
    /// To everybody whose account is enabled.
    #[arg(long, conflicts_with = "to")]
    all: bool,
}

pub(super) fn run(args: NoticeArgs, config: &Config) -> Result<(), CliError> {
    let command = Command::Notice {
        names: args.to,
        text: args.text,
    };
    match runtime()?.block_on(carry_out(config, command))? {
        Reply::Noticed { users } => {
            println!("written to {users} users");
            Ok(())
        }
        Reply::Failed { reason } => Err(CliError::Other(reason)),
        _ => Ok(()),
    }
}
