//! Users, devices, sessions and lists of conversations.

use eim_codec::id::{ConversationId, DeviceId, SessionId};
use eim_codec::registry::ErrorCode;
use eim_server::store::{Accounts, SessionRecord, Store, Target, UserRecord};

use crate::harness::{ALL, Harness, START_MS, TENANT, account, device, refused, user};

pub(crate) async fn names_and_ids_are_unique(h: Harness) {
    h.users([1]).await;
    let mut same_name = account(2);
    same_name.name = account(1).name;
    let mut same_id = account(3);
    same_id.user = user(1);
    let batch = vec![same_name, account(4), same_id, account(4)];
    let outcomes = h.store.create_users(TENANT, batch).await.unwrap();
    assert!(outcomes[1].is_ok());
    for index in [0, 2, 3] {
        assert_eq!(refused(outcomes[index].clone()), ErrorCode::ALREADY_EXISTS);
    }
    assert!(h.store.user(TENANT, user(2)).await.unwrap().is_none());
    assert!(
        h.store
            .user_by_name(TENANT, "user003")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        h.store.user_by_name(TENANT, "user004").await.unwrap(),
        Some(account(4))
    );
}

pub(crate) async fn users_are_paged_by_name(h: Harness) {
    h.users([5, 3, 1, 4, 2]).await;
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let (page, more) = h.store.users(TENANT, after.as_deref(), 2).await.unwrap();
        names.extend(page.iter().map(|user| user.name.clone()));
        after = names.last().cloned();
        if !more {
            break;
        }
        assert_eq!(page.len(), 2);
    }
    assert_eq!(
        names,
        ["user001", "user002", "user003", "user004", "user005"]
    );
}

pub(crate) async fn disabling_is_remembered(h: Harness) {
    let [a] = h.users([1]).await;
    assert!(!h.store.set_disabled(TENANT, user(9), true).await.unwrap());
    assert!(h.store.set_disabled(TENANT, a, true).await.unwrap());
    let h = h.reopen().await;
    assert!(h.store.user(TENANT, a).await.unwrap().unwrap().disabled);
    assert!(h.store.set_disabled(TENANT, a, false).await.unwrap());
    // Tokens given before stay dead.
    let enabled = UserRecord {
        token_generation: 1,
        ..account(1)
    };
    assert_eq!(h.store.user(TENANT, a).await.unwrap(), Some(enabled));
}

pub(crate) async fn each_opening_raises_the_generation(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    assert!(
        h.store
            .device(TENANT, a, device(a))
            .await
            .unwrap()
            .is_none()
    );
    let open = async |h: &Harness, name: &str| {
        h.store
            .open_device(TENANT, a, device(a), 2, name.to_owned())
            .await
            .unwrap()
    };
    assert_eq!(open(&h, "old").await.generation, 1);
    assert_eq!(open(&h, "old").await.generation, 2);
    let h = h.reopen().await;
    h.clock.set(START_MS + 5);
    let opened = open(&h, "new").await;
    assert_eq!(
        (opened.generation, opened.class, opened.seen_ms),
        (3, 2, START_MS + 5)
    );
    assert_eq!(
        h.store.device(TENANT, a, device(a)).await.unwrap(),
        Some(opened)
    );
    // The same octets under another user are another device.
    let other = h
        .store
        .open_device(TENANT, b, device(a), 2, String::new())
        .await
        .unwrap();
    assert_eq!(other.generation, 1);
}

pub(crate) async fn cursors_only_move_forward_within_the_timeline(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    h.store
        .open_device(TENANT, b, device(b), 2, String::new())
        .await
        .unwrap();
    for _ in 0..5 {
        h.say(a, Target::Direct(b), "x").await;
    }
    let epoch = h.store.log_epoch();
    let mut h = h;
    let moves = [
        (epoch, 3, 3),
        (epoch, 2, 3),
        (epoch, 6, 3),
        (epoch + 1, 5, 3),
        (epoch, 5, 5),
    ];
    for (epoch, cursor, expected) in moves {
        h.store.move_cursor(TENANT, b, device(b), epoch, cursor);
        // Nobody stores cursors for devices that never connected.
        h.store.move_cursor(TENANT, a, device(b), epoch, cursor);
        h = h.reopen().await;
        let stored = h.store.device(TENANT, b, device(b)).await.unwrap().unwrap();
        assert_eq!(
            (stored.cursor, stored.cursor_epoch),
            (expected, h.store.log_epoch())
        );
    }
    assert!(
        h.store
            .device(TENANT, a, device(b))
            .await
            .unwrap()
            .is_none()
    );
    let opened = h
        .store
        .open_device(TENANT, b, device(b), 2, String::new())
        .await
        .unwrap();
    assert_eq!(opened.cursor, 5);
}

