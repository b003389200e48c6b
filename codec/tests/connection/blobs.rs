//! Transfers of blobs: in order, under credit, behind everything else.

use bytes::Bytes;
use eim_codec::connection::{
    BlobEvent, CHUNK_HEADER_OCTETS, ClientEvent, Endpoint as _, SendError, ServerEvent,
};
use eim_codec::payload::{BlobCredit, BlobEnd};
use eim_codec::registry::{Capability, ErrorCode, FrameType, limits};

use super::pair::{Pair, client_config, control, raw, server_config};

const WINDOW: u32 = 100_000;

/// Octets that tell their place.
fn octets(offset: usize, count: usize) -> Bytes {
    (offset..offset + count).map(|at| at as u8).collect()
}

fn chunk(transfer: u32, offset: u64, octets: &[u8]) -> Bytes {
    let mut payload = transfer.to_be_bytes().to_vec();
    payload.extend_from_slice(&offset.to_be_bytes());
    payload.extend_from_slice(octets);
    raw(FrameType::BLOB_CHUNK, 0, payload)
}

fn credit(transfer: u32, through: u64) -> Bytes {
    control(FrameType::BLOB_CREDIT, &BlobCredit { transfer, through })
}

fn end(transfer: u32) -> Bytes {
    let error = None;
    control(FrameType::BLOB_END, &BlobEnd { transfer, error })
}

/// What the client uploads, as the server gets it.
#[derive(Default)]
struct Upload {
    pushed: usize,
    got: Vec<u8>,
    sent: bool,
}

impl Upload {
    /// Answers every event until nothing happens any more.
    fn run(&mut self, pair: &mut Pair, consume: bool) {
        loop {
            pair.run();
            let client = std::mem::take(&mut pair.client_events);
            let server = std::mem::take(&mut pair.server_events);
            if client.is_empty() && server.is_empty() {
                return;
            }
            for event in client {
                match event {
                    ClientEvent::Blob(BlobEvent::Room {
                        transfer,
                        octets: room,
                    }) => {
                        let some = octets(self.pushed, room);
                        pair.client.blob_push(transfer, some).unwrap();
                        self.pushed += room;
                    }
                    ClientEvent::Blob(BlobEvent::Sent { transfer: 1 }) => self.sent = true,
                    _ => {}
                }
            }
            for event in server {
                if let ServerEvent::Blob(BlobEvent::Octets { transfer, octets }) = event {
                    self.got.extend_from_slice(&octets);
                    if consume {
                        pair.server.blob_consumed(transfer, octets.len());
                    }
                }
            }
        }
    }
}

// test[EIM-BLB-015, EIM-BLB-018, EIM-BLB-021]
#[test]
fn octets_arrive_in_order_in_chunks_that_are_not_too_large() {
    let mut pair = Pair::open();
    let size = 1_000_000;
    pair.server.blob_receive(1, 0, size, WINDOW);
    pair.client.blob_send(1, 0, size);
    let mut upload = Upload::default();
    upload.run(&mut pair, true);
    assert!(upload.sent);
    assert_eq!(upload.got, octets(0, 1_000_000));
    let most = limits::BLOB_CHUNK_OCTETS.default as usize + CHUNK_HEADER_OCTETS;
    let frames = pair.to_server.frames();
    let chunks = frames
        .iter()
        .filter(|frame| frame.frame_type == FrameType::BLOB_CHUNK);
    assert!(chunks.clone().count() >= 31);
    assert!(chunks.clone().all(|frame| frame.payload.len() <= most));
    assert!(chunks.clone().all(|frame| frame.sequence == 0));
}

// test[EIM-BLB-017, EIM-BLB-018]
#[test]
fn nothing_goes_beyond_the_credit() {
    let mut pair = Pair::open();
    pair.server.blob_receive(1, 0, 1_000_000, WINDOW);
    pair.client.blob_send(1, 0, 1_000_000);
    let mut upload = Upload::default();
    upload.run(&mut pair, false);
    assert_eq!(upload.got.len(), WINDOW as usize);
    pair.server.blob_consumed(1, 60_000);
    upload.run(&mut pair, false);
    assert_eq!(upload.got, octets(0, 160_000));
    pair.inject(chunk(1, 160_000, b"x"));
    pair.run();
    pair.assert_server_closes(ErrorCode::CREDIT_EXCEEDED);
}

// test[EIM-BLB-020]
#[test]
fn a_message_passes_all_chunks_that_wait() {
    let mut pair = Pair::open();
    pair.server.blob_receive(1, 0, 1_000_000, 1_000_000);
    pair.client.blob_send(1, 0, 1_000_000);
    pair.run();
    let room = pair.client_events.iter().find_map(|event| match event {
        ClientEvent::Blob(BlobEvent::Room { octets, .. }) => Some(*octets),
        _ => None,
    });
    let room = room.unwrap();
    pair.forget();
    pair.client.blob_push(1, octets(0, room)).unwrap();
    pair.send("first");
    pair.run();
    let types = pair.to_server.types();
    assert_eq!(types.first(), Some(&FrameType::TEXT), "{types:?}");
    assert!(types.contains(&FrameType::BLOB_CHUNK), "{types:?}");
    assert_eq!(
        pair.client.blob_push(1, octets(0, 1_000_000)),
        Err(SendError::QueueFull)
    );
}

