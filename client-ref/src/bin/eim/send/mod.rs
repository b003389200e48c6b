//! `eim send`: an argument, or a file or standard input line by line.

mod acks;
mod content;
mod input;
mod progress;

use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;
use eim_client::error::SendError;
use eim_client::options::Attach;
use eim_client::store::{Checkpoint, Target};
use eim_client::{Client, ConnectionState, Draft, Event, Events};
use eim_codec::payload::TextBody;
use eim_codec::registry::FrameType;

use self::acks::AckLog;
use self::content::{ContentArgs, Template};
use self::input::{Input, Lines};
use self::progress::Progress;
use crate::conversations::Where;
use crate::exit::Failure;
use crate::profile::Globals;
use crate::witness::Witness;

/// Arguments of `eim send`.
#[derive(Args, Debug)]
pub(crate) struct Send {
    #[command(flatten)]
    place: Where,
    /// The text; `-` or nothing reads standard input, every line a message, blank lines too.
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// Reads this file, every line a message, blank lines too.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    content: ContentArgs,
    /// What is said beside a file whose path is the text.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "kind",
        default_value = "",
        hide_default_value = true
    )]
    caption: String,
    /// Number of the message that this one answers.
    #[arg(long, value_name = "NUMBER")]
    reply: Option<u64>,
    /// Mentions a user; may be given several times.
    #[arg(long, value_name = "USER", conflicts_with = "kind")]
    mention: Vec<String>,
    /// Mentions everybody in the conversation.
    #[arg(long, conflicts_with = "kind")]
    mention_all: bool,
    /// Sends the file this many times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: u64,
    /// Repeats the file until this many messages are sent.
    #[arg(long, value_name = "N", conflicts_with = "repeat")]
    until_total: Option<u64>,
    /// Appends a JSON line for each message that is durable at the server.
    #[arg(long, value_name = "FILE")]
    ack_log: Option<PathBuf>,
    /// Appends what this process sees to a history, for `eim-conformance history`.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Remembers the place in the file: the same command again goes on there, and every line is
    /// sent exactly once whatever happens in between.
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "")]
    checkpoint: Option<String>,
    /// Most messages without a result.
    #[arg(long, value_name = "N", default_value_t = 1024)]
    window: usize,
    /// Sends only what an earlier, killed command left in the outbox.
    #[arg(long, conflicts_with_all = ["text", "file"])]
    resume_outbox: bool,
}