pub(crate) async fn cursors_are_written_by_closing(h: Harness) {
    let users: [_; 100] = h.users(std::array::from_fn(|index| index as u8 + 1)).await;
    for user in users {
        h.store
            .open_device(TENANT, user, device(user), 1, String::new())
            .await
            .unwrap();
        h.say(user, Target::Direct(user), "note").await;
        h.store
            .move_cursor(TENANT, user, device(user), h.store.log_epoch(), 1);
    }
    let h = h.reopen().await;
    for user in users {
        let stored = h
            .store
            .device(TENANT, user, device(user))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.cursor, 1);
    }
}

pub(crate) async fn sessions_of_a_device_are_found(h: Harness) {
    let [a, b] = h.users([1, 2]).await;
    let put = async |number: u8, user, of: DeviceId| {
        let record = SessionRecord {
            session: SessionId::from([number; 16]),
            user,
            device: of,
            token_hash: [number; 32],
            previous_hash: None,
            expires_ms: START_MS + 10,
            predecessor: None,
            token_generation: 0,
            login: 3,
        };
        h.store.put_session(TENANT, record).await.unwrap();
    };
    // The first and the last id there can be, another device, and the same device of another user.
    put(0, a, device(a)).await;
    put(0xff, a, device(a)).await;
    put(1, a, device(b)).await;
    put(2, b, device(a)).await;
    let found = h.store.sessions_of_device(TENANT, a, device(a)).await;
    let mut found = found.unwrap();
    found.sort();
    assert_eq!(found, [[0; 16], [0xff; 16]].map(SessionId::from));
    let none = h.store.sessions_of_device(TENANT, b, device(b)).await;
    assert_eq!(none.unwrap(), []);
}

pub(crate) async fn sessions_are_replaced(h: Harness) {
    let [a] = h.users([1]).await;
    let session = SessionId::from([1; 16]);
    assert!(h.store.session(TENANT, session).await.unwrap().is_none());
    let first = SessionRecord {
        session,
        user: a,
        device: device(a),
        token_hash: [1; 32],
        previous_hash: None,
        expires_ms: START_MS + 10,
        predecessor: None,
        token_generation: 0,
        login: 3,
    };
    h.store.put_session(TENANT, first.clone()).await.unwrap();
    assert_eq!(
        h.store.session(TENANT, session).await.unwrap(),
        Some(first.clone())
    );
    let second = SessionRecord {
        token_hash: [2; 32],
        previous_hash: Some([1; 32]),
        ..first
    };
    h.store.put_session(TENANT, second.clone()).await.unwrap();
    let h = h.reopen().await;
    assert_eq!(
        h.store.session(TENANT, session).await.unwrap(),
        Some(second)
    );
}

pub(crate) async fn conversations_are_paged_by_id(h: Harness) {
    let users = h.users([1, 2, 3, 4, 5, 6]).await;
    let a = users[0];
    let mut expected: Vec<ConversationId> = Vec::new();
    for other in &users[1..] {
        expected.push(h.say(a, Target::Direct(*other), "x").await.conversation);
    }
    let left = h.create_group(users[1], &[a]).await;
    h.leave(a, left).await.unwrap();
    expected.push(left);
    expected.sort_unstable();
    let mut found = Vec::new();
    let mut more = true;
    while more {
        let after = found.last().copied();
        let page;
        (page, more) = h.store.conversations(TENANT, a, after, 4).await.unwrap();
        found.extend(page.iter().map(|view| view.conversation));
    }
    assert_eq!(found, expected);
    let (all, more) = h.store.conversations(TENANT, a, None, ALL).await.unwrap();
    assert_eq!((all.len(), more), (6, false));
}

pub(crate) async fn secrets_differ_by_purpose_and_stay(h: Harness) {
    let (one, two) = (h.store.derive_secret("one"), h.store.derive_secret("two"));
    assert_ne!(one, two);
    let h = h.reopen().await;
    assert_eq!(h.store.derive_secret("one"), one);
}
