//! The EIM reference client.
pub mod auth;
pub mod client;
mod engine;
pub mod environment;
pub mod error;
pub mod event;
mod groups;
pub mod link;
pub mod options;
mod outbox;
mod reconnect;
mod sync;
pub mod store;
pub mod tls;
