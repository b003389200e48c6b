//! What the server refuses for a time.

use std::time::Duration;

use eim_client::error::RequestError;
use eim_codec::registry::ErrorCode;

use crate::peer::World;

/// Whoever asks too much is asked to wait, and waits: the same request comes again, not before.
// test[EIM-LIM-019]
#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_for_a_time_is_asked_again_after_it() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move { client.group_create("one", &[]).await });
    let first = peer.request().await;
    let asked = peer.driver.now();
    peer.refuse_for(&first, ErrorCode::RATE_LIMITED, true, 2000);
    let second = peer.request().await;
    let waited = peer.driver.now().saturating_since(asked);
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    assert_eq!(second, first, "under the same id, which makes it safe");
    // For longer than that, whoever asked decides.
    peer.refuse_for(&second, ErrorCode::RATE_LIMITED, true, 60_000);
    let refused = peer.until(asking).await.unwrap_err();
    assert!(matches!(
        refused,
        RequestError::Refused {
            code: ErrorCode::RATE_LIMITED,
            retryable: true,
            retry_after_ms: 60_000,
            ..
        }
    ));
}

/// It does not go on for ever.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_again_and_again_is_given_up() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move { client.group_create("one", &[]).await });
    for _ in 0..6 {
        let request = peer.request().await;
        peer.refuse_for(&request, ErrorCode::OVERLOADED, true, 100);
    }
    assert!(peer.until(asking).await.is_err());
}
