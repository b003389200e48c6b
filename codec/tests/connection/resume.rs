//! RESUMED and FRESH.

use bytes::Bytes;
use eim_codec::connection::client::{AuthStart, Resume};
use eim_codec::connection::{ClientConfig, ClientEvent, Endpoint, SendId, ServerConfig};
use eim_codec::id::SessionId;
use eim_codec::payload::{self, Cursor, SessionOutcome, Window};
use eim_codec::registry::{Compression, ErrorCode, FrameType};
use prost::Message;

use super::pair::{Pair, Parted, client_config, control, push, server_config, start};

fn again(parted: Parted) -> Pair {
    Pair::again(client_config(), server_config(), parted)
}

#[test]
fn what_was_under_way_arrives_once() {
    let mut pair = Pair::open();
    let first = pair.send("settled");
    pair.run();
    pair.stalled = true;
    let second = pair.send("lost on the way");
    pair.push("lost push");
    // Both leave, neither arrives.
    assert!(pair.client.poll_transmit(pair.now).is_some());
    assert!(pair.server.poll_transmit(pair.now).is_some());
    let third = pair.send("still queued");
    let mut pair = again(pair.lose());
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Resumed);
    assert_eq!(
        pair.messages(),
        ["settled", "lost on the way", "still queued"]
    );
    assert_eq!(pair.pushes(), ["lost push"]);
    let results: Vec<SendId> = pair.results().iter().map(|(send, _)| *send).collect();
    assert_eq!(results, [first, second, third]);
    // CURSOR comes before any sequenced frame.
    let types = pair.to_server.types();
    assert_eq!(
        types[..4],
        [
            FrameType::HELLO,
            FrameType::AUTH,
            FrameType::CURSOR,
            FrameType::TEXT
        ]
    );
}

#[test]
fn results_that_were_lost_are_repeated() {
    let mut pair = Pair::open();
    let id = pair.send("x");
    pair.stalled = true;
    let chunk = pair.client.poll_transmit(pair.now).unwrap();
    pair.server.receive(pair.now, chunk);
    pair.run();
    assert!(
        pair.server.poll_transmit(pair.now).is_some(),
        "the ACK leaves and is lost"
    );
    let mut pair = again(pair.lose());
    pair.run();
    assert_eq!(pair.results().len(), 1);
    assert_eq!(pair.results()[0].0, id);
    assert_eq!(pair.messages(), ["x"]);
    let cursor = pair.to_server.frames().pop().unwrap();
    assert_eq!(Cursor::decode(cursor.payload).unwrap().settled_through, 1);
}

// test[EIM-RES-008]
#[test]
fn a_result_may_come_while_nobody_is_connected() {
    let mut pair = Pair::open();
    pair.obliging = false;
    let id = pair.send("slow");
    pair.run();
    let mut parted = pair.lose();
    parted
        .server
        .as_mut()
        .unwrap()
        .result(super::pair::success(1));
    parted
        .server
        .as_mut()
        .unwrap()
        .push(FrameType::TEXT, push("meanwhile"))
        .unwrap();
    let mut pair = again(parted);
    pair.run();
    assert_eq!(pair.results(), [(id, super::pair::success(1))]);
    assert_eq!(pair.pushes(), ["meanwhile"]);
}

#[test]
fn repeated_frames_are_identical() {
    let mut pair = Pair::open();
    pair.obliging = false;
    for number in 0..3 {
        pair.send(&format!("message {number}"));
    }
    pair.stalled = true;
    let sent = pair.client.poll_transmit(pair.now).unwrap();
    let mut pair = again(pair.lose());
    pair.obliging = false;
    pair.run();
    let log = pair.to_server.log.clone().freeze();
    assert!(log.ends_with(&sent), "octet by octet");
}

