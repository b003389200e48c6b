//! Reading the logs of conversations from the server.

use eim_codec::id::ConversationId;
use eim_codec::payload::{history_entry, response};
use eim_codec::registry::Operation;

use crate::client::Client;
use crate::error::RequestError;
use crate::store::Message;
use crate::sync::message;

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
        self.read_history(conversation, first, last, limit, false)
            .await
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
        let mut messages = self.read_history(conversation, 0, 0, limit, true).await?;
        messages.reverse();
        Ok(messages)
    }

    async fn read_history(
        &self,
        conversation: ConversationId,
        mut first: u64,
        mut last: u64,
        limit: usize,
        newest_first: bool,
    ) -> Result<Vec<Message>, RequestError> {
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
                        messages.push(message);
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
