//! The launch protocol for clients, around the reference client.

mod command;
mod profile;
mod reach;
mod refs;
mod report;

use eim_client::error::RequestError;
use eim_client::modified::modified;
use eim_client::store::Target;
use eim_client::{Client, ConnectionState, Draft, Event, Member};
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{Role, TextBody};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::sync::mpsc;

use crate::output::line;
use command::{Act, Command, Connect, Groups, KNOWN, Line, Operate, Send};
use profile::Profile;

/// Most entries that `history` returns.
const MOST_ENTRIES: usize = 10_000;

/// Carries out commands until standard input ends.
///
/// # Errors
/// The suite broke the protocol or has gone.
pub(crate) fn run() -> Result<(), String> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(Testee::default().serve())
}

/// What a command comes to: members of the answer, or an error for people.
type Answer = Result<Value, String>;

#[derive(Default)]
struct Testee {
    /// The current profile, once `connect` was said.
    profile: Option<Profile>,
}

impl Testee {
    async fn serve(mut self) -> Result<(), String> {
        let mut input = BufReader::new(tokio::io::stdin()).lines();
        let (answers, mut late) = mpsc::unbounded_channel();
        loop {
            tokio::select! {
                biased;
                event = next_event(&mut self.profile) => self.tell(event)?,
                Some((id, answer)) = late.recv() => reply(id, answer)?,
                text = input.next_line() => {
                    let text = text.map_err(|error| format!("standard input: {error}"))?;
                    match text {
                        Some(text) => self.command(&text, &answers).await?,
                        None => return Ok(()),
                    }
                }
            }
        }
    }

    fn tell(&mut self, event: Option<Event>) -> Result<(), String> {
        let Some(profile) = &mut self.profile else {
            return Ok(());
        };
        let Some(event) = event else {
            profile.events = None;
            return Ok(());
        };
        report::event(&event, &profile.refs).map_or(Ok(()), |told| line(&told))
    }

    async fn command(
        &mut self,
        text: &str,
        answers: &mpsc::UnboundedSender<(u64, Answer)>,
    ) -> Result<(), String> {
        let Line { id, command } =
            serde_json::from_str(text).map_err(|error| format!("command: {error}"))?;
        let known = command["op"].as_str().is_some_and(|op| KNOWN.contains(&op));
        if !known {
            return line(&json!({"id": id, "unsupported": true}));
        }
        let command = match serde_json::from_value(command) {
            Ok(command) => command,
            Err(error) => return reply(id, Err(error.to_string())),
        };
        // What waits for the server is answered when it is known; events go on meanwhile.
        if matches!(
            command,
            Command::Groups(_)
                | Command::Members { .. }
                | Command::Watch { .. }
                | Command::Presence { .. }
        ) {
            let client = self.client().cloned();
            let answers = answers.clone();
            tokio::spawn(async move {
                let answer = match (client, command) {
                    (Ok(client), Command::Groups(groups)) => change_group(&client, groups).await,
                    (Ok(client), Command::Members { conversation }) => {
                        members(&client, &conversation).await
                    }
                    (Ok(client), Command::Watch { users }) => reach::watch(&client, &users).await,
                    (Ok(client), Command::Presence { away, status }) => {
                        reach::say(&client, away, &status).await
                    }
                    (Ok(_), _) => Err("answered elsewhere".to_owned()),
                    (Err(error), _) => Err(error),
                };
                // The suite may have gone.
                let _ = answers.send((id, answer));
            });
            return Ok(());
        }
        let answer = self.carry_out(command).await;
        reply(id, answer)
    }