#[test]
fn without_state_the_session_is_fresh_and_sends_are_forgotten() {
    let mut pair = Pair::open();
    pair.obliging = false;
    pair.send("answered");
    pair.run();
    pair.server.result(super::pair::success(1));
    pair.run();
    let lost = pair.send("unanswered");
    pair.run();
    let queued = pair.send("queued");
    let mut parted = pair.lose();
    parted.server = None;
    let mut pair = again(parted);
    pair.obliging = true;
    pair.forget();
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Fresh);
    assert_eq!(
        pair.client_events[2],
        ClientEvent::Forgotten(vec![lost, queued])
    );
    // The first credit of the new session comes with WINDOW, before anything else.
    assert_eq!(
        pair.to_server.types(),
        [FrameType::HELLO, FrameType::AUTH, FrameType::WINDOW]
    );
    pair.forget();
    let retried = pair.send("unanswered");
    assert!(retried > queued, "ids go on");
    pair.push("new session");
    pair.run();
    assert_eq!(pair.results(), [(retried, super::pair::success(1))]);
    assert_eq!(pair.pushes(), ["new session"]);
}

#[test]
fn a_token_without_state_gets_a_fresh_session() {
    let parted = Pair::open().lose();
    let mut pair = Pair::new(client_config(), server_config());
    pair.start = Some(AuthStart {
        mechanism: "EIM-RESUME".into(),
        resume: Resume::TokenOnly(SessionId::from([1; 16])),
        ..start()
    });
    pair.accept = Some((super::pair::accept(2), parted.server));
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Fresh);
    pair.push("x");
    pair.run();
    assert_eq!(pair.pushes(), ["x"]);
}

#[test]
fn before_the_first_window_nothing_is_pushed() {
    let parted = Pair::open().lose();
    let mut pair = Pair::again(
        client_config(),
        server_config(),
        Parted {
            server: None,
            ..parted
        },
    );
    pair.stalled = true;
    for _ in 0..3 {
        pair.run();
        while let Some(chunk) = pair.client.poll_transmit(pair.now) {
            if pair.outcome == SessionOutcome::Fresh {
                break;
            }
            pair.server.receive(pair.now, chunk);
        }
        pair.run();
        while let Some(chunk) = pair.server.poll_transmit(pair.now) {
            pair.client.receive(pair.now, chunk);
        }
    }
    assert_eq!(pair.outcome, SessionOutcome::Fresh);
    pair.push("early");
    assert!(pair.server.poll_transmit(pair.now).is_none());
    // A first credit below one maximal frame is refused.
    let window = Window {
        received_through: 0,
        frames: 1,
        octets: 65_546,
    };
    pair.stalled = false;
    pair.inject(control(FrameType::WINDOW, &window));
    pair.assert_server_closes(ErrorCode::INVALID_VALUE);
}

#[test]
fn other_terms_mean_a_fresh_session() {
    let clients: [fn(&mut ClientConfig); 3] = [
        |config| config.compressions = vec![Compression::LZ4],
        |config| config.max_frame_octets = 16_384,
        |config| {
            config.capabilities.pop();
        },
    ];
    for change in clients {
        let mut config = client_config();
        change(&mut config);
        let mut pair = Pair::again(config, server_config(), Pair::open().lose());
        pair.run();
        assert_eq!(pair.outcome, SessionOutcome::Fresh);
    }
    let mut config: ServerConfig = server_config();
    config.max_frame_octets = 100_000;
    let mut pair = Pair::again(client_config(), config, Pair::open().lose());
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Fresh);
    let mut pair = again(Pair::open().lose());
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Resumed);
}

#[test]
fn frames_that_are_no_longer_kept_mean_a_fresh_session() {
    let mut config = server_config();
    config.queue.retained_octets = 100_000;
    config.compressions.clear();
    let mut pair = Pair::open_with(client_config(), config);
    pair.stalled = true;
    for _ in 0..10 {
        pair.push(&"x".repeat(30_000));
    }
    while pair.server.poll_transmit(pair.now).is_some() {}
    let mut config = server_config();
    config.compressions.clear();
    let mut pair = Pair::again(client_config(), config, pair.lose());
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Fresh);
}

