//! Messages.

use bytes::Bytes;
use eim_codec::id::ConversationId;
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::store::{Accounts, Origin, Store, StoreError, Target, TenantId, TimelinePage};

use crate::harness::{ALL, Harness, START_MS, TENANT, device, origin, refused, user};

const DAY_MS: u64 = 24 * 3600 * 1000;

pub(crate) async fn numbers_have_no_gaps_and_time_never_steps_back(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let mut times = Vec::new();
    for (index, offset) in [0_i64, 50, -100, 20, 60].into_iter().enumerate() {
        h.clock.set(START_MS.saturating_add_signed(offset));
        let from = if index % 2 == 0 { a } else { b };
        let to = if index % 2 == 0 { b } else { a };
        let appended = h.say(from, Target::Direct(to), "x").await;
        assert_eq!(appended.conv_seq, index as u64 + 1);
        times.push(appended.time_ms - START_MS);
    }
    assert_eq!(times, [0, 50, 50, 50, 60]);
}

pub(crate) async fn the_first_message_opens_a_direct_conversation(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = ConversationId::direct(a, b);
    assert!(h.store.conversation(TENANT, a, id).await.unwrap().is_none());
    assert_eq!(
        refused(h.append(a, h.text(Target::Direct(user(9)), "x")).await),
        ErrorCode::NOT_FOUND
    );
    h.store.set_disabled(TENANT, c, true).await.unwrap();
    assert_eq!(
        refused(h.append(a, h.text(Target::Direct(c), "x")).await),
        ErrorCode::NOT_FOUND
    );

    let appended = h.say(a, Target::Direct(b), "hello").await;
    assert_eq!(
        (appended.conversation, appended.conv_seq, appended.user_seq),
        (id, 1, 1)
    );
    for (who, peer) in [(a, b), (b, a)] {
        let view = h
            .store
            .conversation(TENANT, who, id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((view.peer, view.members, view.conv_seq), (Some(peer), 2, 1));
        assert_eq!((view.visible_from, view.visible_through), (1, 0));
        assert_eq!(h.references(who).await, [(1, id, 1)]);
    }
    assert_eq!(h.say(b, Target::Conversation(id), "back").await.conv_seq, 2);
}

pub(crate) async fn notes_to_self_reach_only_oneself(h: Harness) {
    let [a] = h.users([1]).await;
    let appended = h.say(a, Target::Direct(a), "note").await;
    assert_eq!(appended.conversation, ConversationId::direct(a, a));
    let view = h
        .store
        .conversation(TENANT, a, appended.conversation)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((view.members, view.peer), (1, Some(a)));
    assert_eq!(h.references(a).await.len(), 1);
    let committed = h.sink.taken();
    assert_eq!(&committed[0].recipients[..], [(a, 1)]);
}

pub(crate) async fn strangers_and_holes_look_alike(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let id = h.say(a, Target::Direct(b), "x").await.conversation;
    let stranger = h.append(c, h.text(Target::Conversation(id), "x")).await;
    let hole = h
        .append(c, h.text(Target::Conversation([9; 16].into()), "x"))
        .await;
    assert_eq!(stranger, hole);
    assert_eq!(refused(stranger), ErrorCode::NOT_FOUND);
    assert!(h.store.conversation(TENANT, c, id).await.unwrap().is_none());
    assert_eq!(h.log(id).await.len(), 1);
}

pub(crate) async fn an_older_connection_cannot_write(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let open = || {
        h.store
            .open_device(TENANT, a, device(a), 1, "laptop".to_owned())
    };
    let first = open().await.unwrap().generation;
    let old = Origin {
        generation: Some(first),
        ..origin(a)
    };
    let batch = || {
        vec![
            h.text(Target::Direct(b), "x"),
            h.text(Target::Direct(b), "y"),
        ]
    };
    assert!(
        h.store
            .append(old, batch())
            .await
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );
    let second = open().await.unwrap().generation;
    assert!(second > first);
    let outcomes = h.store.append(old, batch()).await.unwrap();
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        assert_eq!(refused(outcome), ErrorCode::REPLACED);
    }
    let h = h.reopen().await;
    let batch = || vec![h.text(Target::Direct(b), "z")];
    let outcomes = h.store.append(old, batch()).await.unwrap();
    assert_eq!(refused(outcomes[0].clone()), ErrorCode::REPLACED);
    let new = Origin {
        generation: Some(second),
        ..origin(a)
    };
    h.store
        .append(new, batch())
        .await
        .unwrap()
        .remove(0)
        .unwrap();
    // A send-only session replaces nothing and is not replaced.
    h.store
        .append(origin(a), batch())
        .await
        .unwrap()
        .remove(0)
        .unwrap();
}

