//! The outbox: order, retries, restarts.

use std::time::Duration;

use eim_client::event::Refused;
use eim_client::store::{Store, Target};
use eim_client::{Client, Draft, Event};
use eim_codec::id::ConversationId;
use eim_codec::payload::send;
use eim_codec::registry::ErrorCode;

use crate::peer::{BOB, DEVICE, EPOCH, GROUP, ME, World, entry, group, messages, text};

#[tokio::test(start_paused = true)]
async fn a_handle_resolves_to_the_durable_result() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let handle = client
        .send_text(Target::User(BOB.into()), "hi")
        .await
        .unwrap();
    let id = handle.client_msg_id();
    let (ordinal, send) = peer.message().await;
    assert_eq!(
        send.target,
        Some(send::Target::DirectTo(BOB.to_vec().into()))
    );
    assert_eq!((send.body, send.first_sent_at_ms), (text("hi"), 0));
    assert_eq!(
        world.store.outbox_len().await.unwrap(),
        1,
        "kept until the result"
    );
    peer.accepted(ordinal, 1);
    peer.quiet().await;
    let sent = handle.await.unwrap();
    assert_eq!(
        (sent.client_msg_id, sent.conv_seq, sent.log_epoch),
        (id, 1, EPOCH)
    );
    assert_eq!(
        sent.conversation,
        ConversationId::direct(ME.into(), BOB.into())
    );
    assert_eq!(world.store.outbox_len().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_session_gets_unsettled_messages_again_in_order() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let mut handles = Vec::new();
    for number in 0..4 {
        handles.push(
            client
                .send_text(group(), format!("{number}"))
                .await
                .unwrap(),
        );
    }
    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(peer.message().await);
    }
    peer.accepted(first[1].0, 2);
    peer.quiet().await;
    drop(peer);
    let mut peer = world.accept(0).await;
    for place in [0, 2, 3] {
        let (ordinal, send) = peer.message().await;
        assert_eq!(send.client_msg_id, first[place].1.client_msg_id);
        assert_eq!(send.body, first[place].1.body);
        assert!(
            send.first_sent_at_ms >= 1_000_000,
            "a retry says when it began"
        );
        peer.accepted(ordinal, 10 + place as u64);
    }
    peer.quiet().await;
    for handle in handles {
        handle.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_resumed_session_repeats_nothing_the_server_has() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let first = client.send_text(group(), "first").await.unwrap();
    let second = client.send_text(group(), "second").await.unwrap();
    let (one, _) = peer.message().await;
    let (two, _) = peer.message().await;
    // The results are known to the server only.
    let connection = peer.driver.into_endpoint();
    let mut session = connection.into_session().unwrap();
    for (ordinal, conv_seq) in [(one, 1), (two, 2)] {
        session.result(eim_codec::payload::Result {
            ordinal,
            conv_seq,
            user_seq: conv_seq,
            ..Default::default()
        });
    }
    let mut peer = world.dialled().await;
    assert!(peer.open(EPOCH, 0, Some(session)).await, "RESUMED");
    peer.quiet().await;
    assert_eq!(first.await.unwrap().conv_seq, 1);
    assert_eq!(second.await.unwrap().conv_seq, 2);
}

