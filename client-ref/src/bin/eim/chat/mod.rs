//! `eim chat`: a terminal UI. The model is plain data; this file moves events between the
//! terminal, the client and the model.

mod model;
mod operate;
mod view;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eim_client::modified::modified;
use eim_client::options::Attach;
use eim_client::store::{MarkRecord, Target};
use eim_client::{Client, Draft, Event, Events, Unread};
use eim_codec::id::{ConversationId, UserId};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event as Input, KeyEventKind};
use tokio::sync::mpsc;

use self::model::{Action, Model};
use crate::conversations::{conversation_id, find_group, own_id};
use crate::exit::Failure;
use crate::profile::Globals;
use crate::shown::is_part_of_another;
use crate::witness::Witness;

/// Messages read from the store for a conversation.
const SCROLLBACK: usize = 500;

/// How often the reader of the terminal looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// Arguments of `eim chat`.
#[derive(Args, Debug)]
pub(crate) struct Chat {
    /// Begins with the direct conversation with this user.
    #[arg(long, value_name = "USER", conflicts_with = "group")]
    to: Option<String>,
    /// Begins with a group, by id or by name.
    #[arg(long, value_name = "ID|NAME")]
    group: Option<String>,
    /// Appends what this process sees to a history, for `eim-conformance history`.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

/// What was found out in the background.
enum Found {
    Name(UserId, String),
    /// What is unread, as the server counts.
    Unread(Vec<Unread>),
    /// How far others have come.
    Marks(Vec<MarkRecord>),
    /// A conversation a person asked for by name.
    Peer(Result<(UserId, String), String>),
}

impl Chat {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        if !std::io::stdout().is_terminal() {
            return Err(Failure::usage(
                "chat needs a terminal; see eim tail and eim send",
            ));
        }
        let mut options = globals.options(Attach::Full)?;
        let witness = Witness::attach(self.history.as_deref(), &mut options).await?;
        let client = globals.connect(options).await?;
        let events = client.events().ok_or_else(|| Failure::usage("no events"))?;
        let me = own_id(&**client.store()).await?;
        let mut model = Model::new(me);
        model.state(client.state());
        model.records(client.store().conversations().await?);
        if let Some(name) = &self.to {
            let user = client.user(name).await?;
            let conversation = conversation_id(&client, Target::User(user.user)).await?;
            model.name(user.user, user.name);
            model.open_direct(conversation, user.user);
        } else if let Some(group) = &self.group {
            model.select(find_group(&client, group).await?);
        }
        // From here on the terminal is restored on return and on panic.
        let terminal = ratatui::try_init()?;
        let ui = Ui::new(&client, model, witness.as_ref());
        let done = ui.run(terminal, events).await;
        ratatui::restore();
        client.close().await;
        done?;
        witness.map_or(Ok(()), |witness| witness.end())
    }
}

struct Ui<'a> {
    client: &'a Client,
    model: Model,
    witness: Option<&'a Witness>,
    found: mpsc::UnboundedSender<Found>,
    findings: mpsc::UnboundedReceiver<Found>,
    /// The last message that was on the screen, and told.
    seen: Option<(ConversationId, u64)>,
}

impl<'a> Ui<'a> {
    fn new(client: &'a Client, model: Model, witness: Option<&'a Witness>) -> Self {
        let (found, findings) = mpsc::unbounded_channel();
        Self {
            client,
            model,
            witness,
            found,
            findings,
            seen: None,
        }
    }

