//! Heartbeats, background, floods and requests.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::{ClientEvent, ClosedBy, Endpoint, SendError, ServerEvent, WindowSize};
use eim_codec::payload::{self, Ping, Pong, Request, Response};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message;

use super::pair::{Pair, client_config, control, raw, server_config};

fn count(types: &[FrameType], frame_type: FrameType) -> usize {
    types.iter().filter(|other| **other == frame_type).count()
}

#[test]
fn idle_sides_ask_and_answer() {
    let mut pair = Pair::open();
    pair.advance(Duration::from_millis(39_374));
    assert!(pair.to_server.log.is_empty() && pair.to_client.log.is_empty());
    pair.advance(Duration::from_secs(390));
    let types = pair.to_server.types();
    assert_eq!(count(&types, FrameType::PING), 10);
    assert_eq!(
        count(&pair.to_client.types(), FrameType::PING),
        0,
        "one side asks, not both"
    );
    assert!(pair.client_closed().is_none() && pair.server_closed().is_none());
    let pongs = pair
        .client_events
        .iter()
        .filter(|event| matches!(event, ClientEvent::Pong(_)));
    assert_eq!(pongs.count(), 10);
}

#[test]
fn pong_names_the_last_frame_sent_before_it() {
    let mut pair = Pair::open();
    pair.push("one");
    pair.push("two");
    pair.run();
    pair.inject(control(FrameType::PING, &Ping { token: 77 }));
    let pong = pair.to_client.frames().pop().unwrap();
    let pong = Pong::decode(pong.payload).unwrap();
    assert_eq!((pong.token, pong.last_sequence_sent), (77, 2));
}

// test[EIM-CON-056]
#[test]
fn an_undecided_application_does_not_flood_the_server() {
    let mut pair = Pair::open();
    for round in 0..2000 {
        pair.client
            .background(if round % 2 == 0 { 60_000 } else { 0 });
    }
    pair.client.background(90_000);
    pair.run();
    let sent = count(&pair.to_server.types(), FrameType::BACKGROUND);
    assert!(sent <= 512, "{sent} at once");
    // The last word leaves when there is room for it.
    pair.advance(Duration::from_secs(1));
    let last = pair
        .server_events
        .iter()
        .rev()
        .find_map(|event| match event {
            ServerEvent::Background { next_contact_ms } => Some(*next_contact_ms),
            _ => None,
        });
    assert_eq!(last, Some(90_000));
    assert!(pair.server_closed().is_none());
}

// test[EIM-WIN-016]
#[test]
fn a_side_that_has_paused_goes_on_sending_windows() {
    let mut server = server_config();
    server.window = WindowSize {
        frames: 64,
        octets: 70_000,
    };
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    for _ in 0..10 {
        pair.send(&"x".repeat(30_000));
    }
    pair.run();
    // They are small on the wire, so that memory, not credit, is what stops the server.
    assert_eq!(pair.messages().len(), 3);
    assert!(!pair.server.wants_read());
    for _ in 0..5 {
        pair.forget();
        pair.advance(Duration::from_millis(45_000));
        let types = pair.to_client.types();
        assert!(types.contains(&FrameType::WINDOW), "{types:?}");
        assert!(pair.server_closed().is_none() && pair.client_closed().is_none());
    }
}

// test[EIM-HBT-013]
#[test]
fn heads_that_do_not_fit_are_said_to_overflow() {
    let mut pair = Pair::open();
    pair.inject(control(FrameType::PING, &Ping { token: 5 }));
    let head = payload::ConversationHead {
        conversation: Bytes::from_static(&[3; 16]),
        conv_seq: 7,
    };
    for (heads, fits) in [(2, true), (1000, false)] {
        pair.forget();
        pair.server.pong(Pong {
            token: 6,
            heads: vec![head.clone(); heads],
            ..Pong::default()
        });
        pair.run();
        let pong = pair.to_client.frames().pop().unwrap();
        let pong = Pong::decode(pong.payload).unwrap();
        let listed = if fits { heads } else { 0 };
        assert_eq!((pong.heads.len(), pong.heads_overflow), (listed, !fits));
    }
}

