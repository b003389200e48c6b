//! The command line.

mod bot;
mod config_command;
mod directory;
mod notice;
mod serve;
mod user;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError};

/// The EIM server. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "eim-server", version, about)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every command.
#[derive(Args, Debug)]
struct Common {
    /// Configuration file; see `config print-default`.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder; overrides the configuration.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until SIGTERM or SIGINT.
    Serve(serve::ServeArgs),
    /// Manages accounts, of the running server or else in the data folder.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Manages bots: accounts of programs, which authenticate by token.
    #[command(subcommand)]
    Bot(bot::BotCommand),
    /// Imports departments and their members.
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    /// Writes a notice to users.
    Notice(notice::NoticeArgs),
    /// Looks at the configuration.
    #[command(subcommand)]
    Config(config_command::ConfigCommand),
}

/// Why a command failed; printed and turned into the exit code 1 (2 for a wrong command line).
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] crate::server::StartError),
    #[error("runtime: {0}")]
    Runtime(std::io::Error),
    #[error("{0}")]
    Other(String),
}

impl Cli {
    /// Runs the command.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.attempt() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("eim-server: {error}");
                ExitCode::FAILURE
            }
        }
    }

    fn attempt(self) -> Result<(), CliError> {
        let Self { common, command } = self;
        match command {
            Some(Command::Bot(command)) => bot::run(command, &common.load()?),
            Some(Command::Config(command)) => config_command::run(&command, &common),
            Some(Command::Directory(command)) => directory::run(command, &common.load()?),
            Some(Command::Notice(args)) => notice::run(args, &common.load()?),
            Some(Command::User(command)) => user::run(command, &common.load()?),
            Some(Command::Serve(args)) => serve::run(&args, common.load()?),
            None => serve::run(&serve::ServeArgs::default(), common.load()?),
        }
    }
}

impl Common {
    fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            config.server.data_dir.clone_from(data);
        }
        Ok(config)
    }
}

/// The runtime of a command. Threads and timers begin here.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(CliError::Runtime)
}