    async fn run(
        mut self,
        mut terminal: DefaultTerminal,
        mut events: Events,
    ) -> Result<(), Failure> {
        let (typed, mut inputs) = mpsc::unbounded_channel();
        tokio::task::spawn_blocking(move || read_terminal(&typed));
        self.ask_unread();
        self.load().await?;
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            self.ask_names();
            self.read().await?;
            terminal.draw(|frame| view::draw(frame, &self.model))?;
            let actions = tokio::select! {
                biased;
                input = inputs.recv() => match input {
                    Some(Input::Key(key)) if key.kind != KeyEventKind::Release => {
                        self.model.key(key)
                    }
                    Some(Input::Paste(text)) => {
                        self.model.paste(&text);
                        Vec::new()
                    }
                    Some(_) => Vec::new(),
                    None => return Err(Failure::usage("the terminal is gone")),
                },
                Some(found) = self.findings.recv() => self.found(found).await?,
                event = events.next() => {
                    self.event(event).await?;
                    while let Some(event) = events.try_next() {
                        self.event(Some(event)).await?;
                    }
                    Vec::new()
                }
                _ = &mut interrupted => return Ok(()),
            };
            for action in actions {
                match action {
                    Action::Quit => return Ok(()),
                    Action::Load => self.load().await?,
                    Action::Send(target, text) => self.send(target, text).await?,
                    Action::Operate(target, line) => self.operate(target, &line).await?,
                    Action::Find(name) => self.find(name),
                }
            }
        }
    }

    async fn event(&mut self, event: Option<Event>) -> Result<(), Failure> {
        match event {
            Some(Event::Message(message)) => {
                self.model.message(&message);
                if is_part_of_another(&message) {
                    self.load().await?;
                }
            }
            Some(Event::Settled(settled)) => {
                if let Some(witness) = self.witness {
                    witness.settled(&settled)?;
                }
                self.model.settled(&settled);
            }
            Some(Event::State(state)) => self.model.state(state),
            Some(Event::Marks(marks)) => self.model.marks(&marks),
            Some(Event::Conversations) => {
                self.model
                    .records(self.client.store().conversations().await?);
            }
            Some(_) => {}
            None => return Err(Failure::connection("the client is over")),
        }
        Ok(())
    }

    async fn found(&mut self, found: Found) -> Result<Vec<Action>, Failure> {
        match found {
            Found::Name(user, name) => self.model.name(user, name),
            Found::Unread(counts) => self.model.unread(&counts),
            Found::Marks(marks) => self.model.marks(&marks),
            Found::Peer(Ok((user, name))) => {
                let conversation = conversation_id(self.client, Target::User(user)).await?;
                self.model.name(user, name);
                self.model.open_direct(conversation, user);
                return Ok(vec![Action::Load]);
            }
            Found::Peer(Err(problem)) => self.model.notice(problem),
        }
        Ok(Vec::new())
    }

    /// Reads the selected conversation from the store.
    async fn load(&mut self) -> Result<(), Failure> {
        let Some(conversation) = self.model.selected() else {
            return Ok(());
        };
        let messages = self.client.store().latest(conversation, SCROLLBACK).await?;
        let first = messages.first().map_or(0, |message| message.conv_seq);
        let store = &**self.client.store();
        let modified = modified(store, conversation, first, i64::MAX as u64).await?;
        self.model.load(conversation, &messages, &modified);
        let (client, found) = (self.client.clone(), self.found.clone());
        tokio::spawn(async move {
            if let Ok(marks) = client.marks(&[conversation]).await {
                // The UI may be gone.
                let _ = found.send(Found::Marks(marks));
            }
        });
        Ok(())
    }

    /// What stands on the screen is read.
    async fn read(&mut self) -> Result<(), Failure> {
        let seen = self.model.on_screen();
        if let Some((conversation, conv_seq)) = seen.filter(|_| seen != self.seen) {
            self.seen = seen;
            self.client.read(conversation, conv_seq).await?;
        }
        Ok(())
    }

    fn ask_unread(&self) {
        let (client, found) = (self.client.clone(), self.found.clone());
        tokio::spawn(async move {
            if let Ok(counts) = client.unread().await {
                // The UI may be gone.
                let _ = found.send(Found::Unread(counts));
            }
        });
    }

    async fn send(&mut self, target: Target, text: String) -> Result<(), Failure> {
        let conversation: ConversationId = conversation_id(self.client, target).await?;
        let id = self.client.post(Draft::text(target, text.clone())).await?;
        self.model.posted(conversation, id, text);
        Ok(())
    }

    async fn operate(&mut self, target: Target, line: &str) -> Result<(), Failure> {
        match operate::draft(target, line) {
            Ok(draft) => {
                self.client.post(draft).await?;
            }
            Err(usage) => self.model.notice(usage.to_owned()),
        }
        Ok(())
    }

    fn find(&self, name: String) {
        let (client, found) = (self.client.clone(), self.found.clone());
        tokio::spawn(async move {
            let peer = match client.user(&name).await {
                Ok(user) => Ok((user.user, user.name)),
                Err(error) => Err(error.to_string()),
            };
            // The UI may be gone.
            let _ = found.send(Found::Peer(peer));
        });
    }

    fn ask_names(&mut self) {
        for user in self.model.take_unnamed() {
            let (client, found) = (self.client.clone(), self.found.clone());
            tokio::spawn(async move {
                if let Ok(Some(name)) = client.user_name(user).await {
                    // The UI may be gone.
                    let _ = found.send(Found::Name(user, name));
                }
            });
        }
    }
}

/// Reads the terminal until nobody wants it any more.
fn read_terminal(typed: &mpsc::UnboundedSender<Input>) {
    while !typed.is_closed() {
        match event::poll(LOOK) {
            Ok(false) => {}
            Ok(true) => match event::read() {
                Ok(input) => {
                    if typed.send(input).is_err() {
                        return;
                    }
                }
                Err(_) => return,
            },
            Err(_) => return,
        }
    }
}