#[test]
fn another_mechanism_begins_afresh() {
    let mut pair = Pair::open();
    pair.obliging = false;
    let id = pair.send("x");
    pair.run();
    let parted = pair.lose();
    let mut pair = Pair::new(client_config(), server_config());
    pair.start = Some(AuthStart {
        resume: Resume::Session(parted.client.unwrap()),
        ..start()
    });
    pair.accept = Some((super::pair::accept(2), parted.server));
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Fresh);
    assert_eq!(
        pair.client_events.last(),
        Some(&ClientEvent::Forgotten(vec![id]))
    );
}

#[test]
fn an_attempt_that_fails_keeps_the_session() {
    let mut pair = Pair::open();
    pair.send("x");
    let parted = pair.lose();
    let server = parted.server;
    let mut pair = again(Parted {
        client: parted.client,
        server: None,
        client_events: vec![],
        server_events: vec![],
    });
    pair.accept = None;
    pair.run();
    let client = pair.lose().client;
    assert!(client.is_some());
    let mut pair = again(Parted {
        client,
        server,
        client_events: vec![],
        server_events: vec![],
    });
    pair.run();
    assert_eq!(pair.outcome, SessionOutcome::Resumed);
    assert_eq!(pair.messages(), ["x"]);
}

#[test]
fn a_resumption_that_contradicts_loses_the_session() {
    let mut pair = Pair::open();
    pair.stalled = true;
    let parted = pair.lose();
    let mut pair = again(Parted {
        server: None,
        ..parted
    });
    pair.accept = None;
    pair.run();
    let ok = payload::AuthOk {
        outcome: SessionOutcome::Resumed.into(),
        session_id: Bytes::from_static(&[1; 16]),
        user_id: Bytes::from_static(&[1; 16]),
        window: Some(Window {
            received_through: 1,
            frames: 100,
            octets: 1 << 20,
        }),
        ..Default::default()
    };
    pair.inject_to_client(control(FrameType::AUTH_OK, &ok));
    pair.assert_client_closes(ErrorCode::CREDIT_REDUCED);
    assert!(pair.client_closed().unwrap().session_lost);
    assert!(pair.client.into_session().is_none());
}

#[test]
fn results_are_settled_while_nobody_is_connected() {
    let mut pair = Pair::open();
    pair.obliging = false;
    let id = pair.send("stored after the connection was lost");
    pair.push("consumed after the connection was lost");
    pair.run();
    pair.server.result(super::pair::success(1));
    pair.run();
    let mut parted = pair.lose();
    let session = parted.client.as_mut().unwrap();
    session.settle(id);
    session.consumed(1);
    let mut pair = again(parted);
    pair.run();
    let frames = pair.to_server.frames();
    let cursor = frames.iter().find(|it| it.frame_type == FrameType::CURSOR);
    let cursor = Cursor::decode(cursor.unwrap().payload.clone()).unwrap();
    assert_eq!(cursor.settled_through, 1);
}

#[test]
fn an_answer_that_is_refused_leaves_the_session() {
    let mut pair = Pair::open();
    pair.obliging = false;
    let id = pair.send("x");
    pair.run();
    for frame_type in [FrameType::AUTH_OK, FrameType::AUTH_CHALLENGE] {
        let mut next = again(pair.lose());
        next.obliging = false;
        next.accept = None;
        next.run();
        // Neither an answer nor a question that parses.
        next.inject_to_client(super::pair::raw(frame_type, 0, vec![0xFF]));
        next.assert_client_closes(ErrorCode::MALFORMED_PAYLOAD);
        assert!(!next.client_closed().unwrap().session_lost);
        pair = next;
    }
    assert_eq!(pair.lose().client.unwrap().unanswered(), [id]);
}
