//! Sessions: one task a connection, which drives the codec's connection and calls the services.

mod asked;
mod attach;
mod detached;
mod end;
mod handshake;
mod incoming;
mod inflight;
mod leave;
mod open;
mod order;
mod outgoing;
pub mod push;
mod reach;
mod shared;
mod slots;
mod transfers;

use std::pin::Pin;
use std::sync::Arc;

use eim_codec::connection::server::ServerConnection;
use eim_codec::time::Timestamp;
use eim_codec::tokio::Driver;
use tokio::time::Sleep;

pub use detached::{DetachedLimits, Registry};
pub use shared::{ConnectionConfigs, SessionOptions, Shared};
pub use slots::Slots;

use handshake::ServerDriver;
use open::Session;

use crate::transport::{Peer, Seat, ServerLink};

/// Serves one connection from its first octet to its end. `deadline` ends the handshake.
///
/// The future is as large as an idle connection's share of it: what only the handshake or the end
/// needs is boxed and gone with them.
pub fn serve(
    shared: Arc<Shared>,
    link: ServerLink,
    peer: Peer,
    mut seat: Seat,
    deadline: Pin<Box<Sleep>>,
) -> impl Future<Output = ()> + Send + 'static {
    let opening = Box::pin(open(shared, link, peer, deadline));
    async move {
        let session = opening.await;
        seat.opened();
        if let Some(session) = session {
            session.run().await;
        }
    }
}

/// Drives the connection until it is open. `None` when it ended instead.
async fn open(
    shared: Arc<Shared>,
    link: ServerLink,
    peer: Peer,
    deadline: Pin<Box<Sleep>>,
) -> Option<Box<Session>> {
    let config = Arc::clone(shared.connection.for_peer(&peer));
    // impl[EIM-CON-005]
    let nonce = shared.random.octets::<32>();
    let connection = ServerConnection::new(config, nonce, Timestamp::ZERO);
    let mut driver = Driver::new(connection, link);
    match handshake::handshake(&shared, &mut driver, &peer, deadline).await {
        Some(opened) => Some(Box::new(Session::new(shared, driver, opened))),
        None => {
            finish(&mut driver).await;
            None
        }
    }
}

/// Drives a connection that has ended until its last octets have left.
async fn finish(driver: &mut ServerDriver) {
    while driver.next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::transport::Admission;

    #[tokio::test]
    async fn an_idle_session_is_small() {
        let session = size_of::<Session>();
        assert!(session <= 912, "session: {session} octets");
        let config = crate::config::Config::from_toml("[store]\nengine = \"memory\"").unwrap();
        let parts = crate::server::Parts {
            clock: Arc::new(crate::clock::SystemClock),
            random: Arc::new(crate::random::SystemRandom),
        };
        let hub = crate::server::hub(&config);
        let sink: Arc<dyn crate::store::CommitSink> = Arc::clone(&hub) as _;
        let store = crate::server::open_store(&config, &parts, sink)
            .await
            .unwrap();
        let shared = crate::server::share(&config, &parts, store, hub);
        let (_, stream) = tokio::io::duplex(1);
        let link = ServerLink::Pipe(Box::new(eim_codec::tokio::StreamLink::new(stream)));
        let address = "127.0.0.1:1".parse().unwrap();
        let peer = Peer {
            address,
            transport: crate::transport::Transport::Tcp,
        };
        let seat = Admission::new(1, 1).admit(peer.address.ip()).unwrap();
        let deadline = Box::pin(tokio::time::sleep(std::time::Duration::ZERO));
        let task = size_of_val(&serve(shared, link, peer, seat, deadline));
        assert!(task <= 128, "task: {task} octets");
    }
}
