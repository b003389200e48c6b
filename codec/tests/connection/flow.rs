//! Sequence, credit, results and cursor.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use eim_codec::connection::{ClientEvent, Endpoint, SendError, ServerEvent, WindowSize};
use eim_codec::payload::{self, Ack, Cursor, Window};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message;

use super::pair::{Pair, client_config, control, push, raw, send, server_config, success};

#[test]
fn a_message_gets_its_result_and_is_settled() {
    let mut pair = Pair::open();
    let ids: Vec<_> = ["one", "two", "three"].map(|text| pair.send(text)).into();
    pair.run();
    assert_eq!(pair.messages(), ["one", "two", "three"]);
    let results = pair.results();
    assert_eq!(
        results.iter().map(|(send, _)| *send).collect::<Vec<_>>(),
        ids
    );
    assert_eq!(results[2].1, success(3));
    // Three messages left in one chunk, three results in one ACK, and one CURSOR settles them all.
    assert_eq!(pair.to_client.types(), [FrameType::ACK]);
    let types = pair.to_server.types();
    assert_eq!(
        types,
        [
            FrameType::TEXT,
            FrameType::TEXT,
            FrameType::TEXT,
            FrameType::CURSOR
        ]
    );
    let cursor = Cursor::decode(pair.to_server.frames()[3].payload.clone()).unwrap();
    assert_eq!(cursor.settled_through, 3);
}

#[test]
fn results_come_in_any_order_and_settle_from_the_oldest() {
    let mut pair = Pair::open();
    pair.obliging = false;
    let first = pair.send("slow");
    let second = pair.send("quick");
    pair.run();
    pair.server.result(success(2));
    pair.run();
    assert_eq!(pair.results(), [(second, success(2))]);
    pair.client.settle(second);
    pair.advance(Duration::from_secs(1));
    assert!(
        !pair.to_server.types().contains(&FrameType::CURSOR),
        "the first is not settled"
    );
    pair.server.result(success(1));
    pair.server.result(success(1));
    pair.run();
    assert_eq!(pair.results().len(), 2, "a second result is not sent");
    pair.client.settle(first);
    pair.run();
    let cursor = pair.to_server.frames().pop().unwrap();
    assert_eq!(Cursor::decode(cursor.payload).unwrap().settled_through, 2);
}

#[test]
fn pushes_arrive_in_order_and_windows_report_them() {
    let mut pair = Pair::open();
    for number in 0..5 {
        pair.push(&number.to_string());
    }
    pair.run();
    assert_eq!(pair.pushes(), ["0", "1", "2", "3", "4"]);
    assert!(
        pair.to_server.types().is_empty(),
        "far from half of the window"
    );
    pair.advance(Duration::from_secs(45));
    let window = pair
        .to_server
        .frames()
        .into_iter()
        .find(|frame| frame.frame_type == FrameType::WINDOW);
    let window = Window::decode(window.unwrap().payload).unwrap();
    assert_eq!(window.received_through, 5);
}

#[test]
fn credit_runs_out_and_grows_again() {
    let mut server = server_config();
    server.window = WindowSize {
        frames: 4,
        octets: 1,
    };
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    for number in 0..10 {
        pair.send(&number.to_string());
    }
    pair.run();
    assert_eq!(pair.messages().len(), 4);
    assert_eq!(pair.client.queued().0, 6);
    pair.server.result(success(2));
    pair.run();
    assert_eq!(
        pair.messages().len(),
        4,
        "less than half of the window is free"
    );
    pair.server.result(success(1));
    pair.run();
    assert_eq!(pair.messages().len(), 6);
    pair.obliging = true;
    for ordinal in 3..=6 {
        pair.server.result(success(ordinal));
    }
    pair.run();
    assert_eq!(pair.messages().len(), 10);
}

#[test]
fn large_messages_do_not_starve_on_a_small_window() {
    let mut server = server_config();
    server.window = WindowSize {
        frames: 64,
        octets: 1,
    };
    let mut pair = Pair::open_with(client_config(), server);
    let text = "x".repeat(30_000);
    for _ in 0..20 {
        pair.send(&text);
    }
    pair.run();
    assert_eq!(pair.messages().len(), 20);
}

#[test]
fn credit_ends_where_results_are_not_settled() {
    let mut server = server_config();
    server.unsettled_results = 64;
    server.window.frames = 1000;
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    for number in 0..100 {
        pair.send(&number.to_string());
    }
    pair.run();
    for ordinal in 1..=64 {
        pair.server.result(success(ordinal));
    }
    pair.run();
    assert_eq!(pair.messages().len(), 64);
    let known = pair.results();
    for (send, _) in &known[..10] {
        pair.client.settle(*send);
    }
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.messages().len(), 74);
    assert!(pair.server_closed().is_none());
}

#[test]
fn a_window_grows() {
    let mut server = server_config();
    server.window.frames = 2;
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    for number in 0..10 {
        pair.send(&number.to_string());
    }
    pair.run();
    assert_eq!(pair.messages().len(), 2);
    pair.server.grow_window(WindowSize {
        frames: 8,
        octets: 0,
    });
    pair.run();
    assert_eq!(pair.messages().len(), 8);
}

