//! Over a byte stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::{ClientEvent, ClosedBy, ServerEvent};
use eim_codec::payload;
use eim_codec::registry::{ErrorCode, FrameType};
use eim_codec::tokio::StreamLink;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use super::app::{Client, accept, client, now, open, serve, server};

fn message(text: &str) -> Bytes {
    let body = Bytes::copy_from_slice(text.as_bytes());
    payload::Send {
        body,
        ..Default::default()
    }
    .encode_to_vec()
    .into()
}

/// Sends messages and waits for the results and pushes of all.
async fn exchange(driver: &mut Client<StreamLink<DuplexStream>>, count: usize, octets: usize) {
    for number in 0..count {
        let text = format!("{number}").repeat(octets);
        driver
            .endpoint_mut()
            .send(FrameType::CUSTOM, message(&text))
            .unwrap();
    }
    let (mut results, mut pushes) = (0, 0);
    while results < count || pushes < count {
        match driver.next().await.unwrap() {
            ClientEvent::Result { send, .. } => {
                results += 1;
                driver.endpoint_mut().settle(send);
            }
            ClientEvent::Push { ordinal, .. } => {
                pushes += 1;
                driver.endpoint_mut().consumed(ordinal);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn messages_go_both_ways_through_any_pipe() {
    for capacity in [1, 7, 64 * 1024] {
        let (near, far) = duplex(capacity);
        let serving = tokio::spawn(serve(server(StreamLink::new(far))));
        let mut driver = client(StreamLink::new(near));
        open(&mut driver).await;
        exchange(&mut driver, 20, 100).await;
        driver.endpoint_mut().goaway(Duration::from_secs(5));
        let closed = driver.next().await.unwrap();
        assert!(matches!(&closed, ClientEvent::Closed(reason) if reason.by == ClosedBy::Local));
        assert!(driver.next().await.is_none());
        assert!(driver.next().await.is_none());
        drop(driver);
        let Some(ServerEvent::Closed(reason)) = serving.await.unwrap() else {
            panic!()
        };
        assert_eq!((reason.by, reason.code), (ClosedBy::Transport, None));
    }
}

#[tokio::test(start_paused = true)]
async fn large_messages_pass_a_small_pipe() {
    let (near, far) = duplex(1000);
    let serving = tokio::spawn(serve(server(StreamLink::new(far))));
    let mut driver = client(StreamLink::new(near));
    open(&mut driver).await;
    exchange(&mut driver, 30, 50_000).await;
    drop(driver);
    assert!(serving.await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn next_loses_nothing_when_it_is_dropped() {
    let (near, far) = duplex(64);
    tokio::spawn(serve(server(StreamLink::new(far))));
    let mut driver = client(StreamLink::new(near));
    open(&mut driver).await;
    for _ in 0..50 {
        driver
            .endpoint_mut()
            .send(FrameType::TEXT, message("x"))
            .unwrap();
    }
    let mut results = 0;
    while results < 50 {
        // Polled once, then dropped, as in a select.
        let polled = {
            let mut next = std::pin::pin!(driver.next());
            poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await
        };
        match polled {
            Poll::Ready(Some(ClientEvent::Result { .. })) => results += 1,
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => panic!("ended"),
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_an_idle_connection_and_find_a_dead_one() {
    let (near, far) = duplex(1024);
    let serving = tokio::spawn(serve(server(StreamLink::new(far))));
    let mut driver = client(StreamLink::new(near));
    open(&mut driver).await;
    let begin = now();
    for _ in 0..5 {
        let event = driver.next().await.unwrap();
        assert!(matches!(event, ClientEvent::Pong(_)), "{event:?}");
    }
    assert_eq!(begin.elapsed().as_millis(), 5 * 39_375);
    // The client is there but falls silent: nobody polls it.
    let Some(ServerEvent::Closed(reason)) = serving.await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (reason.by, reason.code),
        (ClosedBy::Timeout, Some(ErrorCode::IDLE_TIMEOUT))
    );
    let silent = begin.elapsed() - Duration::from_millis(5 * 39_375);
    assert!(silent >= Duration::from_millis(112_500), "{silent:?}");
    assert!(
        silent <= Duration::from_secs(115),
        "the dead interval, and the linger: {silent:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_holds_nothing_up() {
    let (near, far) = duplex(100);
    let mut near = client(StreamLink::new(near));
    let driver = server(StreamLink::new(far));
    let serving = tokio::spawn(serve(driver));
    open(&mut near).await;
    for _ in 0..10 {
        near.endpoint_mut()
            .send(FrameType::CUSTOM, message(&"x".repeat(30_000)))
            .unwrap();
    }
    // It writes for a while, then neither reads nor writes.
    let _ = timeout(Duration::from_millis(1), near.next()).await;
    let ended = timeout(Duration::from_secs(120), serving)
        .await
        .expect("it is given up");
    let Some(ServerEvent::Closed(reason)) = ended.unwrap() else {
        panic!()
    };
    assert_eq!(reason.code, Some(ErrorCode::IDLE_TIMEOUT));
}

#[tokio::test(start_paused = true)]
async fn an_error_arrives_although_more_was_on_its_way() {
    let (mut near, far) = duplex(64 * 1024);
    let serving = tokio::spawn(serve(server(StreamLink::new(far))));
    // Not a frame, and a lot after it that the server never interprets.
    near.write_all(&[9; 30_000]).await.unwrap();
    let begin = now();
    let mut octets = Vec::new();
    near.read_to_end(&mut octets).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO, "half-closed at once");
    let error = payload::Error::decode(&octets[11..]).unwrap();
    assert_eq!(
        error.info.unwrap().code,
        u32::from(ErrorCode::UNSUPPORTED_VERSION.0)
    );
    // It reads on and discards, then gives up.
    near.write_all(&[9; 30_000]).await.unwrap();
    serving.await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(2));
}

/// Text that does not get shorter.
fn noise(octets: usize) -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'!' + u8::try_from((state >> 33) % 90).unwrap())
    };
    (0..octets).map(|_| next()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_error_arrives_behind_all_that_a_slow_line_is_busy_with() {
    let (near, far) = duplex(1000);
    let mut server = server(StreamLink::new(far));
    let mut client = client(StreamLink::new(near));
    let accepting = async {
        while server.next().await.is_some() {
            server.endpoint_mut().accept(accept(), None);
        }
    };
    tokio::select! {
        () = accepting => panic!(),
        () = open(&mut client) => {}
    }
    let push = message(&noise(30_000));
    server.endpoint_mut().push(FrameType::CUSTOM, push).unwrap();
    let _ = timeout(Duration::from_millis(1), server.next()).await;
    let begin = now();
    server.endpoint_mut().close(ErrorCode::REPLACED, "");
    let ending = tokio::spawn(async move { while server.next().await.is_some() {} });
    // A thousand octets every half second.
    let mut events = Vec::new();
    while !matches!(events.last(), Some(ClientEvent::Closed(_))) {
        let mut next = std::pin::pin!(client.next());
        if let Poll::Ready(event) = poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await {
            events.push(event.unwrap());
        } else {
            sleep(Duration::from_millis(500)).await;
        }
    }
    let Some(ClientEvent::Closed(reason)) = events.pop() else {
        panic!()
    };
    assert_eq!(reason.code, Some(ErrorCode::REPLACED), "{reason:?}");
    let took = begin.elapsed();
    assert!(took > Duration::from_secs(5), "{took:?}");
    drop(client);
    ending.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_hardly_reads_is_given_up_in_the_end() {
    let (mut near, far) = duplex(8);
    let serving = tokio::spawn(serve(server(StreamLink::new(far))));
    let begin = now();
    // Not a frame; the ERROR leaves octet by octet.
    near.write_all(&[9; 11]).await.unwrap();
    while near.read_u8().await.is_ok() {
        sleep(Duration::from_millis(1_900)).await;
    }
    drop(near);
    serving.await.unwrap();
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(80), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_shown_out() {
    let (mut near, far) = duplex(1024);
    let serving = tokio::spawn(serve(server(StreamLink::new(far))));
    let begin = now();
    let mut octets = Vec::new();
    near.read_to_end(&mut octets).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(10));
    drop(near);
    let Some(ServerEvent::Closed(reason)) = serving.await.unwrap() else {
        panic!()
    };
    assert_eq!(reason.code, Some(ErrorCode::HANDSHAKE_TIMEOUT));
    assert_eq!(
        begin.elapsed(),
        Duration::from_secs(10),
        "no linger when the peer is gone"
    );
}

/// A stream on which nothing can be written any more, while something is left to be read.
struct HalfBroken {
    left: &'static [u8],
}

impl tokio::io::AsyncRead for HalfBroken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(self.left);
        self.left = &[];
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncWrite for HalfBroken {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn the_reason_is_heard_although_writing_fails() {
    // ERROR with code TOO_MANY_CONNECTIONS.
    let left = &[1, 6, 0, 0, 0, 0, 0, 0, 0, 0, 5, 10, 3, 8, 0x83, 12];
    let mut driver = client(StreamLink::new(HalfBroken { left }));
    let Some(ClientEvent::Closed(reason)) = driver.next().await else {
        panic!()
    };
    assert_eq!(reason.by, ClosedBy::Peer);
    assert_eq!(reason.code, Some(ErrorCode::TOO_MANY_CONNECTIONS));
    assert!(driver.next().await.is_none());
}
