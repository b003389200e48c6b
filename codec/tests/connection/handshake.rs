//! From HELLO to AUTH_OK, and everything that stops on the way.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::client::{AuthStart, Resume};
use eim_codec::connection::server::ServerConnection;
use eim_codec::connection::{ClientEvent, ClosedBy, Endpoint, ServerEvent};
use eim_codec::id::SessionId;
use eim_codec::payload::{self, Hello, SessionOutcome, Welcome};
use eim_codec::registry::{Capability, Compression, ErrorCode, FrameType};
use prost::Message;

use super::pair::{NONCES, Pair, Split, client_config, control, frames, raw, server_config, start};

fn hello() -> Hello {
    Hello {
        versions: vec![1],
        max_frame_octets: 65_536,
        nonce: Bytes::from_static(&[1; 32]),
        ..Hello::default()
    }
}

/// A server that got these octets, and nothing else.
fn stranger(octets: Bytes) -> Pair {
    let mut pair = Pair::new(client_config(), server_config());
    pair.stalled = true;
    pair.run();
    pair.server.receive(pair.now, octets);
    pair.run();
    while let Some(chunk) = pair.server.poll_transmit(pair.now) {
        pair.to_client.log.extend_from_slice(&chunk);
    }
    pair
}

#[test]
fn opens_however_octets_are_split() {
    for split in [
        Split::Whole,
        Split::Every(1),
        Split::Every(13),
        Split::Random(7),
    ] {
        let mut pair = Pair::new(client_config(), server_config());
        pair.to_server.split = split;
        pair.to_client.split = split;
        pair.run();
        assert_eq!(pair.outcome, SessionOutcome::Fresh, "{split:?}");
        assert!(matches!(
            &pair.client_events[..],
            [ClientEvent::Welcome(_), ClientEvent::Open(ok)] if *ok.data == *b"v=signature"
        ));
        assert_eq!(pair.to_server.types(), [FrameType::HELLO, FrameType::AUTH]);
        assert_eq!(
            pair.to_client.types(),
            [FrameType::WELCOME, FrameType::AUTH_OK]
        );
    }
}

#[test]
fn welcome_selects_what_both_have() {
    let mut client = client_config();
    client.compressions = vec![Compression::LZ4, Compression::ZSTD];
    client.capabilities = vec![Capability::FRAGMENTS, Capability::MLS];
    client.grease = true;
    let mut server = server_config();
    server.compressions = vec![Compression::ZSTD, Compression::SNAPPY];
    let mut pair = Pair::new(client, server);
    pair.run();
    let ClientEvent::Welcome(welcome) = &pair.client_events[0] else {
        panic!()
    };
    assert_eq!(welcome.compressions, [u32::from(Compression::ZSTD.0)]);
    assert_eq!(welcome.capabilities, [Capability::FRAGMENTS.0]);
    // Without the capability resume there is no such mechanism.
    assert_eq!(welcome.mechanisms, ["SCRAM-SHA-256"]);
    assert_eq!(pair.outcome, SessionOutcome::Fresh);
    let ClientEvent::Open(ok) = &pair.client_events[1] else {
        panic!()
    };
    assert!(ok.resume_token.is_empty());
    assert_eq!(ok.resume_ms, 0);
    let offered = Hello::decode(pair.to_server.frames()[0].payload.clone()).unwrap();
    let grease = |value: &Compression| offered.compressions.contains(&value.0.into());
    assert!(Compression::GREASE.iter().any(grease));
}

#[test]
fn challenges_go_back_and_forth() {
    let mut pair = Pair::new(client_config(), server_config());
    pair.accept = None;
    pair.run();
    pair.server.challenge(Bytes::from_static(b"first"));
    // A second answer to the same AUTH does nothing.
    pair.server.challenge(Bytes::from_static(b"second"));
    pair.run();
    assert_eq!(
        pair.client_events.last(),
        Some(&ClientEvent::Challenge(Bytes::from_static(b"first")))
    );
    pair.client.respond(Bytes::from_static(b"proof"));
    pair.client.respond(Bytes::from_static(b"once more"));
    pair.run();
    assert_eq!(
        pair.server_events.last(),
        Some(&ServerEvent::AuthData(Bytes::from_static(b"proof")))
    );
    assert_eq!(pair.to_server.frames().len(), 3);
    assert_eq!(
        pair.server.accept(super::pair::accept(1), None),
        SessionOutcome::Fresh
    );
    pair.run();
    assert!(matches!(
        pair.client_events.last(),
        Some(ClientEvent::Open(_))
    ));
}

#[test]
fn rejection_ends_the_connection() {
    let mut pair = Pair::new(client_config(), server_config());
    pair.accept = None;
    pair.run();
    pair.server.reject(ErrorCode::AUTH_FAILED, "no");
    pair.run();
    let reason = pair.client_closed().unwrap();
    assert_eq!(
        (reason.by, reason.code),
        (ClosedBy::Peer, Some(ErrorCode::AUTH_FAILED))
    );
    assert!(!reason.retryable);
    assert_eq!(reason.detail, "no");
    pair.assert_server_closes(ErrorCode::AUTH_FAILED);
}

