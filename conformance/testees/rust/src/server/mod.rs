//! The launch protocol for servers, around the reference server in this process.
//!
//! A kill of this process is a crash of the server: its store is the embedded one, in `data`.

mod launch;
mod limits;

use std::sync::Arc;

use eim_server::admin::{self, Command, Reply};
use eim_server::clock::SystemClock;
use eim_server::config::Config;
use eim_server::random::SystemRandom;
use eim_server::server::{self, Parts, Running};
use eim_server::service::accounts::NewUser;
use eim_server::service::bots::NewBot;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};

use crate::output::line;
use launch::{Launch, Operation};

type Input = Lines<BufReader<Stdin>>;

/// Serves as the line on standard input says, until told to stop or the input ends.
///
/// # Errors
/// What the suite has to be told on standard error.
pub(crate) fn run() -> Result<(), String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(serve())
}

async fn serve() -> Result<(), String> {
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    let Some(text) = next_line(&mut input).await? else {
        return Err("standard input ended before the launch line".to_owned());
    };
    let launch: Launch = serde_json::from_str(&text).map_err(|error| format!("launch: {error}"))?;
    let (config, unset) = launch.config()?;
    eim_server::logging::install(&config.log).map_err(|error| error.to_string())?;
    let parts = Parts {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let running = server::start(&config, &parts)
        .await
        .map_err(|error| error.to_string())?;
    add_accounts(&running, &launch).await?;
    line(&ready(&running, &config, &unset)?)?;
    operate(&mut input, &config).await?;
    running.shutdown().await;
    Ok(())
}

/// Accounts that the folder does not have yet.
async fn add_accounts(running: &Running, launch: &Launch) -> Result<(), String> {
    let known = running.accounts.list().await;
    let known = known.map_err(|error| error.to_string())?;
    let missing = launch
        .accounts
        .iter()
        .filter(|account| known.iter().all(|known| known.name != account.name))
        .map(|account| NewUser {
            name: account.name.clone(),
            display_name: String::new(),
            credential: account.password.clone(),
        })
        .collect();
    let added = running.accounts.add(missing).await;
    added.map(drop).map_err(|error| error.to_string())
}

fn ready(
    running: &Running,
    config: &Config,
    unset: &[String],
) -> Result<serde_json::Value, String> {
    let listeners: serde_json::Map<_, _> = running
        .addresses
        .iter()
        .map(|(transport, address)| (transport.name().to_owned(), address.to_string().into()))
        .collect();
    let mut ready = json!({
        "ready": listeners,
        "impl": {"name": "eim-server", "version": env!("CARGO_PKG_VERSION"), "language": "rust"},
    });
    let encrypted = running
        .addresses
        .iter()
        .any(|(transport, _)| transport.is_tls());
    if encrypted {
        let path = config.server.data_dir.join("certificate.pem");
        let pem = std::fs::read_to_string(&path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        ready["certificate"] = pem.into();
    }
    if !unset.is_empty() {
        ready["unset"] = unset.into();
    }
    Ok(ready)
}

/// Carries out operations until one stops the server.
async fn operate(input: &mut Input, config: &Config) -> Result<(), String> {
    while let Some(text) = next_line(input).await? {
        let Ok(operation) = serde_json::from_str(&text) else {
            line(&json!({"unsupported": true}))?;
            continue;
        };
        let command = match operation {
            Operation::Stop => return line(&json!({"ok": true})),
            Operation::Disable { account } => Command::UserDisable { name: account },
            Operation::Enable { account } => Command::UserEnable { name: account },
            Operation::Import {
                departments,
                members,
            } => Command::DirectoryImport {
                departments,
                members,
                dry_run: false,
            },
            Operation::Bot { name } => Command::BotCreate {
                bot: NewBot {
                    name,
                    display_name: String::new(),
                    owner: String::new(),
                    webhook: String::new(),
                },
            },
            Operation::Token {
                account,
                expires_ms,
            } => Command::BotToken {
                name: account,
                note: String::new(),
                expires_ms,
            },
            Operation::Revoke { account, token } => Command::BotRevoke {
                name: account,
                token: Some(token),
            },
            Operation::Logout { account, device } => Command::DeviceLogout {
                name: account,
                device,
            },
        };
        let importing = matches!(command, Command::DirectoryImport { .. });
        // The way an operator's command takes, so that connections of the account end too.
        let reply = admin::ask(&config.server.data_dir, &command)
            .await
            .map_err(|error| error.to_string())?;
        match reply {
            Some(Reply::Failed { reason }) if importing => line(&json!({ "refused": reason }))?,
            Some(Reply::Failed { reason }) => return Err(reason),
            Some(Reply::Secrets { secrets }) => line(&json!({"ok": true, "made": secrets}))?,
            Some(_) => line(&json!({"ok": true}))?,
            None => return Err("the server does not listen for commands".to_owned()),
        }
    }
    Ok(())
}

async fn next_line(input: &mut Input) -> Result<Option<String>, String> {
    let line = input.next_line().await;
    line.map_err(|error| format!("standard input: {error}"))
}
