//! Sessions: one task a connection, which drives the codec's connection and calls the services.

mod asked;
mod attach;
mod detached;
mod end;
mod handshake;
mod incoming;
mod inflight;
mod open;
mod order;
mod outgoing;
pub mod push;
mod rate;
mod shared;
mod slots;

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
pub async fn serve(
    shared: Arc<Shared>,
    link: ServerLink,
    peer: Peer,
    mut seat: Seat,
    deadline: Pin<Box<Sleep>>,
) {
    let config = Arc::clone(shared.connection.for_peer(&peer));
    // impl[EIM-CON-005]
    let nonce = shared.random.octets::<32>();
    let connection = ServerConnection::new(config, nonce, Timestamp::ZERO);
    let mut driver = Box::new(Driver::new(connection, link));
    // Boxed, so that an open connection does not carry the state of its handshake.
    let opened = Box::pin(handshake::handshake(&shared, &mut driver, &peer, deadline)).await;
    let Some(opened) = opened else {
        finish(&mut driver).await;
        return;
    };
    seat.opened();
    Box::new(Session::new(shared, *driver, opened)).run().await;
}

/// Drives a connection that has ended until its last octets have left.
async fn finish(driver: &mut ServerDriver) {
    while driver.next().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_session_is_small() {
        let session = size_of::<Session>();
        let driver = size_of::<ServerDriver>();
        println!("session {session}, of it driver {driver}, link {}", size_of::<ServerLink>());
        println!("mailbox {}", size_of::<crate::hub::Mailbox>());
        assert!(session <= 900, "{session} octets");
    }
}
