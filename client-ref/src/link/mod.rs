//! Transports: how octets travel.

mod network;
mod tcp;
mod tls;
mod websocket;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::connection::binding::{EXPORTER_LABEL, channel_binding};
use eim_codec::tokio::{Link, Received, StreamLink, WebSocketLink};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub use self::network::Network;

/// No transport came up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The network said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// TLS could not be set up on this side.
    #[error(transparent)]
    Tls(#[from] crate::tls::TlsSetupError),
    /// A plain transport to another machine was not allowed.
    #[error(
        "{0} would send everything in the clear; allow plain transports or use tls:// or wss://"
    )]
    PlainNotAllowed(String),
    /// The certificate is to be verified, but nothing says against what.
    #[error("{0} needs the fingerprint of the server's certificate or a file of authorities")]
    NoTrust(String),
    /// The WebSocket handshake failed.
    #[error("WebSocket handshake: {0}")]
    WebSocket(String),
    /// The other side is not an EIM server.
    #[error("the server did not select the protocol {0}")]
    WrongProtocol(&'static str),
}

impl LinkError {
    /// Whether trying again may help: the network may come back, a wrong configuration will not
    /// change by itself.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Io(_) | Self::WebSocket(_))
    }
}

/// Makes transports to one server.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// A new transport.
    async fn connect(&self) -> Result<ClientLink, LinkError>;

    /// Which server it leads to. A resume token is never shown to another one.
    fn server(&self) -> String;
}

/// A byte stream.
#[derive(Debug)]
pub enum Transport {
    /// TCP.
    Tcp(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream<TcpStream>>),
    /// A pipe in memory.
    Pipe(DuplexStream),
}

impl Transport {
    /// What SCRAM-SHA-256-PLUS binds to: the TLS exporter, or without TLS the transcript itself.
    /// `None` when TLS cannot export.
    fn channel_binding(&self, transcript: &[u8; 32]) -> Option<[u8; 32]> {
        match self {
            // impl[EIM-AUT-015]
            Self::Tls(stream) => {
                let (label, context) = (EXPORTER_LABEL.as_bytes(), Some(&transcript[..]));
                let session = stream.get_ref().1;
                let exported = session.export_keying_material([0; 32], label, context);
                Some(channel_binding(*transcript, Some(exported.ok()?)))
            }
            // impl[EIM-AUT-016]
            Self::Tcp(_) | Self::Pipe(_) => Some(channel_binding(*transcript, None)),
        }
    }

    fn is_confidential(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream
                .peer_addr()
                .is_ok_and(|peer| peer.ip().to_canonical().is_loopback()),
            Self::Tls(_) | Self::Pipe(_) => true,
        }
    }
}

macro_rules! each_transport {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Transport::Tcp($stream) => $call,
            Transport::Tls($stream) => $call,
            Transport::Pipe($stream) => $call,
        }
    };
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each_transport!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        each_transport!(self, stream => Pin::new(stream).poll_write(cx, octets))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_transport!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each_transport!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// A transport of a client, whatever carries the frames.
#[derive(Debug)]
pub enum ClientLink {
    /// Frames directly on a stream.
    Stream(StreamLink<Transport>),
    /// Frames in WebSocket messages.
    WebSocket(Box<WebSocketLink<Transport>>),
}

impl ClientLink {
    /// A pipe in memory, for tests and simulations.
    #[must_use]
    pub const fn pipe(pipe: DuplexStream) -> Self {
        Self::Stream(StreamLink::new(Transport::Pipe(pipe)))
    }

    fn transport(&self) -> &Transport {
        match self {
            Self::Stream(link) => link.get_ref(),
            Self::WebSocket(link) => link.get_ref(),
        }
    }

    /// What SCRAM-SHA-256-PLUS binds to; `None` when this transport cannot bind.
    #[must_use]
    pub fn channel_binding(&self, transcript: &[u8; 32]) -> Option<[u8; 32]> {
        self.transport().channel_binding(transcript)
    }

    /// Whether secrets may cross it: TLS, or this machine only.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.transport().is_confidential()
    }
}

impl Link for ClientLink {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        match self {
            Self::Stream(link) => link.poll_receive(cx),
            Self::WebSocket(link) => link.poll_receive(cx),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, chunk: &mut Bytes) -> Poll<io::Result<()>> {
        match self {
            Self::Stream(link) => link.poll_send(cx, chunk),
            Self::WebSocket(link) => link.poll_send(cx, chunk),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Stream(link) => link.poll_flush(cx),
            Self::WebSocket(link) => link.poll_flush(cx),
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Stream(link) => link.poll_shutdown(cx),
            Self::WebSocket(link) => link.poll_shutdown(cx),
        }
    }
}
