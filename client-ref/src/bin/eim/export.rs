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
            let mut reader = Reader::new(record.conversation, 1);
            let mut page = reader.page(store).await?.unwrap_or_default();
            // Who left and came back holds entries from before; `visible_from` is the return.
            let held = page.first().map_or(u64::MAX, |first| first.conv_seq);
            let mut from = record.visible_from.max(1).min(held);
            if page.is_empty() {
                // To hold nothing is a statement too.
                witness.read(record, (from, from - 1), false, &page)?;
            }
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

#[cfg(test)]
mod tests {
    use eim_client::store::{Arrival, Backlog, Batch, Identity, MemoryStore, Message as Stored};
    use eim_codec::payload::{ConversationKind, Role};
    use eim_codec::registry::FrameType;

    use super::*;

    fn record(conversation: u8, visible_from: u64) -> ConversationRecord {
        ConversationRecord {
            conversation: [conversation; 16].into(),
            kind: ConversationKind::Group,
            name: String::new(),
            conv_seq: 9,
            visible_from,
            visible_through: 0,
            role: Role::Member,
            peer: None,
            time_ms: 0,
            members: 2,
            fan_out: eim_codec::payload::FanOut::Write,
            backlog: Backlog::None,
        }
    }

    fn arrival(conversation: u8, conv_seq: u64) -> Arrival {
        let message = Stored {
            conversation: [conversation; 16].into(),
            log_epoch: 1,
            conv_seq,
            frame_type: FrameType::MEMBERSHIP,
            sender: Some([1; 16].into()),
            sender_device: None,
            client_msg_id: None,
            time_ms: 0,
            user_seq: conv_seq,
            body: bytes::Bytes::new(),
            fallback_text: String::new(),
            tombstone: false,
        };
        Arrival {
            message,
            echo: false,
            presented: true,
        }
    }

    /// Before, the reading of who came back began at the return and showed entries before it, which
    /// the checker refuses; and a device that had lost all of a conversation said nothing of it.
    #[tokio::test]
    async fn readings_cover_what_they_show_and_say_when_it_is_nothing() {
        let store = MemoryStore::default();
        let batch = Batch {
            identity: Some(Identity {
                device: [2; 16].into(),
                user: Some([1; 16].into()),
                user_name: "ann".to_owned(),
            }),
            conversations: vec![record(7, 9), record(8, 3)],
            arrivals: vec![arrival(7, 4), arrival(7, 5), arrival(7, 9)],
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let export = Export {
            conversation: None,
            first: 1,
            history: None,
        };
        export.testify(&store, &path).await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let reads: Vec<(u64, u64, usize)> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .filter(|line| line["op"] == "read")
            .map(|line| {
                let number = |name: &str| line[name].as_u64().unwrap();
                let entries = line["entries"].as_array().unwrap().len();
                (number("from"), number("through"), entries)
            })
            .collect();
        assert_eq!(reads, [(4, 9, 3), (3, 2, 0)]);
    }
}
