//! `eim-server user …`: through the admin socket of a running server, else on the folder.

use std::io::{BufRead as _, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{CliError, runtime};
use crate::admin::{self, Command, Reply};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::random::SystemRandom;
use crate::server::{self, Parts, TENANT};
use crate::service::accounts::{Account, Accounts, NewUser, parse_import};
use crate::service::password;
use crate::store::{CommitSink, Committed, LoggedOut, Marked};

#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Adds an account.
    Add(AddArgs),
    /// Lists the accounts: name, state, id, display name.
    List,
    /// Disables an account and ends its connections.
    Disable {
        /// Login name.
        name: String,
    },
    /// Enables an account.
    Enable {
        /// Login name.
        name: String,
    },
    /// Logs a device out: its connections end, and it has to prove the password again.
    Logout {
        /// Login name.
        name: String,
        /// Device id, hexadecimal.
        device: String,
    },
    /// Adds accounts from a file: `name,display name,password` a line, or
    /// `name,display name,scram:ITERATIONS:SALT:STOREDKEY:SERVERKEY`. `-` reads standard input.
    Import {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// Login name.
    name: String,
    /// Shown to people; the login name if left out.
    #[arg(long, default_value = "")]
    display_name: String,
    /// File whose first line is the password; `-` reads standard input. Without it, the variable
    /// `EIM_PASSWORD` is used, and without that a random password is made and printed.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Nobody is online on a folder that no server runs on.
struct Nobody;

impl CommitSink for Nobody {
    fn committed(&self, _commits: &[Committed]) {}

    fn marked(&self, _marked: &[Marked]) {}

    fn logged_out(&self, _devices: &[LoggedOut]) {}
}

pub(super) fn run(command: UserCommand, config: &Config) -> Result<(), CliError> {
    let (command, made) = prepare(command)?;
    let reply = runtime()?.block_on(carry_out(config, command))?;
    match reply {
        Reply::Accounts { accounts } => accounts.iter().for_each(print_account),
        Reply::Failed { reason } => return Err(CliError::Other(reason)),
        _ => {}
    }
    if let Some(password) = made {
        println!("password: {password}");
    }
    Ok(())
}

/// The command for the server, and the password if one was made.
fn prepare(command: UserCommand) -> Result<(Command, Option<String>), CliError> {
    Ok(match command {
        UserCommand::Add(args) => {
            let given = given_password(args.password_file.as_deref())?;
            let made = given.is_none().then(|| password::generate(&SystemRandom));
            let user = NewUser {
                name: args.name,
                display_name: args.display_name,
                credential: given.or_else(|| made.clone()).unwrap_or_default(),
            };
            (Command::UserAdd { users: vec![user] }, made)
        }
        UserCommand::List => (Command::UserList, None),
        UserCommand::Disable { name } => (Command::UserDisable { name }, None),
        UserCommand::Enable { name } => (Command::UserEnable { name }, None),
        UserCommand::Logout { name, device } => (Command::DeviceLogout { name, device }, None),
        UserCommand::Import { file } => {
            let text = read(&file)?;
            let users = parse_import(&text).map_err(|error| CliError::Other(error.to_string()))?;
            (Command::UserAdd { users }, None)
        }
    })
}

fn given_password(file: Option<&Path>) -> Result<Option<String>, CliError> {
    match file {
        Some(path) if path == Path::new("-") => {
            let mut line = String::new();
            let failed = |error| CliError::Other(format!("standard input: {error}"));
            std::io::stdin()
                .lock()
                .read_line(&mut line)
                .map_err(failed)?;
            Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
        }
        Some(path) => Ok(Some(
            read(path)?.lines().next().unwrap_or_default().to_owned(),
        )),
        None => Ok(std::env::var("EIM_PASSWORD").ok()),
    }
}

pub(super) fn read(path: &Path) -> Result<String, CliError> {
    let failed = |error| CliError::Other(format!("{}: {error}", path.display()));
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(failed)
}

pub(super) async fn carry_out(config: &Config, command: Command) -> Result<Reply, CliError> {
    let asked = admin::ask(&config.server.data_dir, &command).await;
    if let Some(reply) = asked.map_err(|error| CliError::Other(error.to_string()))? {
        return Ok(reply);
    }
    let data_dir = &config.server.data_dir;
    if !matches!(command, Command::UserAdd { .. }) && !data_dir.exists() {
        let folder = data_dir.display();
        return Err(CliError::Other(format!("there is no data folder {folder}")));
    }
    let parts = Parts {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let store = server::open_store(config, &parts, Arc::new(Nobody)).await?;
    let Parts { clock, random } = parts;
    let accounts = Accounts::new(
        Arc::clone(&store),
        clock,
        random,
        config.auth.iterations,
        TENANT,
    );
    let reply = admin::execute(&accounts, None, command).await;
    store.close().await;
    Ok(reply)
}

fn print_account(account: &Account) {
    let state = if account.disabled {
        "disabled"
    } else {
        "active"
    };
    println!(
        "{}\t{state}\t{}\t{}",
        account.name, account.user, account.display_name
    );
}
