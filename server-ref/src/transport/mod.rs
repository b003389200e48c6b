//! From addresses to links: listeners, TLS, WebSocket, and who is let in.

mod admission;
mod certificate;
mod link;
mod listener;
mod tls;
mod websocket;

pub use admission::{Admission, Refused, Seat};
pub use certificate::{Certificate, CertificateError, load_or_create};
pub use link::ServerLink;
pub use listener::{Acceptor, Bound, bind};
pub use tls::{ALPN, TlsAcceptors};
pub use websocket::{PATH, SUBPROTOCOL, accept as accept_websocket};

use std::net::SocketAddr;

/// Which transport a connection uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP without TLS.
    Tcp,
    /// TCP with TLS 1.3.
    Tls,
    /// WebSocket without TLS.
    Ws,
    /// WebSocket with TLS 1.3.
    Wss,
}

impl Transport {
    /// Its name in URLs, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }
}

/// The far end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// How it connected.
    pub transport: Transport,
}

impl Peer {
    /// Whether secrets may cross the connection: TLS, or it never left this machine.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.transport.is_tls() || self.address.ip().is_loopback()
    }
}
