//! Fragments, compression, unknown types and grease.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::compression;
use eim_codec::connection::{Cancelled, ClientEvent, Lane, SendError, ServerEvent};
use eim_codec::payload::{self, Cancel};
use eim_codec::registry::{Capability, Compression, ErrorCode, FrameType};
use eim_codec::{Frame, encode_frame};
use prost::Message;

use super::pair::{Pair, Split, client_config, control, push, random, raw, send, server_config};

/// Octets that do not compress.
fn noise(octets: usize) -> Vec<u8> {
    let mut seed = 0x9e37_79b9;
    (0..octets)
        .map(|_| random(&mut seed).to_be_bytes()[3])
        .collect()
}

fn big(octets: usize) -> Bytes {
    let message = payload::Send {
        body: noise(octets).into(),
        ..Default::default()
    };
    message.encode_to_vec().into()
}

fn result_code(pair: &Pair, place: usize) -> Option<u32> {
    pair.results()[place]
        .1
        .error
        .as_ref()
        .map(|error| error.code)
}

#[test]
fn a_large_message_goes_in_fragments_both_ways() {
    for split in [Split::Whole, Split::Every(1000), Split::Random(3)] {
        let mut pair = Pair::open();
        pair.to_server.split = split;
        pair.to_client.split = split;
        let body = big(1_000_000);
        let id = pair
            .client
            .send(FrameType::ENCRYPTED, body.clone())
            .unwrap();
        pair.server
            .push(FrameType::ENCRYPTED, body.clone())
            .unwrap();
        pair.run();
        let Some(ServerEvent::Message {
            ordinal,
            frame_type,
            payload,
        }) = pair.server_events.last()
        else {
            panic!("no message arrived")
        };
        assert_eq!((*frame_type, payload), (FrameType::ENCRYPTED, &body));
        assert!(*ordinal > 16, "the ordinal of the last fragment");
        assert_eq!(pair.results()[0], (id, super::pair::success(*ordinal)));
        let arrived = pair
            .client_events
            .iter()
            .any(|event| matches!(event, ClientEvent::Push { payload, .. } if *payload == body));
        assert!(arrived);
        assert!(!pair.to_server.types().contains(&FrameType::ENCRYPTED));
    }
}

#[test]
fn small_messages_of_other_lanes_pass_fragments() {
    let mut pair = Pair::open();
    let (one, two) = (Lane(1), Lane(2));
    pair.client
        .send_in(one, FrameType::ENCRYPTED, big(500_000))
        .unwrap();
    pair.client
        .send_in(one, FrameType::TEXT, send("same lane"))
        .unwrap();
    pair.client
        .send_in(two, FrameType::TEXT, send("other lane"))
        .unwrap();
    pair.run();
    let messages: Vec<_> = pair
        .server_events
        .iter()
        .filter_map(|event| match event {
            ServerEvent::Message { payload, .. } => {
                Some(payload::Send::decode(payload.clone()).unwrap().body)
            }
            _ => None,
        })
        .collect();
    assert_eq!(messages[0], "other lane");
    assert_eq!(messages[1].len(), 500_000);
    assert_eq!(messages[2], "same lane");
}

#[test]
fn messages_without_a_lane_keep_their_order() {
    let mut pair = Pair::open();
    pair.client
        .send(FrameType::ENCRYPTED, big(200_000))
        .unwrap();
    pair.send("after");
    pair.run();
    let types: Vec<_> = pair
        .server_events
        .iter()
        .filter_map(|event| match event {
            ServerEvent::Message { frame_type, .. } => Some(*frame_type),
            _ => None,
        })
        .collect();
    assert_eq!(types, [FrameType::ENCRYPTED, FrameType::TEXT]);
}

// test[EIM-FRG-004]
#[test]
fn lanes_keep_their_order_whatever_their_sizes() {
    let mut seed = 0x5eed;
    for round in 0..20 {
        let mut pair = Pair::open();
        let mut given: Vec<Vec<usize>> = vec![Vec::new(); 3];
        for number in 0..40 {
            let lane = usize::try_from(random(&mut seed) % 3).unwrap();
            let octets = if random(&mut seed).is_multiple_of(5) {
                90_000
            } else {
                10
            };
            let message = payload::Send {
                fallback_text: format!("{lane} {number}"),
                body: noise(octets).into(),
                ..Default::default()
            };
            let payload = message.encode_to_vec().into();
            let lane_name = Lane(u64::try_from(lane).unwrap());
            pair.client
                .send_in(lane_name, FrameType::CUSTOM, payload)
                .unwrap();
            given[lane].push(number);
            if random(&mut seed).is_multiple_of(4) {
                pair.step();
            }
        }
        pair.run();
        let mut got: Vec<Vec<usize>> = vec![Vec::new(); 3];
        for event in &pair.server_events {
            if let ServerEvent::Message { payload, .. } = event {
                let text = payload::Send::decode(payload.clone())
                    .unwrap()
                    .fallback_text;
                let (lane, number) = text.split_once(' ').unwrap();
                got[lane.parse::<usize>().unwrap()].push(number.parse().unwrap());
            }
        }
        assert_eq!(got, given, "round {round}");
        assert_eq!(pair.results().len(), 40);
    }
}