/// What a stranger may send first, and the answer.
fn bad_beginnings() -> Vec<(&'static str, Bytes, ErrorCode)> {
    let old = Hello {
        versions: vec![2, 999],
        ..hello()
    };
    let none = Hello {
        versions: vec![],
        ..hello()
    };
    let short = Hello {
        nonce: Bytes::from_static(&[1; 31]),
        ..hello()
    };
    let small = Hello {
        max_frame_octets: 16_383,
        ..hello()
    };
    let mut version_2 = control(FrameType::HELLO, &hello()).to_vec();
    version_2[0] = 2;
    let long = Bytes::from_static(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0x40, 1]);
    let numbered = raw(FrameType::HELLO, 1, hello().encode_to_vec());
    let hello = |hello| control(FrameType::HELLO, &hello);
    let ping = control(FrameType::PING, &payload::Ping { token: 1 });
    let welcome = control(FrameType::WELCOME, &Welcome::default());
    vec![
        ("version", hello(old), ErrorCode::NO_COMMON_VERSION),
        ("no version", hello(none), ErrorCode::NO_COMMON_VERSION),
        (
            "version octet",
            version_2.into(),
            ErrorCode::UNSUPPORTED_VERSION,
        ),
        ("nonce", hello(short), ErrorCode::INVALID_VALUE),
        ("frame limit", hello(small), ErrorCode::INVALID_VALUE),
        ("phase", ping, ErrorCode::UNEXPECTED_FRAME),
        ("direction", welcome, ErrorCode::UNEXPECTED_FRAME),
        (
            "message",
            raw(FrameType::TEXT, 1, vec![]),
            ErrorCode::UNEXPECTED_FRAME,
        ),
        (
            "grease",
            raw(FrameType(0xe5), 0, vec![]),
            ErrorCode::UNEXPECTED_FRAME,
        ),
        ("sequence", numbered, ErrorCode::BAD_SEQUENCE),
        (
            "garbage",
            raw(FrameType::HELLO, 0, vec![0xff; 9]),
            ErrorCode::MALFORMED_PAYLOAD,
        ),
        ("size", long, ErrorCode::PAYLOAD_TOO_LARGE),
        (
            "http",
            Bytes::from_static(b"GET / HTTP/1.1\r\n"),
            ErrorCode::UNSUPPORTED_VERSION,
        ),
    ]
}

#[test]
fn strangers_get_the_specified_answer() {
    for (name, octets, code) in bad_beginnings() {
        let pair = stranger(octets);
        assert_eq!(
            pair.server_closed().and_then(|reason| reason.code),
            Some(code),
            "{name}"
        );
        let answer = pair.to_client.frames();
        assert_eq!(answer.len(), 1, "{name}: one ERROR and nothing else");
        let error = payload::Error::decode(answer[0].payload.clone()).unwrap();
        let versions: &[u32] = match code {
            ErrorCode::NO_COMMON_VERSION | ErrorCode::UNSUPPORTED_VERSION => &[1],
            _ => &[],
        };
        assert_eq!(
            (error.versions.as_slice(), answer[0].version),
            (versions, 1),
            "{name}"
        );
    }
}

#[test]
fn error_from_a_stranger_is_not_answered() {
    let pair = stranger(control(FrameType::ERROR, &payload::Error::default()));
    assert_eq!(pair.server_closed().unwrap().by, ClosedBy::Peer);
    assert!(pair.to_client.log.is_empty());
    assert_eq!(pair.server.linger(), Duration::ZERO);
}

#[test]
fn silence_ends_after_the_handshake_time() {
    let mut pair = Pair::new(client_config(), server_config());
    pair.start = None;
    pair.advance(Duration::from_millis(9_999));
    assert!(pair.server_closed().is_none());
    pair.advance(Duration::from_millis(1));
    let reason = pair.server_closed().unwrap();
    assert_eq!(
        (reason.by, reason.code),
        (ClosedBy::Timeout, Some(ErrorCode::HANDSHAKE_TIMEOUT))
    );
}

// test[EIM-CON-012]
#[test]
fn the_seventeenth_frame_is_one_too_many() {
    let mut pair = Pair::new(client_config(), server_config());
    pair.accept = None;
    pair.run();
    for _ in 0..14 {
        pair.server.challenge(Bytes::new());
        pair.run();
        pair.client.respond(Bytes::new());
        pair.run();
    }
    assert!(pair.server_closed().is_none());
    pair.server.challenge(Bytes::new());
    pair.run();
    pair.client.respond(Bytes::new());
    pair.run();
    pair.assert_server_closes(ErrorCode::CONTROL_FLOOD);
}

/// Changes a frame on the way.
fn tampered(change: impl Fn(&mut Welcome)) -> Pair {
    let mut pair = Pair::new(client_config(), server_config());
    pair.stalled = true;
    pair.run();
    let hello = pair.client.poll_transmit(pair.now).unwrap();
    pair.server.receive(pair.now, hello);
    pair.run();
    let answer = pair.server.poll_transmit(pair.now).unwrap();
    let mut welcome = Welcome::decode(frames(&answer)[0].payload.clone()).unwrap();
    change(&mut welcome);
    pair.client
        .receive(pair.now, control(FrameType::WELCOME, &welcome));
    pair.stalled = false;
    pair.run();
    pair
}

