//! `eim-bot`: a bot that answers, or translates, by any model that speaks as OpenAI does.
//!
//! What it has answered is kept with the answer, in one write: a restart answers nothing twice and
//! leaves nothing out. Bots are not answered.

mod brain;
mod config;
mod keys;
mod language;
mod model;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use eim_client::environment::Environment;
use eim_client::options::{Options, Trust};
use eim_client::store::SqliteStore;
use eim_client::{Client, ConnectionState, Event, Events};
use eim_codec::id::ConversationId;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::model::Model;
use crate::worker::Worker;

/// A bot for EIM that answers or translates.
#[derive(Debug, Parser)]
#[command(name = "eim-bot", version, about)]
struct Cli {
    /// Configuration file; without one its defaults are printed.
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("EIM_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let Some(path) = Cli::parse().config else {
        print!("{}", config::DEFAULT);
        return ExitCode::SUCCESS;
    };
    let outcome = Config::load(&path).and_then(run);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("eim-bot: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), String> {
    let environment = Environment::default();
    let store = SqliteStore::open(&config.bot.data, &environment);
    let store = store.map_err(|error| error.to_string())?;
    let server = config.server.url.parse();
    let server = server.map_err(|error: eim_client::options::InvalidUrl| error.to_string())?;
    let mut options = Options::new(server, "", None, Arc::new(store)).bot(&config.bot.token()?);
    options.trust = match (&*config.server.fingerprint, &config.server.authorities) {
        ("", path) if path.as_os_str().is_empty() => None,
        ("", path) => Some(Trust::Authorities(path.clone())),
        (text, _) => Some(Trust::Pinned(text.parse().map_err(
            |error: eim_client::options::InvalidFingerprint| error.to_string(),
        )?)),
    };
    options.device_name = "eim-bot".to_owned();
    let model = Model::new(&config.model)?;
    let client = Client::start(options).await;
    let client = client.map_err(|error| error.to_string())?;
    let events = client.events().ok_or("no events")?;
    let me = client.opened().await.map_err(|end| end.to_string())?;
    tracing::info!("ready");
    let worker = Worker::new(client.clone(), me, environment, model, config);
    let ended = answer(Arc::new(worker), events).await;
    client.close().await;
    ended
}

/// Answers until told to stop, or until there is no way back to the server.
async fn answer(worker: Arc<Worker>, mut events: Events) -> Result<(), String> {
    let mut work = Work::default();
    for conversation in worker.conversations().await? {
        work.look(&worker, conversation);
    }
    let mut stop = std::pin::pin!(stopped());
    loop {
        tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            Some(done) = work.tasks.join_next(), if !work.tasks.is_empty() => {
                let (conversation, result) = done.map_err(|error| error.to_string())?;
                if let Err(reason) = result {
                    tracing::warn!(%conversation, reason, "a conversation is left for now");
                }
                work.done(&worker, conversation);
            }
            event = events.next() => match event {
                Some(Event::Message(message)) => work.look(&worker, message.conversation),
                Some(Event::State(ConnectionState::Waiting { reason, .. })) => {
                    tracing::warn!(reason, "no connection");
                }
                Some(Event::State(ConnectionState::Closed(end))) => return Err(end.to_string()),
                Some(_) => {}
                None => return Err("the client ended".to_owned()),
            },
        }
    }
}

type Looked = (ConversationId, Result<(), String>);

/// Conversations that are being looked at, one task each.
#[derive(Default)]
struct Work {
    tasks: JoinSet<Looked>,
    /// With whether there is something new since it began.
    under_way: BTreeMap<ConversationId, bool>,
}

impl Work {
    fn look(&mut self, worker: &Arc<Worker>, conversation: ConversationId) {
        if let Some(again) = self.under_way.get_mut(&conversation) {
            *again = true;
            return;
        }
        self.under_way.insert(conversation, false);
        let worker = Arc::clone(worker);
        self.tasks
            .spawn(async move { (conversation, worker.look(conversation).await) });
    }

    fn done(&mut self, worker: &Arc<Worker>, conversation: ConversationId) {
        if self.under_way.remove(&conversation) == Some(true) {
            self.look(worker, conversation);
        }
    }
}

/// Until SIGTERM or SIGINT.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