// test[EIM-BLB-016, EIM-BLB-015, EIM-BLB-017]
#[test]
fn a_client_refuses_chunks_that_break_a_rule() {
    for (frame, code) in [
        (chunk(1, 1, b"x"), ErrorCode::INVALID_VALUE),
        (chunk(1, 0, b""), ErrorCode::MALFORMED_PAYLOAD),
        (chunk(1, 0, &[7; 1001]), ErrorCode::CREDIT_EXCEEDED),
        (chunk(2, 0, b"x"), ErrorCode::INVALID_VALUE),
    ] {
        let mut pair = Pair::open();
        pair.client.blob_receive(1, 0, 1000, WINDOW);
        pair.server.blob_send(1, 0, 1000);
        pair.run();
        pair.inject_to_client(frame);
        pair.run();
        pair.assert_client_closes(code);
    }
}

// test[EIM-BLB-016, EIM-BLB-015]
#[test]
fn a_server_refuses_chunks_that_break_a_rule() {
    for (frame, code) in [
        (chunk(1, 1, b"x"), ErrorCode::INVALID_VALUE),
        (chunk(1, 0, b""), ErrorCode::MALFORMED_PAYLOAD),
        (
            raw(FrameType::BLOB_CHUNK, 0, vec![0; 3]),
            ErrorCode::MALFORMED_PAYLOAD,
        ),
    ] {
        let mut pair = Pair::open();
        pair.server.blob_receive(1, 0, 1000, WINDOW);
        pair.inject(frame);
        pair.run();
        pair.assert_server_closes(code);
    }
}

// test[EIM-BLB-019]
#[test]
fn credit_that_is_lowered_or_goes_beyond_the_end_closes() {
    for through in [499, 1001] {
        let mut pair = Pair::open();
        pair.client.blob_send(1, 0, 1000);
        pair.server.blob_send(2, 0, 1000);
        pair.inject_to_client(credit(1, 500));
        pair.inject(credit(2, 500));
        pair.inject(credit(2, 500));
        pair.run();
        assert!(pair.server_closed().is_none(), "the same again is counted");
        pair.inject_to_client(credit(1, through));
        pair.run();
        pair.assert_client_closes(ErrorCode::CREDIT_REDUCED);
        let mut pair = Pair::open();
        pair.server.blob_send(2, 0, 1000);
        pair.inject(credit(2, 500));
        pair.inject(credit(2, through));
        pair.run();
        pair.assert_server_closes(ErrorCode::CREDIT_REDUCED);
    }
}

// test[EIM-BLB-022]
#[test]
fn what_comes_of_a_transfer_that_ended_is_ignored_and_of_none_closes() {
    let frames = |transfer| [chunk(transfer, 0, b"x"), credit(transfer, 1), end(transfer)];
    let mut pair = Pair::open();
    pair.server.blob_receive(1, 0, 1000, WINDOW);
    pair.client.blob_send(1, 0, 1000);
    pair.run();
    pair.forget();
    pair.server.blob_end(1, None);
    pair.run();
    let ended = ClientEvent::Blob(BlobEvent::Ended {
        transfer: 1,
        error: None,
    });
    assert_eq!(pair.client_events, [ended]);
    pair.forget();
    for frame in frames(1) {
        pair.inject(frame.clone());
        pair.inject_to_client(frame);
    }
    pair.run();
    assert!(pair.client_events.is_empty() && pair.server_events.is_empty());
    for frame in frames(2).into_iter().chain(frames(0)) {
        let begun = || {
            let mut pair = Pair::open();
            pair.client.blob_send(1, 0, 1000);
            pair.server.blob_receive(1, 0, 1000, WINDOW);
            pair.run();
            pair
        };
        let mut pair = begun();
        pair.inject_to_client(frame.clone());
        pair.run();
        pair.assert_client_closes(ErrorCode::INVALID_VALUE);
        let mut pair = begun();
        pair.inject(frame);
        pair.run();
        pair.assert_server_closes(ErrorCode::INVALID_VALUE);
    }
}

// test[EIM-BLB-002]
#[test]
fn without_the_capability_every_frame_of_a_transfer_closes() {
    for frame in [chunk(1, 0, b"x"), credit(1, 1), end(1)] {
        let open = || {
            let mut client = client_config();
            client.capabilities.retain(|one| *one != Capability::BLOBS);
            Pair::open_with(client, server_config())
        };
        let mut pair = open();
        pair.inject(frame.clone());
        pair.run();
        pair.assert_server_closes(ErrorCode::EXTENSION_NOT_NEGOTIATED);
        let mut pair = open();
        pair.inject_to_client(frame);
        pair.run();
        pair.assert_client_closes(ErrorCode::EXTENSION_NOT_NEGOTIATED);
    }
}

#[test]
fn transfers_take_turns_and_end_apart() {
    let mut pair = Pair::open();
    for transfer in [1, 2] {
        pair.server.blob_send(transfer, 0, 65_536);
        pair.client.blob_receive(transfer, 0, 65_536, WINDOW);
    }
    pair.run();
    for transfer in [1, 2] {
        pair.server.blob_push(transfer, octets(0, 65_536)).unwrap();
    }
    pair.forget();
    pair.run();
    let order = pair.client_events.iter().filter_map(|event| match event {
        ClientEvent::Blob(BlobEvent::Octets { transfer, .. }) => Some(*transfer),
        _ => None,
    });
    assert_eq!(order.collect::<Vec<_>>(), [1, 2, 1, 2]);
    pair.server.blob_close(1);
    assert_eq!(
        pair.server.blob_push(1, octets(0, 1)),
        Err(SendError::NotOpen)
    );
    assert!(!pair.client.is_closed());
}
