//! Sessions that go on, begin anew, or are taken over.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::ClientEvent;
use eim_codec::connection::client::Resume;
use eim_codec::id::SessionId;
use eim_codec::payload::{AuthOk, SessionOutcome};
use eim_codec::registry::ErrorCode;

use crate::kit::{Client, Kit, Login, now, text_of};

fn token(ok: &AuthOk) -> (Bytes, SessionId) {
    (
        ok.resume_token.clone(),
        SessionId::from_slice(&ok.session_id).unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_goes_on_with_its_results_and_pushes() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    alice.say(2, "one").await;
    bob.push().await;
    let (data, _) = token(bob.opened.as_ref().unwrap());
    let lost = bob.lose().unwrap();
    alice.say(2, "two").await;
    alice.say(2, "three").await;

    let mut bob = kit.connect();
    let ok = bob
        .resume(&Login::of(2, 2), data, Resume::Session(lost))
        .await
        .unwrap();
    assert_eq!(ok.outcome(), SessionOutcome::Resumed);
    for (n, text) in [(2, "two"), (3, "three")] {
        let (_, push) = bob.push().await;
        assert_eq!(push.user_seq, n);
        assert_eq!(text_of(&push.entry.unwrap()), text);
    }
    bob.say(1, "back").await;
}

#[tokio::test(start_paused = true)]
async fn a_result_that_was_lost_with_the_connection_is_repeated() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let (data, _) = token(alice.opened.as_ref().unwrap());
    let (send, _) = alice.text(2, "did it arrive?");
    // The message leaves; the connection is lost before its result is read.
    alice.flush().await;
    bob.push().await;
    let lost = alice.lose().unwrap();
    let mut alice = kit.connect();
    let ok = alice
        .resume(&Login::of(1, 1), data, Resume::Session(lost))
        .await
        .unwrap();
    assert_eq!(ok.outcome(), SessionOutcome::Resumed);
    assert_eq!(alice.result(send).await.conv_seq, 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_old_state_the_token_opens_a_fresh_session() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    alice.say(2, "one").await;
    bob.push().await;
    let (first, session) = token(bob.opened.as_ref().unwrap());
    drop(bob);
    let mut bob = kit.connect();
    let resume = Resume::TokenOnly(session);
    let ok = bob
        .resume(&Login::of(2, 2), first.clone(), resume)
        .await
        .unwrap();
    assert_eq!(ok.outcome(), SessionOutcome::Fresh);
    assert_ne!(ok.session_id, session.to_bytes());
    assert_eq!(ok.user_seq, 1);
    alice.say(2, "two").await;
    let (_, push) = bob.push().await;
    assert_eq!(push.user_seq, 2, "pushed from the head of AUTH_OK on");

    // The presented token works until the new one is used, then never again.
    let (second, fresh) = token(&ok);
    drop(bob);
    let mut bob = kit.connect();
    let resume = Resume::TokenOnly(session);
    let ok = bob
        .resume(&Login::of(2, 2), first.clone(), resume)
        .await
        .unwrap();
    let (third, newest) = token(&ok);
    drop(bob);
    let mut bob = kit.connect();
    bob.resume(&Login::of(2, 2), third, Resume::TokenOnly(newest))
        .await
        .unwrap();
    drop(bob);
    let mut bob = kit.connect();
    let resume = Resume::TokenOnly(session);
    let reason = bob
        .resume(&Login::of(2, 2), first, resume)
        .await
        .unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::RESUME_REJECTED));
    let _ = (second, fresh);
}

