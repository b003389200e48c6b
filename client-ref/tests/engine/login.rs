//! Logging in, staying away, coming back.

use std::time::Duration;

use eim_client::store::Store;
use eim_client::{ConnectionState, End};
use eim_codec::connection::ServerEvent;
use eim_codec::payload::{AttachMode, GoAway};
use eim_codec::registry::ErrorCode;

use crate::peer::{DEVICE, EPOCH, ME, World};

#[tokio::test(start_paused = true)]
async fn the_first_auth_says_who_and_where() {
    let mut world = World::at(17).await;
    let (_client, _events) = world.start().await;
    let mut peer = world.dialled().await;
    let auth = peer.auth().await;
    assert_eq!(auth.session_id[..], [4; 16]);
    assert_eq!(auth.device.unwrap().device_id[..], DEVICE);
    assert_eq!((auth.log_epoch, auth.user_seq), (EPOCH, 17));
    assert_eq!(auth.mode, i32::from(AttachMode::Full));
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_replacement_does_not_come_back() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    peer.driver
        .endpoint_mut()
        .close(ErrorCode::REPLACED, "newer");
    while peer.driver.next().await.is_some() {}
    assert!(world.is_quiet().await);
    assert_eq!(client.state(), ConnectionState::Closed(End::Replaced));
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_end_the_client() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.auth().await;
    peer.driver
        .endpoint_mut()
        .reject(ErrorCode::ACCOUNT_DISABLED, "disabled");
    while peer.driver.next().await.is_some() {}
    assert_eq!(
        client.opened().await,
        Err(End::Authentication("disabled".to_owned()))
    );
    assert!(world.is_quiet().await);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_forgotten() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.dialled().await;
    peer.auth().await;
    peer.driver
        .endpoint_mut()
        .reject(ErrorCode::RESUME_REJECTED, "old");
    while peer.driver.next().await.is_some() {}
    // The next attempt needs the password, which this client does not have.
    let mut peer = world.dialled().await;
    while peer.driver.next().await.is_some() {}
    let needed = "a password is needed".to_owned();
    assert_eq!(client.opened().await, Err(End::Authentication(needed)));
    assert_eq!(world.store.resume().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn losses_are_retried_until_the_server_is_back() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    for _ in 0..5 {
        drop(world.dialled().await);
    }
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    let open = ConnectionState::Open {
        resumed: false,
        user: ME.into(),
    };
    assert_eq!(client.state(), open);
}

#[tokio::test(start_paused = true)]
async fn goaway_is_followed_by_another_connection() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    peer.driver.endpoint_mut().goaway(GoAway {
        accept_through: 0,
        deadline_ms: 1000,
        reconnect_jitter_ms: 5000,
        reason: None,
        alternates: Vec::new(),
    });
    while peer.driver.next().await.is_some() {}
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    assert!(matches!(client.state(), ConnectionState::Open { .. }));
}

#[tokio::test(start_paused = true)]
async fn closing_settles_what_has_a_result() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    peer.quiet().await;
    let closing = tokio::spawn(async move { client.close().await });
    let mut ended = false;
    while let Some(event) = peer.driver.next().await {
        ended |= matches!(event, ServerEvent::GoAway(_) | ServerEvent::Closed(_));
    }
    assert!(ended);
    tokio::time::timeout(Duration::from_secs(30), closing)
        .await
        .unwrap()
        .unwrap();
}
