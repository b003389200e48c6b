//! The wire layer of the suite: a reading of the specification of its own.
//!
//! It judges nothing: it can write what the protocol forbids and read what a broken testee sends.

pub mod compress;
pub mod fragment;
pub mod frame;
pub mod hex;
pub mod json;
pub mod link;
pub mod net;
pub mod protocol;
pub mod scram;
pub mod tls;
pub mod websocket;

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Opens the connection and sends HELLO.
    Client,
    /// Accepts it.
    Server,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// As the registry writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}
