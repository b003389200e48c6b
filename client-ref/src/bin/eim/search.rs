//! `eim search`: texts on this device; asks nobody.

use clap::Args;
use eim_client::search::{Search as Query, search};
use eim_client::store::Store;
use eim_codec::id::{ConversationId, UserId};

use crate::exit::Failure;
use crate::output::{Output, printable, time_of_day};
use crate::profile::Globals;

/// Arguments of `eim search`.
#[derive(Args, Debug)]
pub(crate) struct Search {
    /// The texts have all of these, in either case.
    #[arg(required = true)]
    words: Vec<String>,
    /// One conversation only.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// Most messages to find.
    #[arg(long, value_name = "N", default_value_t = 20)]
    last: usize,
    /// JSON lines instead of text.
    #[arg(long)]
    json: bool,
}

impl Search {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let store = globals.existing_store()?;
        let query = Query {
            conversation: self.conversation,
            limit: self.last,
            ..Query::new(&self.words.join(" "))
        };
        let found = search(&*store, &query).await?;
        let mut output = Output::new();
        for hit in &found.hits {
            let message = &hit.message;
            if self.json {
                output.json(message)?;
                continue;
            }
            let sender = sender(&*store, message.sender).await?;
            let conversation = message.conversation;
            let (time, number) = (time_of_day(message.time_ms), message.conv_seq);
            let text = printable(&hit.text);
            output.line(&format!("{time} {conversation} #{number} {sender}: {text}"))?;
        }
        if !found.complete {
            eprintln!("older messages may match too");
        }
        Ok(output.flush()?)
    }
}

async fn sender(store: &dyn Store, sender: Option<UserId>) -> Result<String, Failure> {
    let Some(sender) = sender else {
        return Ok("server".to_owned());
    };
    let known = store.user(sender).await?;
    Ok(known.map_or_else(
        || sender.to_string().chars().take(8).collect(),
        |user| user.name,
    ))
}