#[test]
fn a_pong_nobody_asked_for_is_ignored() {
    let mut pair = Pair::open();
    pair.inject_to_client(control(
        FrameType::PONG,
        &Pong {
            token: 1,
            ..Pong::default()
        },
    ));
    assert!(pair.client_events.is_empty());
}

#[test]
fn a_dead_peer_is_noticed() {
    let mut pair = Pair::open();
    pair.stalled = true;
    pair.advance(Duration::from_millis(112_499));
    assert!(pair.server_closed().is_none() && pair.client_closed().is_none());
    pair.advance(Duration::from_millis(1));
    for reason in [pair.server_closed().unwrap(), pair.client_closed().unwrap()] {
        assert_eq!(
            (reason.by, reason.code),
            (ClosedBy::Timeout, Some(ErrorCode::IDLE_TIMEOUT))
        );
        assert!(!reason.session_lost);
    }
    let asked = pair.client.poll_transmit(pair.now).unwrap();
    let types: Vec<_> = super::pair::frames(&asked)
        .iter()
        .map(|frame| frame.frame_type)
        .collect();
    assert_eq!(types, [FrameType::PING, FrameType::PING, FrameType::ERROR]);
}

#[test]
fn any_octet_is_a_sign_of_life() {
    let mut pair = Pair::open();
    pair.stalled = true;
    for _ in 0..10 {
        pair.advance(Duration::from_secs(100));
        // An eleventh of a frame each.
        pair.server.receive(pair.now, Bytes::from_static(&[1]));
        pair.client.receive(pair.now, Bytes::from_static(&[1]));
        pair.run();
    }
    assert!(pair.server_closed().is_none());
}

#[test]
fn a_phone_may_be_silent_for_as_long_as_it_said() {
    let mut pair = Pair::open();
    pair.client.background(600_000);
    pair.run();
    assert_eq!(
        pair.server_events,
        [ServerEvent::Background {
            next_contact_ms: 600_000
        }]
    );
    pair.forget();
    pair.advance(Duration::from_millis(524_999));
    assert!(
        pair.to_client.log.is_empty() && pair.to_server.log.is_empty(),
        "the radio sleeps"
    );
    // Pushes go on, and do not count as a contact of the client.
    pair.push("wake");
    pair.advance(Duration::from_millis(1));
    assert_eq!(pair.pushes(), ["wake"]);
    assert!(pair.to_server.types().contains(&FrameType::PING));
    pair.client.background(0);
    pair.run();
    pair.forget();
    pair.advance(Duration::from_secs(45));
    assert!(pair.to_server.types().contains(&FrameType::PING));
    pair.client.background(600_000);
    pair.run();
    pair.stalled = true;
    // D = I + 1.5 H.
    pair.advance(Duration::from_millis(667_499));
    assert!(pair.server_closed().is_none());
    pair.advance(Duration::from_millis(1));
    assert_eq!(
        pair.server_closed().unwrap().code,
        Some(ErrorCode::IDLE_TIMEOUT)
    );
}

#[test]
fn too_long_a_silence_is_refused() {
    let mut pair = Pair::open();
    let background = payload::Background {
        next_contact_ms: 900_001,
    };
    pair.inject(control(FrameType::BACKGROUND, &background));
    pair.assert_server_closes(ErrorCode::INVALID_VALUE);
}

// test[EIM-HBT-008]
#[test]
fn time_in_which_a_side_did_not_read_does_not_count() {
    let mut server = server_config();
    server.window.octets = 0;
    server.queue.retained_octets = 0;
    let mut pair = Pair::open_with(client_config(), server);
    pair.obliging = false;
    let long = "x".repeat(38_000);
    pair.send(&long);
    pair.send(&long);
    pair.run();
    // Both were taken in (compressed), and hold more than the window: reading pauses.
    assert_eq!(pair.messages().len(), 2);
    assert!(!pair.server.wants_read());
    pair.forget();
    pair.advance(Duration::from_secs(300));
    assert!(pair.server_closed().is_none());
    let windows = count(&pair.to_client.types(), FrameType::WINDOW);
    assert!(windows >= 6, "WINDOW goes on as a sign of life: {windows}");
    pair.server.result(super::pair::success(1));
    pair.run();
    assert!(pair.server.wants_read());
}

