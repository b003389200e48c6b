//! `eim chat`: a terminal UI. The model is plain data; this file moves events between the
//! terminal, the client and the model.

mod act;
mod ask;
mod model;
mod operate;
mod view;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use eim_client::Presence;
use eim_client::environment::Environment;
use eim_client::modified::modified;
use eim_client::options::Attach;
use eim_client::store::{MarkRecord, Message, Target};
use eim_client::{Client, ConnectionState, ContactList, ContactNews, Event, Events, Unread};
use eim_codec::id::{CallId, ConversationId, UserId};
use eim_codec::payload::CallSignalKind;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event as Input, KeyEventKind};
use tokio::sync::mpsc;

use self::model::{Action, Answer, Model, Question};
use crate::conversations::{conversation_id, find_group, own_device, own_id};
use crate::exit::Failure;
use crate::profile::Globals;
use crate::shown::is_part_of_another;
use crate::witness::Witness;

/// Messages read from the store for a conversation.
const SCROLLBACK: usize = 500;

/// Messages read before and after one that is looked for.
const AROUND: u64 = 250;

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
    /// The profile of a user that a person asked for by name.
    Profile(UserId, String),
    /// The list of contacts.
    Contacts(Box<ContactList>),
    /// How users are.
    Presence(Vec<Presence>),
    /// What a pane shows.
    Answer(Question, Result<Answer, String>),
    /// A call was begun here.
    Called(CallId, ConversationId),
    /// Something was said to a call from here.
    Signalled(CallId, CallSignalKind),
    /// What became of something that was asked for, and the pane that shows it.
    Done(String, Option<Question>),
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
        options.calls = true;
        let witness = Witness::attach(self.history.as_deref(), &mut options).await?;
        let client = globals.connect(options).await?;
        let events = client.events().ok_or_else(|| Failure::usage("no events"))?;
        let me = own_id(&**client.store()).await?;
        let mut model = Model::new(me);
        model.device(own_device(&**client.store()).await?);
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
    contacts: ContactList,
    /// The server was asked what is unread since the connection is open.
    counted: bool,
    /// Where others were told that this user writes, and what.
    writing: Option<(ConversationId, String)>,
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
            contacts: ContactList::default(),
            counted: false,
            writing: None,
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
        self.ask_contacts();
        self.load().await?;
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            self.ask_names();
            self.ask_presence();
            self.tell_typing().await?;
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
                    // A new size is drawn like everything else.
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
                    other => self.act(other).await?,
                }
            }
        }
    }

    async fn event(&mut self, event: Option<Event>) -> Result<(), Failure> {
        match event {
            Some(Event::Message(message)) => self.message(&message).await?,
            Some(Event::Settled(settled)) => {
                if let Some(witness) = self.witness {
                    witness.settled(&settled)?;
                }
                self.model.settled(&settled);
            }
            // Why stands on the terminal that is left, as for every other verb.
            Some(Event::State(ConnectionState::Closed(end))) => return Err(end.into()),
            Some(Event::State(state)) => {
                self.counted &= matches!(state, ConnectionState::Open { .. });
                self.model.state(state);
            }
            Some(Event::Marks(marks)) => self.model.marks(&marks),
            Some(Event::Readers {
                conversation,
                through,
            }) => self.model.readers(conversation, through),
            Some(Event::Waiting { group, waiting }) => {
                if let Some(shown) = self.model.waiting(group, waiting) {
                    self.ask(shown);
                }
            }
            Some(Event::Presence(presence)) => self.model.presence(presence),
            Some(Event::Typing {
                conversation,
                user,
                typing,
            }) => self.model.typing(conversation, user, typing),
            Some(Event::Call { signal, .. }) => {
                if let Some(call) = self.model.signal(&signal) {
                    self.rings(call);
                }
            }
            Some(Event::CallGone(call)) => self.model.call_gone(call),
            Some(Event::Conversations) => {
                self.model
                    .records(self.client.store().conversations().await?);
            }
            // From here on what comes on this connection is counted one by one.
            Some(Event::CaughtUp) if !self.counted => {
                self.counted = true;
                self.ask_unread();
            }
            Some(_) => {}
            None => return Err(Failure::connection("the client is over")),
        }
        Ok(())
    }

    async fn message(&mut self, message: &Message) -> Result<(), Failure> {
        self.model.message(message);
        if ContactNews::of(message).is_some() {
            self.ask_contacts();
        }
        if is_part_of_another(message) {
            self.load().await?;
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
            Found::Profile(user, name) => {
                self.model.name(user, name);
                return Ok(self.model.open(Question::Profile(user)));
            }
            Found::Contacts(list) => {
                self.contacts = *list;
                self.model.contacts(self.contacts.iter().cloned());
            }
            Found::Presence(presence) => self.model.presence(presence),
            Found::Answer(question, answer) => self.model.answered(&question, answer),
            Found::Called(call, conversation) => {
                let now_ms = Environment::default().now_ms();
                self.model.called(call, conversation, now_ms);
            }
            Found::Signalled(call, kind) => {
                let now_ms = Environment::default().now_ms();
                self.model.signalled(call, kind, now_ms);
            }
            Found::Done(notice, shown) => {
                self.model.notice(notice);
                return Ok(shown.map(Action::Ask).into_iter().collect());
            }
        }
        Ok(Vec::new())
    }

    /// Tells the caller that it rings here. Too late is no failure: it rang, and that is over.
    fn rings(&self, call: CallId) {
        self.spawn(async move |client| {
            let body = bytes::Bytes::new();
            let _too_late = client
                .signal_call(call, CallSignalKind::Ringing, body)
                .await;
            None
        });
    }

    /// Reads the selected conversation from the store: its newest messages, or those around the
    /// one that is picked out, where that is older.
    async fn load(&mut self) -> Result<(), Failure> {
        let Some(conversation) = self.model.selected() else {
            return Ok(());
        };
        let store = &**self.client.store();
        let mut messages = store.latest(conversation, SCROLLBACK).await?;
        let first = messages.first().map_or(0, |message| message.conv_seq);
        if let Some(sought) = self.model.focus.filter(|sought| *sought < first) {
            let (first, last) = (sought.saturating_sub(AROUND), sought + AROUND);
            messages = store
                .messages(conversation, first, last, SCROLLBACK)
                .await?;
        }
        let first = messages.first().map_or(0, |message| message.conv_seq);
        let modified = modified(store, conversation, first, i64::MAX as u64).await?;
        self.model.load(conversation, &messages, &modified);
        self.ask_marks(conversation);
        Ok(())
    }

    /// Tells the others that a text is being written to them, as long as it grows.
    async fn tell_typing(&mut self) -> Result<(), Failure> {
        let writes = self.model.writes_to();
        let writes = writes.map(|place| (place, self.model.input.clone()));
        if writes == self.writing {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.writing, writes);
        let now = self.writing.as_ref().map(|(place, _)| *place);
        match (before, now) {
            (Some((before, _)), now) if now != Some(before) => {
                self.client.typing(before, false).await?;
            }
            _ => {}
        }
        if let Some(now) = now {
            self.client.typing(now, true).await?;
        }
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
