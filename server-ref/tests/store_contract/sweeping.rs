//! What time takes away.

use eim_codec::id::SessionId;
use eim_codec::registry::ErrorCode;
use eim_server::store::{Accounts, SessionRecord, Store, Swept, Target, TimelinePage};

use crate::harness::{ALL, Harness, START_MS, TENANT, device, origin, refused};

async fn sweep_all(h: &Harness, now_ms: u64, limit: usize) -> Swept {
    let mut total = Swept::default();
    for _ in 0..10_000 {
        let swept = h.store.sweep(TENANT, now_ms, limit).await.unwrap();
        total.timeline += swept.timeline;
        total.idempotency += swept.idempotency;
        total.sessions += swept.sessions;
        if !swept.more {
            return total;
        }
    }
    panic!("the sweep never ends: {total:?}");
}

pub(crate) async fn references_go_and_the_floor_rises(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let keep = h.options.timeline_ms;
    for step in 0..4 {
        h.clock.set(START_MS + step * 1000);
        h.say(a, Target::Direct(b), "x").await;
    }
    let swept = sweep_all(&h, START_MS + keep + 1999, ALL).await;
    assert_eq!(swept.timeline, 4);
    for user in [a, b] {
        assert_eq!(h.store.timeline_head(TENANT, user).await.unwrap(), (4, 2));
        let epoch = h.store.log_epoch();
        let page = h
            .store
            .timeline(TENANT, user, epoch, 1, ALL, ALL)
            .await
            .unwrap();
        assert!(
            matches!(page, TimelinePage::TooOld { floor: 2, head: 4 }),
            "{page:?}"
        );
        assert_eq!(h.timeline(user, 2).await.len(), 2);
    }
    let log = h.log(h.timeline(a, 3).await[0].entry.conversation).await;
    assert_eq!(log.len(), 4, "log entries stay");
    let h = h.reopen().await;
    assert_eq!(h.store.timeline_head(TENANT, b).await.unwrap(), (4, 2));
    assert_eq!(h.say(b, Target::Direct(a), "x").await.user_seq, 5);
}

pub(crate) async fn keys_go_after_the_window(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let window = h.options.idempotency_ms;
    let old = h.text(Target::Direct(b), "old");
    h.append(a, old.clone()).await.unwrap();
    h.clock.set(START_MS + 10);
    let young = h.text(Target::Direct(b), "young");
    h.append(a, young.clone()).await.unwrap();
    h.clock.set(START_MS + window + 5);
    assert_eq!(
        sweep_all(&h, START_MS + window + 5, ALL).await.idempotency,
        1
    );
    assert!(h.append(a, young).await.unwrap().duplicate);
    let mut late = old.clone();
    late.first_sent_at_ms = START_MS;
    assert_eq!(refused(h.append(a, late).await), ErrorCode::RETRY_EXPIRED);
    let again = h.append(a, old).await.unwrap();
    assert_eq!((again.duplicate, again.conv_seq), (false, 3));
}

pub(crate) async fn sessions_go_when_they_expire(h: Harness) {
    let [a] = h.users([1]).await;
    let put = async |number: u8, expires_ms: u64| {
        let session = SessionId::from([number; 16]);
        let token_hash = [0; 32];
        let device = device(a);
        let record = SessionRecord {
            session,
            user: a,
            device,
            token_hash,
            previous_hash: None,
            expires_ms,
            predecessor: None,
            token_generation: 0,
            login: 0,
        };
        h.store.put_session(TENANT, record).await.unwrap();
        session
    };
    let gone = put(1, START_MS + 10).await;
    let renewed = put(2, START_MS + 10).await;
    put(2, START_MS + 20).await;
    assert_eq!(sweep_all(&h, START_MS + 9, ALL).await, Swept::default());
    assert_eq!(sweep_all(&h, START_MS + 10, ALL).await.sessions, 1);
    assert!(h.store.session(TENANT, gone).await.unwrap().is_none());
    assert!(h.store.session(TENANT, renewed).await.unwrap().is_some());
    assert_eq!(sweep_all(&h, START_MS + 20, ALL).await.sessions, 1);
    assert!(h.store.session(TENANT, renewed).await.unwrap().is_none());
}

pub(crate) async fn a_sweep_is_bounded_and_goes_on(h: Harness) {
    let users = h.users([1, 2, 3, 4, 5, 6, 7]).await;
    for from in users {
        for to in users {
            let batch = (0..3).map(|_| h.text(Target::Direct(to), "x")).collect();
            h.store.append(origin(from), batch).await.unwrap();
        }
    }
    let now = START_MS + h.options.timeline_ms.max(h.options.idempotency_ms);
    let messages = 3 * 49;
    let references = 3 * (7 + 2 * 42);
    let first = h.store.sweep(TENANT, now, 20).await.unwrap();
    assert_eq!(
        (first.idempotency, first.timeline, first.more),
        (20, 0, true)
    );
    let rest = sweep_all(&h, now, 20).await;
    assert_eq!(rest.idempotency + 20, messages);
    assert_eq!(rest.timeline, references);
    assert_eq!(sweep_all(&h, now, 20).await, Swept::default());
}

pub(crate) async fn heads_survive_an_empty_timeline(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let batch = (0..300).map(|_| h.text(Target::Direct(b), "x")).collect();
    h.store.append(origin(a), batch).await.unwrap();
    let now = START_MS + h.options.timeline_ms;
    sweep_all(&h, now, 50).await;
    assert_eq!(h.store.timeline_head(TENANT, b).await.unwrap(), (300, 300));
    let h = h.reopen().await;
    assert!(h.timeline(b, 300).await.is_empty());
    assert_eq!(h.say(a, Target::Direct(b), "x").await.user_seq, 301);
    assert_eq!(h.timeline(b, 300).await.len(), 1);
}

pub(crate) async fn young_records_stay(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    h.say(a, Target::Direct(b), "x").await;
    let keep = h.options.timeline_ms.min(h.options.idempotency_ms);
    for now in [0, START_MS, START_MS + keep - 1] {
        assert_eq!(sweep_all(&h, now, ALL).await, Swept::default());
    }
}
