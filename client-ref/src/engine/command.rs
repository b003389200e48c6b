//! What the application asks of the engine.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId};
use eim_codec::payload::{request, response};
use eim_codec::registry::{FrameType, Operation};
use tokio::sync::oneshot;

use super::blobs::TransferCommand;
use crate::error::{RequestError, SendError};
use crate::event::Sent;
use crate::store::{Checkpoint, MarkRecord, Target};

/// What the application asks of the engine.
#[derive(Debug)]
pub(crate) enum Command {
    /// Asks the server.
    Request(Box<Question>),
    /// Raises a mark of this user, or flags a conversation.
    Mark(Marking),
    /// Transfers a blob.
    Transfer(TransferCommand),
    /// This user is writing in a conversation, or does no longer.
    Typing(ConversationId, bool),
    /// Whether there is a network.
    Network(bool),
    /// The application goes to the background until its next contact, or returns (zero).
    Background(Duration),
    /// Ends in order; answered at the end.
    Close(oneshot::Sender<()>),
}

/// What a person has read, or wants to come back to.
#[derive(Debug)]
pub(crate) struct Marking {
    pub conversation: ConversationId,
    /// Everything through this number is read; 0 leaves the mark.
    pub read: u64,
    /// The last number that this device holds.
    pub held: u64,
    pub flag: Option<bool>,
    /// Told when this device will remember it.
    pub stored: Option<oneshot::Sender<()>>,
    /// Told when the server knows.
    pub done: Option<oneshot::Sender<Result<MarkRecord, RequestError>>>,
}

/// A message to send.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub client_msg_id: ClientMsgId,
    pub target: Target,
    pub frame_type: FrameType,
    pub body: Bytes,
    pub fallback_text: String,
    /// Becomes durable together with the message.
    pub checkpoint: Option<Checkpoint>,
    /// Told when the message is durable in the outbox.
    pub stored: Option<oneshot::Sender<()>>,
    /// Told the durable result.
    pub done: Option<oneshot::Sender<Result<Sent, SendError>>>,
}

/// A request of the application.
#[derive(Debug)]
pub(crate) struct Question {
    pub operation: Operation,
    pub body: request::Body,
    pub answer: oneshot::Sender<Answer>,
}

/// The body of the RESPONSE, with detached entries put back in their place.
pub(crate) type Answer = Result<response::Body, RequestError>;