#[test]
fn frames_beyond_the_credit_close() {
    let mut server = server_config();
    server.window.frames = 2;
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    for sequence in 1..=2 {
        pair.inject(raw(FrameType::TEXT, sequence, send("x")));
    }
    assert!(pair.server_closed().is_none());
    pair.inject(raw(FrameType::TEXT, 3, send("x")));
    pair.assert_server_closes(ErrorCode::CREDIT_EXCEEDED);
    let error = pair.to_client.frames().pop().unwrap();
    assert_eq!(payload::Error::decode(error.payload).unwrap().ordinal, 3);
}

// test[EIM-WIN-003]
#[test]
fn octets_beyond_the_credit_close() {
    let mut server = server_config();
    server.window.octets = 0;
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    // Of a type nobody knows, so that nobody looks into them.
    // 65,547 octets were granted: two frames of 32,773 are one octet less, two of 32,774 one more.
    pair.inject(raw(FrameType(0x3e), 1, vec![0; 32_774 - 11]));
    pair.inject(raw(FrameType(0x3e), 2, vec![0; 32_773 - 11]));
    assert!(pair.server_closed().is_none());
    pair.inject(raw(FrameType(0x3e), 3, vec![]));
    pair.assert_server_closes(ErrorCode::CREDIT_EXCEEDED);
}

#[test]
fn a_wrong_sequence_closes() {
    for sequence in [0, 2, u32::MAX] {
        let mut pair = Pair::open();
        pair.inject(raw(FrameType::TEXT, sequence, send("x")));
        pair.assert_server_closes(ErrorCode::BAD_SEQUENCE);
    }
    let mut pair = Pair::open();
    pair.inject(raw(FrameType::PING, 1, vec![]));
    pair.assert_server_closes(ErrorCode::BAD_SEQUENCE);
    let mut pair = Pair::open();
    pair.inject_to_client(raw(FrameType::TEXT, 2, push("x")));
    pair.assert_client_closes(ErrorCode::BAD_SEQUENCE);
}

#[test]
fn windows_only_grow() {
    let windows: [fn(&mut Window); 3] = [
        |window| window.frames -= 1,
        |window| window.octets -= 1,
        |window| window.received_through += 1,
    ];
    for change in windows {
        let mut pair = Pair::open();
        let mut window = Window {
            received_through: 0,
            frames: 1024,
            octets: 4 << 20,
        };
        pair.inject(control(FrameType::WINDOW, &window));
        assert!(pair.server_closed().is_none(), "an equal one is accepted");
        change(&mut window);
        pair.inject(control(FrameType::WINDOW, &window));
        pair.assert_server_closes(ErrorCode::CREDIT_REDUCED);
    }
}

#[test]
fn a_result_for_nothing_closes() {
    for ordinal in [0, 2] {
        let mut pair = Pair::open();
        pair.obliging = false;
        pair.send("x");
        pair.run();
        pair.inject_to_client(control(
            FrameType::ACK,
            &Ack {
                log_epoch: 1,
                results: vec![success(ordinal)],
            },
        ));
        pair.assert_client_closes(ErrorCode::INVALID_VALUE);
    }
}

#[test]
fn settling_what_has_no_result_closes() {
    let mut pair = Pair::open();
    pair.obliging = false;
    pair.send("x");
    pair.run();
    pair.inject(control(
        FrameType::CURSOR,
        &Cursor {
            settled_through: 1,
            ..Cursor::default()
        },
    ));
    pair.assert_server_closes(ErrorCode::INVALID_VALUE);
}

#[test]
fn the_cursor_is_coalesced_and_passed_on_once() {
    let mut pair = Pair::open();
    for user_seq in 1..=10 {
        pair.client.cursor(1, user_seq);
    }
    pair.client.cursor(1, 4);
    pair.run();
    let rest: Vec<u64> = (11..=200).collect();
    for user_seq in rest {
        pair.client.cursor(1, user_seq);
        pair.run();
    }
    pair.advance(Duration::from_secs(1));
    let cursors: Vec<u64> = pair
        .server_events
        .iter()
        .filter_map(|event| match event {
            ServerEvent::Cursor {
                log_epoch: 1,
                user_seq,
            } => Some(*user_seq),
            _ => None,
        })
        .collect();
    assert_eq!(cursors, [10, 200]);
}

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
    let mut pair = Pair::open();
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

// test[EIM-RES-012]
#[test]
fn a_message_may_have_more_fragments_than_results_may_be_unsettled() {
    let mut server = server_config();
    server.unsettled_results = 64;
    server.max_frame_octets = 16_384;
    let mut pair = Pair::open_with(client_config(), server);
    let message = payload::Send {
        body: vec![0; 1 << 20].into(),
        ..Default::default()
    };
    let message = Bytes::from(message.encode_to_vec());
    pair.client.send(FrameType::ENCRYPTED, message).unwrap();
    pair.advance(Duration::from_secs(60));
    assert_eq!(pair.results().len(), 1, "66 fragments");
    assert!(pair.server_closed().is_none());
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
