//! Many PINGs at once, and PINGs that say "I am here" rather than ask.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::{ClosedBy, Endpoint, ServerEvent};
use eim_codec::payload::{Ping, Pong};
use eim_codec::registry::FrameType;
use prost::Message;

use super::pair::{Pair, control, frames, raw, send};

#[test]
fn a_burst_of_pings_is_answered_in_full() {
    let mut pair = Pair::open();
    pair.stalled = true;
    let burst: Vec<u8> = (1..=400_u64)
        .flat_map(|token| control(FrameType::PING, &Ping { token }))
        .collect();
    pair.server.receive(pair.now, burst.into());
    let mut answered = Vec::new();
    while answered.len() < 400 {
        let mut waiting = 0;
        while let Some(event) = pair.server.poll_event() {
            let ServerEvent::Ping { token } = event else {
                panic!("{event:?}")
            };
            waiting += 1;
            pair.server.pong(Pong {
                token,
                ..Pong::default()
            });
        }
        assert!(waiting <= 64, "{waiting} wait at once");
        assert_eq!(pair.server.wants_read(), waiting < 64);
        while let Some(chunk) = pair.server.poll_transmit(pair.now) {
            let pongs = frames(&chunk);
            let tokens = pongs
                .into_iter()
                .map(|pong| Pong::decode(pong.payload).unwrap().token);
            answered.extend(tokens);
        }
    }
    assert!(answered.into_iter().eq(1..=400));
    assert!(pair.server.wants_read());
}

#[test]
fn pongs_that_cannot_leave_do_not_hide_the_end() {
    let mut pair = Pair::open();
    pair.stalled = true;
    let burst: Vec<u8> = (1..=100_u64)
        .flat_map(|token| control(FrameType::PING, &Ping { token }))
        .collect();
    pair.server.receive(pair.now, burst.into());
    pair.run();
    assert!(!pair.server.wants_read(), "enough wait for the transport");
    pair.server.transport_closed(pair.now);
    pair.run();
    assert_eq!(pair.server_closed().unwrap().by, ClosedBy::Transport);
}

/// Octets of a frame that is under way, one every ten seconds.
fn trickle(pair: &mut Pair, octets: std::ops::Range<usize>, arrive: fn(&mut Pair, Bytes)) {
    let frame = raw(FrameType::TEXT, 1, send("a long text"));
    for octet in octets {
        pair.advance(Duration::from_secs(10));
        arrive(pair, frame.slice(octet..octet + 1));
    }
}

fn pings(octets: &[u8]) -> usize {
    let frames = frames(octets).into_iter();
    frames
        .filter(|frame| frame.frame_type == FrameType::PING)
        .count()
}

// test[EIM-HBT-024]
#[test]
fn a_client_that_only_listens_says_that_it_is_there() {
    let mut pair = Pair::open();
    // What the server says meanwhile would be in the middle of the frame.
    pair.to_client.cut(0);
    trickle(&mut pair, 0..4, Pair::inject_to_client);
    assert_eq!(pings(&pair.to_server.log), 1);
    trickle(&mut pair, 4..8, Pair::inject_to_client);
    assert_eq!(pings(&pair.to_server.log), 2);
}

// test[EIM-HBT-024]
#[test]
fn a_server_that_only_listens_says_that_it_is_there() {
    let mut pair = Pair::open();
    // The client is busy with its frame: it hears nothing of what its PING would ask.
    pair.to_server.cut(0);
    trickle(&mut pair, 0..4, Pair::inject);
    assert_eq!(pings(&pair.to_client.log), 0);
    trickle(&mut pair, 4..5, Pair::inject);
    assert_eq!(pings(&pair.to_client.log), 1);
}

// test[EIM-HBT-021]
#[test]
fn a_server_that_only_listens_lets_a_phone_sleep() {
    let mut pair = Pair::open();
    pair.client.background(600_000);
    pair.run();
    pair.to_server.cut(0);
    trickle(&mut pair, 0..10, Pair::inject);
    assert_eq!(pings(&pair.to_client.log), 0);
}

#[test]
fn a_phone_that_wakes_up_is_not_asked_at_once() {
    let mut pair = Pair::open();
    pair.client.background(600_000);
    pair.run();
    pair.advance(Duration::from_secs(100));
    pair.client.background(0);
    pair.run();
    assert_eq!(pings(&pair.to_client.log), 0);
}
