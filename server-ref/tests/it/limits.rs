//! Rates and overload, as clients meet them.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::id::ClientMsgId;
use eim_codec::payload::request::Body as Ask;
use eim_codec::payload::{self, ErrorInfo, GroupCreateRequest, HeadsRequest};
use eim_codec::registry::{ErrorCode, Operation};
use tokio::io::DuplexStream;

use crate::kit::{Client, Kit, Login, user_id};

fn code(error: &ErrorInfo) -> ErrorCode {
    ErrorCode(u16::try_from(error.code).unwrap())
}

fn refused(result: &payload::Result) -> Option<(ErrorCode, u64)> {
    let error = result.error.as_ref()?;
    Some((code(error), error.retry_after_ms))
}

/// Sends again what was refused, as a client does that knows.
async fn again(client: &mut Client<DuplexStream>, to: u8, id: ClientMsgId) -> payload::Result {
    let send = client.send(to, "again", id, true);
    client.result(send).await
}

// test[EIM-LIM-015, EIM-LIM-016, EIM-LIM-023]
#[tokio::test(start_paused = true)]
async fn a_new_connection_is_no_new_allowance_and_the_wait_is_honest() {
    let kit = Kit::new("[limits]\nmessages_per_s = 2").await;
    let mut alice = kit.login(1, 1).await;
    for _ in 0..2 {
        let (send, _) = alice.text(2, "hi");
        assert_eq!(refused(&alice.result(send).await), None);
    }
    drop(alice);
    let mut alice = kit.login(1, 1).await;
    let (send, id) = alice.text(2, "again");
    let (code, wait_ms) = refused(&alice.result(send).await).unwrap();
    assert_eq!(code, ErrorCode::RATE_LIMITED);
    assert!((1..=500).contains(&wait_ms), "{wait_ms}");
    tokio::time::advance(Duration::from_millis(wait_ms)).await;
    assert_eq!(refused(&again(&mut alice, 2, id).await), None);
    // Another device has a bucket of its own.
    let mut other = kit.login(1, 2).await;
    let (send, _) = other.text(2, "hi");
    assert_eq!(refused(&other.result(send).await), None);
}

// test[EIM-LIM-017]
#[tokio::test(start_paused = true)]
async fn a_loud_user_does_not_take_the_rate_of_all() {
    let kit = Kit::new("[rates]\ntenant_messages_per_s = 10").await;
    let mut loud = kit.login(1, 1).await;
    let mut quiet = kit.login(2, 1).await;
    let mut taken = 0;
    for _ in 0..200 {
        // The loud one asks a hundred times a second and does not wait at all.
        tokio::time::advance(Duration::from_millis(10)).await;
        let (send, id) = loud.text(3, "x");
        let first = refused(&loud.result(send).await).is_none();
        taken += u32::from(first);
        if !first {
            taken += u32::from(refused(&again(&mut loud, 3, id).await).is_none());
        }
    }
    assert!((20..=30).contains(&taken), "{taken}");
    for _ in 0..5 {
        let (send, _) = quiet.text(3, "hello");
        assert_eq!(refused(&quiet.result(send).await), None);
        tokio::time::advance(Duration::from_millis(200)).await;
    }
}

// test[EIM-LIM-018, EIM-LIM-024]
#[tokio::test(start_paused = true)]
async fn logins_are_bounded_once_they_are_proven() {
    let kit = Kit::new("[rates]\nuser_logins_per_min = 2").await;
    for device in 1..4 {
        let wrong = Login {
            password: "guessed",
            ..Login::of(1, device)
        };
        let reason = kit.connect().login(&wrong).await.unwrap_err();
        assert_eq!(reason.code, Some(ErrorCode::AUTH_FAILED));
    }
    let _first = kit.login(1, 1).await;
    let _second = kit.login(1, 2).await;
    let reason = kit.connect().login(&Login::of(1, 3)).await.unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::RATE_LIMITED));
    assert!(reason.retryable);
    let wait = reason.retry_after.unwrap();
    assert!(wait <= Duration::from_secs(30), "{wait:?}");
    let _other = kit.login(2, 1).await;
    tokio::time::advance(wait).await;
    let _third = kit.login(1, 3).await;
}

// test[EIM-LIM-018, EIM-LIM-022]
#[tokio::test(start_paused = true)]
async fn logins_of_a_network_are_bounded_before_anything_is_looked_up() {
    let kit = Kit::new("[rates]\naddress_logins_per_min = 1").await;
    let from = |address: &str| Client::new(kit.pipe_from(address.parse().unwrap(), 1 << 20));
    from("[2001:db8::1]:1")
        .login(&Login::of(1, 1))
        .await
        .unwrap();
    let nobody = Login {
        user: "nobody",
        ..Login::of(1, 1)
    };
    let reason = from("[2001:db8::2]:1").login(&nobody).await.unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::RATE_LIMITED));
    from("[2001:db8:1::1]:1")
        .login(&Login::of(2, 1))
        .await
        .unwrap();
}

// test[EIM-LIM-014, EIM-LIM-015]
#[tokio::test(start_paused = true)]
async fn groups_and_requests_have_rates() {
    let kit = Kit::new("[rates]\nuser_groups_per_hour = 1\nuser_requests_per_s = 24").await;
    let mut alice = kit.login(1, 1).await;
    let create = || {
        Ask::GroupCreate(GroupCreateRequest {
            name: "one more".to_owned(),
            members: vec![Bytes::copy_from_slice(user_id(2).as_bytes())],
        })
    };
    let created = alice.ask(Operation::GROUP_CREATE, create()).await;
    assert_eq!(created.error, None);
    tokio::time::advance(Duration::from_secs(1)).await;
    let error = alice
        .ask(Operation::GROUP_CREATE, create())
        .await
        .error
        .unwrap();
    assert_eq!(code(&error), ErrorCode::RATE_LIMITED);
    assert!(error.retry_after_ms > 3_000_000, "{error:?}");
    // A new group costs sixteen, a page four.
    for (expected, _) in [(None, 1), (None, 2), (Some(ErrorCode::RATE_LIMITED), 3)] {
        let ask = Ask::Heads(HeadsRequest::default());
        let error = alice.ask(Operation::HEADS, ask).await.error;
        assert_eq!(error.as_ref().map(code), expected);
    }
}

// test[EIM-LIM-020]
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_store_is_bounded_and_a_light_user_is_taken() {
    let kit = Kit::new_with_store("", "backlog_messages = 8").await;
    let mut alice = kit.login(1, 1).await;
    let mut carol = kit.login(3, 1).await;
    // In one write, so that the store has taken none of them before the last is read.
    let sends: Vec<_> = (0..40).map(|_| alice.text(2, "x").0).collect();
    let (mut taken, mut codes) = (0, Vec::new());
    for send in sends {
        match refused(&alice.result(send).await) {
            None => taken += 1,
            Some(refusal) => codes.push(refusal),
        }
    }
    assert!(taken >= 4, "{taken}");
    let (first, wait_ms) = codes[0];
    assert_eq!(first, ErrorCode::OVERLOADED);
    assert!(wait_ms >= 100, "{wait_ms}");
    assert!(
        codes[1..]
            .iter()
            .all(|(code, _)| *code == ErrorCode::PREDECESSOR_FAILED)
    );
    let (send, _) = carol.text(2, "x");
    assert_eq!(refused(&carol.result(send).await), None);
    let (send, _) = alice.text(3, "another conversation");
    assert_eq!(
        refused(&alice.result(send).await),
        None,
        "nothing waits any more"
    );
}
