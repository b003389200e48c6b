//! What waits: full queues, slow readers, pauses, rates.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use eim_codec::connection::{ClientEvent, Endpoint, SendError, ServerEvent, WindowSize};
use eim_codec::payload;
use eim_codec::registry::FrameType;

use super::pair::{Pair, client_config, push, send, server_config, success};

#[test]
fn a_full_queue_says_when_there_is_room() {
    let mut client = client_config();
    client.queue.messages = 4;
    let mut server = server_config();
    server.window.frames = 1;
    let mut pair = Pair::open_with(client, server);
    pair.obliging = false;
    for number in 0..4 {
        pair.send(&number.to_string());
    }
    let full = pair.client.send(FrameType::TEXT, send("one more"));
    assert_eq!(full, Err(SendError::QueueFull));
    pair.run();
    assert!(!pair.client_events.contains(&ClientEvent::Writable));
    pair.server.result(success(1));
    pair.run();
    assert!(pair.client_events.contains(&ClientEvent::Writable));
}

#[test]
fn a_slow_reader_lags_and_is_told() {
    let mut server = server_config();
    server.queue.messages = 8;
    let mut client = client_config();
    client.window.frames = 2;
    let mut pair = Pair::open_with(client, server);
    pair.obliging = false;
    let mut given = 0;
    while pair.server.push(FrameType::TEXT, push("x")).is_ok() {
        given += 1;
        pair.run();
    }
    assert_eq!(given, 10, "2 left, 8 wait");
    assert_eq!(pair.server.drop_queued_pushes(), 8);
    let lagged = payload::Lagged {
        log_epoch: 1,
        user_seq: 10,
        ..payload::Lagged::default()
    };
    pair.server.lagged(lagged.clone());
    pair.run();
    assert_eq!(
        pair.client_events.last(),
        Some(&ClientEvent::Lagged(lagged))
    );
    // Dropped pushes had no number: the next one has 3.
    pair.client.consumed(1);
    pair.client.consumed(2);
    pair.push("later");
    pair.run();
    assert!(matches!(
        pair.client_events.last(),
        Some(ClientEvent::Push { ordinal: 3, .. })
    ));
}

// test[EIM-WIN-018]
#[test]
fn unconsumed_octets_pause_reading_and_windows_go_on() {
    let mut server = server_config();
    server.window = WindowSize {
        frames: 64,
        octets: 70_000,
    };
    server.compressions.clear();
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    for _ in 0..10 {
        pair.send(&"x".repeat(30_000));
    }
    pair.run();
    assert_eq!(pair.messages().len(), 2, "credit is the first bound");
    assert!(pair.server.wants_read());
    for ordinal in 1..=10 {
        pair.server.result(success(ordinal));
        pair.run();
    }
    assert_eq!(pair.messages().len(), 10);
}

#[test]
fn one_chunk_takes_many_frames_within_its_bound() {
    let mut server = server_config();
    server.compressions.clear();
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    for _ in 0..60 {
        pair.send(&"x".repeat(900));
    }
    let chunk = pair.client.poll_transmit(pair.now).unwrap();
    assert!(
        chunk.len() > 50_000 && chunk.len() <= 65_547,
        "{}",
        chunk.len()
    );
    assert!(pair.client.poll_transmit(pair.now).is_none());
    let mut pair = Pair::open();
    for _ in 0..5 {
        pair.send(&format!("{}", 7).repeat(20_000));
    }
    let mut all = BytesMut::new();
    while let Some(chunk) = pair.client.poll_transmit(pair.now) {
        assert!(chunk.len() <= 65_547);
        all.extend_from_slice(&chunk);
    }
    pair.inject(Bytes::from(all));
    assert_eq!(pair.messages().len(), 5);
}

#[test]
fn a_busy_second_is_no_flood() {
    let mut client = client_config();
    client.window.frames = 16;
    let mut server = server_config();
    server.window.frames = 16;
    let mut pair = Pair::open_with(client, server);
    for _ in 0..1000 {
        for _ in 0..16 {
            pair.send("x");
            pair.push("y");
        }
        pair.run();
    }
    assert_eq!(pair.client_closed().or_else(|| pair.server_closed()), None);
    assert_eq!(pair.results().len(), 16_000);
    assert_eq!(pair.pushes().len(), 16_000);
    let windows = |types: &[FrameType]| {
        types
            .iter()
            .filter(|other| **other == FrameType::WINDOW)
            .count()
    };
    assert!(
        windows(&pair.to_client.types()) > 512,
        "more than a bucket holds"
    );
    assert!(
        windows(&pair.to_server.types()) > 512,
        "more than a bucket holds"
    );
}

#[test]
fn windows_that_only_renew_credit_keep_to_the_rate() {
    let mut server = server_config();
    server.window.frames = 2;
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    let mut answered = 0;
    for round in 0..20_000 {
        if round < 1000 {
            pair.send("x");
            pair.send("x");
        }
        pair.run();
        // Both are reported as received before the second is answered, which then only renews.
        let mut messages = 0;
        for event in std::mem::take(&mut pair.server_events) {
            if let ServerEvent::Message { ordinal, .. } = event {
                pair.server.result(success(ordinal));
                pair.step();
                messages += 1;
            }
            assert!(!matches!(event, ServerEvent::Closed(_)), "round {round}");
        }
        answered += messages;
        if answered == 2000 {
            return;
        }
        for (send, _) in pair.results() {
            pair.client.settle(send);
        }
        pair.client_events.clear();
        pair.advance(Duration::from_millis(1));
    }
    panic!("{answered} of 2000 were answered");
}

#[test]
fn writable_means_that_what_was_refused_fits() {
    let mut client = client_config();
    client.compressions.clear();
    client.queue.octets = 30_000;
    let mut server = server_config();
    server.window.frames = 1;
    let mut pair = Pair::open_with(client, server);
    pair.obliging = false;
    pair.send("takes the credit");
    pair.run();
    pair.send(&"x".repeat(10_000));
    let large = send(&"x".repeat(25_000));
    let refused = pair.client.send(FrameType::TEXT, large.clone());
    assert_eq!(refused, Err(SendError::QueueFull));
    pair.run();
    assert!(!pair.client_events.contains(&ClientEvent::Writable));
    pair.server.result(success(1));
    pair.run();
    assert!(pair.client_events.contains(&ClientEvent::Writable));
    assert!(pair.client.send(FrameType::TEXT, large).is_ok());
}

#[test]
fn no_deadline_stays_in_the_past_while_the_transport_is_blocked() {
    let mut pair = Pair::open();
    pair.stalled = true;
    // More than may be said at once: the last word waits for its time.
    for seconds in 0..400 {
        pair.client.background(1_000 * seconds);
    }
    let later = pair.now.saturating_add(Duration::from_secs(1));
    pair.client.handle_timeout(later);
    assert!(pair.client.poll_timeout().unwrap() > later);
}

#[test]
fn lagged_waits_for_its_turn_and_no_longer() {
    let mut pair = Pair::open();
    let event = payload::Event::default();
    (0..1_000).for_each(|_| pair.server.event(&event));
    pair.server.lagged(payload::Lagged::default());
    pair.advance(Duration::from_millis(100));
    let is_lagged = |event: &ClientEvent| matches!(event, ClientEvent::Lagged(_));
    assert!(
        pair.client_events.iter().any(is_lagged),
        "long before the next PING"
    );
}
