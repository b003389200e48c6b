//! `eim read`, `eim unread` and `eim readers`.

use std::path::{Path, PathBuf};

use clap::Args;
use eim_client::Client;
use eim_client::options::Attach;
use eim_codec::id::ConversationId;
use eim_codec::payload::ConversationKind;

use crate::conversations::{Names, Where, conversation_id};
use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;
use crate::witness::Witness;

/// `eim read`
#[derive(Args, Debug)]
pub(crate) struct Read {
    #[command(flatten)]
    place: Where,
    /// Number of the last message that was read; without it, all of them.
    #[arg(long, value_name = "NUMBER")]
    through: Option<u64>,
    /// Marks the conversation as unread, to come back to it; nothing is read.
    #[arg(long, conflicts_with_all = ["through", "clear"])]
    unread: bool,
    /// Takes that back; nothing is read.
    #[arg(long, conflicts_with = "through")]
    clear: bool,
    /// Appends it to a history, for `eim-conformance history`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["unread", "clear"])]
    history: Option<PathBuf>,
}

/// `eim unread`
#[derive(Args, Debug)]
pub(crate) struct Unread {
    /// Appends what the server says of all conversations to a history, for `eim-conformance
    /// history`. Only when nobody sends or reads any more.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
}

/// `eim readers`
#[derive(Args, Debug)]
pub(crate) struct Readers {
    #[command(flatten)]
    place: Where,
    /// Number of the message.
    number: u64,
    /// Who has not read it.
    #[arg(long)]
    missing: bool,
}

async fn connect(globals: &Globals) -> Result<Client, Failure> {
    let mut options = globals.options(Attach::SendOnly)?;
    options.adopt_outbox = false;
    options.events = false;
    globals.connect(options).await
}

async fn find(client: &Client, place: &Where) -> Result<ConversationId, Failure> {
    let target = place.target(client).await?;
    conversation_id(client, target).await
}

impl Read {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals).await?;
        let conversation = find(&client, &self.place).await?;
        let (read, flag) = match (self.unread, self.clear) {
            (true, _) => (0, Some(true)),
            (_, true) => (0, Some(false)),
            _ => (self.through.unwrap_or(u64::MAX), None),
        };
        let mark = client.mark(conversation, read, flag).await?;
        if let Some(path) = &self.history {
            let witness = Witness::open(path, &**client.store()).await?;
            witness.marked(&mark)?;
            witness.end()?;
        }
        let flag = if mark.marked_unread {
            "\tmarked unread"
        } else {
            ""
        };
        let mut output = Output::new();
        output.line(&format!("{conversation}\tread through {}{flag}", mark.read))?;
        output.flush()?;
        client.close().await;
        Ok(())
    }
}

impl Unread {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals).await?;
        let mut output = Output::new();
        let mut names = Names::default();
        let all = client.unread().await?;
        if let Some(path) = &self.history {
            witness(&client, path, &all).await?;
        }
        for one in all {
            let target = eim_client::store::Target::Conversation(one.conversation);
            let record = client.conversation(target).await?;
            let name = match (record.kind, record.peer) {
                (ConversationKind::Direct, Some(peer)) => names.user(&client, peer).await,
                (ConversationKind::Personal, _) => "personal log".to_owned(),
                _ => record.name,
            };
            let mentions = match one.mentions {
                0 => String::new(),
                mentions => format!("\t{mentions} mentions"),
            };
            let flag = if one.marked_unread {
                "\tmarked unread"
            } else {
                ""
            };
            let (id, unread) = (one.conversation, one.unread);
            output.line(&format!("{id}\t{name}\t{unread} unread{mentions}{flag}"))?;
        }
        output.flush()?;
        client.close().await;
        Ok(())
    }
}

/// Writes down what the server says of all conversations of which the user is a member.
async fn witness(client: &Client, path: &Path, told: &[eim_client::Unread]) -> Result<(), Failure> {
    let mut records = client.heads().await?;
    records.retain(|record| record.visible_through == 0);
    let ids: Vec<_> = records.iter().map(|record| record.conversation).collect();
    let marks = client.marks(&ids).await?;
    let witness = Witness::open(path, &**client.store()).await?;
    for record in &records {
        let id = record.conversation;
        // One's own are before those of a peer.
        let Some(mark) = marks.iter().find(|mark| mark.conversation == id) else {
            continue;
        };
        let unread = told.iter().find(|one| one.conversation == id);
        witness.unread(record, mark, unread.map_or(0, |one| one.unread))?;
    }
    witness.end()
}

impl Readers {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let client = connect(globals).await?;
        let conversation = find(&client, &self.place).await?;
        let mut output = Output::new();
        let mut names = Names::default();
        let readers = client
            .readers(conversation, self.number, self.missing)
            .await?;
        for (user, read) in readers {
            let name = names.user(&client, user).await;
            output.line(&format!("{name}\tread through {read}"))?;
        }
        output.flush()?;
        client.close().await;
        Ok(())
    }
}
