//! GOAWAY, ERROR and the end.

use std::time::Duration;

use eim_codec::connection::{ClientEvent, ClosedBy, Endpoint, SendError, ServerEvent};
use eim_codec::payload::{self, GoAway};
use eim_codec::registry::{ErrorCode, FrameType};

use super::pair::{Pair, control, raw, send, success};

fn leaving() -> GoAway {
    GoAway {
        deadline_ms: 5_000,
        reconnect_jitter_ms: 100,
        ..GoAway::default()
    }
}

#[test]
fn a_leaving_server_lets_its_client_finish() {
    let mut pair = Pair::open();
    pair.obliging = false;
    let id = pair.send("under way");
    pair.run();
    pair.server.goaway(leaving());
    pair.run();
    let Some(ClientEvent::GoAway(goaway)) = pair.client_events.last() else {
        panic!()
    };
    assert_eq!(
        (goaway.accept_through, goaway.reconnect_jitter_ms),
        (1, 100)
    );
    assert_eq!(
        pair.client.send(FrameType::TEXT, send("new")),
        Err(SendError::NotOpen)
    );
    assert!(pair.client_closed().is_none(), "one is unsettled");
    pair.server.result(success(1));
    pair.run();
    assert_eq!(pair.results(), [(id, success(1))]);
    pair.client.settle(id);
    pair.run();
    let reason = pair.client_closed().unwrap();
    assert_eq!((reason.by, reason.code), (ClosedBy::Local, None));
    assert_eq!(pair.to_server.types().last(), Some(&FrameType::CURSOR));
    // The driver closes the transport then.
    pair.server.transport_closed(pair.now);
    pair.run();
    assert_eq!(pair.server_closed().unwrap().by, ClosedBy::Transport);
}

#[test]
fn a_deadline_ends_the_wait() {
    let mut pair = Pair::open();
    pair.obliging = false;
    pair.send("never answered");
    pair.run();
    pair.server.goaway(leaving());
    pair.advance(Duration::from_millis(4_999));
    assert!(pair.client_closed().is_none() && pair.server_closed().is_none());
    pair.advance(Duration::from_millis(1));
    assert_eq!(pair.server_closed().unwrap().code, None);
    assert_eq!(pair.client_closed().unwrap().code, None);
    assert!(!pair.to_client.types().contains(&FrameType::ERROR));
}

#[test]
fn frames_that_crossed_are_neither_processed_nor_lost() {
    let mut pair = Pair::open();
    pair.stalled = true;
    pair.send("crossing");
    pair.client
        .request(&payload::Request {
            request_id: vec![1; 16].into(),
            ..Default::default()
        })
        .unwrap();
    pair.server.goaway(leaving());
    pair.stalled = false;
    pair.run();
    assert!(pair.messages().is_empty());
    assert!(
        matches!(pair.server_events[..], [ServerEvent::Request(_)]),
        "still to be answered"
    );
    // A second GOAWAY repeats the first.
    pair.server.goaway(leaving());
    pair.run();
    assert!(pair.client_closed().is_none());
    let parted = pair.lose();
    let mut pair = Pair::again(Default::default(), super::pair::server_config(), parted);
    pair.run();
    assert_eq!(pair.outcome, payload::SessionOutcome::Resumed);
    assert_eq!(pair.messages(), ["crossing"]);
    assert_eq!(pair.results().len(), 1);
}

#[test]
fn a_leaving_client_waits_for_its_results() {
    let mut pair = Pair::open();
    pair.obliging = false;
    let id = pair.send("last words");
    pair.client.goaway(Duration::from_secs(5));
    assert_eq!(
        pair.client.send(FrameType::TEXT, send("more")),
        Err(SendError::NotOpen)
    );
    pair.run();
    assert_eq!(pair.messages(), ["last words"]);
    assert!(matches!(
        pair.server_events.last(),
        Some(ServerEvent::Message { .. } | ServerEvent::GoAway(_))
    ));
    assert!(pair.client_closed().is_none());
    pair.server.result(success(1));
    pair.run();
    pair.client.settle(id);
    pair.run();
    assert_eq!(pair.client_closed().unwrap().by, ClosedBy::Local);
    // A drained direction sends no REQUEST.
    pair.inject(control(FrameType::REQUEST, &payload::Request::default()));
    pair.assert_server_closes(ErrorCode::UNEXPECTED_FRAME);
}

