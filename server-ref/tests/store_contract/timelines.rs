//! Timelines.

use eim_codec::id::ConversationId;
use eim_server::store::kv::Options;
use eim_server::store::{Store, Target, TimelinePage};

use crate::harness::{ALL, Harness, TENANT, origin};

pub(crate) async fn a_timeline_has_every_entry_once_in_commit_order(h: Harness) {
    let [a, b, c] = h.users([1, 2, 3]).await;
    let (ab, ac) = (ConversationId::direct(a, b), ConversationId::direct(a, c));
    h.say(a, Target::Direct(b), "1").await;
    h.say(c, Target::Direct(a), "2").await;
    let batch = vec![
        h.text(Target::Direct(b), "3"),
        h.text(Target::Direct(c), "4"),
        h.text(Target::Direct(b), "5"),
    ];
    let outcomes = h.store.append(origin(a), batch).await.unwrap();
    let numbers: Vec<_> = outcomes
        .into_iter()
        .map(|it| it.unwrap().user_seq)
        .collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(
        h.references(a).await,
        [(1, ab, 1), (2, ac, 1), (3, ab, 2), (4, ac, 2), (5, ab, 3)]
    );
    assert_eq!(h.references(b).await, [(1, ab, 1), (2, ab, 2), (3, ab, 3)]);
    assert_eq!(h.references(c).await, [(1, ac, 1), (2, ac, 2)]);
}

pub(crate) async fn pages_are_bounded_and_continue_anywhere(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    // Several commits, so that chunks have different lengths.
    for size in [1, 5, 9, 2, 3] {
        let batch = (0..size)
            .map(|_| h.text(Target::Direct(b), &"x".repeat(100)))
            .collect();
        h.store.append(origin(a), batch).await.unwrap();
    }
    let epoch = h.store.log_epoch();
    for cursor in 0..=20 {
        for (entries, octets) in [(1, ALL), (4, ALL), (ALL, 250), (0, 0), (ALL, ALL)] {
            let page = h
                .store
                .timeline(TENANT, b, epoch, cursor, entries, octets)
                .await
                .unwrap();
            let TimelinePage::Entries { items, head, more } = page else {
                panic!("{page:?}")
            };
            assert_eq!(head, 20);
            let fits = entries.max(1).min((octets / 100).max(1)) as u64;
            let expected: Vec<_> = (cursor + 1..=20.min(cursor + fits)).collect();
            let found: Vec<_> = items.iter().map(|item| item.user_seq).collect();
            assert_eq!(
                found, expected,
                "after {cursor}, {entries} entries, {octets} octets"
            );
            assert_eq!(more, cursor + fits < 20);
            assert!(
                items
                    .iter()
                    .all(|item| item.entry.conv_seq == item.user_seq)
            );
        }
    }
}

pub(crate) async fn a_cursor_out_of_bounds_is_too_old(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    h.say(a, Target::Direct(b), "x").await;
    let epoch = h.store.log_epoch();
    for (epoch, cursor) in [(epoch, 2), (epoch, u64::MAX), (epoch + 1, 0), (0, 0)] {
        let page = h
            .store
            .timeline(TENANT, b, epoch, cursor, ALL, ALL)
            .await
            .unwrap();
        assert!(
            matches!(page, TimelinePage::TooOld { floor: 0, head: 1 }),
            "{page:?}"
        );
    }
    assert!(h.timeline(b, 1).await.is_empty());
}

pub(crate) async fn long_bursts_span_chunks(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let batch = (0..1000).map(|_| h.text(Target::Direct(b), "x")).collect();
    for outcome in h.store.append(origin(a), batch).await.unwrap() {
        outcome.unwrap();
    }
    for cursor in [0, 1, 127, 128, 129, 500, 999, 1000] {
        let items = h.timeline(b, cursor).await;
        assert!(items.iter().map(|item| item.user_seq).eq(cursor + 1..=1000));
    }
}

pub(crate) async fn heads_are_derived_after_a_reopening(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    for round in 0..5 {
        let batch = (0..3).map(|_| h.text(Target::Direct(b), "x")).collect();
        h.store.append(origin(a), batch).await.unwrap();
        assert_eq!(
            h.store.timeline_head(TENANT, b).await.unwrap(),
            (3 * (round + 1), 0)
        );
    }
    let h = h.reopen().await;
    assert_eq!(h.store.timeline_head(TENANT, a).await.unwrap(), (15, 0));
    assert_eq!(h.say(b, Target::Direct(a), "x").await.user_seq, 16);
}

pub(crate) async fn small_caches_forget_nothing(h: Harness) {
    // The first conversation is forgotten long before it is used again.
    let h = h
        .reopen_with(Options {
            cached: 2,
            ..Options::default()
        })
        .await;
    let users = h.users([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).await;
    for round in 1..=3 {
        for from in users {
            for to in users {
                let appended = h.say(from, Target::Direct(to), "x").await;
                let both = u64::from(from != to) * u64::from(from > to);
                let before = (round - 1) * if from == to { 1 } else { 2 };
                assert_eq!(appended.conv_seq, before + 1 + both);
            }
        }
    }
    for user in users {
        let references = h.references(user).await;
        assert_eq!(references.len(), 3 * 19);
    }
}
