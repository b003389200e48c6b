//! Errors of the library, by who is to blame.

use eim_codec::payload::InvalidSend;
use eim_codec::registry::ErrorCode;

use crate::event::{End, Refused};
use crate::link::LinkError;
use crate::store::StoreError;

/// A client could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The options cannot work as they are.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The local store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client is over before it began.
    #[error(transparent)]
    Ended(#[from] End),
    /// No connection within the patience of the options.
    #[error("no connection: {0}")]
    Timeout(String),
}

/// A message has no durable place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The server refused it for good.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The text has more octets than a TEXT may have.
    #[error("a text of {got} octets; {max} are allowed")]
    TooLong {
        /// Octets of the text.
        got: usize,
        /// Most octets of a text.
        max: usize,
    },
    /// The body is not one of its type.
    #[error(transparent)]
    Invalid(InvalidSend),
    /// The client ended before the result. If the message was in the outbox, it stays there and
    /// leaves when a client of this device comes back.
    #[error("the client ended before the result")]
    Closed,
}

/// A request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The server refused it.
    #[error("{code}: {detail}")]
    Refused {
        /// Error code.
        code: ErrorCode,
        /// For people.
        detail: String,
        /// The same may succeed later.
        retryable: bool,
        /// Not before this time, in milliseconds; 0 when nothing is known.
        retry_after_ms: u64,
    },
    /// The client ended before the answer.
    #[error("the client ended before the answer")]
    Closed,
    /// The answer is not one to the question.
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(&'static str),
    /// No user has this name.
    #[error("no user is named {0}")]
    UnknownUser(String),
    /// The local store failed.
    #[error("local store: {0}")]
    Store(String),
}

impl From<StoreError> for RequestError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}
