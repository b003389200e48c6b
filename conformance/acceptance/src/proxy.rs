//! A network that can be cut: TCP connections through ports of this process.
//!
//! Octets pass unseen, so TLS passes too. A route leads to one server; what happens to its
//! connections is said by its [`Line`]. Octets are never dropped out of the middle of a connection
//! that goes on, because no TCP network does that.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::Failure;

/// Chunks under way in one direction of one connection.
const UNDER_WAY: usize = 64;
/// Octets read at once.
const CHUNK: usize = 32 * 1024;

/// Which way octets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What a route does to its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Line {
    /// Connections with a number up to this one are reset on both sides.
    reset_through: u64,
    /// Connections with a number up to this one never pass an octet again, nor their ends: both
    /// sides believe that they are connected.
    lost_through: u64,
    /// New connections are reset.
    refuse: bool,
    /// Nothing passes upwards.
    silent_up: bool,
    /// Nothing passes downwards.
    silent_down: bool,
    /// What passes takes this long.
    delay: Duration,
}

impl Line {
    const fn is_silent(&self, direction: Direction, number: u64) -> bool {
        number <= self.lost_through
            || match direction {
                Direction::Up => self.silent_up,
                Direction::Down => self.silent_down,
            }
    }
}

/// The network: a thread that carries octets.
#[derive(Debug)]
pub(crate) struct Network {
    runtime: Option<Runtime>,
}

/// A way from clients to one server.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    port: u16,
    line: Arc<watch::Sender<Line>>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    /// Connections so far; each has the number it was counted with.
    connections: AtomicU64,
    octets: AtomicU64,
}

