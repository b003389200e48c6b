//! Many PINGs at once.

use eim_codec::connection::{ClosedBy, Endpoint, ServerEvent};
use eim_codec::payload::{Ping, Pong};
use eim_codec::registry::FrameType;
use prost::Message;

use super::pair::{Pair, control, frames};

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