#[test]
fn a_cancelled_message_fails_alone() {
    let mut server = server_config();
    server.window = eim_codec::connection::WindowSize {
        frames: 2,
        octets: 0,
    };
    let mut pair = Pair::open_with(client_config(), server);
    pair.stalled = true;
    let id = pair
        .client
        .send(FrameType::ENCRYPTED, big(300_000))
        .unwrap();
    let next = pair.send("next");
    assert_eq!(pair.client.cancel(next), Cancelled::Removed);
    // The credit lets the first fragments out.
    use eim_codec::connection::Endpoint;
    let chunk = pair.client.poll_transmit(pair.now).unwrap();
    assert_eq!(pair.client.cancel(id), Cancelled::Underway);
    pair.stalled = false;
    pair.inject(chunk);
    pair.run();
    assert_eq!(pair.results()[0].0, id);
    assert_eq!(result_code(&pair, 0), Some(ErrorCode::CANCELLED.0.into()));
    assert_eq!(pair.client.cancel(id), Cancelled::TooLate);
    let id = pair.send("later");
    pair.run();
    assert_eq!(pair.results()[1].0, id);
    assert_eq!(pair.messages(), ["later"]);
}

#[test]
fn cancelling_what_is_not_open_closes() {
    let mut pair = Pair::open();
    pair.inject(raw(
        FrameType::CANCEL,
        1,
        Cancel { fragment_id: 9 }.encode_to_vec(),
    ));
    pair.assert_server_closes(ErrorCode::MALFORMED_FRAGMENT);
}

/// A first fragment by hand.
fn first_fragment(inner: FrameType, total: u32, data: usize) -> Vec<u8> {
    let mut payload = vec![0, 0, 0, 7, 0, 0, 0, 0, inner.0, 0];
    payload.extend(total.to_be_bytes());
    payload.extend(total.to_be_bytes());
    payload.resize(payload.len() + data, 0);
    payload
}

#[test]
fn a_message_that_finds_no_room_fails_alone() {
    for (total, code) in [
        (40_961, ErrorCode::MESSAGE_TOO_LARGE),
        (40_000, ErrorCode::OVERLOADED),
    ] {
        let mut server = server_config();
        server.reassembly.octets = 30_000;
        let mut pair = Pair::open_with(client_config(), server);
        pair.inject(raw(
            FrameType::FRAGMENT,
            1,
            first_fragment(FrameType::TEXT, total, 20_000),
        ));
        assert!(pair.server_closed().is_none());
        let mut rest = vec![0, 0, 0, 7];
        rest.extend(20_000_u32.to_be_bytes());
        rest.resize(8 + usize::try_from(total).unwrap() - 20_000, 0);
        pair.client = Pair::open().client;
        pair.inject(raw(FrameType::FRAGMENT, 2, rest));
        assert!(pair.messages().is_empty());
        let ack = pair.to_client.frames().pop().unwrap();
        let ack = payload::Ack::decode(ack.payload).unwrap();
        let error = ack.results[0].error.as_ref().unwrap();
        assert_eq!((ack.results[0].ordinal, error.code), (2, code.0.into()));
    }
}

#[test]
fn a_push_that_finds_no_room_is_lost_alone() {
    let mut client = client_config();
    client.reassembly.octets = 65_536;
    let mut pair = Pair::open_with(client, server_config());
    pair.server
        .push(FrameType::ENCRYPTED, big(200_000))
        .unwrap();
    pair.push("next");
    pair.run();
    assert!(pair.client_events.iter().any(|event| matches!(
        event,
        ClientEvent::PushLost {
            frame_type: FrameType::ENCRYPTED,
            code: ErrorCode::OVERLOADED,
            ..
        }
    )));
    assert_eq!(pair.pushes(), ["next"]);
}

#[test]
fn fragments_of_control_or_the_wrong_direction_close() {
    for (inner, code) in [
        (FrameType::PING, ErrorCode::MALFORMED_FRAGMENT),
        (FrameType::FRAGMENT, ErrorCode::MALFORMED_FRAGMENT),
        (FrameType::NOTICE, ErrorCode::UNEXPECTED_FRAME),
    ] {
        let mut pair = Pair::open();
        pair.inject(raw(FrameType::FRAGMENT, 1, first_fragment(inner, 9, 3)));
        pair.assert_server_closes(code);
    }
}