impl Send {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let lines = self.lines()?;
        let acks = self.ack_log.as_deref().map(AckLog::open).transpose()?;
        let mut options = globals.options(Attach::SendOnly)?;
        options.outbox_limit = self.window.max(1);
        let witness = Witness::attach(self.history.as_deref(), &mut options).await?;
        let client = globals.connect(options).await?;
        let events = client.events().ok_or_else(|| Failure::usage("no events"))?;
        let target = self.place.target(&client).await?;
        let source = self.source(target)?;
        let mut tally = Tally {
            waiting: client.adopted(),
            acks,
            witness,
            refused: 0,
            progress: Progress::new(self.total(&lines)),
        };
        let done = self
            .work(&client, events, target, lines, source, &mut tally)
            .await;
        tally.progress.finish();
        client.close().await;
        done?;
        tally.end()?;
        tally.verdict()
    }

    /// The path of the file that is sent, if the text is one.
    fn path(&self) -> Option<&str> {
        let path = self.text.as_deref();
        path.filter(|_| self.content.takes_path())
    }

    fn lines(&self) -> Result<Lines, Failure> {
        let caption = &self.caption;
        let input = match (&self.text, &self.file) {
            (Some(_), None) if self.content.takes_path() && !self.resume_outbox => {
                Input::Text(caption.clone())
            }
            _ if self.resume_outbox => Input::Nothing,
            (_, Some(file)) => Input::File(file.clone()),
            (Some(text), None) if text != "-" => Input::Text(text.clone()),
            (None, None) if self.content.stands_alone() => Input::Text(String::new()),
            _ => Input::Standard,
        };
        Lines::open(input, self.repeat, self.until_total)
    }

    fn total(&self, lines: &Lines) -> Option<u64> {
        self.until_total
            .or_else(|| Some(lines.per_pass()?.saturating_mul(self.repeat)))
    }

    /// What names the input in the store.
    fn source(&self, target: Target) -> Result<Option<String>, Failure> {
        let Some(name) = &self.checkpoint else {
            return Ok(None);
        };
        if !name.is_empty() {
            return Ok(Some(format!("send {name}")));
        }
        let file = self
            .file
            .as_ref()
            .ok_or_else(|| Failure::usage("--checkpoint needs --file, or a name"))?;
        let file = file
            .canonicalize()
            .map_err(|error| Failure::file(file, &error))?;
        let target = match target {
            Target::User(user) => user.to_string(),
            Target::Conversation(conversation) => conversation.to_string(),
        };
        Ok(Some(format!("send {target} {}", file.display())))
    }

    fn draft(&self, target: Target, line: String, common: &Common) -> Draft {
        let reply_to = self.reply.unwrap_or(0);
        let Some(template) = &common.template else {
            let body = TextBody {
                mentions: common.mentions.clone(),
                mention_all: self.mention_all,
                reply_to,
                ..TextBody::new(line)
            };
            return Draft::rich_text(target, &body);
        };
        let content = template.with(line.clone(), reply_to);
        let mut draft = Draft::content(target, template.frame_type, &content);
        if template.frame_type == FrameType::CUSTOM {
            // Whoever does not know the namespace reads what was typed.
            draft.fallback_text = line;
        }
        draft
    }

    async fn common(&self, client: &Client) -> Result<Common, Failure> {
        let mut mentions = Vec::with_capacity(self.mention.len());
        for name in &self.mention {
            mentions.push(client.user(name).await?.user.to_bytes());
        }
        let template = self.content.template(client, self.path()).await?;
        Ok(Common { mentions, template })
    }

    async fn work(
        &self,
        client: &Client,
        mut events: Events,
        target: Target,
        mut lines: Lines,
        source: Option<String>,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let common = self.common(client).await?;
        let mut place = 0;
        if let Some(source) = &source {
            place = client.store().checkpoint(source).await?.unwrap_or(0);
            lines.skip(place).await?;
            tally.progress.advance(place);
        }
        let mut next: Option<Draft> = None;
        let mut more = true;
        loop {
            if next.is_none() && more {
                match lines.next().await? {
                    Some(line) => {
                        place += 1;
                        let mut draft = self.draft(target, line, &common);
                        draft.checkpoint =
                            source.clone().map(|source| Checkpoint { source, place });
                        next = Some(draft);
                    }
                    None => more = false,
                }
            }
            if next.is_none() && tally.waiting == 0 {
                return Ok(());
            }
            tokio::select! {
                biased;
                event = events.next() => {
                    tally.event(event)?;
                    while let Some(event) = events.try_next() {
                        tally.event(Some(event))?;
                    }
                    tally.flush()?;
                }
                posted = post(client, next.clone()), if next.is_some() => {
                    next = None;
                    match posted {
                        Ok(()) => tally.waiting += 1,
                        Err(SendError::Closed) => return Err(SendError::Closed.into()),
                        Err(refused) => tally.refuse(&format!("line {place}: {refused}")),
                    }
                }
            }
        }
    }
}

/// What all messages of the command have in common.
struct Common {
    mentions: Vec<Bytes>,
    template: Option<Template>,
}

async fn post(client: &Client, draft: Option<Draft>) -> Result<(), SendError> {
    if let Some(draft) = draft {
        client.post(draft).await?;
    }
    Ok(())
}

/// What became of the messages so far.
struct Tally {
    waiting: usize,
    acks: Option<AckLog>,
    witness: Option<Witness>,
    refused: u64,
    progress: Progress,
}

impl Tally {
    fn refuse(&mut self, what: &str) {
        self.refused += 1;
        self.progress.say(&format!("eim: {what}"));
    }

    fn event(&mut self, event: Option<Event>) -> Result<(), Failure> {
        match event {
            Some(Event::Settled(settled)) => {
                self.waiting = self.waiting.saturating_sub(1);
                if let Some(witness) = &self.witness {
                    witness.settled(&settled)?;
                }
                match &settled.outcome {
                    Ok(sent) => {
                        if let Some(acks) = &mut self.acks {
                            acks.write(&settled.item, sent)?;
                        }
                    }
                    Err(refused) => {
                        let id = settled.item.client_msg_id;
                        self.refuse(&format!("{id} was refused: {refused}"));
                    }
                }
                self.progress.advance(1);
            }
            Some(Event::Requeued(count)) => self.waiting += count,
            Some(Event::State(ConnectionState::Waiting { delay, reason })) => {
                self.progress.say(&format!(
                    "eim: {reason}; next attempt in {:.1} s",
                    delay.as_secs_f32()
                ));
            }
            Some(Event::State(ConnectionState::Closed(end))) => return Err(end.into()),
            None => return Err(Failure::connection("the client is over")),
            Some(_) => {}
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match &mut self.acks {
            Some(acks) => acks.flush(),
            None => Ok(()),
        }
    }

    fn end(&self) -> Result<(), Failure> {
        match &self.witness {
            Some(witness) => witness.end(),
            None => Ok(()),
        }
    }

    fn verdict(&self) -> Result<(), Failure> {
        if self.refused > 0 {
            return Err(Failure::refused(format!(
                "{} messages were refused",
                self.refused
            )));
        }
        Ok(())
    }
}
