//! `eim digest`: a SHA-256 over the export of each conversation, or over all that the device holds.

use std::collections::BTreeMap;

use clap::Args;
use eim_client::Line;
use eim_client::store::Store;
use eim_codec::id::ConversationId;
use sha2::{Digest as _, Sha256};

use crate::exit::Failure;
use crate::export::{Reader, selected};
use crate::output::Output;
use crate::profile::Globals;

/// Arguments of `eim digest`.
#[derive(Args, Debug)]
pub(crate) struct Digest {
    /// One conversation only.
    #[arg(long, value_name = "ID")]
    conversation: Option<ConversationId>,
    /// From this number of each conversation on: members that joined later have no more.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    first: u64,
    /// One line for the whole device, with how far the user has read: devices of a user that hold
    /// the same print the same.
    #[arg(long)]
    state: bool,
}

impl Digest {
    /// Runs the verb: conversation, number of messages, first and last number, digest.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let store = globals.existing_store()?;
        let mut output = Output::new();
        let marks = own_marks(&*store).await?;
        let mut state = Sha256::new();
        let (mut conversations, mut messages) = (0_u64, 0_u64);
        for conversation in selected(&*store, self.conversation).await? {
            let mut digest = Sha256::new();
            let (mut count, mut first, mut last) = (0_u64, 0, 0);
            let mut reader = Reader::new(conversation, self.first);
            while let Some(page) = reader.page(&*store).await? {
                for message in &page {
                    let line = serde_json::to_vec(&Line::from(message))
                        .map_err(|error| Failure::usage(error.to_string()))?;
                    digest.update(&line);
                    digest.update(b"\n");
                    if count == 0 {
                        first = message.conv_seq;
                    }
                    last = message.conv_seq;
                    count += 1;
                }
            }
            let digest = digest.finalize();
            if count > 0 {
                state.update(conversation.as_bytes());
                state.update(digest);
                let (read, flagged) = marks.get(&conversation).copied().unwrap_or_default();
                state.update(read.to_be_bytes());
                state.update([u8::from(flagged)]);
                conversations += 1;
                messages += count;
            }
            if !self.state {
                let digest = hex(&digest);
                output.line(&format!("{conversation} {count} {first}..{last} {digest}"))?;
            }
        }
        if self.state {
            let digest = hex(&state.finalize());
            output.line(&format!(
                "{conversations} conversations {messages} messages {digest}"
            ))?;
        }
        Ok(output.flush()?)
    }
}

/// How far this user has read, and whether one wants to come back.
async fn own_marks(store: &dyn Store) -> Result<BTreeMap<ConversationId, (u64, bool)>, Failure> {
    let identity = store.load(false).await?.identity;
    let me = identity.and_then(|identity| identity.user);
    let marks = store.marks().await?.into_iter();
    let own = marks.filter(|mark| Some(mark.user) == me);
    Ok(own
        .map(|mark| (mark.conversation, (mark.read, mark.marked_unread)))
        .collect())
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
