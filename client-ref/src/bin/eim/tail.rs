//! `eim tail`: prints messages as they come.

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eim_client::options::Attach;
use eim_client::store::Message;
use eim_client::{Client, ConnectionState, Event, Events, Past};
use tokio::time::{sleep, timeout};

use crate::conversations::Names;
use crate::exit::Failure;
use crate::output::{Output, printable, time_of_day};
use crate::profile::Globals;
use crate::shown::{notes, shown};
use crate::witness::Witness;

/// Arguments of `eim tail`.
#[derive(Args, Debug)]
pub(crate) struct Tail {
    /// JSON lines instead of text.
    #[arg(long)]
    json: bool,
    /// Goes on until interrupted; the default.
    #[arg(long, conflicts_with_all = ["until_idle", "until_count"])]
    follow: bool,
    /// Ends when everything is here and nothing came for this time.
    #[arg(long, value_name = "MS")]
    until_idle: Option<u64>,
    /// Ends after this many messages.
    #[arg(long, value_name = "N")]
    until_count: Option<u64>,
    /// Appends what this process sees to a history, for `eim-conformance history`.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Stores messages without printing them.
    #[arg(long)]
    quiet: bool,
}

impl Tail {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let mut options = globals.options(Attach::Full)?;
        options.adopt_outbox = false;
        let witness = Witness::attach(self.history.as_deref(), &mut options).await?;
        let client = globals.connect(options).await?;
        let events = client.events().ok_or_else(|| Failure::usage("no events"))?;
        let mut printer = Printer {
            json: self.json,
            quiet: self.quiet,
            output: Output::new(),
            names: Names::default(),
        };
        let printed = self.print(&client, events, &mut printer).await;
        let flushed = printer.output.flush();
        client.close().await;
        printed?;
        if let Some(witness) = witness {
            witness.end()?;
        }
        Ok(flushed?)
    }

    async fn print(
        &self,
        client: &Client,
        mut events: Events,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        let mut left = self.until_count.unwrap_or(u64::MAX);
        let mut caught_up = false;
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        while left > 0 {
            let event = match events.try_next() {
                Some(event) => event,
                None => {
                    printer.output.flush()?;
                    let idle = self
                        .until_idle
                        .filter(|_| caught_up)
                        .map(Duration::from_millis);
                    tokio::select! {
                        biased;
                        event = events.next() => match event {
                            Some(event) => event,
                            None => return Ok(()),
                        },
                        _ = &mut interrupted => return Ok(()),
                        () = pause(idle) => return Ok(()),
                    }
                }
            };
            match event {
                Event::Message(message) => {
                    printer.message(client, &message).await?;
                    left -= 1;
                }
                Event::CaughtUp => caught_up = true,
                Event::State(ConnectionState::Waiting { delay, reason }) => {
                    caught_up = false;
                    eprintln!(
                        "eim: {reason}; next attempt in {:.1} s",
                        delay.as_secs_f32()
                    );
                }
                Event::State(ConnectionState::Closed(end)) => return Err(end.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

async fn pause(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => pending().await,
    }
}

struct Printer {
    json: bool,
    quiet: bool,
    output: Output,
    names: Names,
}

impl Printer {
    async fn message(&mut self, client: &Client, message: &Message) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        if self.json {
            return Ok(self.output.json(message)?);
        }
        // Names come from the server when they are new; that must not hold back the messages.
        let line = timeout(
            Duration::from_secs(5),
            describe(&mut self.names, client, message),
        );
        let line = line.await.unwrap_or_else(|_| message.fallback_text.clone());
        Ok(self.output.line(&line)?)
    }
}

/// A message as a line for people.
pub(crate) async fn describe(names: &mut Names, client: &Client, message: &Message) -> String {
    let text = names.text(client, message).await;
    line(names, client, message, &text).await
}

/// A message of the past as a line for people, with what has become of it.
pub(crate) async fn describe_past(names: &mut Names, client: &Client, past: &Past) -> String {
    let Past {
        message,
        modified,
        reactions,
    } = past;
    let mut text = match shown(message, Some(modified)) {
        Some(text) => text,
        None => names.text(client, message).await + &notes(Some(modified)),
    };
    for (reaction, count) in reactions {
        text.push_str(&format!(" [{reaction} {count}]"));
    }
    line(names, client, message, &text).await
}

async fn line(names: &mut Names, client: &Client, message: &Message, text: &str) -> String {
    let sender = match message.sender {
        Some(sender) => names.user(client, sender).await,
        None => "server".to_owned(),
    };
    let conversation: String = message.conversation.to_string().chars().take(8).collect();
    printable(&format!(
        "{} {conversation} #{} {sender}: {text}",
        time_of_day(message.time_ms),
        message.conv_seq,
    ))
}