pub(crate) async fn outcomes_stand_for_themselves(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let batch = vec![
        h.text(Target::Direct(b), "1"),
        h.text(Target::Conversation([9; 16].into()), "lost"),
        h.text(Target::Direct(a), "note"),
        h.text(Target::Direct(b), "2"),
    ];
    let outcomes = h.store.append(origin(a), batch).await.unwrap();
    let numbers: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().ok().map(|it| it.conv_seq))
        .collect();
    assert_eq!(numbers, [Some(1), None, Some(1), Some(2)]);
    assert_eq!(h.bodies(ConversationId::direct(a, b)).await, ["1", "2"]);
    assert!(
        h.store
            .append(origin(a), Vec::new())
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn the_sink_hears_commits_in_order(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let first = h.say(a, Target::Direct(b), "1").await;
    let batch = vec![
        h.text(Target::Direct(c), "2"),
        h.text(Target::Direct(b), "3"),
    ];
    h.store.append(origin(a), batch).await.unwrap();
    h.append(a, h.text(Target::Direct(user(9)), "refused"))
        .await
        .unwrap_err();
    let commits = h.sink.taken();
    let heard: Vec<_> = commits
        .iter()
        .map(|commit| {
            let recipients = commit.recipients.to_vec();
            (
                commit.entry.body.to_vec(),
                commit.entry.conv_seq,
                recipients,
            )
        })
        .collect();
    assert_eq!(
        heard,
        [
            (b"1".to_vec(), 1, vec![(a, 1), (b, 1)]),
            (b"2".to_vec(), 1, vec![(a, 2), (c, 1)]),
            (b"3".to_vec(), 2, vec![(a, 3), (b, 2)]),
        ]
    );
    let entry = &commits[0].entry;
    assert_eq!(commits[0].tenant, TENANT);
    assert_eq!(
        (entry.sender, entry.sender_device),
        (Some(a), Some(device(a)))
    );
    assert_eq!(entry.log_epoch, h.store.log_epoch());
    assert_eq!(entry.time_ms, first.time_ms);
    // What the sink heard is what is read.
    assert_eq!(h.log(first.conversation).await[0], *entry);
}

pub(crate) async fn bodies_are_kept_octet_for_octet(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let bodies: [Vec<u8>; 4] = [
        Vec::new(),
        vec![0],
        (0..=255).collect(),
        (0..1_048_576_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect(),
    ];
    for body in &bodies {
        let mut append = h.text(Target::Direct(b), "");
        append.body = Bytes::copy_from_slice(body);
        append.fallback_text = "grüße 你好".to_owned();
        append.frame_type = FrameType::CUSTOM;
        h.append(a, append).await.unwrap();
    }
    let h = h.reopen().await;
    let log = h.log(ConversationId::direct(a, b)).await;
    assert!(
        log.iter()
            .map(|entry| entry.body.as_ref())
            .eq(bodies.iter().map(Vec::as_slice))
    );
    assert!(log.iter().all(|entry| entry.fallback_text == "grüße 你好"));
    assert!(
        log.iter()
            .all(|entry| entry.frame_type == FrameType::CUSTOM && !entry.tombstone)
    );
}

pub(crate) async fn history_pages_both_ways(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = ConversationId::direct(a, b);
    for number in 1..=20 {
        h.say(a, Target::Direct(b), &format!("{number:0100}")).await;
    }
    let read = async |first, last, newest, entries, octets| -> Vec<u64> {
        let page = h
            .store
            .history(TENANT, id, first, last, newest, entries, octets, 0)
            .await;
        page.unwrap()
            .entries
            .iter()
            .map(|entry| entry.conv_seq)
            .collect()
    };
    assert_eq!(read(3, 6, false, ALL, usize::MAX).await, [3, 4, 5, 6]);
    assert_eq!(read(3, 6, true, ALL, usize::MAX).await, [6, 5, 4, 3]);
    assert_eq!(read(1, 20, true, 2, usize::MAX).await, [20, 19]);
    assert_eq!(read(19, 99, false, ALL, usize::MAX).await, [19, 20]);
    assert_eq!(read(21, 99, false, ALL, usize::MAX).await, [0; 0]);
    assert_eq!(read(6, 3, false, ALL, usize::MAX).await, [0; 0]);
    assert_eq!(read(5, 20, false, ALL, 1).await, [5]);
    let some = read(1, 20, false, ALL, 1000).await;
    assert!((2..20).contains(&some.len()), "{some:?}");
}

pub(crate) async fn tenants_do_not_see_each_other(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let other = TenantId(8);
    let id = h.say(a, Target::Direct(b), "x").await.conversation;
    let elsewhere = Origin {
        tenant: other,
        ..origin(a)
    };
    for target in [Target::Direct(b), Target::Conversation(id)] {
        let outcome = h
            .store
            .append(elsewhere, vec![h.text(target, "y")])
            .await
            .unwrap()
            .remove(0);
        assert_eq!(refused(outcome), ErrorCode::NOT_FOUND);
    }
    assert_eq!(h.store.timeline_head(other, a).await.unwrap(), (0, 0));
    assert!(h.store.user(other, a).await.unwrap().is_none());
    assert!(h.store.conversation(other, a, id).await.unwrap().is_none());
    assert!(
        h.store
            .history(other, id, 1, 9, false, ALL, ALL, 0)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

pub(crate) async fn only_messages_are_countable(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let group = h.create_group(a, &[b]).await;
    h.say(a, Target::Conversation(group), "1").await;
    h.remove(a, group, &[b]).await.unwrap();
    h.say(a, Target::Conversation(group), "2").await;
    let countable: Vec<_> = h
        .log(group)
        .await
        .iter()
        .map(|entry| entry.countable)
        .collect();
    assert_eq!(countable, [0, 0, 1, 1, 2]);
}

pub(crate) async fn everything_survives_a_reopening(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let id = ConversationId::direct(a, b);
    for number in 0..10 {
        h.say(a, Target::Direct(b), &number.to_string()).await;
    }
    let (log, references) = (h.log(id).await, h.references(b).await);
    let epoch = h.store.log_epoch();
    assert!(epoch >= 1);
    let h = h.reopen().await;
    assert_eq!(h.store.log_epoch(), epoch);
    assert_eq!((h.log(id).await, h.references(b).await), (log, references));
    h.clock.set(START_MS - DAY_MS);
    let next = h.say(b, Target::Direct(a), "next").await;
    assert_eq!(
        (next.conv_seq, next.user_seq, next.time_ms),
        (11, 11, START_MS)
    );
}

pub(crate) async fn a_raised_epoch_keeps_what_was_and_numbers_on(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let old = h.store.log_epoch();
    let message = h.text(Target::Direct(b), "before");
    let id = h.append(a, message.clone()).await.unwrap().conversation;
    let h = h.reopen_raised().await;
    let new = h.store.log_epoch();
    assert!(new > old);
    assert!(h.append(a, message).await.unwrap().duplicate);
    let after = h.say(a, Target::Direct(b), "after").await;
    assert_eq!((after.conv_seq, after.user_seq), (2, 2));
    let epochs: Vec<_> = h
        .log(id)
        .await
        .iter()
        .map(|entry| entry.log_epoch)
        .collect();
    assert_eq!(epochs, [old, new]);
    let timeline = h.timeline(b, 0).await;
    assert_eq!(
        timeline
            .iter()
            .map(|item| item.entry.log_epoch)
            .collect::<Vec<_>>(),
        epochs
    );
    let page = h.store.timeline(TENANT, b, old, 1, ALL, ALL).await.unwrap();
    assert!(
        matches!(page, TimelinePage::TooOld { floor: 0, head: 2 }),
        "{page:?}"
    );
}

pub(crate) async fn a_closed_store_says_so(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let message = h.text(Target::Direct(b), "x");
    h.store.close().await;
    h.store.close().await;
    let outcome = h.store.append(origin(a), vec![message]).await;
    assert!(matches!(outcome, Err(StoreError::Closed)), "{outcome:?}");
    assert!(matches!(
        h.store.timeline_head(TENANT, a).await,
        Err(StoreError::Closed)
    ));
}
