//! The link of a server connection, whatever transport it came by.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use eim_codec::connection::binding::{EXPORTER_LABEL, channel_binding};
use eim_codec::tokio::{Link, Received, StreamLink, WebSocketLink};
use tokio::io::DuplexStream;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// A link of any transport. Everything beyond the plain socket is boxed, so that a plain connection
/// stays small.
#[derive(Debug)]
pub enum ServerLink {
    /// TCP.
    Tcp(StreamLink<TcpStream>),
    /// TCP with TLS.
    Tls(Box<StreamLink<TlsStream<TcpStream>>>),
    /// WebSocket.
    Ws(Box<WebSocketLink<TcpStream>>),
    /// WebSocket with TLS.
    Wss(Box<WebSocketLink<TlsStream<TcpStream>>>),
    /// A pipe inside the process.
    Pipe(Box<StreamLink<DuplexStream>>),
}

impl ServerLink {
    /// Channel binding data of `eim-exporter` for this connection.
    ///
    /// # Errors
    /// The TLS session cannot export.
    // impl[EIM-AUT-015, EIM-AUT-016]
    pub fn channel_binding(&self, transcript: [u8; 32]) -> Result<[u8; 32], rustls::Error> {
        let tls = match self {
            Self::Tls(link) => link.get_ref(),
            Self::Wss(link) => link.get_ref(),
            Self::Tcp(_) | Self::Ws(_) | Self::Pipe(_) => {
                return Ok(channel_binding(transcript, None));
            }
        };
        let (label, context) = (EXPORTER_LABEL.as_bytes(), Some(&transcript[..]));
        let exported = tls
            .get_ref()
            .1
            .export_keying_material([0; 32], label, context)?;
        Ok(channel_binding(transcript, Some(exported)))
    }
}

macro_rules! each {
    ($link:expr, $inner:ident => $call:expr) => {
        match $link {
            ServerLink::Tcp($inner) => $call,
            ServerLink::Tls($inner) => $call,
            ServerLink::Ws($inner) => $call,
            ServerLink::Wss($inner) => $call,
            ServerLink::Pipe($inner) => $call,
        }
    };
}

impl Link for ServerLink {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        each!(self, link => link.poll_receive(cx))
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, chunk: &mut Bytes) -> Poll<io::Result<()>> {
        each!(self, link => link.poll_send(cx, chunk))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, link => link.poll_flush(cx))
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, link => link.poll_shutdown(cx))
    }
}
