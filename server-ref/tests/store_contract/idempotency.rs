//! One key, one message.

use std::sync::Arc;

use bytes::Bytes;
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Store, Target};

use crate::harness::{Harness, START_MS, origin, refused, user};

const DAY_MS: u64 = 24 * 3600 * 1000;

pub(crate) async fn a_retry_gets_the_first_result(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let first = h.text(Target::Direct(b), "once");
    let appended = h.append(a, first.clone()).await.unwrap();
    assert!(!appended.duplicate);
    h.say(a, Target::Direct(b), "between").await;
    h.clock.set(START_MS + DAY_MS);
    let mut retry = first;
    retry.first_sent_at_ms = START_MS;
    retry.target = Target::Conversation(appended.conversation);
    let again = h.append(a, retry.clone()).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(
        (
            again.conversation,
            again.conv_seq,
            again.time_ms,
            again.user_seq
        ),
        (
            appended.conversation,
            appended.conv_seq,
            appended.time_ms,
            appended.user_seq
        )
    );
    let h = h.reopen().await;
    assert_eq!(h.append(a, retry).await.unwrap(), again);
    assert_eq!(h.bodies(appended.conversation).await, ["once", "between"]);
}

pub(crate) async fn a_repetition_inside_one_batch_is_one_message(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let one = h.text(Target::Direct(b), "one");
    let mut other = one.clone();
    other.body = Bytes::from_static(b"other");
    let held = h.text(Target::Direct(b), "held");
    let mut two = h.text(Target::Direct(b), "two");
    two.after_failed = true;
    let batch = vec![
        one.clone(),
        one.clone(),
        other.clone(),
        // What is held back has the outcome of its own if it has one.
        one.clone(),
        other,
        held,
        two,
    ];
    let outcomes = h.store.append(origin(a), batch).await.unwrap();
    let first = outcomes[0].clone().unwrap();
    assert_eq!(outcomes[1].as_ref().unwrap().conv_seq, first.conv_seq);
    assert!(outcomes[1].as_ref().unwrap().duplicate);
    assert_eq!(refused(outcomes[2].clone()), ErrorCode::CONFLICT);
    assert_eq!(outcomes[3], outcomes[1]);
    assert_eq!(refused(outcomes[4].clone()), ErrorCode::CONFLICT);
    assert_eq!(refused(outcomes[5].clone()), ErrorCode::PREDECESSOR_FAILED);
    assert_eq!(outcomes[6].as_ref().unwrap().conv_seq, 2);
    assert_eq!(h.bodies(first.conversation).await, ["one", "two"]);
}

pub(crate) async fn the_same_key_with_other_content_is_a_conflict(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let first = h.text(Target::Direct(b), "x");
    h.append(a, first.clone()).await.unwrap();
    let mut body = first.clone();
    body.body = Bytes::from_static(b"y");
    let mut frame_type = first.clone();
    frame_type.frame_type = FrameType::CUSTOM;
    let mut target = first.clone();
    target.target = Target::Direct(c);
    let mut fallback = first.clone();
    fallback.fallback_text = "z".to_owned();
    for other in [body, frame_type, target, fallback] {
        assert_eq!(refused(h.append(a, other).await), ErrorCode::CONFLICT);
    }
    // The key is the sender's own: another user may choose the same octets.
    let mut theirs = first;
    theirs.target = Target::Direct(a);
    theirs.body = Bytes::from_static(b"theirs");
    assert_eq!(h.append(b, theirs).await.unwrap().conv_seq, 2);
}

pub(crate) async fn a_retry_beyond_the_window_is_refused(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let window = h.options.idempotency_ms;
    let now = START_MS + 2 * window;
    h.clock.set(now);
    let mut late = h.text(Target::Direct(b), "late");
    late.first_sent_at_ms = now - window - 1;
    assert_eq!(
        refused(h.append(a, late.clone()).await),
        ErrorCode::RETRY_EXPIRED
    );
    late.first_sent_at_ms = now - window;
    h.append(a, late.clone()).await.unwrap();
    // A key that is still held is answered, however late.
    h.clock.set(now + 2 * window);
    assert!(h.append(a, late).await.unwrap().duplicate);
}

pub(crate) async fn a_retry_is_answered_even_after_leaving(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let group = h.create_group(a, &[b]).await;
    let said = h.text(Target::Conversation(group), "x");
    let first = h.append(b, said.clone()).await.unwrap();
    h.leave(b, group).await.unwrap();
    let again = h.append(b, said).await.unwrap();
    assert_eq!((again.conv_seq, again.duplicate), (first.conv_seq, true));
    let new = h.append(b, h.text(Target::Conversation(group), "y")).await;
    assert_eq!(refused(new), ErrorCode::NOT_FOUND);
}

pub(crate) async fn a_refused_message_leaves_no_key(h: Harness) {
    let [a] = h.users([1]).await;
    let early = h.text(Target::Direct(user(2)), "x");
    assert_eq!(
        refused(h.append(a, early.clone()).await),
        ErrorCode::NOT_FOUND
    );
    h.users([2]).await;
    assert!(!h.append(a, early).await.unwrap().duplicate);
}

pub(crate) async fn one_message_on_many_connections_is_one_entry(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let message = h.text(Target::Direct(b), "x");
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(&h.store);
            let batch = vec![message.clone()];
            tokio::spawn(async move { store.append(origin(a), batch).await.unwrap().remove(0) })
        })
        .collect();
    let mut fresh = 0;
    for task in tasks {
        let appended = task.await.unwrap().unwrap();
        assert_eq!(appended.conv_seq, 1);
        fresh += u32::from(!appended.duplicate);
    }
    assert_eq!(fresh, 1);
    assert_eq!(h.references(b).await.len(), 1);
}
