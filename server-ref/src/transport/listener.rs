//! Listening sockets and their accept loops.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use eim_codec::payload;
use eim_codec::registry::{Compression, ErrorCode, FrameType};
use eim_codec::tokio::{StreamLink, WebSocketLink};
use eim_codec::{Frame, INVARIANT_VERSION, encode_frame};
use metrics::{counter, gauge};
use prost::Message as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_util::task::TaskTracker;

use super::{Admission, Peer, Refused, Seat, ServerLink, TlsAcceptors, Transport};
use crate::metrics::names;
use crate::service::{error_info, millis};
use crate::session::{self, Shared};

/// How long to wait after `accept` failed, for example because the process has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client stays away that finds no place.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// A listening socket.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    /// What it speaks.
    pub transport: Transport,
    /// Its address, with the port the system chose if 0 was asked for.
    pub address: SocketAddr,
}

/// Binds `address`.
///
/// # Errors
/// As the system says.
pub fn bind(transport: Transport, address: SocketAddr, backlog: u32) -> io::Result<Bound> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    let listener = TcpListener::from_std(socket.into())?;
    let address = listener.local_addr()?;
    Ok(Bound {
        listener,
        transport,
        address,
    })
}

/// Turns accepted sockets into sessions.
#[derive(Clone, Debug)]
pub struct Acceptor {
    /// What sessions share.
    pub shared: Arc<Shared>,
    /// Bounds on connections.
    pub admission: Arc<Admission>,
    /// TLS.
    pub tls: TlsAcceptors,
    /// Origins that browsers may come from.
    pub origins: Arc<[String]>,
    /// Counts the tasks of connections.
    pub tasks: TaskTracker,
}

impl Acceptor {
    /// Accepts until the server stops.
    pub async fn run(self, bound: Bound) {
        let Bound {
            listener,
            transport,
            ..
        } = bound;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shared.stopping.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.admit(stream, Peer { address, transport }),
                Err(error) => {
                    counter!(names::CONNECTIONS_REFUSED, "reason" => "accept").increment(1);
                    tracing::warn!(%error, transport = transport.name(), "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    // impl[EIM-CON-013]
    fn admit(&self, stream: TcpStream, peer: Peer) {
        let address = peer.address.ip();
        let admitted = match self.shared.limits.connection(address) {
            Ok(()) => self.admission.admit(address),
            // impl[EIM-LIM-018]
            Err(limited) => Err(Refused::TooFast(limited.wait)),
        };
        let seat = match admitted {
            Ok(seat) => seat,
            Err(refused) => return refuse(&stream, peer.transport, refused),
        };
        counter!(names::CONNECTIONS_ACCEPTED, "transport" => peer.transport.name()).increment(1);
        // impl[EIM-TRN-003]
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let deadline = Box::pin(tokio::time::sleep(self.shared.options.handshake));
        // A plain connection goes straight on; the others carry their handshake only while it lasts.
        if peer.transport == Transport::Tcp {
            let link = ServerLink::Tcp(StreamLink::new(stream));
            let shared = Arc::clone(&self.shared);
            self.tasks.spawn(serve(shared, link, peer, seat, deadline));
        } else {
            let establish = Box::pin(self.clone().establish(stream, peer));
            self.tasks.spawn(async move {
                match establish.await {
                    Ok((shared, link)) => serve(shared, link, peer, seat, deadline).await,
                    Err(error) => {
                        tracing::debug!(%error, address = %peer.address, "no transport");
                    }
                }
            });
        }
    }

    /// The link over `stream`, after the handshakes of TLS and WebSocket.
    async fn establish(
        self,
        stream: TcpStream,
        peer: Peer,
    ) -> io::Result<(Arc<Shared>, ServerLink)> {
        let limit = self.shared.options.handshake;
        let link = match peer.transport {
            Transport::Tcp => ServerLink::Tcp(StreamLink::new(stream)),
            Transport::Tls => {
                let stream = self.tls.accept_eim(stream, limit).await?;
                ServerLink::Tls(Box::new(StreamLink::new(stream)))
            }
            Transport::Ws => {
                let socket = super::accept_websocket(stream, &self.origins, limit).await?;
                ServerLink::Ws(Box::new(WebSocketLink::new(socket)))
            }
            Transport::Wss => {
                let stream = self.tls.accept_web(stream, limit).await?;
                let socket = super::accept_websocket(stream, &self.origins, limit).await?;
                ServerLink::Wss(Box::new(WebSocketLink::new(socket)))
            }
        };
        Ok((self.shared, link))
    }
}

/// Serves a connection and counts it.
fn serve(
    shared: Arc<Shared>,
    link: ServerLink,
    peer: Peer,
    seat: Seat,
    deadline: Pin<Box<Sleep>>,
) -> impl Future<Output = ()> + Send + 'static {
    let name = peer.transport.name();
    let served = session::serve(shared, link, peer, seat, deadline);
    async move {
        gauge!(names::CONNECTIONS, "transport" => name).increment(1);
        served.await;
        gauge!(names::CONNECTIONS, "transport" => name).decrement(1);
    }
}

/// Says why if that costs nothing, and drops the socket.
fn refuse(stream: &TcpStream, transport: Transport, refused: Refused) {
    let (reason, detail, wait) = match refused {
        Refused::Full => ("full", "the server is full", FULL_PAUSE),
        Refused::HalfOpen => (
            "half-open",
            "too many unfinished handshakes from your address",
            FULL_PAUSE,
        ),
        Refused::TooFast(wait) => ("rate", "too many connections from your address", wait),
    };
    counter!(names::CONNECTIONS_REFUSED, "reason" => reason).increment(1);
    if transport == Transport::Tcp {
        let _best_effort = stream.try_write(&refusal(detail, wait));
    }
}

fn refusal(detail: &str, wait: Duration) -> BytesMut {
    let info = error_info(ErrorCode::TOO_MANY_CONNECTIONS, detail, millis(wait));
    let error = payload::Error {
        info: Some(info),
        scope: payload::ErrorScope::Connection.into(),
        ..payload::Error::default()
    };
    let frame = Frame {
        version: INVARIANT_VERSION,
        frame_type: FrameType::ERROR,
        sequence: 0,
        compression: Compression::NONE,
        payload: error.encode_to_vec().into(),
    };
    let mut octets = BytesMut::new();
    // Cannot fail: the payload is a few dozen octets.
    let _encoded = encode_frame(&frame, &mut octets);
    octets
}