#[tokio::test(start_paused = true)]
async fn tokens_rotate_with_one_generation_of_grace_and_belong_to_a_device() {
    let kit = Kit::new("").await;
    let bob = kit.login(2, 2).await;
    let (first, session) = token(bob.opened.as_ref().unwrap());
    let lost = bob.lose().unwrap();
    let mut other = kit.connect();
    let resume = Resume::TokenOnly(session);
    let reason = other
        .resume(&Login::of(2, 3), first.clone(), resume)
        .await
        .unwrap_err();
    assert_eq!(
        reason.code,
        Some(ErrorCode::RESUME_REJECTED),
        "another device"
    );

    let mut bob = kit.connect();
    let ok = bob
        .resume(&Login::of(2, 2), first.clone(), Resume::Session(lost))
        .await
        .unwrap();
    assert_eq!(ok.outcome(), SessionOutcome::Resumed);
    let (second, same) = token(&ok);
    assert_eq!(same, session);
    // AUTH_OK may have been lost: the token that was presented still works.
    let lost = bob.lose().unwrap();
    let mut bob = kit.connect();
    let ok = bob
        .resume(&Login::of(2, 2), first.clone(), Resume::Session(lost))
        .await
        .unwrap();
    let (third, _) = token(&ok);
    drop(bob);
    let mut bob = kit.connect();
    bob.resume(&Login::of(2, 2), third, Resume::TokenOnly(session))
        .await
        .unwrap();
    drop(bob);
    let mut bob = kit.connect();
    let resume = Resume::TokenOnly(session);
    let reason = bob
        .resume(&Login::of(2, 2), second, resume)
        .await
        .unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::RESUME_REJECTED));
}

// test[EIM-AUT-039]
#[tokio::test(start_paused = true)]
async fn expired_tokens_and_sessions_are_gone() {
    let kit = Kit::new("[session]\nresume_ms = 60000\nresume_token_ms = 3600000").await;
    let bob = kit.login(2, 2).await;
    let (first, session) = token(bob.opened.as_ref().unwrap());
    let lost = bob.lose().unwrap();
    // Only the session is too old. The server has to have noticed the loss first.
    while kit.shared.detached.expire(0) == 0 {
        tokio::task::yield_now().await;
    }
    kit.advance_clock(Duration::from_secs(61));
    kit.shared
        .detached
        .expire(eim_server::clock::Clock::now_ms(&*kit.clock));
    assert_eq!(kit.hub.load().0, 0, "its mailbox is gone too");
    let mut bob = kit.connect();
    let ok = bob
        .resume(&Login::of(2, 2), first, Resume::Session(lost))
        .await
        .unwrap();
    assert_eq!(ok.outcome(), SessionOutcome::Fresh);
    let (second, newer) = token(&ok);
    assert_ne!(newer, session);
    drop(bob);
    kit.advance_clock(Duration::from_secs(3601));
    let mut bob = kit.connect();
    let resume = Resume::TokenOnly(newer);
    let reason = bob
        .resume(&Login::of(2, 2), second, resume)
        .await
        .unwrap_err();
    assert_eq!(reason.code, Some(ErrorCode::RESUME_REJECTED));
}

#[tokio::test(start_paused = true)]
async fn a_newer_connection_of_a_device_replaces_the_older_one() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut older = kit.login(2, 2).await;
    let generation = older.opened.as_ref().unwrap().connection_generation;
    let (newer, reason) = tokio::join!(kit.login(2, 2), older.closed());
    assert_eq!(reason.code, Some(ErrorCode::REPLACED));
    let mut newer = newer;
    assert!(newer.opened.as_ref().unwrap().connection_generation > generation);
    alice.say(2, "hello").await;
    newer.push().await;
    assert_eq!(newer.pushed_before_now().await, 0, "once");
    assert_eq!(kit.shared.slots.len(), 2);
}

/// Else two programs of one device on slow lines replace each other for ever.
// test[EIM-CON-021]
#[tokio::test(start_paused = true)]
async fn a_slow_reader_hears_that_it_was_replaced_and_the_newer_one_does_not_wait_for_it() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut older = Client::new(kit.pipe(1024));
    older.login(&Login::of(2, 2)).await.unwrap();
    alice.say(2, &"more than fits the pipe ".repeat(400)).await;
    let before = now();
    let _newer = kit.login(2, 2).await;
    assert_eq!(now(), before, "nobody waits");
    tokio::time::advance(Duration::from_millis(1500)).await;
    let reason = older.closed().await;
    assert_eq!(reason.code, Some(ErrorCode::REPLACED));
}

