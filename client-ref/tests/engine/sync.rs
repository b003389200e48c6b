//! The timeline: order, holes, duplicates, snapshots.

use bytes::Bytes;
use eim_client::Event;
use eim_client::store::{Arrival, Backlog, Batch, Cursor, Message, Store};
use eim_codec::connection::ServerEvent;
use eim_codec::payload::{self, HistoryEntry, HistoryResponse, history_entry, response};
use eim_codec::registry::{ErrorCode, FrameType};

use crate::peer::{BOB, DEVICE, EPOCH, GROUP, ME, Peer, World, entry, listed, messages, text};

pub(crate) fn page(entries: Vec<payload::Entry>, head: u64, more: bool) -> response::Body {
    response::Body::History(HistoryResponse {
        log_epoch: EPOCH,
        items: entries
            .into_iter()
            .map(|entry| HistoryEntry {
                item: Some(history_entry::Item::Entry(entry)),
                detached: false,
                state: None,
            })
            .collect(),
        conv_seq: head,
        more,
        as_of: head,
    })
}

pub(crate) fn stored(conv_seq: u64, log_epoch: u64, device: [u8; 16]) -> Message {
    Message {
        conversation: GROUP.into(),
        log_epoch,
        conv_seq,
        frame_type: FrameType::TEXT,
        sender: Some(if device == DEVICE {
            ME.into()
        } else {
            BOB.into()
        }),
        sender_device: Some(device.into()),
        client_msg_id: Some([conv_seq as u8; 16].into()),
        time_ms: 1000 + conv_seq,
        user_seq: conv_seq,
        body: text(&format!("entry {conv_seq}")),
        fallback_text: String::new(),
        tombstone: false,
    }
}

pub(crate) async fn store(world: &World, held: Vec<Message>) {
    let arrivals = held
        .into_iter()
        .map(|message| Arrival {
            message,
            echo: false,
            presented: true,
        })
        .collect();
    world
        .store
        .commit(Batch {
            arrivals,
            ..Batch::default()
        })
        .await
        .unwrap();
}