#[test]
fn without_the_capability_there_are_no_fragments() {
    let mut client = client_config();
    client.capabilities = vec![Capability::RESUME];
    let mut pair = Pair::open_with(client, server_config());
    let refused = pair.client.send(FrameType::ENCRYPTED, big(100_000));
    assert!(matches!(
        refused,
        Err(SendError::TooLarge { max: 65_536, .. })
    ));
    pair.inject(raw(
        FrameType::FRAGMENT,
        1,
        first_fragment(FrameType::TEXT, 9, 3),
    ));
    pair.assert_server_closes(ErrorCode::EXTENSION_NOT_NEGOTIATED);
}

#[test]
fn what_does_not_fit_its_type_is_not_queued() {
    let mut pair = Pair::open();
    let refused = pair.client.send(FrameType::TEXT, big(40_960));
    assert!(matches!(
        refused,
        Err(SendError::TooLarge { max: 40_960, .. })
    ));
    assert_eq!(
        pair.client.send(FrameType::NOTICE, send("x")),
        Err(SendError::WrongType)
    );
    assert_eq!(
        pair.client.send(FrameType::PING, send("x")),
        Err(SendError::WrongType)
    );
    assert_eq!(
        pair.client.send(FrameType::ENTRY, send("x")),
        Err(SendError::WrongType)
    );
    assert_eq!(
        pair.client.send(FrameType(0x3e), send("x")),
        Err(SendError::WrongType)
    );
}

#[test]
fn compression_is_used_where_it_helps() {
    for algorithm in [Compression::ZSTD, Compression::LZ4, Compression::SNAPPY] {
        let mut client = client_config();
        client.compressions = vec![algorithm];
        let mut pair = Pair::open_with(client, server_config());
        let long = "Lorem ipsum dolor sit amet. ".repeat(1000);
        pair.send(&long);
        pair.push(&long);
        pair.send("short");
        pair.client.send(FrameType::ENCRYPTED, send(&long)).unwrap();
        pair.run();
        assert_eq!(pair.messages(), [&*long, "short", &*long]);
        assert_eq!(pair.pushes(), [&*long]);
        let used: Vec<_> = pair
            .to_server
            .frames()
            .iter()
            .map(|frame| frame.compression)
            .collect();
        assert_eq!(used[..3], [algorithm, Compression::NONE, Compression::NONE]);
        assert!(pair.to_server.frames()[0].payload.len() < 3000);
        assert_eq!(pair.to_client.frames()[0].compression, algorithm);
    }
}

#[test]
fn without_common_algorithms_nothing_is_compressed() {
    let mut client = client_config();
    client.compressions.clear();
    let mut pair = Pair::open_with(client, server_config());
    let long = "x".repeat(30_000);
    pair.send(&long);
    pair.run();
    assert_eq!(pair.to_server.frames()[0].compression, Compression::NONE);
    let mut bytes = bytes::BytesMut::new();
    let frame = Frame {
        version: 1,
        frame_type: FrameType::TEXT,
        sequence: 2,
        compression: Compression::ZSTD,
        payload: compression::compress(Compression::ZSTD, long.as_bytes()).unwrap(),
    };
    encode_frame(&frame, &mut bytes).unwrap();
    pair.inject(bytes.freeze());
    pair.assert_server_closes(ErrorCode::UNKNOWN_COMPRESSION);
}

#[test]
fn a_bomb_is_refused_by_its_size() {
    let mut pair = Pair::open();
    let bomb = compression::compress(Compression::ZSTD, &vec![0; 1 << 20]).unwrap();
    let mut bytes = bytes::BytesMut::new();
    let frame = Frame {
        version: 1,
        frame_type: FrameType::TEXT,
        sequence: 1,
        compression: Compression::ZSTD,
        payload: bomb,
    };
    encode_frame(&frame, &mut bytes).unwrap();
    pair.inject(bytes.freeze());
    pair.assert_server_closes(ErrorCode::DECOMPRESSED_TOO_LARGE);
    let error = pair.to_client.frames().pop().unwrap();
    assert_eq!(payload::Error::decode(error.payload).unwrap().ordinal, 1);
}

#[test]
fn unknown_messages_and_operations_arrive_and_are_counted() {
    for frame_type in [FrameType(0x3e), FrameType::EDIT, FrameType(0x4f)] {
        let mut pair = Pair::open();
        pair.obliging = false;
        pair.inject(raw(frame_type, 1, send("new")));
        assert!(matches!(
            pair.server_events.last(),
            Some(ServerEvent::Message { ordinal: 1, frame_type: got, .. }) if *got == frame_type
        ));
        pair.inject_to_client(raw(frame_type, 1, push("new")));
        assert_eq!(pair.pushes(), ["new"]);
        pair.inject_to_client(raw(FrameType::TEXT, 2, push("known")));
        assert_eq!(pair.pushes(), ["new", "known"]);
    }
}