// test[EIM-HBT-007, EIM-HBT-008]
#[test]
fn the_time_an_application_takes_to_accept_is_no_silence_of_the_client() {
    let mut server = server_config();
    server.heartbeat = Duration::from_secs(1);
    let mut pair = Pair::new(client_config(), server);
    let accept = pair.accept.take().unwrap();
    pair.run();
    pair.advance(Duration::from_secs(4));
    pair.server.accept(accept.0, accept.1);
    pair.run();
    pair.forget();
    pair.advance(Duration::ZERO);
    assert!(pair.server_closed().is_none(), "{:?}", pair.server_events);
    assert!(pair.client_closed().is_none(), "{:?}", pair.client_events);
    assert_eq!(count(&pair.to_client.types(), FrameType::PING), 0);
    pair.advance(Duration::from_secs(20));
    assert!(pair.server_closed().is_none() && pair.client_closed().is_none());
}

// test[EIM-LIM-003]
#[test]
fn counted_control_frames_are_bounded() {
    let mut pair = Pair::open();
    let ping = control(FrameType::PING, &Ping { token: 1 });
    for _ in 0..512 {
        pair.inject(ping.clone());
    }
    assert!(pair.server_closed().is_none());
    pair.inject(ping.clone());
    pair.assert_server_closes(ErrorCode::CONTROL_FLOOD);
    // Spread over time the same number is fine.
    let mut pair = Pair::open();
    for _ in 0..1000 {
        pair.inject(ping.clone());
        pair.advance(Duration::from_millis(8));
    }
    assert!(pair.server_closed().is_none());
}

#[test]
fn progress_is_not_counted_but_repetition_is() {
    let mut pair = Pair::open();
    for user_seq in 1..=2000 {
        let cursor = payload::Cursor {
            log_epoch: 1,
            user_seq,
            settled_through: 0,
        };
        pair.inject(control(FrameType::CURSOR, &cursor));
    }
    assert!(pair.server_closed().is_none());
    let cursor = payload::Cursor {
        log_epoch: 1,
        user_seq: 1,
        settled_through: 0,
    };
    for _ in 0..513 {
        pair.inject(control(FrameType::CURSOR, &cursor));
    }
    pair.assert_server_closes(ErrorCode::CONTROL_FLOOD);
}

fn request(id: u8) -> Request {
    Request {
        request_id: vec![id; 16].into(),
        operation: 1,
        ..Request::default()
    }
}

fn response(id: u8) -> Response {
    Response {
        request_id: vec![id; 16].into(),
        operation: 1,
        body: Some(payload::response::Body::Heads(
            payload::HeadsResponse::default(),
        )),
        ..Response::default()
    }
}

#[test]
fn a_response_answers_its_request() {
    let operation = Response {
        operation: 2,
        ..response(1)
    };
    let nothing = Response {
        body: None,
        ..response(1)
    };
    let other = Response {
        body: Some(payload::response::Body::Sync(
            payload::SyncResponse::default(),
        )),
        ..response(1)
    };
    for wrong in [operation, nothing, other] {
        let mut pair = Pair::open();
        pair.client.request(&request(1)).unwrap();
        pair.run();
        pair.inject_to_client(control(FrameType::RESPONSE, &wrong));
        pair.assert_client_closes(ErrorCode::INVALID_VALUE);
    }
}

#[test]
fn requests_wait_for_their_turn() {
    let mut client = client_config();
    client.requests_queued = 20;
    let mut pair = Pair::open_with(client, server_config());
    for id in 0..20 {
        pair.client.request(&request(id)).unwrap();
    }
    assert_eq!(pair.client.request(&request(20)), Err(SendError::QueueFull));
    pair.run();
    assert_eq!(pair.server_events.len(), 16);
    pair.server.respond(&response(3)).unwrap();
    assert_eq!(
        pair.server.respond(&response(3)),
        Err(SendError::RequestId),
        "one answer each"
    );
    pair.run();
    assert_eq!(pair.server_events.len(), 17);
    assert_eq!(
        pair.client_events,
        [ClientEvent::Response(Box::new(response(3)))]
    );
    assert_eq!(
        pair.client.request(&Request::default()),
        Err(SendError::RequestId)
    );
}