    async fn carry_out(&mut self, command: Command) -> Answer {
        match command {
            Command::Hello { protocol: 1 } => Ok(hello()),
            Command::Hello { protocol } => Err(format!("protocol {protocol} is unknown")),
            Command::Connect(connect) => self.connect(*connect).await,
            Command::Send(send) => self.send(send).await,
            Command::SendAgain { name } => {
                let asked = self.profile()?.refs.asked(&name).cloned();
                let asked = asked.ok_or_else(|| format!("{name} was not sent"))?;
                // The person has decided: to the protocol it is a new message.
                self.send(asked).await
            }
            Command::History { conversation } => self.history(&conversation).await,
            Command::Conversation { conversation } => self.conversation(&conversation).await,
            Command::Shown {
                conversation,
                conv_seq,
            } => self.shown(&conversation, &conv_seq).await,
            Command::Operate(operate) => self.operate(operate).await,
            Command::State => self.state().await,
            Command::Groups(_)
            | Command::Members { .. }
            | Command::Watch { .. }
            | Command::Presence { .. } => Err("answered elsewhere".to_owned()),
            Command::Typing {
                conversation,
                typing,
            } => {
                let said = self.client()?.typing(id(&conversation)?, typing).await;
                said.map_err(|error| error.to_string())?;
                Ok(json!({}))
            }
            Command::Read {
                conversation,
                through,
            } => {
                let through = through.parse().map_err(|_| "through: not a number")?;
                let conversation = id(&conversation)?;
                let read = self.client()?.read(conversation, through).await;
                read.map_err(|error| error.to_string())?;
                Ok(json!({}))
            }
            Command::Marks { conversation } => self.marks(&conversation).await,
            Command::Background { next_contact_ms } => {
                let next_contact = std::time::Duration::from_millis(next_contact_ms);
                self.client()?.set_background(next_contact).await;
                Ok(json!({}))
            }
            Command::Close => {
                let client = self.client()?.clone();
                // In the background: the farewell takes its time, and its events are told.
                tokio::spawn(async move { client.close().await });
                Ok(json!({}))
            }
            Command::Abandon => {
                self.client()?.set_network(false).await;
                Ok(json!({}))
            }
        }
    }

    fn profile(&mut self) -> Result<&mut Profile, String> {
        self.profile.as_mut().ok_or_else(|| "not connected".into())
    }

    fn client(&mut self) -> Result<&Client, String> {
        Ok(&self.profile()?.client)
    }

    async fn connect(&mut self, connect: Connect) -> Answer {
        if let Some(profile) = &self.profile
            && profile.connect == connect
            && !matches!(profile.client.state(), ConnectionState::Closed(_))
        {
            profile.client.set_network(true).await;
            return Ok(json!({}));
        }
        let earlier = self.profile.take();
        self.profile = Some(Profile::open(connect, earlier).await?);
        Ok(json!({}))
    }

    async fn send(&mut self, send: Send) -> Answer {
        let target = match (&send.to_user, &send.conversation) {
            (Some(user), None) => Target::User(id(user)?),
            (None, Some(conversation)) => Target::Conversation(id(conversation)?),
            _ => return Err("either to_user or conversation".to_owned()),
        };
        let profile = self.profile()?;
        let draft = Draft::text(target, send.text.clone());
        let stored = profile.client.store_and_post(draft).await;
        let key = stored.map_err(|error| error.to_string())?;
        profile
            .refs
            .keep(key, send)
            .map_err(|error| error.to_string())?;
        Ok(json!({}))
    }

    async fn history(&mut self, conversation: &str) -> Answer {
        let conversation: ConversationId = id(conversation)?;
        let last = i64::MAX as u64;
        let store = self.client()?.store();
        let messages = store.messages(conversation, 1, last, MOST_ENTRIES).await;
        let messages = messages.map_err(|error| error.to_string())?;
        Ok(json!({"entries": messages.iter().map(report::entry).collect::<Vec<_>>()}))
    }

    /// How the device shows a message: with all that was done to it.
    async fn shown(&mut self, conversation: &str, conv_seq: &str) -> Answer {
        let conversation: ConversationId = id(conversation)?;
        let seq: u64 = conv_seq.parse().map_err(|_| "conv_seq".to_owned())?;
        let store = &**self.client()?.store();
        let failed = |error: eim_client::store::StoreError| error.to_string();
        let found = store.messages(conversation, seq, seq, 1).await;
        let modified = modified(store, conversation, seq, seq).await;
        let mut modified = modified.map_err(failed)?;
        let of = modified.remove(&seq);
        let message = found.map_err(failed)?.into_iter().next();
        Ok(report::shown(message.as_ref(), of.as_ref()))
    }

    async fn operate(&mut self, operate: Operate) -> Answer {
        let target = Target::Conversation(id(&operate.conversation)?);
        let seq: u64 = operate
            .conv_seq
            .parse()
            .map_err(|_| "conv_seq".to_owned())?;
        let draft = match &operate.act {
            Act::Edit { text } => Draft::edit(target, seq, TextBody::new(text)),
            Act::Recall => Draft::recall(target, seq),
            Act::React { reaction, remove } => Draft::react(target, seq, reaction, *remove),
            Act::Pin { remove } => Draft::pin(target, seq, *remove),
        };
        let profile = self.profile()?;
        let stored = profile.client.store_and_post(draft).await;
        let key = stored.map_err(|error| error.to_string())?;
        let asked = Send {
            name: operate.name,
            to_user: None,
            conversation: Some(operate.conversation),
            text: String::new(),
        };
        profile
            .refs
            .keep(key, asked)
            .map_err(|error| error.to_string())?;
        Ok(json!({}))
    }

