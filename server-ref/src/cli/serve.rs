//! `eim-server` and `eim-server serve`.

use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{CliError, runtime};
use crate::clock::SystemClock;
use crate::config::{Config, Engine};
use crate::descriptors;
use crate::logging;
use crate::random::SystemRandom;
use crate::server::{self, Parts, Running};
use crate::service::accounts::{AccountError, NewUser};
use crate::service::password;
use crate::transport::{PATH, Transport};

/// Accounts of a first start.
const DEMO_USERS: [(&str, &str); 3] = [("alice", "Alice"), ("bob", "Bob"), ("carol", "Carol")];

#[derive(Args, Debug, Default)]
pub(super) struct ServeArgs {
    /// Address of the TLS listener, such as 0.0.0.0:7443; overrides listen.tls.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Address of the WebSocket listener; overrides listen.wss.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen_wss: Option<String>,
}

pub(super) fn run(args: &ServeArgs, mut config: Config) -> Result<(), CliError> {
    if let Some(address) = &args.listen {
        config.listen.tls.clone_from(address);
    }
    if let Some(address) = &args.listen_wss {
        config.listen.wss.clone_from(address);
    }
    logging::install(&config.log)
        .map_err(|error| CliError::Other(format!("log.filter: {error}")))?;
    descriptors::make_room(config.limits.connections);
    runtime()?.block_on(serve(&config))
}

async fn serve(config: &Config) -> Result<(), CliError> {
    // Before anything is printed: a signal from now on ends the server in order.
    let stop = stop_signal()?;
    let parts = Parts {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    };
    let running = server::start(config, &parts).await?;
    let made = demo_accounts(config, &running)
        .await
        .map_err(|error| CliError::Other(format!("demo accounts: {error}")))?;
    introduce(config, &running, &made);
    stop.await;
    running.shutdown().await;
    Ok(())
}

/// Waits for SIGTERM or SIGINT; a second one ends the process at once.
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Runtime)?;
    Ok(async move {
        let mut next = async move || {
            tokio::select! {
                biased;
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        tokio::spawn(async move {
            next().await;
            tracing::warn!("second signal: ending at once");
            std::process::exit(130);
        });
    })
}

/// On the first start of a store: accounts to try things with. Returns names and passwords.
async fn demo_accounts(
    config: &Config,
    running: &Running,
) -> Result<Vec<(String, String)>, AccountError> {
    if !config.server.demo_accounts || !running.accounts.list().await?.is_empty() {
        return Ok(Vec::new());
    }
    let mut made = Vec::new();
    let mut users = Vec::new();
    for (name, display_name) in DEMO_USERS {
        let password = password::generate(&SystemRandom);
        made.push((name.to_owned(), password.clone()));
        users.push(NewUser {
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            credential: password,
        });
    }
    running.accounts.add(users).await?;
    Ok(made)
}

/// Says where the server is and what to type next.
fn introduce(config: &Config, running: &Running, made: &[(String, String)]) {
    println!("eim-server {}", env!("CARGO_PKG_VERSION"));
    match config.store.engine {
        Engine::Embedded => println!("  data folder  {}", config.server.data_dir.display()),
        Engine::Memory => println!("  data         in memory, gone when the server ends"),
    }
    for (transport, address) in &running.addresses {
        let path = if matches!(transport, Transport::Ws | Transport::Wss) {
            PATH
        } else {
            ""
        };
        println!("  listening    {}://{address}{path}", transport.name());
    }
    if let Some(address) = running.admin {
        println!("  admin        http://{address}/metrics");
    }
    println!("  fingerprint  {}", running.fingerprint);
    if !made.is_empty() {
        println!("\nDemo accounts (these passwords are shown only now):");
        for (name, password) in made {
            println!("  {name:<6} {password}");
        }
    }
    let tls = running
        .addresses
        .iter()
        .find(|(transport, _)| *transport == Transport::Tls);
    if let Some((_, address)) = tls {
        let pin = if running.self_signed {
            format!(" --fingerprint {}", running.fingerprint)
        } else {
            String::new()
        };
        let name = made.first().map_or("NAME", |(name, _)| name);
        println!("\nNext, in another terminal:");
        println!(
            "  cargo run --release -p eim-client --bin eim -- login --server tls://{address} \
             --user {name}{pin}"
        );
        println!("  cargo run --release -p eim-client --bin eim -- chat");
        println!("  cargo run --release -p eim-client --bin eim -- send --to bob \"hi\"");
        println!("\nWith `eim` installed: eim login --server tls://{address} --user {name}{pin}");
        println!("To add people: eim-server user add NAME");
    }
}
