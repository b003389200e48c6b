//! One socket, with or without TLS, read and written from several places.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// The stream below frames or WebSocket messages.
#[derive(Debug)]
pub enum Net {
    /// TCP alone.
    Plain(TcpStream),
    /// TCP and TLS, of either side.
    Tls(Box<TlsStream<TcpStream>>),
    /// Nothing any more.
    Closed,
}

/// A stream that its reader, its writer and the steps of a script hold together.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Net>>);

impl Shared {
    /// Shares a stream.
    #[must_use]
    pub fn new(net: Net) -> Self {
        Self(Arc::new(Mutex::new(net)))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Net) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Key material of the TLS session (RFC 8446 §7.5); `None` without TLS.
    ///
    /// # Errors
    /// TLS has none to give.
    pub fn exporter(&self, label: &[u8], context: &[u8]) -> Option<Result<[u8; 32], String>> {
        self.with(|net| {
            let out = [0; 32];
            let exported = match net {
                Net::Plain(_) | Net::Closed => return None,
                Net::Tls(tls) => match &**tls {
                    TlsStream::Client(tls) => {
                        let (_, tls) = tls.get_ref();
                        tls.export_keying_material(out, label, Some(context))
                    }
                    TlsStream::Server(tls) => {
                        let (_, tls) = tls.get_ref();
                        tls.export_keying_material(out, label, Some(context))
                    }
                },
            };
            Some(exported.map_err(|error| error.to_string()))
        })
    }

    /// Closes the socket now, whoever else holds the stream.
    pub fn close(&self) {
        self.with(|net| *net = Net::Closed);
    }

    /// Makes the end of the socket a reset.
    pub fn reset_on_close(&self) {
        self.with(|net| {
            let tcp = match net {
                Net::Plain(tcp) => &*tcp,
                Net::Tls(tls) => tls.get_ref().0,
                Net::Closed => return,
            };
            let _ = socket2::SockRef::from(tcp).set_linger(Some(std::time::Duration::ZERO));
        });
    }
}

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|net| match net {
            Net::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Net::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, buf),
            Net::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|net| match net {
            Net::Plain(tcp) => Pin::new(tcp).poll_write(cx, octets),
            Net::Tls(tls) => Pin::new(&mut **tls).poll_write(cx, octets),
            Net::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|net| match net {
            Net::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Net::Tls(tls) => Pin::new(&mut **tls).poll_flush(cx),
            Net::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|net| match net {
            Net::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Net::Tls(tls) => Pin::new(&mut **tls).poll_shutdown(cx),
            Net::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        })
    }
}
