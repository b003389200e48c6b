//! `eim export`: the local store as canonical JSON lines.

use clap::Args;
use eim_client::Line;
use eim_client::store::{Message, Store};
use eim_codec::id::ConversationId;

use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;

/// Messages read from the store at once.
const PAGE: usize = 1000;

/// Arguments of `eim export`.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// One conversation only.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// From this number of each conversation on: members that joined later have no more.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    first: u64,
}

impl Export {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let store = globals.existing_store()?;
        let mut output = Output::new();
        for conversation in selected(&*store, self.conversation).await? {
            let mut reader = Reader::new(conversation, self.first);
            while let Some(page) = reader.page(&*store).await? {
                for message in &page {
                    output.serialize(&Line::from(message))?;
                }
            }
        }
        Ok(output.flush()?)
    }
}

/// The conversations that have messages in the store, by id.
pub(crate) async fn selected(
    store: &dyn Store,
    only: Option<ConversationId>,
) -> Result<Vec<ConversationId>, Failure> {
    let all = store.message_conversations().await?;
    Ok(all
        .into_iter()
        .filter(|id| only.is_none_or(|only| only == *id))
        .collect())
}

/// Reads a conversation page by page.
pub(crate) struct Reader {
    conversation: ConversationId,
    next: u64,
}

impl Reader {
    pub(crate) const fn new(conversation: ConversationId, first: u64) -> Self {
        Self {
            conversation,
            next: first,
        }
    }

    /// The next messages, in order; `None` at the end.
    pub(crate) async fn page(
        &mut self,
        store: &dyn Store,
    ) -> Result<Option<Vec<Message>>, Failure> {
        let page = store
            .messages(self.conversation, self.next, u64::MAX, PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        self.next = last.conv_seq.saturating_add(1);
        Ok(Some(page))
    }
}