pub(crate) async fn cursor(peer: &mut Peer, user_seq: u64) {
    loop {
        if let ServerEvent::Cursor {
            log_epoch,
            user_seq: told,
        } = peer.next().await
        {
            assert_eq!(log_epoch, EPOCH);
            assert!(told <= user_seq, "{told} was not pushed yet");
            if told == user_seq {
                return;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pushes_are_presented_stored_and_confirmed() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    (1..=3).for_each(|seq| peer.push(seq, entry(seq)));
    cursor(&mut peer, 3).await;
    assert_eq!(
        world.store.latest(GROUP.into(), 9).await.unwrap().len(),
        3,
        "stored before CURSOR"
    );
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(1, 1), (2, 2), (3, 3)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_hole_is_filled_before_what_is_beyond_is_presented() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.push(1, entry(1));
    peer.push(3, entry(3));
    let request = peer.sync(1).await;
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(1, 1)],
        "only up to the hole"
    );
    peer.page(&request, vec![(2, entry(2)), (3, entry(3))], 3);
    cursor(&mut peer, 3).await;
    assert_eq!(messages(&mut peer, &mut events).await, [(2, 2), (3, 3)]);
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_while_offline_is_pulled_page_by_page() {
    let mut world = World::at(2).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(6).await;
    let request = peer.sync(2).await;
    peer.page(&request, vec![(3, entry(3)), (4, entry(4))], 6);
    let request = peer.sync(4).await;
    peer.page(&request, vec![(5, entry(5)), (6, entry(6))], 6);
    cursor(&mut peer, 6).await;
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(3, 3), (4, 4), (5, 5), (6, 6)]
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_entry_at_two_places_is_presented_once() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.push(1, entry(1));
    peer.push(2, entry(1));
    peer.push(2, entry(2));
    peer.push(3, entry(2));
    cursor(&mut peer, 3).await;
    assert_eq!(messages(&mut peer, &mut events).await, [(1, 1), (3, 2)]);
}

#[tokio::test(start_paused = true)]
async fn lagged_pulls_from_the_cursor() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.push(1, entry(1));
    cursor(&mut peer, 1).await;
    let lagged = payload::Lagged {
        log_epoch: EPOCH,
        user_seq: 3,
        ..payload::Lagged::default()
    };
    peer.driver.endpoint_mut().lagged(lagged);
    let request = peer.sync(1).await;
    peer.page(&request, vec![(2, entry(2)), (3, entry(3))], 3);
    peer.push(4, entry(4));
    cursor(&mut peer, 4).await;
    assert_eq!(messages(&mut peer, &mut events).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_head_in_pong_that_no_push_explains_is_pulled() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    // A push was lost; the next PONG says so.
    peer.heads.user_seq = 1;
    let request = peer.sync(0).await;
    peer.page(&request, vec![(1, entry(1))], 1);
    cursor(&mut peer, 1).await;
    assert_eq!(messages(&mut peer, &mut events).await, [(1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_large_entry_that_follows_apart_is_waited_for() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(2).await;
    let request = peer.sync(0).await;
    let head_only = payload::Entry {
        body: Bytes::new(),
        ..entry(1)
    };
    let timeline = |user_seq, entry, detached| payload::TimelineEntry {
        user_seq,
        entry: Some(entry),
        detached,
        echo: false,
    };
    let page = payload::SyncResponse {
        log_epoch: EPOCH,
        entries: vec![timeline(1, head_only, true), timeline(2, entry(2), false)],
        user_seq: 2,
        more: false,
    };
    peer.respond(&request, response::Body::Sync(page));
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [],
        "not before it is whole"
    );
    let detached = payload::DetachedEntry {
        request_id: request.request_id.clone(),
        entry: Some(entry(1)),
        user_seq: 1,
        state: None,
    };
    let octets = prost::Message::encode_to_vec(&detached);
    peer.driver
        .endpoint_mut()
        .push(FrameType::ENTRY, octets.into())
        .unwrap();
    cursor(&mut peer, 2).await;
    assert_eq!(messages(&mut peer, &mut events).await, [(1, 1), (2, 2)]);
    let held = world.store.messages(GROUP.into(), 1, 1, 1).await.unwrap();
    assert_eq!(held[0].body, text("entry 1"));
}

#[tokio::test(start_paused = true)]
async fn too_old_takes_a_snapshot_and_reads_what_is_missing() {
    let mut world = World::at(3).await;
    store(&world, vec![stored(1, EPOCH, BOB), stored(4, EPOCH, BOB)]).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(900).await;
    peer.heads.conversations = vec![listed(5)];
    let request = peer.sync(3).await;
    peer.refuse(&request, ErrorCode::TOO_OLD);
    // The snapshot is at 900: the timeline goes on from there.
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last, asked.newest_first), (2, 3, false));
    peer.respond(&request, page(vec![entry(2), entry(3)], 5, false));
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (5, 5));
    peer.respond(&request, page(vec![entry(5)], 5, false));
    assert_eq!(
        messages(&mut peer, &mut events).await,
        [(0, 2), (0, 3), (0, 5)]
    );
    peer.push(901, entry(6));
    cursor(&mut peer, 901).await;
    let loaded = world.store.load(false).await.unwrap();
    assert_eq!(
        loaded.cursor,
        Cursor {
            log_epoch: EPOCH,
            user_seq: 901
        }
    );
    assert_eq!(
        world.store.conversations().await.unwrap()[0].backlog,
        Backlog::None
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_epoch_drops_what_was_lost_and_sends_own_messages_again() {
    let mut world = World::at(4).await;
    let held = vec![
        stored(1, EPOCH, BOB),
        stored(2, EPOCH, BOB),
        stored(3, EPOCH, BOB),
        stored(4, EPOCH, DEVICE),
    ];
    store(&world, held).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.dialled().await;
    // The server survived through number 2; number 3 of the new epoch is another message.
    let newer = EPOCH + 1;
    peer.heads.conversations = vec![listed(3)];
    peer.open(newer, 3, None).await;
    let (mut read, mut resent) = (false, false);
    while !(read && resent) {
        match peer.next().await {
            ServerEvent::Request(request) => {
                let Some(payload::request::Body::History(asked)) = request.body.clone() else {
                    panic!("HISTORY, not {request:?}");
                };
                assert_eq!((asked.last, asked.newest_first), (3, true));
                let replaced = payload::Entry {
                    log_epoch: newer,
                    body: text("newer"),
                    ..entry(3)
                };
                let answer = page(vec![replaced, entry(2), entry(1)], 3, false);
                peer.respond(&request, answer);
                read = true;
            }
            ServerEvent::Message {
                ordinal, payload, ..
            } => {
                let send = <payload::Send as prost::Message>::decode(payload).unwrap();
                assert_eq!(send.client_msg_id[..], [4; 16]);
                assert_eq!(send.first_sent_at_ms, 1004, "a retry");
                peer.accepted(ordinal, 4);
                resent = true;
            }
            _ => {}
        }
    }
    assert_eq!(messages(&mut peer, &mut events).await, [(0, 3)]);
    peer.quiet().await;
    let left = world.store.latest(GROUP.into(), 9).await.unwrap();
    let epochs: Vec<_> = left
        .iter()
        .map(|held| (held.conv_seq, held.log_epoch))
        .collect();
    assert_eq!(epochs, [(1, EPOCH), (2, EPOCH), (3, newer), (4, newer)]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_outside_the_timeline_reads_the_log_behind_it() {
    let mut world = World::at(1).await;
    store(&world, vec![stored(1, EPOCH, BOB)]).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(1).await;
    peer.heads.conversations = vec![listed(1)];
    peer.quiet().await;
    peer.push(0, entry(3));
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (2, 2));
    peer.respond(&request, page(vec![entry(2)], 3, false));
    assert_eq!(messages(&mut peer, &mut events).await, [(0, 3), (0, 2)]);
}

#[tokio::test(start_paused = true)]
async fn nonsense_ends_the_connection() {
    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.push(
        1,
        payload::Entry {
            conv_seq: 0,
            ..entry(1)
        },
    );
    loop {
        if let ServerEvent::Closed(reason) = peer.next().await {
            assert_eq!(reason.code, Some(ErrorCode::INVALID_VALUE));
            break;
        }
    }
    while let Some(event) = events.try_next() {
        assert!(!matches!(event, Event::Message(_)), "{event:?}");
    }
}