    /// What the device knows of a conversation.
    async fn conversation(&mut self, conversation: &str) -> Answer {
        let conversation: ConversationId = id(conversation)?;
        let known = self.client()?.store().conversations().await;
        let known = known.map_err(|error| error.to_string())?;
        let found = known
            .iter()
            .find(|record| record.conversation == conversation);
        Ok(found.map_or_else(
            || json!({}),
            |record| json!({"name": record.name, "role": role(record.role)}),
        ))
    }

    /// The marks that the device knows.
    async fn marks(&mut self, conversation: &str) -> Answer {
        let conversation: ConversationId = id(conversation)?;
        let known = self.client()?.store().marks().await;
        let known = known.map_err(|error| error.to_string())?;
        let of = known
            .iter()
            .filter(|mark| mark.conversation == conversation);
        let shown = of.map(|mark| {
            json!({
                "user": mark.user.to_string(),
                "read": mark.read.to_string(),
                "delivered": mark.delivered.to_string(),
                "marked_unread": mark.marked_unread,
            })
        });
        Ok(json!({"marks": shown.collect::<Vec<_>>()}))
    }

    async fn state(&mut self) -> Answer {
        let client = self.client()?;
        let failed = |error: eim_client::store::StoreError| error.to_string();
        let cursor = client.store().load(false).await.map_err(failed)?.cursor;
        let unsettled = client.store().outbox_len().await.map_err(failed)?;
        let connection = match client.state() {
            ConnectionState::Open { .. } => "open",
            ConnectionState::Connecting | ConnectionState::Waiting { .. } => "connecting",
            _ => "closed",
        };
        Ok(json!({
            "log_epoch": cursor.log_epoch.to_string(),
            "user_seq": cursor.user_seq.to_string(),
            "unsettled": unsettled,
            "connection": connection,
        }))
    }
}

fn hello() -> Value {
    json!({
        "impl": {"name": "eim-client", "version": env!("CARGO_PKG_VERSION"), "language": "rust"},
        "features": [
            "compression.lz4", "compression.snappy", "compression.zstd", "compression.zstd-dict-1",
            "fragments", "groups",
            "marks", "presence", "resume", "send-only", "tls", "websocket",
        ],
    })
}

async fn change_group(client: &Client, groups: Groups) -> Answer {
    let changed = match groups {
        Groups::Create { name, members } => {
            let members: Vec<UserId> = members
                .iter()
                .map(|user| id(user))
                .collect::<Result<_, _>>()?;
            let created = client.group_create(&name, &members).await;
            created.map(|group| json!({"conversation": group.conversation.to_string()}))
        }
        Groups::Rename { conversation, name } => {
            let changed = client.group_rename(id(&conversation)?, &name).await;
            changed.map(|_| json!({}))
        }
        Groups::Leave { conversation } => {
            let changed = client.group_leave(id(&conversation)?).await;
            changed.map(|_| json!({}))
        }
    };
    changed.or_else(|error| refused(&error))
}

/// What the server refuses is an answer too.
fn refused(error: &RequestError) -> Answer {
    match error {
        RequestError::Refused { code, .. } => Ok(json!({"error_code": code.to_string()})),
        error => Err(error.to_string()),
    }
}

async fn members(client: &Client, conversation: &str) -> Answer {
    let members = client.group_members(id(conversation)?).await;
    let shown =
        |member: &Member| json!({"user": member.user.to_string(), "role": role(member.role)});
    match members {
        Ok(members) => Ok(json!({"members": members.iter().map(shown).collect::<Vec<_>>()})),
        Err(error) => refused(&error),
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Unspecified => "",
    }
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not an id: {text}"))
}

fn reply(id: u64, answer: Answer) -> Result<(), String> {
    match answer {
        Ok(mut answer) => {
            answer["id"] = id.into();
            answer["ok"] = true.into();
            line(&answer)
        }
        Err(error) => line(&json!({"id": id, "error": error})),
    }
}

async fn next_event(profile: &mut Option<Profile>) -> Option<Event> {
    match profile.as_mut().and_then(|profile| profile.events.as_mut()) {
        Some(events) => events.next().await,
        None => std::future::pending().await,
    }
}