impl Network {
    /// Starts the thread.
    pub(crate) fn start() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("network")
            .enable_all()
            .build()?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// A new route to `server`, on a port of its own.
    pub(crate) fn route(&self, server: SocketAddr) -> Result<Route, Failure> {
        let runtime = self
            .runtime
            .as_ref()
            .ok_or_else(|| Failure::Setup("the network is down".into()))?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let route = Route {
            port: listener.local_addr()?.port(),
            line: Arc::new(watch::Sender::new(Line::default())),
            counters: Arc::default(),
        };
        runtime.spawn(route.clone().accept(listener, server));
        Ok(route)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Route {
    /// Port on the loopback address.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Connections made so far.
    pub(crate) fn connections(&self) -> u64 {
        self.counters.connections.load(Relaxed)
    }

    /// Octets carried so far, both ways.
    #[cfg(test)]
    fn octets(&self) -> u64 {
        self.counters.octets.load(Relaxed)
    }

    /// Resets all connections, and new ones until [`heal`](Self::heal) if `refuse`.
    pub(crate) fn reset(&self, refuse: bool) {
        let through = self.connections();
        self.line.send_modify(|line| {
            line.reset_through = through;
            line.refuse = refuse;
        });
    }

    /// All connections pass nothing any more, for good, and stay open. New ones pass.
    pub(crate) fn lose(&self) {
        let through = self.connections();
        self.line.send_modify(|line| line.lost_through = through);
    }

    /// Nothing passes this way until [`heal`](Self::heal), new connections included; then all goes on.
    pub(crate) fn silence(&self, direction: Direction) {
        self.line.send_modify(|line| match direction {
            Direction::Up => line.silent_up = true,
            Direction::Down => line.silent_down = true,
        });
    }

    /// What passes takes this much longer.
    pub(crate) fn delay(&self, delay: Duration) {
        self.line.send_modify(|line| line.delay = delay);
    }

    /// The network is well again. Lost connections stay lost.
    pub(crate) fn heal(&self) {
        self.line.send_modify(|line| {
            *line = Line {
                reset_through: line.reset_through,
                lost_through: line.lost_through,
                ..Line::default()
            };
        });
    }

    async fn accept(self, listener: TcpListener, server: SocketAddr) {
        loop {
            let Ok((client, _)) = listener.accept().await else {
                continue;
            };
            let number = self.counters.connections.fetch_add(1, Relaxed) + 1;
            let line = self.line.subscribe();
            let counters = Arc::clone(&self.counters);
            tokio::spawn(connection(number, client, server, line, counters));
        }
    }
}

async fn connection(
    number: u64,
    mut client: TcpStream,
    server: SocketAddr,
    line: watch::Receiver<Line>,
    counters: Arc<Counters>,
) {
    let now = *line.borrow();
    if now.refuse || now.reset_through >= number {
        return abort(&client);
    }
    // A server that is down shows as a reset, as through any gateway.
    let Ok(mut upstream) = TcpStream::connect(server).await else {
        return abort(&client);
    };
    for socket in [&client, &upstream] {
        let _ = socket.set_nodelay(true);
    }
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = upstream.split();
    let pump = |direction, from, to| {
        let (line, counters) = (line.clone(), Arc::clone(&counters));
        Pump {
            number,
            direction,
            line,
            counters,
        }
        .run(from, to)
    };
    let both = async {
        tokio::try_join!(
            pump(Direction::Up, from_client, to_server),
            pump(Direction::Down, from_server, to_client)
        )
    };
    if both.await.is_err() {
        abort(&client);
        abort(&upstream);
    }
}

/// The socket will be reset when it is dropped.
fn abort(socket: &TcpStream) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// The connection is over on both sides.
struct Broken;

struct Pump {
    number: u64,
    direction: Direction,
    line: watch::Receiver<Line>,
    counters: Arc<Counters>,
}

impl Pump {
    /// Carries one direction until its orderly end.
    async fn run(self, from: ReadHalf<'_>, to: WriteHalf<'_>) -> Result<(), Broken> {
        let (sender, receiver) = mpsc::channel(UNDER_WAY);
        tokio::try_join!(self.read(from, sender), write(to, receiver)).map(drop)
    }

    async fn read(
        mut self,
        mut from: ReadHalf<'_>,
        sender: mpsc::Sender<(Instant, Vec<u8>)>,
    ) -> Result<(), Broken> {
        let mut buffer = vec![0; CHUNK];
        let mut last = None;
        loop {
            let line = *self.line.borrow_and_update();
            if line.reset_through >= self.number {
                return Err(Broken);
            }
            if line.is_silent(self.direction, self.number) {
                self.line.changed().await.map_err(|_| Broken)?;
                continue;
            }
            let read = tokio::select! {
                biased;
                changed = self.line.changed() => {
                    changed.map_err(|_| Broken)?;
                    continue;
                }
                read = from.read(&mut buffer) => read.map_err(|_| Broken)?,
            };
            let chunk = buffer.get(..read).unwrap_or_default().to_vec();
            self.counters.octets.fetch_add(read as u64, Relaxed);
            let due = due(line.delay, last);
            last = Some(due);
            tokio::select! {
                biased;
                () = self.reset() => return Err(Broken),
                sent = sender.send((due, chunk)) => sent.map_err(|_| Broken)?,
            }
            if read == 0 {
                // The other direction may still hear of a reset.
                return Ok(());
            }
        }
    }

    /// Ends when this connection is to be reset, even while its other side does not read.
    async fn reset(&self) {
        let number = self.number;
        let mut line = self.line.clone();
        if line
            .wait_for(|line| line.reset_through >= number)
            .await
            .is_err()
        {
            std::future::pending().await
        }
    }
}

/// When a chunk of now is due: never before the one before it.
#[expect(clippy::disallowed_methods, reason = "a network takes real time")]
fn due(delay: Duration, last: Option<Instant>) -> Instant {
    let due = Instant::now() + delay;
    last.map_or(due, |last| due.max(last))
}

async fn write(
    mut to: WriteHalf<'_>,
    mut receiver: mpsc::Receiver<(Instant, Vec<u8>)>,
) -> Result<(), Broken> {
    while let Some((due, chunk)) = receiver.recv().await {
        sleep_until(due).await;
        if chunk.is_empty() {
            break;
        }
        to.write_all(&chunk).await.map_err(|_| Broken)?;
    }
    to.shutdown().await.map_err(|_| Broken)
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net;

    use super::*;

    /// A route to a listener of the test, with one connection through it.
    fn connected() -> (
        Network,
        Route,
        net::TcpListener,
        net::TcpStream,
        net::TcpStream,
    ) {
        let listener = net::TcpListener::bind("127.0.0.1:0").expect("port");
        let network = Network::start().expect("runtime");
        let route = network
            .route(listener.local_addr().expect("address"))
            .expect("route");
        let client = net::TcpStream::connect(("127.0.0.1", route.port())).expect("connected");
        let (server, _) = listener.accept().expect("accepted");
        for socket in [&client, &server] {
            socket
                .set_read_timeout(Some(Duration::from_secs(10)))
                .expect("timeout");
        }
        (network, route, listener, client, server)
    }

    fn passes(from: &mut net::TcpStream, to: &mut net::TcpStream) {
        from.write_all(b"octets").expect("written");
        let mut octets = [0; 6];
        to.read_exact(&mut octets).expect("read");
        assert_eq!(&octets, b"octets");
    }

    #[test]
    fn octets_and_the_end_pass_both_ways() {
        let (_network, route, _listener, mut client, mut server) = connected();
        passes(&mut client, &mut server);
        passes(&mut server, &mut client);
        client.shutdown(net::Shutdown::Write).expect("shut down");
        assert_eq!(server.read(&mut [0; 8]).expect("end"), 0);
        passes(&mut server, &mut client);
        assert_eq!(route.octets(), 18);
    }

    #[test]
    fn a_reset_reaches_both_sides_and_new_connections_until_it_heals() {
        let (_network, route, listener, mut client, mut server) = connected();
        passes(&mut client, &mut server);
        route.reset(true);
        for side in [&mut client, &mut server] {
            let error = side.read(&mut [0; 8]).expect_err("reset");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
        let mut refused = net::TcpStream::connect(("127.0.0.1", route.port())).expect("accepted");
        assert!(!matches!(refused.read(&mut [0; 8]), Ok(1..)));
        route.heal();
        let mut again = net::TcpStream::connect(("127.0.0.1", route.port())).expect("accepted");
        let (mut server, _) = listener.accept().expect("accepted");
        passes(&mut again, &mut server);
    }

    #[test]
    fn a_silent_direction_holds_octets_back_and_then_delivers_them() {
        let (_network, route, _listener, mut client, mut server) = connected();
        passes(&mut client, &mut server);
        route.silence(Direction::Up);
        passes(&mut server, &mut client);
        client.write_all(b"held").expect("written");
        server
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("timeout");
        let error = server.read(&mut [0; 8]).expect_err("nothing comes");
        assert!(matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut
        ));
        route.heal();
        server
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("timeout");
        let mut octets = [0; 4];
        server.read_exact(&mut octets).expect("read");
        assert_eq!(&octets, b"held");
    }

    #[test]
    fn a_lost_connection_stays_open_and_silent_beside_new_ones() {
        let (_network, route, listener, mut client, mut server) = connected();
        passes(&mut client, &mut server);
        route.lose();
        route.heal();
        client.write_all(b"gone").expect("written");
        let mut again = net::TcpStream::connect(("127.0.0.1", route.port())).expect("accepted");
        let (mut other, _) = listener.accept().expect("accepted");
        passes(&mut again, &mut other);
        drop(client);
        server
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("timeout");
        let error = server.read(&mut [0; 8]).expect_err("not even the end");
        assert!(matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut
        ));
    }

    #[test]
    fn a_delay_keeps_the_order() {
        let (_network, route, _listener, mut client, mut server) = connected();
        route.delay(Duration::from_millis(60));
        client.write_all(b"first").expect("written");
        let mut octets = [0; 5];
        server.read_exact(&mut octets).expect("read");
        client.write_all(b"slow ").expect("written");
        route.delay(Duration::ZERO);
        client.write_all(b"fast!").expect("written");
        let mut octets = [0; 10];
        server.read_exact(&mut octets).expect("read");
        assert_eq!(&octets, b"slow fast!");
    }
}
