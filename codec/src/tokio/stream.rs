//! A byte stream as a link: TCP, TLS, a Unix socket, an in-memory pipe.

use core::cell::RefCell;
use std::boxed::Box;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread_local;

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use bytes::{Buf, Bytes};

use super::{Link, Received};

/// Octets read at once.
const SCRATCH_OCTETS: usize = 64 * 1024;

thread_local! {
    // One buffer a thread: a connection holds none while nothing is in flight. What was read is
    // copied once, into a chunk of exactly its size, which frames then slice.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(std::vec![0; SCRATCH_OCTETS].into());
}

/// A byte stream as a link.
#[derive(Debug)]
pub struct StreamLink<S> {
    stream: S,
}

impl<S> StreamLink<S> {
    /// Wraps a stream, after any TLS handshake. For TCP set `TCP_NODELAY`: writes are coalesced
    /// already.
    pub const fn new(stream: S) -> Self {
        Self { stream }
    }

    /// The stream.
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link for StreamLink<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Received>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            Poll::Ready(Ok(match buffer.filled() {
                [] => Received::End,
                octets => Received::Octets(Bytes::copy_from_slice(octets)),
            }))
        })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, chunk: &mut Bytes) -> Poll<io::Result<()>> {
        while !chunk.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, chunk))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            chunk.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