#[test]
fn one_request_too_many_closes() {
    let mut pair = Pair::open();
    for id in 0..16 {
        pair.inject(control(FrameType::REQUEST, &request(id)));
    }
    assert!(pair.server_closed().is_none());
    pair.inject(control(FrameType::REQUEST, &request(16)));
    pair.assert_server_closes(ErrorCode::REQUEST_LIMIT);
}

// test[EIM-CON-052]
#[test]
fn a_request_id_is_in_flight_once() {
    let mut pair = Pair::open();
    pair.inject(control(FrameType::REQUEST, &request(1)));
    pair.inject(control(FrameType::REQUEST, &request(1)));
    pair.assert_server_closes(ErrorCode::INVALID_VALUE);
}

#[test]
fn a_request_with_an_odd_id_can_be_answered() {
    let mut pair = Pair::open();
    pair.inject(control(FrameType::REQUEST, &Request::default()));
    assert!(matches!(pair.server_events[..], [ServerEvent::Request(_)]));
    assert_eq!(pair.server.respond(&Response::default()), Ok(()));
    pair.run();
    assert_eq!(pair.to_client.types(), [FrameType::RESPONSE]);
}

#[test]
fn responses_that_do_not_leave_bound_the_requests() {
    let mut pair = Pair::open();
    pair.stalled = true;
    for id in 0..16 {
        pair.server
            .receive(pair.now, control(FrameType::REQUEST, &request(id)));
    }
    pair.run();
    for id in 0..16 {
        pair.server.respond(&response(id)).unwrap();
    }
    pair.server
        .receive(pair.now, control(FrameType::REQUEST, &request(16)));
    pair.run();
    let reason = pair.server_closed().unwrap();
    assert_eq!(reason.code, Some(ErrorCode::REQUEST_LIMIT));
}

#[test]
fn a_response_has_to_fit() {
    let mut pair = Pair::open();
    pair.client.request(&request(1)).unwrap();
    pair.run();
    let mut large = response(1);
    let users = vec![payload::User {
        name: "x".repeat(70_000),
        ..Default::default()
    }];
    large.body = Some(payload::response::Body::Users(payload::UsersResponse {
        users,
    }));
    assert!(matches!(
        pair.server.respond(&large),
        Err(SendError::TooLarge { max: 65_536, .. })
    ));
    pair.server.respond(&response(1)).unwrap();
    pair.run();
    assert_eq!(pair.client_events.len(), 1);
}

#[test]
fn events_pass_and_too_many_are_dropped() {
    let mut pair = Pair::open();
    let event = payload::Event {
        event: 5,
        body: Bytes::from_static(b"typing"),
    };
    for _ in 0..1000 {
        pair.server.event(&event);
    }
    pair.run();
    assert_eq!(pair.client_events.len(), 384);
    assert_eq!(pair.client_events[0], ClientEvent::Event(event));
    assert!(pair.client_closed().is_none());
}

#[test]
fn a_text_message_or_a_split_frame_closes() {
    let mut pair = Pair::open();
    pair.server.receive_text(pair.now);
    pair.run();
    pair.assert_server_closes(ErrorCode::SPLIT_FRAME);
    let mut pair = Pair::open();
    let ping = control(FrameType::PING, &Ping { token: 1 });
    pair.server.receive(pair.now, ping.clone());
    pair.server.receive_boundary(pair.now);
    pair.server.receive(pair.now, ping.slice(..12));
    pair.run();
    assert!(pair.server_closed().is_none());
    pair.server.receive_boundary(pair.now);
    pair.server
        .receive(pair.now, raw(FrameType::TEXT, 1, vec![]));
    pair.run();
    pair.assert_server_closes(ErrorCode::SPLIT_FRAME);
    assert!(pair.messages().is_empty());
}
