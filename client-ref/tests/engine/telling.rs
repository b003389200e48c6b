//! What the application says about its device, and what it is told.

use std::time::Duration;

use eim_client::event::End;
use eim_client::store::Store;
use eim_client::{ConnectionState, Draft, Event, Events};
use eim_codec::connection::{ClosedBy, ServerEvent};
use eim_codec::registry::ErrorCode;

use crate::peer::{World, group};

async fn disconnected(events: &mut Events) -> eim_client::Disconnected {
    loop {
        match events.next().await {
            Some(Event::Disconnected(ended)) => return ended,
            Some(_) => {}
            None => panic!("the client is over"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nothing_is_dialled_and_the_session_goes_on_later() {
    let mut world = World::at(0).await;
    let (client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    client.set_network(false).await;
    let ended = disconnected(&mut events).await;
    assert_eq!((ended.by, ended.code), (ClosedBy::Transport, None));
    assert!(ended.reconnects);
    while peer.driver.next().await.is_some() {}
    assert!(world.is_quiet().await);
    assert_eq!(client.state(), ConnectionState::Offline);
    client.set_network(true).await;
    let mut next = world.dialled().await;
    let resumed = next.open(5, 0, peer.driver.into_endpoint().into_session());
    assert!(resumed.await);
}

#[tokio::test(start_paused = true)]
async fn the_background_is_said_again_on_every_connection() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    client.set_background(Duration::from_secs(60)).await;
    assert_eq!(background(peer.next().await), 60_000);
    drop(peer);
    let mut peer = world.accept(0).await;
    assert_eq!(background(peer.next().await), 60_000);
    client.set_background(Duration::ZERO).await;
    assert_eq!(background(peer.next().await), 0);
    drop(peer);
    world.accept(0).await.quiet().await;
}

fn background(event: ServerEvent) -> u64 {
    match event {
        ServerEvent::Background { next_contact_ms } => next_contact_ms,
        other => panic!("BACKGROUND, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_posted_message_is_durable_and_a_passing_failure_is_told() {
    let mut world = World::at(0).await;
    let (client, mut events) = world.start().await;
    let id = client
        .store_and_post(Draft::text(group(), "hi"))
        .await
        .unwrap();
    assert_eq!(world.store.outbox_len().await.unwrap(), 1);
    let mut peer = world.accept(0).await;
    let (ordinal, _) = peer.message().await;
    peer.failed(ordinal, ErrorCode::RATE_LIMITED, true, 1000);
    peer.quiet().await;
    let postponed = loop {
        match events.next().await.unwrap() {
            Event::Postponed(postponed) => break postponed,
            Event::Settled(settled) => panic!("not settled: {settled:?}"),
            _ => {}
        }
    };
    assert_eq!(postponed.client_msg_id, id);
    assert_eq!(postponed.refused.code, ErrorCode::RATE_LIMITED);
}

#[tokio::test(start_paused = true)]
async fn an_end_says_who_and_why_and_whether_it_is_the_last() {
    let mut world = World::at(0).await;
    let (client, mut events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.driver
        .endpoint_mut()
        .close(ErrorCode::SHUTTING_DOWN, "later");
    while peer.driver.next().await.is_some() {}
    let ended = disconnected(&mut events).await;
    assert_eq!(
        (ended.by, ended.code, ended.detail.as_str()),
        (ClosedBy::Peer, Some(ErrorCode::SHUTTING_DOWN), "later")
    );
    assert!(ended.reconnects);
    let mut peer = world.accept(0).await;
    peer.driver
        .endpoint_mut()
        .close(ErrorCode::REPLACED, "newer");
    while peer.driver.next().await.is_some() {}
    let ended = disconnected(&mut events).await;
    assert_eq!(ended.code, Some(ErrorCode::REPLACED));
    assert!(!ended.reconnects);
    // Whoever is told has a client that is over, and may start the next one.
    assert_eq!(client.state(), ConnectionState::Closed(End::Replaced));
}
