//! Reading the logs of conversations from the server.

use eim_codec::id::ConversationId;
use eim_codec::payload::{EntryState, history_entry, response};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;
use crate::modified::Modified;
use crate::store::{Message, Modifier};
use crate::sync::message;

/// A message of the past, as the server tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// The message, as it was sent.
    pub message: Message,
    /// What has become of it, but for who reacts how.
    pub modified: Modified,
    /// How many users react in which way.
    pub reactions: Vec<(String, u32)>,
}

impl Past {
    fn new(message: Message, state: Option<EntryState>) -> Self {
        let state = state.unwrap_or_default();
        let modified = Modified::of(&Modifier::of_state(&message, &state));
        let reactions = state.reactions.into_iter();
        Self {
            message,
            modified,
            reactions: reactions.map(|it| (it.reaction, it.count)).collect(),
        }
    }
}

impl Client {
    /// Messages `first..=last` of a conversation from the server, at most `limit`, in order; 0
    /// as `last` means the head. Numbers that cannot be read are left out.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn history(
        &self,
        conversation: ConversationId,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<Message>, RequestError> {
        let past = self.past(conversation, (first, last), limit, false).await?;
        Ok(past.into_iter().map(|past| past.message).collect())
    }

    /// The newest `limit` messages of a conversation from the server, in order.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn newest(
        &self,
        conversation: ConversationId,
        limit: usize,
    ) -> Result<Vec<Message>, RequestError> {
        let past = self.past(conversation, (0, 0), limit, true).await?;
        Ok(past.into_iter().rev().map(|past| past.message).collect())
    }

    /// Messages `first..=last` of a conversation from the server with what has become of them, at
    /// most `limit`, in order, or downwards when `newest_first`; 0 as `last` means the head. Numbers
    /// that cannot be read are left out.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn past(
        &self,
        conversation: ConversationId,
        (mut first, mut last): (u64, u64),
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<Past>, RequestError> {
        let mut messages = Vec::new();
        while messages.len() < limit {
            let body = crate::engine::history_request(conversation, first, last, newest_first);
            let answer = self.ask(Operation::HISTORY, body).await?;
            let response::Body::History(page) = answer else {
                return Err(RequestError::Nonsense("not history"));
            };
            let (mut lowest, mut highest) = (u64::MAX, 0);
            for item in page.items {
                match item.item {
                    Some(history_entry::Item::Entry(entry)) => {
                        let message = message(Some(entry), 0, None)
                            .map_err(|_| RequestError::Nonsense("an entry"))?;
                        lowest = lowest.min(message.conv_seq);
                        highest = highest.max(message.conv_seq);
                        messages.push(Past::new(message, item.state));
                    }
                    Some(history_entry::Item::Unavailable(range)) => {
                        lowest = lowest.min(range.first);
                        highest = highest.max(range.last);
                    }
                    None => {}
                }
            }
            if !page.more || lowest > highest || (newest_first && lowest <= 1) {
                break;
            }
            if newest_first {
                last = lowest - 1;
            } else {
                first = highest.saturating_add(1);
            }
        }
        messages.truncate(limit);
        Ok(messages)
    }
}