#[tokio::test(start_paused = true)]
async fn a_resume_takes_the_session_from_a_connection_that_looks_alive() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = Client::new(kit.silent_loss());
    bob.login(&Login::of(2, 2)).await.unwrap();
    alice.say(2, "one").await;
    bob.push().await;
    let (data, _) = token(bob.opened.as_ref().unwrap());
    // The network changed: the client knows that its connection is dead, the server does not.
    let lost = bob.lose().unwrap();
    let mut bob = kit.connect();
    let ok = bob
        .resume(&Login::of(2, 2), data, Resume::Session(lost))
        .await
        .unwrap();
    assert_eq!(ok.outcome(), SessionOutcome::Resumed);
    alice.say(2, "two").await;
    let (_, push) = bob.push().await;
    assert_eq!(push.user_seq, 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_resent_in_a_fresh_session_is_not_written_twice() {
    let kit = Kit::new("").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    let (send, key) = alice.text(2, "once");
    let first = alice.result(send).await;
    drop(alice);
    let mut alice = kit.login(1, 1).await;
    let again = alice.send(2, "once", key, false);
    assert_eq!(alice.result(again).await.conv_seq, first.conv_seq);
    bob.push().await;
    assert_eq!(bob.pushed_before_now().await, 0);
    assert!(
        alice
            .seen
            .iter()
            .all(|event| !matches!(event, ClientEvent::Push { .. }))
    );
}

#[tokio::test(start_paused = true)]
async fn a_session_that_missed_too_much_goes_on_and_is_told_so() {
    let kit = Kit::new("[memory]\nqueue_frames = 4").await;
    let mut alice = kit.login(1, 1).await;
    let mut bob = kit.login(2, 2).await;
    alice.say(2, "one").await;
    bob.push().await;
    let (data, _) = token(bob.opened.as_ref().unwrap());
    let lost = bob.lose().unwrap();
    for n in 2..=20 {
        alice.say(2, &n.to_string()).await;
    }
    let mut bob = kit.connect();
    let ok = bob
        .resume(&Login::of(2, 2), data, Resume::Session(lost))
        .await
        .unwrap();
    assert_eq!(ok.outcome(), SessionOutcome::Resumed);
    let lagged = bob
        .until(|event| match event {
            ClientEvent::Lagged(lagged) => Ok(lagged),
            other => Err(other),
        })
        .await;
    assert_eq!(lagged.user_seq, 20);
    alice.say(2, "present").await;
    let (_, push) = bob.push().await;
    assert!(push.user_seq > 1, "what was sent before is not repeated");
}

#[tokio::test(start_paused = true)]
async fn sessions_without_a_connection_are_bounded_in_number() {
    let kit = Kit::new("[session]\ndetached_sessions = 2").await;
    let mut tokens = Vec::new();
    for device in 1..=3 {
        let client = kit.login(1, device).await;
        let (data, _) = token(client.opened.as_ref().unwrap());
        let kept = kit.shared.detached.expire(0);
        tokens.push((device, data, client.lose().unwrap()));
        while kit.shared.detached.expire(0) < (kept + 1).min(2) {
            tokio::task::yield_now().await;
        }
    }
    // Kept open: one that ends would make the next oldest go.
    let (mut outcomes, mut open) = (Vec::new(), Vec::new());
    for (device, data, lost) in tokens {
        let mut client = kit.connect();
        let resume = Resume::Session(lost);
        let ok = client.resume(&Login::of(1, device), data, resume).await;
        outcomes.push(ok.unwrap().outcome());
        open.push(client);
    }
    let (resumed, fresh) = (SessionOutcome::Resumed, SessionOutcome::Fresh);
    assert_eq!(outcomes, [fresh, resumed, resumed], "the oldest made room");
}
