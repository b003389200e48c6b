//! A WebSocket as a link: one binary message holds whole frames.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncRead, AsyncWrite};
use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Link, Received};
use crate::registry::limits;

/// Read buffer of an idle WebSocket; it grows while a message is read.
const READ_BUFFER_OCTETS: usize = 2 * 1024;

/// The configuration to accept or connect a WebSocket with: bounded in both directions and small
/// while idle.
///
/// A message holds at least one maximal frame; larger ones are refused by their declared size.
#[must_use]
pub fn websocket_config() -> WebSocketConfig {
    let message = limits::FRAME_OCTETS.maximum + limits::HEADER_OCTETS.maximum;
    let message = usize::try_from(message).unwrap_or(usize::MAX);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_OCTETS)
        // Messages are written at once: the driver coalesces frames already.
        .write_buffer_size(0)
        .max_write_buffer_size(2 * message)
        .max_message_size(Some(message))
        .max_frame_size(Some(message))
}

/// A WebSocket as a link.
#[derive(Debug)]
pub struct WebSocketLink<S> {
    socket: WebSocketStream<S>,
}

impl<S> WebSocketLink<S> {
    /// Wraps a WebSocket after its HTTP handshake, made with [`websocket_config`].
    pub const fn new(socket: WebSocketStream<S>) -> Self {
        Self { socket }
    }

    /// The stream below the WebSocket.
    pub fn get_ref(&self) -> &S
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.socket.get_ref()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link for WebSocketLink<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        loop {
            return Poll::Ready(match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Binary(octets))) => Ok(Received::Message(octets)),
                Some(Ok(Message::Text(_))) => Ok(Received::Text),
                // Answered by the library; raw frames are never delivered on reading.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Close(_))) | None => Ok(Received::End),
                Some(Err(error)) => match io_error(error) {
                    Some(error) => Err(error),
                    None => Ok(Received::End),
                },
            });
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, chunk: &mut Bytes) -> Poll<io::Result<()>> {
        // Ready means that the previous message was flushed: at most one is ever buffered.
        ready!(self.poll_flush(cx))?;
        let mut socket = Pin::new(&mut self.socket);
        if !chunk.is_empty() {
            ready!(socket.as_mut().poll_ready(cx)).map_err(broken)?;
            socket
                .as_mut()
                .start_send(Message::Binary(std::mem::take(chunk)))
                .map_err(broken)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Sends the Close frame; the peer's is read while lingering.
        Pin::new(&mut self.socket).poll_close(cx).map_err(broken)
    }
}

/// The error as one of the transport; `None` for an orderly end.
fn io_error(error: Error) -> Option<io::Error> {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => None,
        Error::Io(error) => Some(error),
        other => Some(io::Error::new(io::ErrorKind::InvalidData, other)),
    }
}

fn broken(error: Error) -> io::Error {
    io_error(error).unwrap_or_else(|| io::ErrorKind::NotConnected.into())
}
