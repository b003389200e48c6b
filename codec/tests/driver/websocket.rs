//! Over a WebSocket.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::{ClientEvent, ServerEvent};
use eim_codec::payload;
use eim_codec::registry::{ErrorCode, FrameType};
use eim_codec::tokio::{WebSocketLink, websocket_config};
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use tokio::io::{DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::app::{client, open, serve, server};

async fn sockets(
    capacity: usize,
) -> (WebSocketStream<DuplexStream>, WebSocketStream<DuplexStream>) {
    let (near, far) = duplex(capacity);
    let config = || Some(websocket_config());
    (
        WebSocketStream::from_raw_socket(near, Role::Client, config()).await,
        WebSocketStream::from_raw_socket(far, Role::Server, config()).await,
    )
}

#[tokio::test(start_paused = true)]
async fn messages_go_both_ways() {
    for capacity in [50, 64 * 1024] {
        let (near, far) = sockets(capacity).await;
        let serving = tokio::spawn(serve(server(WebSocketLink::new(far))));
        let mut driver = client(WebSocketLink::new(near));
        open(&mut driver).await;
        let body = Bytes::from("y".repeat(100_000));
        let large = payload::Send {
            body,
            ..Default::default()
        }
        .encode_to_vec();
        for _ in 0..5 {
            driver
                .endpoint_mut()
                .send(FrameType::ENCRYPTED, large.clone().into())
                .unwrap();
            driver
                .endpoint_mut()
                .send(FrameType::TEXT, Bytes::from_static(b"2\x01x"))
                .unwrap();
        }
        let (mut results, mut pushes) = (0, Vec::new());
        while results < 10 || pushes.len() < 10 {
            match driver.next().await.unwrap() {
                ClientEvent::Result { send, .. } => {
                    results += 1;
                    driver.endpoint_mut().settle(send);
                }
                ClientEvent::Push {
                    ordinal, payload, ..
                } => {
                    driver.endpoint_mut().consumed(ordinal);
                    pushes.push(payload);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pushes[0], large);
        driver.endpoint_mut().goaway(Duration::from_secs(1));
        while driver.next().await.is_some() {}
        drop(driver);
        assert!(matches!(
            serving.await.unwrap(),
            Some(ServerEvent::Closed(_))
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_no_larger_than_the_peers_largest_frame() {
    let (near, mut far) = sockets(1 << 20).await;
    let mut driver = client(WebSocketLink::new(near));
    let read = tokio::spawn(async move {
        let Some(Ok(Message::Binary(hello))) = far.next().await else {
            panic!()
        };
        hello.len()
    });
    let _ = tokio::time::timeout(Duration::from_millis(1), driver.next()).await;
    assert!(read.await.unwrap() <= 16_384 + 11);
}

/// What a server says to these messages.
async fn answer(messages: Vec<Message>) -> u32 {
    let (mut near, far) = sockets(1 << 20).await;
    let serving = tokio::spawn(serve(server(WebSocketLink::new(far))));
    for message in messages {
        near.send(message).await.unwrap();
    }
    let mut code = 0;
    while let Some(Ok(message)) = near.next().await {
        if let Message::Binary(octets) = message
            && octets[1] == FrameType::ERROR.0
        {
            code = payload::Error::decode(&octets[11..])
                .unwrap()
                .info
                .unwrap()
                .code;
        }
    }
    serving.await.unwrap();
    code
}

#[tokio::test(start_paused = true)]
async fn text_and_split_frames_close() {
    let split = u32::from(ErrorCode::SPLIT_FRAME.0);
    assert_eq!(answer(vec![Message::text("hello")]).await, split);
    let half = Bytes::from_static(&[1, 1, 0, 0, 0, 0]);
    assert_eq!(answer(vec![Message::Binary(half.clone())]).await, split);
    let rest = Message::Binary(Bytes::from_static(&[0, 0, 0, 0, 0]));
    assert_eq!(answer(vec![Message::Binary(half), rest]).await, split);
    let empty = Message::Binary(Bytes::new());
    let timeout = u32::from(ErrorCode::HANDSHAKE_TIMEOUT.0);
    assert_eq!(
        answer(vec![empty]).await,
        timeout,
        "no frame is a whole number of frames"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_every_limit_ends_the_connection() {
    let (mut near, far) = sockets(4 << 20).await;
    let serving = tokio::spawn(serve(server(WebSocketLink::new(far))));
    let _ = near
        .send(Message::Binary(Bytes::from(vec![1; (1 << 20) + 12])))
        .await;
    assert!(matches!(
        serving.await.unwrap(),
        Some(ServerEvent::Closed(_))
    ));
}
