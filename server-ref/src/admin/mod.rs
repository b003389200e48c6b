//! Administration: an HTTP listener for metrics and health, a Unix socket for account commands.

mod client;
mod command;
mod http;
mod socket;

pub use client::{AdminClientError, ask};
pub use command::{Command, Reply, execute};
pub use http::{Http, Recorder};
pub use socket::{SOCKET_FILE, listen};
