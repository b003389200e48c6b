//! Marks: reading, being read, and what is unread.

use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::{MarksRequest, ReadersRequest, UnreadRequest, request, response};
use eim_codec::registry::{Operation, limits};
use tokio::sync::oneshot;

use crate::client::Client;
use crate::engine::command::Marking;
use crate::error::RequestError;
use crate::store::MarkRecord;

/// A conversation with something unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The conversation.
    pub conversation: ConversationId,
    /// Messages that are not read.
    pub unread: u64,
    /// Of those, the ones that mention this user.
    pub mentions: u64,
    /// Everything through this number is read.
    pub read: u64,
    /// One wants to come back.
    pub marked_unread: bool,
}

impl Client {
    /// A person has read everything through `conv_seq`. Kept on this device and told to the server
    /// as soon as there is a connection; many such words become one.
    ///
    /// # Errors
    /// [`RequestError::Closed`] when the client is over, [`RequestError::Store`] when its store fails.
    pub async fn read(
        &self,
        conversation: ConversationId,
        conv_seq: u64,
    ) -> Result<(), RequestError> {
        let (stored, durable) = oneshot::channel();
        self.marking(Marking {
            conversation,
            read: conv_seq,
            held: self.held(conversation).await?,
            flag: None,
            stored: Some(stored),
            done: None,
        })
        .await?;
        durable.await.map_err(|_| RequestError::Closed)
    }

    /// The last number of a conversation that this device holds: HEADS may not have told of it.
    async fn held(&self, conversation: ConversationId) -> Result<u64, RequestError> {
        let latest = self.store().latest(conversation, 1).await?;
        Ok(latest.last().map_or(0, |message| message.conv_seq))
    }

    /// Raises the read mark (0 leaves it), sets or clears the flag, and waits until the server knows.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn mark(
        &self,
        conversation: ConversationId,
        conv_seq: u64,
        flag: Option<bool>,
    ) -> Result<MarkRecord, RequestError> {
        let (done, marked) = oneshot::channel();
        self.marking(Marking {
            conversation,
            read: conv_seq,
            held: self.held(conversation).await?,
            flag,
            stored: None,
            done: Some(done),
        })
        .await?;
        marked.await.map_err(|_| RequestError::Closed)?
    }

    /// All conversations with something unread, as the server counts now.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn unread(&self) -> Result<Vec<Unread>, RequestError> {
        let mut found = Vec::new();
        let mut after = bytes::Bytes::new();
        loop {
            let body = request::Body::Unread(UnreadRequest { after });
            let response::Body::Unread(page) = self.ask(Operation::UNREAD, body).await? else {
                return Err(RequestError::Nonsense("not unread conversations"));
            };
            for one in &page.conversations {
                found.push(Unread {
                    conversation: ConversationId::from_slice(&one.conversation)
                        .map_err(|_| RequestError::Nonsense("a conversation"))?,
                    unread: one.unread,
                    mentions: one.mentions,
                    read: one.read,
                    marked_unread: one.marked_unread,
                });
            }
            if !page.more || page.through.is_empty() {
                return Ok(found);
            }
            after = page.through;
        }
    }

    /// Marks of this user in some conversations, and of the peers of direct ones.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn marks(
        &self,
        conversations: &[ConversationId],
    ) -> Result<Vec<MarkRecord>, RequestError> {
        let most = usize::try_from(limits::MARK_CHANGES.default).unwrap_or(usize::MAX);
        let mut marks = Vec::new();
        for some in conversations.chunks(most) {
            let conversations = some.iter().map(|id| id.to_bytes()).collect();
            let body = request::Body::Marks(MarksRequest { conversations });
            let response::Body::Marks(page) = self.ask(Operation::MARKS, body).await? else {
                return Err(RequestError::Nonsense("not marks"));
            };
            for mark in &page.marks {
                let nonsense = |_| RequestError::Nonsense("a mark");
                let conversation =
                    ConversationId::from_slice(&mark.conversation).map_err(nonsense)?;
                let user = UserId::from_slice(&mark.user).map_err(nonsense)?;
                marks.push(MarkRecord {
                    read: mark.read,
                    delivered: mark.delivered,
                    told: mark.read,
                    marked_unread: mark.marked_unread,
                    ..MarkRecord::new(conversation, user, page.log_epoch)
                });
            }
        }
        Ok(marks)
    }

    /// Members who have read a conversation through `conv_seq`, or with `missing` those who have
    /// not, with their marks.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn readers(
        &self,
        conversation: ConversationId,
        conv_seq: u64,
        missing: bool,
    ) -> Result<Vec<(UserId, u64)>, RequestError> {
        let mut readers = Vec::new();
        let mut after = bytes::Bytes::new();
        loop {
            let body = request::Body::Readers(ReadersRequest {
                conversation: conversation.to_bytes(),
                conv_seq,
                after,
                missing,
            });
            let response::Body::Readers(page) = self.ask(Operation::READERS, body).await? else {
                return Err(RequestError::Nonsense("not readers"));
            };
            for reader in &page.readers {
                let user = UserId::from_slice(&reader.user)
                    .map_err(|_| RequestError::Nonsense("a reader"))?;
                readers.push((user, reader.read));
            }
            if !page.more || page.through.is_empty() {
                return Ok(readers);
            }
            after = page.through;
        }
    }
}
