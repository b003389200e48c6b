//! The transport of one connection, for frames: octets in, octets out, and how it ended.

use std::fmt;
use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::net::Shared;

/// How the peer ended the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// In order: FIN, or a Close frame on WebSocket.
    Orderly,
    /// With a reset.
    Reset,
    /// Not in order: a WebSocket without a Close frame, an error of TLS.
    Broken(String),
    /// By the suite itself.
    Ours,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Orderly => f.write_str("an orderly end of the transport"),
            Self::Reset => f.write_str("a reset of the transport"),
            Self::Broken(why) => write!(f, "a broken transport ({why})"),
            Self::Ours => f.write_str("the suite's own end of the transport"),
        }
    }
}

/// What a read gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Octets of a stream, anyhow divided.
    Octets(Bytes),
    /// One binary message: whole frames.
    Message(Bytes),
    /// A text message, which nobody may send.
    Text(String),
    /// A WebSocket pong with its payload.
    Pong(Bytes),
    /// The end.
    End(End),
}

/// Reading side.
#[derive(Debug)]
pub enum Reader {
    /// TCP or TLS.
    Stream(Shared),
    /// WebSocket.
    WebSocket(SplitStream<WebSocketStream<Shared>>),
}

/// Writing side.
#[derive(Debug)]
pub enum Writer {
    /// TCP or TLS.
    Stream(Shared),
    /// WebSocket.
    WebSocket(SplitSink<WebSocketStream<Shared>, Message>),
}

/// Both sides over a stream.
#[must_use]
pub fn stream(shared: &Shared) -> (Reader, Writer) {
    (
        Reader::Stream(shared.clone()),
        Writer::Stream(shared.clone()),
    )
}

/// Both sides over a WebSocket.
#[must_use]
pub fn websocket(socket: WebSocketStream<Shared>) -> (Reader, Writer) {
    let (sink, stream) = socket.split();
    (Reader::WebSocket(stream), Writer::WebSocket(sink))
}

impl Reader {
    /// Waits for the next octets.
    pub async fn next(&mut self) -> Chunk {
        match self {
            Self::Stream(stream) => {
                let mut buffer = BytesMut::with_capacity(16384);
                match stream.read_buf(&mut buffer).await {
                    Ok(0) => Chunk::End(End::Orderly),
                    Ok(_) => Chunk::Octets(buffer.freeze()),
                    Err(error) => Chunk::End(end(&error)),
                }
            }
            Self::WebSocket(stream) => loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(octets))) => return Chunk::Message(octets),
                    Some(Ok(Message::Text(text))) => return Chunk::Text(text.to_string()),
                    Some(Ok(Message::Pong(octets))) => return Chunk::Pong(octets),
                    Some(Ok(Message::Close(_))) => return Chunk::End(End::Orderly),
                    Some(Ok(_)) => {}
                    Some(Err(tungstenite::Error::Io(error))) => {
                        let end = match end(&error) {
                            End::Orderly => no_close(),
                            other => other,
                        };
                        return Chunk::End(end);
                    }
                    Some(Err(tungstenite::Error::Protocol(
                        tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                    )))
                    | None => return Chunk::End(no_close()),
                    Some(Err(error)) => return Chunk::End(End::Broken(error.to_string())),
                }
            },
        }
    }
}

fn no_close() -> End {
    End::Broken("the stream ended without a Close frame".into())
}

fn end(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => End::Reset,
        // TLS without close_notify: not nice, but an end (EIM-TRN-016 is a SHOULD).
        io::ErrorKind::UnexpectedEof => End::Orderly,
        _ => End::Broken(error.to_string()),
    }
}

impl Writer {
    /// Writes octets: on WebSocket as one binary message.
    ///
    /// # Errors
    /// The transport takes no octets.
    pub async fn write(&mut self, octets: Bytes) -> io::Result<()> {
        match self {
            Self::Stream(stream) => {
                stream.write_all(&octets).await?;
                stream.flush().await
            }
            Self::WebSocket(sink) => sink.send(Message::Binary(octets)).await.map_err(other),
        }
    }

    /// Writes a WebSocket message as it is.
    ///
    /// # Errors
    /// The transport takes none, or is no WebSocket.
    pub async fn message(&mut self, message: Message) -> io::Result<()> {
        match self {
            Self::Stream(_) => Err(io::Error::other("not a WebSocket")),
            Self::WebSocket(sink) => sink.send(message).await.map_err(other),
        }
    }

    /// Ends our direction: FIN, close_notify or a Close frame.
    ///
    /// # Errors
    /// The transport is gone already.
    pub async fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Stream(stream) => stream.shutdown().await,
            Self::WebSocket(sink) => {
                sink.send(Message::Close(None)).await.map_err(other)?;
                sink.flush().await.map_err(other)
            }
        }
    }
}

fn other(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
