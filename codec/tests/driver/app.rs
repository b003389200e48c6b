//! Two small applications: a server that stores and pushes back, a client that logs in.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::client::{AuthStart, ClientConnection, Resume};
use eim_codec::connection::server::{Accept, ServerConnection};
use eim_codec::connection::{ClientConfig, ClientEvent, ServerConfig, ServerEvent};
use eim_codec::id::{SessionId, UserId};
use eim_codec::payload;
use eim_codec::time::Timestamp;
use eim_codec::tokio::{Driver, Link};

pub(crate) type Client<L> = Driver<ClientConnection, L>;
pub(crate) type Server<L> = Driver<ServerConnection, L>;

pub(crate) fn client<L: Link>(link: L) -> Client<L> {
    Driver::new(
        ClientConnection::new(ClientConfig::default(), [1; 32], Timestamp::ZERO),
        link,
    )
}

pub(crate) fn server<L: Link>(link: L) -> Server<L> {
    let mut config = ServerConfig::default();
    config.mechanisms = vec!["TEST".into()];
    Driver::new(
        ServerConnection::new(config, [2; 32], Timestamp::ZERO),
        link,
    )
}

/// Accepts everybody, answers and pushes back every message. Returns the last event.
pub(crate) async fn serve<L: Link>(mut driver: Server<L>) -> Option<ServerEvent> {
    let mut last = None;
    while let Some(event) = driver.next().await {
        let server = driver.endpoint_mut();
        match &event {
            ServerEvent::Auth(_) => {
                server.accept(accept(), None);
            }
            ServerEvent::Message {
                ordinal,
                frame_type,
                payload,
            } => {
                server.push(*frame_type, payload.clone()).unwrap();
                server.result(payload::Result {
                    ordinal: *ordinal,
                    conv_seq: *ordinal,
                    ..Default::default()
                });
            }
            ServerEvent::Ping { token } => {
                server.pong(payload::Pong {
                    token: *token,
                    ..Default::default()
                });
            }
            _ => {}
        }
        last = Some(event);
    }
    last
}

pub(crate) fn accept() -> Accept {
    Accept {
        session_id: SessionId::from([1; 16]),
        user_id: UserId::from([2; 16]),
        user_name: "ann".into(),
        data: Bytes::new(),
        resume_token: None,
        resume: Duration::ZERO,
        log_epoch: 1,
        user_seq: 0,
        server_time_ms: 0,
        connection_generation: 1,
    }
}

/// Logs in.
pub(crate) async fn open<L: Link>(driver: &mut Client<L>) {
    loop {
        match driver.next().await.expect("the server is there") {
            ClientEvent::Welcome(_) => driver.endpoint_mut().authenticate(AuthStart {
                mechanism: "TEST".into(),
                data: Bytes::new(),
                device: payload::Device {
                    device_id: Bytes::from_static(&[3; 16]),
                    ..Default::default()
                },
                mode: payload::AttachMode::Full,
                log_epoch: 0,
                user_seq: 0,
                resume: Resume::No,
            }),
            ClientEvent::Open(_) => return,
            other => panic!("{other:?}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the paused clock of the test")]
pub(crate) fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}
