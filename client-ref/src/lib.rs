//! The EIM reference client.
//!
//! A client keeps what it sends in an outbox until the server has made it durable, keeps what it
//! receives in a local store, connects again by itself, and closes every gap. An application
//! sees messages once each and in order.
//!
//! ```no_run
//! use std::sync::Arc;
//! use eim_client::store::{MemoryStore, Target};
//! use eim_client::{Client, Event, Options};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = "tls://chat.example:7471".parse()?;
//! let options = Options::new(server, "ada", Some("secret"), Arc::new(MemoryStore::new()))
//!     .pinned("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".parse()?);
//! let client = Client::connect(options).await?;
//! let bob = client.user("bob").await?;
//! let sent = client.send_text(Target::User(bob.user), "hello").await?.await?;
//! println!("durable as number {}", sent.conv_seq);
//! let mut events = client.events().expect("taken once");
//! while let Some(event) = events.next().await {
//!     if let Event::Message(message) = event { println!("{message:?}"); }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Logic and edges are apart: [`engine`](crate) state, outbox and timeline take time and
//! randomness as arguments ([`environment`]) and the network and the store as traits
//! ([`link::Connector`], [`store::Store`]).

#![forbid(unsafe_code)]

pub mod auth;
pub mod blobs;
mod calls;
pub mod client;
mod contacts;
mod content;
mod devices;
mod directory;
mod engine;
pub mod environment;
pub mod error;
pub mod event;
mod export;
pub mod group_policy;
mod groups;
mod history;
pub mod link;
mod lookups;
mod marks;
pub mod modified;
mod notifications;
mod operations;
pub mod options;
mod outbox;
mod presence;
mod reconnect;
pub mod search;
pub mod store;
mod sync;
pub mod tls;

pub use self::calls::{CallInfo, CallSignal};
pub use self::client::{Client, Draft, SendHandle};
pub use self::contacts::{Contact, ContactChanged, ContactList, ContactNews};
pub use self::content::content_of;
pub use self::devices::{Device, Devices};
pub use self::directory::{ProfileFields, Profiles};
pub use self::event::{
    ConnectionState, Disconnected, End, Event, Events, Postponed, Refused, Sent, Settled,
};
pub use self::export::{Line, body_digest, text_of};
pub use self::groups::{GroupChange, Member};
pub use self::history::Past;
pub use self::marks::Unread;
pub use self::notifications::{Muted, Notifications};
pub use self::options::Options;
pub use self::presence::Presence;
