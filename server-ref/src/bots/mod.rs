//! What bots do without a connection: send by HTTP, and be told by webhook.
//!
//! A message that comes by HTTP takes the same way as one in a frame: the same checks, the same
//! commit, the same limits. What differs is the answer: a status, and a few words in JSON.

mod failure;
mod feed;
mod http;
mod listener;
mod message;
mod rate;
mod told;

use std::sync::Arc;
use std::time::Duration;

pub use self::failure::Failure;
pub use self::feed::{Feed, FeedParts, FeedPolicy};
pub use self::http::router;
pub use self::listener::{Doors, Entrance, Timed};
pub use self::message::{Contact, Custom, Link, Location, Sent, To, WantedMessage};

use self::rate::Rates;
use crate::config::Config;
use crate::session::Shared;

/// What bots share.
#[derive(Debug)]
pub struct Bots {
    shared: Arc<Shared>,
    rates: Rates,
    request_octets: usize,
    patience: Duration,
}

impl Bots {
    /// As the configuration has it.
    #[must_use]
    pub fn new(config: &Config, shared: Arc<Shared>) -> Self {
        let wanted = &config.bots;
        Self {
            shared,
            rates: Rates::new(wanted.messages_per_s),
            request_octets: wanted.request_octets,
            patience: Duration::from_millis(wanted.request_ms),
        }
    }
}
