//! The EIM reference client.
pub mod auth;
pub mod environment;
pub mod link;
pub mod options;
mod outbox;
mod reconnect;
mod sync;
pub mod store;
pub mod tls;