#[test]
fn unknown_others_close() {
    for (frame_type, sequence, code) in [
        (FrameType(0x00), 0, ErrorCode::INVALID_TYPE),
        (FrameType(0xff), 0, ErrorCode::INVALID_TYPE),
        (FrameType(0x1f), 0, ErrorCode::INVALID_TYPE),
        (FrameType(0x5f), 0, ErrorCode::INVALID_TYPE),
        (FrameType(0x7f), 0, ErrorCode::INVALID_TYPE),
        (FrameType(0x80), 0, ErrorCode::EXTENSION_NOT_NEGOTIATED),
        (FrameType(0xc0), 0, ErrorCode::EXTENSION_NOT_NEGOTIATED),
        (FrameType(0xe0), 1, ErrorCode::BAD_SEQUENCE),
        (FrameType::ACK, 0, ErrorCode::UNEXPECTED_FRAME),
        (FrameType::HELLO, 0, ErrorCode::UNEXPECTED_FRAME),
        (FrameType::AUTH, 0, ErrorCode::UNEXPECTED_FRAME),
        (FrameType::NOTICE, 1, ErrorCode::UNEXPECTED_FRAME),
    ] {
        let mut pair = Pair::open();
        pair.inject(raw(frame_type, sequence, vec![]));
        pair.assert_server_closes(code);
        let error = pair.to_client.frames().pop().unwrap();
        let ordinal = u64::from(frame_type == FrameType::NOTICE);
        assert_eq!(
            payload::Error::decode(error.payload).unwrap().ordinal,
            ordinal
        );
    }
}

#[test]
fn ignorable_frames_are_ignored() {
    let mut pair = Pair::open();
    for number in 0xe0..=0xfe {
        pair.inject(raw(FrameType(number), 0, vec![0xaa; 64]));
        pair.inject_to_client(raw(FrameType(number), 0, vec![]));
    }
    assert!(pair.server_events.is_empty() && pair.client_events.is_empty());
    assert!(pair.to_client.log.is_empty() && pair.to_server.log.is_empty());
    pair.inject(raw(FrameType(0xe5), 0, vec![0; 65]));
    pair.assert_server_closes(ErrorCode::PAYLOAD_TOO_LARGE);
}

#[test]
fn grease_is_sent_and_harms_nobody() {
    let (mut client, mut server) = (client_config(), server_config());
    (client.grease, server.grease) = (true, true);
    let mut pair = Pair::open_with(client, server);
    for _ in 0..10 {
        pair.advance(Duration::from_secs(60));
        pair.send("still here");
        pair.run();
    }
    assert_eq!(pair.messages().len(), 10);
    let types = pair.to_server.types();
    assert!(
        types
            .iter()
            .any(|frame_type| FrameType::GREASE.contains(frame_type)),
        "{types:?}"
    );
}

#[test]
fn malformed_payloads_close() {
    for frame_type in [
        FrameType::CURSOR,
        FrameType::WINDOW,
        FrameType::REQUEST,
        FrameType::PING,
    ] {
        let mut pair = Pair::open();
        pair.inject(raw(frame_type, 0, vec![0xff; 5]));
        pair.assert_server_closes(ErrorCode::MALFORMED_PAYLOAD);
    }
    // A message that does not parse is not accepted: ERROR names it, and it reaches nobody.
    let mut pair = Pair::open();
    pair.inject(raw(FrameType::TEXT, 1, vec![0xff; 5]));
    pair.assert_server_closes(ErrorCode::MALFORMED_PAYLOAD);
    let error = pair.to_client.frames().pop().unwrap().payload;
    assert_eq!(payload::Error::decode(error).unwrap().ordinal, 1);
    assert!(pair.messages().is_empty());
    let mut pair = Pair::open();
    pair.inject_to_client(raw(FrameType::TEXT, 1, vec![0xff; 5]));
    pair.assert_client_closes(ErrorCode::MALFORMED_PAYLOAD);
    let mut pair = Pair::open();
    pair.inject_to_client(control(FrameType::RESPONSE, &payload::Response::default()));
    assert!(pair.client_closed().is_none(), "nobody asked: ignored");
    pair.inject_to_client(raw(FrameType::RESPONSE, 0, vec![0xff; 5]));
    pair.assert_client_closes(ErrorCode::MALFORMED_PAYLOAD);
}
