//! What passes notifications on: gateways, over HTTP as an argument.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::compose::Notification;

/// A POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where to.
    pub url: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Bytes,
}

/// The answer to a POST.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// The first octets of the body.
    pub body: Bytes,
}

/// There was no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct HttpError(pub String);

/// HTTP.
#[async_trait]
pub trait Http: fmt::Debug + Send + Sync + 'static {
    /// Sends a POST and waits for the answer, for a bounded time.
    async fn post(&self, post: Post) -> Result<Reply, HttpError>;
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service has it.
    Delivered,
    /// There is no such address any more.
    Gone,
    /// The service will never take this one.
    Refused(String),
    /// Another attempt may do better.
    Failed {
        /// Why, in a word, for metrics.
        reason: &'static str,
        /// For people.
        detail: String,
        /// When to come back, where the service says so.
        retry_after: Option<Duration>,
    },
}

/// A service that passes notifications on.
#[async_trait]
pub trait Gateway: fmt::Debug + Send + Sync + 'static {
    /// What fails or works as one, for a target with this address.
    fn party(&self, address: &str) -> String;

    /// Whether all addresses are of one party.
    fn is_one_party(&self) -> bool {
        true
    }

    /// Makes an attempt.
    async fn deliver(&self, notification: &Notification) -> Outcome;
}

/// What a status means to all services.
#[must_use]
pub fn outcome(answer: Result<Reply, HttpError>) -> Outcome {
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => {
            return Outcome::Failed {
                reason: "unreachable",
                detail: error.to_string(),
                retry_after: None,
            };
        }
    };
    let reason = match reply.status {
        200..=299 => return Outcome::Delivered,
        410 => return Outcome::Gone,
        401 | 403 => "credentials",
        429 => "throttled",
        300..=499 => "refused",
        _ => "server",
    };
    Outcome::Failed {
        reason,
        detail: format!("status {}", reply.status),
        retry_after: match reply.status {
            429 | 503 => reply.retry_after,
            _ => None,
        },
    }
}