#[tokio::test(start_paused = true)]
async fn a_retryable_failure_holds_back_what_follows() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let mut handles = Vec::new();
    for number in 0..3 {
        handles.push(
            client
                .send_text(group(), format!("{number}"))
                .await
                .unwrap(),
        );
    }
    let mut sends = Vec::new();
    for _ in 0..3 {
        sends.push(peer.message().await);
    }
    peer.failed(sends[0].0, ErrorCode::RATE_LIMITED, true, 5000);
    peer.failed(sends[1].0, ErrorCode::PREDECESSOR_FAILED, true, 0);
    peer.failed(sends[2].0, ErrorCode::PREDECESSOR_FAILED, true, 0);
    handles.push(client.send_text(group(), "3").await.unwrap());
    let other = client
        .send_text(Target::User(BOB.into()), "other")
        .await
        .unwrap();
    let (ordinal, send) = peer.message().await;
    assert_eq!(send.body, text("other"), "another conversation flows");
    peer.accepted(ordinal, 1);
    peer.quiet_for(Duration::from_secs(4)).await;
    other.await.unwrap();
    for (place, expected) in ["0", "1", "2", "3"].iter().enumerate() {
        let (ordinal, send) = peer.message().await;
        assert_eq!(send.body, text(expected));
        assert_eq!(send.after_failed, place == 0, "the first one says so");
        if let Some((_, before)) = sends.get(place) {
            assert_eq!(send.client_msg_id, before.client_msg_id);
        }
        peer.accepted(ordinal, 10 + place as u64);
    }
    peer.quiet().await;
    for handle in handles {
        handle.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_good_ends_the_message_alone() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let refused = client.send_text(group(), "no").await.unwrap();
    let (ordinal, _) = peer.message().await;
    peer.failed(ordinal, ErrorCode::FORBIDDEN, false, 0);
    peer.quiet().await;
    assert_eq!(
        refused.await,
        Err(Refused {
            code: ErrorCode::FORBIDDEN,
            detail: "scripted".to_owned()
        }
        .into())
    );
    assert_eq!(world.store.outbox_len().await.unwrap(), 0);
    for (message, announces) in [("next", true), ("then", false)] {
        client.send_text(group(), message).await.unwrap();
        let (ordinal, send) = peer.message().await;
        assert_eq!((send.body, send.after_failed), (text(message), announces));
        peer.accepted(ordinal, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_outbox_survives_a_restart_and_waits_for_a_connection() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let id = client.post(Draft::text(group(), "offline")).await.unwrap();
    client.close().await;
    drop(client);
    assert_eq!(world.store.outbox_len().await.unwrap(), 1);
    let (client, mut events) = world.start().await;
    assert_eq!(client.adopted(), 1);
    let mut peer = loop {
        // The first client may have dialled before it was closed.
        let mut peer = world.dialled().await;
        if let Ok(Some(eim_codec::connection::ServerEvent::Auth(_))) =
            tokio::time::timeout(Duration::from_millis(50), peer.driver.next()).await
        {
            break peer;
        }
    };
    peer.opened(EPOCH, 0);
    let (ordinal, send) = peer.message().await;
    assert_eq!(send.client_msg_id, id.to_bytes());
    assert_eq!(send.first_sent_at_ms, 0, "it never left before");
    peer.accepted(ordinal, 1);
    peer.quiet().await;
    loop {
        if let Some(Event::Settled(settled)) = events.next().await {
            assert_eq!(settled.outcome.unwrap().conv_seq, 1);
            break;
        }
    }
}

/// An echo of number `conv_seq` under the id of an own message.
fn echo(conv_seq: u64, id: &[u8]) -> eim_codec::payload::Entry {
    eim_codec::payload::Entry {
        sender: ME.to_vec().into(),
        sender_device: DEVICE.to_vec().into(),
        client_msg_id: id.to_vec().into(),
        body: bytes::Bytes::new(),
        ..entry(conv_seq)
    }
}

#[tokio::test(start_paused = true)]
async fn echo_and_result_come_in_either_order() {
    let mut world = World::at(0).await;
    let (client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    for (conv_seq, echo_first) in [(1, true), (2, false)] {
        let handle = client
            .send_text(group(), format!("own {conv_seq}"))
            .await
            .unwrap();
        let (ordinal, send) = peer.message().await;
        if echo_first {
            peer.push_as(conv_seq, echo(conv_seq, &send.client_msg_id), true);
            peer.quiet().await;
        }
        peer.accepted(ordinal, conv_seq);
        peer.quiet().await;
        if !echo_first {
            peer.push_as(conv_seq, echo(conv_seq, &send.client_msg_id), true);
            peer.quiet().await;
        }
        handle.await.unwrap();
        assert_eq!(
            messages(&mut peer, &mut events).await,
            [(conv_seq, conv_seq)]
        );
    }
    let held = world.store.latest(GROUP.into(), 9).await.unwrap();
    assert_eq!(held.len(), 2);
    assert_eq!(held[0].body, text("own 1"));
    assert_eq!(held[1].body, text("own 2"));
}

#[tokio::test(start_paused = true)]
async fn an_echo_without_a_body_at_hand_is_read_from_history() {
    use eim_codec::payload::{HistoryEntry, HistoryResponse, history_entry, response};

    let mut world = World::at(0).await;
    let (_client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.push_as(1, echo(1, &[8; 16]), true);
    let (request, asked) = peer.history().await;
    assert_eq!((asked.first, asked.last), (1, 1));
    let entry = eim_codec::payload::Entry {
        body: text("mine"),
        ..echo(1, &[8; 16])
    };
    let item = HistoryEntry {
        item: Some(history_entry::Item::Entry(entry)),
        detached: false,
        state: None,
    };
    let page = HistoryResponse {
        log_epoch: EPOCH,
        items: vec![item],
        conv_seq: 1,
        more: false,
        as_of: 1,
    };
    peer.respond(&request, response::Body::History(page));
    assert_eq!(messages(&mut peer, &mut events).await, [(1, 1)]);
    assert_eq!(
        world.store.latest(GROUP.into(), 1).await.unwrap()[0].body,
        text("mine")
    );
}

// test[EIM-MSG-008]
#[tokio::test(start_paused = true)]
async fn a_full_outbox_keeps_no_command_waiting() {
    let mut world = World::at(0).await;
    let mut options = world.options();
    options.outbox_limit = 1;
    let client = Client::start(options).await.unwrap();
    let _first = world.accept(0).await;
    client.set_network(false).await;
    let mut handles = Vec::new();
    for text in ["in the outbox", "waits for room"] {
        handles.push(client.send_text(group(), text).await.unwrap());
    }
    assert!(world.is_quiet().await);
    // Without a network nothing leaves the outbox, so nobody may wait for that.
    client.set_network(true).await;
    let mut peer = world.accept(0).await;
    for (text, handle) in ["in the outbox", "waits for room"].into_iter().zip(handles) {
        let (ordinal, send) = peer.message().await;
        assert_eq!(send.body, crate::peer::text(text));
        peer.accepted(ordinal, ordinal);
        tokio::select! {
            biased;
            sent = handle => assert_eq!(sent.unwrap().conv_seq, ordinal),
            () = peer.quiet_for(Duration::from_secs(60)) => panic!("not settled"),
        }
    }
    client.set_network(false).await;
    for text in ["one", "two", "three"] {
        client.post(Draft::text(group(), text)).await.unwrap();
    }
    client.close().await;
    // What was given to the client is kept, room or not.
    assert_eq!(world.store.outbox_len().await.unwrap(), 3);
}