#[test]
fn a_goaway_that_changes_its_mind_closes() {
    let mut pair = Pair::open();
    pair.send("keeps the client here");
    pair.stalled = true;
    pair.inject_to_client(control(
        FrameType::GOAWAY,
        &GoAway {
            accept_through: 5,
            deadline_ms: 100,
            ..GoAway::default()
        },
    ));
    pair.inject_to_client(control(
        FrameType::GOAWAY,
        &GoAway {
            accept_through: 6,
            deadline_ms: 100,
            ..GoAway::default()
        },
    ));
    assert_eq!(
        pair.client_closed().unwrap().code,
        Some(ErrorCode::INVALID_VALUE)
    );
}

#[test]
fn closing_says_why_and_how_long_to_wait() {
    let mut pair = Pair::open();
    pair.server.close_for(
        ErrorCode::OVERLOADED,
        &"é".repeat(300),
        Duration::from_secs(7),
    );
    pair.run();
    let reason = pair.client_closed().unwrap();
    assert_eq!(reason.by, ClosedBy::Peer);
    assert_eq!(reason.retry_after, Some(Duration::from_secs(7)));
    assert!(reason.retryable && !reason.session_lost);
    assert_eq!(reason.detail.len(), 256);
    assert_eq!(pair.server_closed().unwrap().by, ClosedBy::Local);
    assert!(pair.server.is_closed() && pair.client.is_closed());
    assert_eq!(
        pair.server.linger(),
        Duration::from_secs(2),
        "so that ERROR survives"
    );
    assert_eq!(pair.client.linger(), Duration::ZERO);
    pair.server.close(ErrorCode::INTERNAL, "again");
    pair.client.close(ErrorCode::INTERNAL, "again");
    pair.run();
    assert_eq!(
        pair.to_client.types(),
        [FrameType::ERROR],
        "one ERROR, and nothing after it"
    );
    assert!(pair.to_server.log.is_empty());
}

// test[EIM-CON-029]
#[test]
fn a_session_that_ends_is_not_kept() {
    let mut pair = Pair::open();
    pair.server
        .close(ErrorCode::LOGGED_OUT, "by an administrator");
    pair.run();
    assert!(pair.client_closed().unwrap().session_lost);
    assert!(pair.client.into_session().is_none());
    assert!(pair.server.into_session().is_none());
    let mut pair = Pair::open();
    pair.server.close(ErrorCode::SHUTTING_DOWN, "");
    pair.run();
    assert!(pair.client.into_session().is_some());
    assert!(pair.server.into_session().is_some());
}

#[test]
fn nothing_is_interpreted_after_the_end() {
    let mut pair = Pair::open();
    let mut octets = raw(FrameType::TEXT, 9, send("wrong number")).to_vec();
    octets.extend(raw(FrameType::TEXT, 1, send("right number")));
    pair.inject(octets);
    pair.assert_server_closes(ErrorCode::BAD_SEQUENCE);
    assert!(pair.messages().is_empty());
    pair.inject(raw(FrameType::TEXT, 1, send("later")));
    assert!(pair.messages().is_empty());
    assert!(pair.server.poll_timeout().is_none());
}

#[test]
fn frames_received_before_the_transport_ended_are_processed() {
    let mut pair = Pair::open();
    let mut octets = raw(FrameType::TEXT, 1, send("whole")).to_vec();
    octets.extend(&raw(FrameType::TEXT, 2, send("half"))[..15]);
    pair.server.receive(pair.now, octets.into());
    pair.server.transport_closed(pair.now);
    pair.run();
    assert_eq!(pair.messages(), ["whole"]);
    let reason = pair.server_closed().unwrap();
    assert_eq!(
        (reason.by, reason.code, reason.session_lost),
        (ClosedBy::Transport, None, false)
    );
    assert_eq!(pair.server.linger(), Duration::ZERO);
}
