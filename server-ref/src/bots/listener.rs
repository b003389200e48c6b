//! The doors of bots: HTTP over TLS, or without it where nobody listens in.
//!
//! A request is there in time or its connection ends: from the accept, and from each answer on, a
//! client has so long for the next request. So neither one that dribbles nor one that is silent
//! keeps a seat.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::transport::TlsAcceptors;

/// Pause after `accept` failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections whose handshake is over and that nobody serves yet.
const WAITING: usize = 16;

/// Connections that may be served.
#[derive(Debug)]
pub struct Doors {
    /// Where they come from.
    pub address: SocketAddr,
    open: mpsc::Receiver<(Timed, SocketAddr)>,
}

/// What is needed to let somebody in.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// TLS; `None` where it is not spoken.
    pub tls: Option<TlsAcceptors>,
    /// Connections at once.
    pub seats: Arc<Semaphore>,
    /// Time for a request.
    pub patience: Duration,
}

impl Doors {
    /// Listens on `address`.
    ///
    /// # Errors
    /// As the system says.
    pub async fn open(
        address: SocketAddr,
        entrance: Entrance,
        stopping: CancellationToken,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (sender, open) = mpsc::channel(WAITING);
        tokio::spawn(entrance.run(listener, sender, stopping));
        Ok(Self { address, open })
    }
}

impl Entrance {
    /// Nobody is accepted while all seats are taken: they wait in the queue of the system.
    async fn run(
        self,
        listener: TcpListener,
        sender: mpsc::Sender<(Timed, SocketAddr)>,
        stopping: CancellationToken,
    ) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                () = sender.closed() => return,
                accepted = self.next(&listener) => accepted,
            };
            match accepted {
                Ok((stream, address, seat)) => {
                    let (entrance, sender) = (self.clone(), sender.clone());
                    tokio::spawn(async move {
                        if let Ok(timed) = entrance.admit(stream, seat).await {
                            // Nobody serves any more.
                            let _ = sender.send((timed, address)).await;
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn next(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let seat = Arc::clone(&self.seats).acquire_owned().await;
        let seat = seat.map_err(|_| io::ErrorKind::NotConnected)?;
        let (stream, address) = listener.accept().await?;
        Ok((stream, address, seat))
    }

    async fn admit(&self, stream: TcpStream, seat: OwnedSemaphorePermit) -> io::Result<Timed> {
        stream.set_nodelay(true)?;
        let io = match &self.tls {
            Some(tls) => Io::Tls(Box::new(tls.accept_web(stream, self.patience).await?)),
            None => Io::Plain(stream),
        };
        Ok(Timed {
            io,
            deadline: Box::pin(sleep(self.patience)),
            patience: self.patience,
            _seat: seat,
        })
    }
}

impl Listener for Doors {
    type Io = Timed;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Timed, SocketAddr) {
        match self.open.recv().await {
            Some(connection) => connection,
            // The server stops; whoever serves is told elsewhere.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection.
#[derive(Debug)]
enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection whose next request has a deadline.
#[derive(Debug)]
pub struct Timed {
    io: Io,
    deadline: Pin<Box<Sleep>>,
    patience: Duration,
    _seat: OwnedSemaphorePermit,
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // impl[EIM-BOT-018]
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Io::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            Io::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, octets),
        })?;
        self.deadline = Box::pin(sleep(self.patience));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Io::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}