#[test]
fn a_stripped_offer_is_found_out() {
    let strip: [fn(&mut Welcome); 3] = [
        |welcome| welcome.mechanisms.truncate(1),
        |welcome| welcome.capabilities.clear(),
        |welcome| welcome.compressions.clear(),
    ];
    for change in strip {
        tampered(change).assert_server_closes(ErrorCode::BINDING_MISMATCH);
    }
    assert_eq!(tampered(|_| ()).outcome, SessionOutcome::Fresh);
}

#[test]
fn an_unacceptable_welcome_ends_the_connection() {
    let changes: [fn(&mut Welcome); 6] = [
        |welcome| welcome.version = 2,
        |welcome| welcome.compressions.push(0x5a),
        |welcome| welcome.capabilities.push(99),
        |welcome| welcome.max_frame_octets = 1,
        |welcome| welcome.heartbeat_ms = 999,
        |welcome| welcome.nonce.clear(),
    ];
    for change in changes {
        tampered(change).assert_client_closes(ErrorCode::INVALID_VALUE);
    }
}

/// What the server says to this AUTH.
fn auth_with(start: AuthStart, change: impl Fn(&mut payload::Auth)) -> Pair {
    let mut pair = Pair::new(client_config(), server_config());
    pair.start = Some(start);
    pair.stalled = true;
    pair.run();
    let hello = pair.client.poll_transmit(pair.now).unwrap();
    pair.server.receive(pair.now, hello);
    pair.run();
    let welcome = pair.server.poll_transmit(pair.now).unwrap();
    pair.client.receive(pair.now, welcome);
    pair.run();
    let auth = pair.client.poll_transmit(pair.now).unwrap();
    let mut auth = payload::Auth::decode(frames(&auth)[0].payload.clone()).unwrap();
    change(&mut auth);
    pair.server
        .receive(pair.now, control(FrameType::AUTH, &auth));
    pair.run();
    while let Some(chunk) = pair.server.poll_transmit(pair.now) {
        pair.to_client.log.extend_from_slice(&chunk);
    }
    pair
}

#[test]
fn auth_is_checked_field_by_field() {
    let changes: [fn(&mut payload::Auth); 8] = [
        |auth| auth.binding.clear(),
        |auth| auth.device = None,
        |auth| auth.device.as_mut().unwrap().device_id.clear(),
        |auth| auth.device.as_mut().unwrap().name = "x".repeat(129),
        |auth| auth.mode = 7,
        |auth| auth.window = None,
        |auth| auth.window.as_mut().unwrap().frames = 0,
        |auth| auth.window.as_mut().unwrap().octets = 65_546,
    ];
    for change in changes {
        auth_with(start(), change).assert_server_closes(ErrorCode::INVALID_VALUE);
    }
    let pair = auth_with(start(), |auth| auth.mechanism = "PLAIN".into());
    pair.assert_server_closes(ErrorCode::MECHANISM_UNAVAILABLE);
    assert_eq!(auth_with(start(), |_| ()).outcome, SessionOutcome::Fresh);
}

#[test]
fn tokens_do_not_cross_plain_transports() {
    let mut config = server_config();
    config.confidential = false;
    let mut pair = Pair::new(client_config(), config);
    pair.start = Some(AuthStart {
        mechanism: "EIM-RESUME".into(),
        resume: Resume::TokenOnly(SessionId::from([1; 16])),
        ..start()
    });
    pair.run();
    let ClientEvent::Welcome(welcome) = &pair.client_events[0] else {
        panic!()
    };
    assert_eq!(welcome.mechanisms, ["SCRAM-SHA-256"]);
    pair.assert_server_closes(ErrorCode::CONFIDENTIALITY_REQUIRED);
}

#[test]
fn a_send_only_connection_gets_no_pushes() {
    let mut pair = Pair::new(client_config(), server_config());
    pair.start = Some(AuthStart {
        mode: payload::AttachMode::SendOnly,
        ..start()
    });
    pair.run();
    assert_eq!(
        pair.server.push(FrameType::TEXT, super::pair::push("x")),
        Err(eim_codec::connection::SendError::SendOnly)
    );
    pair.send("out");
    pair.client.cursor(1, 99);
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.results().len(), 1);
    assert!(
        !pair
            .server_events
            .iter()
            .any(|event| matches!(event, ServerEvent::Cursor { .. }))
    );
}

#[test]
fn connections_are_small_while_idle() {
    assert!(
        size_of::<ServerConnection>() < 1024,
        "{}",
        size_of::<ServerConnection>()
    );
    let connection = size_of::<eim_codec::connection::client::ClientConnection>();
    assert!(connection < 1024, "{connection}");
    assert!(
        size_of::<ServerEvent>() <= 96,
        "{}",
        size_of::<ServerEvent>()
    );
    assert_ne!(NONCES[0], NONCES[1]);
}
