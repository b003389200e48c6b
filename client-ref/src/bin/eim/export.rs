//! `eim export`: the local store as canonical JSON lines.

use std::path::{Path, PathBuf};

use clap::Args;
use eim_client::Line;
use eim_client::store::{ConversationRecord, Message, Store};
use eim_codec::id::ConversationId;

use crate::exit::Failure;
use crate::output::Output;
use crate::profile::Globals;
use crate::witness::Witness;

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
    /// Appends it to a history as what this device holds at the end, for `eim-conformance
    /// history`, instead of printing it. Only when nobody sends any more and all is here.
    #[arg(long, value_name = "FILE", conflicts_with = "first")]
    history: Option<PathBuf>,
}

impl Export {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let store = globals.existing_store()?;
        if let Some(path) = &self.history {
            return self.testify(&*store, path).await;
        }
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

    async fn testify(&self, store: &dyn Store, path: &Path) -> Result<(), Failure> {
        let witness = Witness::open(path, store).await?;
        let records = store.conversations().await?;
        let wanted = |record: &&ConversationRecord| {
            self.conversation
                .is_none_or(|only| only == record.conversation)
        };
        for record in records.iter().filter(wanted) {
            let mut from = record.visible_from.max(1);
            let mut reader = Reader::new(record.conversation, 1);
            let mut page = reader.page(store).await?.unwrap_or_default();
            while let Some(last) = page.last() {
                let through = last.conv_seq;
                let next = reader.page(store).await?;
                witness.read(record, (from, through), next.is_some(), &page)?;
                from = through.saturating_add(1);
                page = next.unwrap_or_default();
            }
        }
        witness.end()
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
