//! The stories that every store must pass, by name. Crates with a store of their own include this
//! module and the fixtures by path and run the same stories.

use std::sync::Arc;

use bytes::Bytes;
use eim_client::store::{
    Applied, Arrival, ArrivalOutcome, Backlog, Batch, Checkpoint, ConversationRecord, Cursor,
    CursorChange, MarkRecord, Message, OutboxItem, ResumeCredential, Settlement, Store, UserRecord,
};
use eim_codec::id::ConversationId;
use eim_codec::payload::{ConversationKind, Role};

#[path = "cursors.rs"]
mod cursors;
#[path = "epochs.rs"]
mod epochs;

pub(crate) use self::cursors::{
    the_cursor_goes_back_only_on_purpose, the_cursor_goes_on_in_its_own_epoch,
};
pub(crate) use self::epochs::{
    a_new_epoch_replaces_and_sends_again, cuts_beyond_the_head, removes_conversations_that_are_gone,
};
use crate::fixtures::{CONVERSATION, arrival, arrive, identity, item, key, message};

pub(crate) use crate::operations::{
    a_new_epoch_takes_operations_along, a_recall_erases_what_is_here_and_what_comes,
    states_in_history_are_operations_too, the_last_edit_counts_whenever_it_comes,
    what_was_taken_back_has_no_body_left_in_the_outbox,
};

/// Runs each story on a store, in a module of the given name, as the given kind of test. The store
/// comes with what must live as long.
macro_rules! on_store {
    ($name:ident, $test:meta, $store:expr) => {
        on_store! { @stories $name, $test, $store;
            begins_empty,
            keeps_identity_cursor_and_credential,
            drops_duplicates,
            presents_own_messages_once,
            fills_echoes_from_the_outbox,
            remembers_echoes_without_a_body,
            keeps_the_outbox_in_order,
            a_key_enters_the_outbox_once,
            finds_holes,
            a_new_epoch_replaces_and_sends_again,
            cuts_beyond_the_head,
            removes_conversations_that_are_gone,
            erases_bodies,
            backlogs_are_raised_and_completed,
            backlogs_reach_no_further_than_logs,
            checkpoints_and_users_are_kept,
            the_last_edit_counts_whenever_it_comes,
            a_recall_erases_what_is_here_and_what_comes,
            what_was_taken_back_has_no_body_left_in_the_outbox,
            states_in_history_are_operations_too,
            a_new_epoch_takes_operations_along,
            the_cursor_goes_back_only_on_purpose,
            the_cursor_goes_on_in_its_own_epoch,
            marks_merge,
        }
    };
    (@stories $name:ident, $test:meta, $store:expr; $($story:ident),* $(,)?) => {
        mod $name {
            $(#[$test]
            async fn $story() {
                let (store, _keep) = $store;
                crate::stories::$story(store).await;
            })*
        }
    };
}

pub(crate) async fn marks_merge(store: Arc<dyn Store>) {
    let (conversation, user) = ([CONVERSATION; 16].into(), [1; 16].into());
    let mark = |log_epoch, read, delivered, told, marked_unread| MarkRecord {
        conversation,
        user,
        log_epoch,
        read,
        delivered,
        told,
        marked_unread,
    };
    let other = MarkRecord::new(conversation, [2; 16].into(), 3);
    for (given, kept) in [
        (mark(1, 5, 6, 0, true), mark(1, 5, 6, 0, true)),
        (mark(1, 4, 7, 5, false), mark(1, 5, 7, 5, false)),
        (mark(2, 3, 3, 0, false), mark(2, 3, 3, 0, false)),
        (mark(1, 9, 9, 9, true), mark(2, 3, 3, 0, false)),
    ] {
        let marks = vec![given, other];
        let batch = Batch {
            marks,
            ..Batch::default()
        };
        store.commit(batch).await.unwrap();
        assert_eq!(store.marks().await.unwrap(), [kept, other]);
    }
}

pub(crate) async fn begins_empty(store: Arc<dyn Store>) {
    let loaded = store.load(true).await.unwrap();
    assert_eq!(loaded, Default::default());
    assert_eq!(
        store.commit(Batch::default()).await.unwrap(),
        Applied::default()
    );
    assert!(store.conversations().await.unwrap().is_empty());
}

pub(crate) async fn keeps_identity_cursor_and_credential(store: Arc<dyn Store>) {
    let resume = ResumeCredential {
        session: [3; 16].into(),
        token: Bytes::from_static(&[4; 32]),
        server: "tls://x:1".to_owned(),
    };
    let cursor = Cursor {
        log_epoch: 2,
        user_seq: 50,
    };
    let batch = Batch {
        identity: Some(identity()),
        cursor: Some(CursorChange::Reset(cursor)),
        resume: Some(Some(resume.clone())),
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let loaded = store.load(true).await.unwrap();
    assert_eq!(loaded.identity, Some(identity()));
    assert_eq!(
        (loaded.cursor, loaded.resume),
        (cursor, Some(resume.clone()))
    );
    assert_eq!(store.resume().await.unwrap(), Some(resume));
    store
        .commit(Batch {
            resume: Some(None),
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(store.resume().await.unwrap(), None);
}

pub(crate) async fn drops_duplicates(store: Arc<dyn Store>) {
    let outcomes = arrive(&store, vec![arrival(message(1, 1)), arrival(message(2, 2))]).await;
    assert_eq!(
        outcomes,
        [
            ArrivalOutcome::New(message(1, 1)),
            ArrivalOutcome::New(message(2, 2))
        ]
    );
    let outcomes = arrive(&store, vec![arrival(message(2, 2)), arrival(message(3, 3))]).await;
    assert_eq!(
        outcomes,
        [
            ArrivalOutcome::Duplicate,
            ArrivalOutcome::New(message(3, 3))
        ]
    );
    let all = store
        .messages(message(1, 1).conversation, 1, u64::MAX, 10)
        .await
        .unwrap();
    assert_eq!(all, [message(1, 1), message(2, 2), message(3, 3)]);
    let newest = store.latest(message(1, 1).conversation, 2).await.unwrap();
    assert_eq!(newest, [message(2, 2), message(3, 3)]);
}

pub(crate) async fn presents_own_messages_once(store: Arc<dyn Store>) {
    store
        .commit(Batch {
            outbox: vec![item(1)],
            ..Batch::default()
        })
        .await
        .unwrap();
    let stored = Message {
        fallback_text: "fallback 1".to_owned(),
        ..message(1, 0)
    };
    let settlement = Settlement {
        client_msg_id: key(1),
        message: Some(stored.clone()),
    };
    store
        .commit(Batch {
            settlements: vec![settlement],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert!(store.load(true).await.unwrap().outbox.is_empty());
    // The echo comes later, and a second time after a pull.
    let echo = Arrival {
        message: Message {
            body: Bytes::new(),
            ..message(1, 5)
        },
        echo: true,
        presented: true,
    };
    let presented = Message {
        user_seq: 5,
        ..stored
    };
    assert_eq!(
        arrive(&store, vec![echo.clone()]).await,
        [ArrivalOutcome::New(presented)]
    );
    assert_eq!(
        arrive(&store, vec![echo]).await,
        [ArrivalOutcome::Duplicate]
    );
}

pub(crate) async fn fills_echoes_from_the_outbox(store: Arc<dyn Store>) {
    store
        .commit(Batch {
            outbox: vec![item(1)],
            ..Batch::default()
        })
        .await
        .unwrap();
    let echo = Arrival {
        message: Message {
            body: Bytes::new(),
            ..message(1, 5)
        },
        echo: true,
        presented: true,
    };
    let filled = Message {
        fallback_text: "fallback 1".to_owned(),
        ..message(1, 5)
    };
    assert_eq!(
        arrive(&store, vec![echo]).await,
        [ArrivalOutcome::New(filled.clone())]
    );
    // The result comes later.
    let settlement = Settlement {
        client_msg_id: key(1),
        message: Some(filled.clone()),
    };
    store
        .commit(Batch {
            settlements: vec![settlement],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(
        store.latest(filled.conversation, 9).await.unwrap(),
        [filled]
    );
    assert_eq!(store.outbox_len().await.unwrap(), 0);
}

pub(crate) async fn remembers_echoes_without_a_body(store: Arc<dyn Store>) {
    let echo = Arrival {
        message: Message {
            body: Bytes::new(),
            ..message(1, 5)
        },
        echo: true,
        presented: true,
    };
    assert_eq!(
        arrive(&store, vec![echo]).await,
        [ArrivalOutcome::Hollow([CONVERSATION; 16].into(), 1)]
    );
    let hollow = store.load(true).await.unwrap().hollow;
    assert_eq!(hollow, [(message(1, 5).conversation, 1)]);
    let looked_up = Arrival {
        message: message(1, 0),
        echo: false,
        presented: false,
    };
    assert_eq!(
        arrive(&store, vec![looked_up]).await,
        [ArrivalOutcome::New(message(1, 5))]
    );
    assert!(store.load(true).await.unwrap().hollow.is_empty());
}

pub(crate) async fn keeps_the_outbox_in_order(store: Arc<dyn Store>) {
    let batch = Batch {
        outbox: vec![item(3), item(1), item(2)],
        ..Batch::default()
    };
    let positions = store.commit(batch).await.unwrap().positions;
    assert!(positions.is_sorted_by(|a, b| a < b));
    let batch = Batch {
        attempted: vec![(key(1), 777)],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let outbox = store.load(true).await.unwrap().outbox;
    let keys: Vec<_> = outbox.iter().map(|item| item.client_msg_id).collect();
    assert_eq!(keys, [key(3), key(1), key(2)]);
    assert_eq!(
        outbox[1],
        OutboxItem {
            position: positions[1],
            first_sent_at_ms: 777,
            ..item(1)
        }
    );
    let refused = Settlement {
        client_msg_id: key(3),
        message: None,
    };
    store
        .commit(Batch {
            settlements: vec![refused],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(store.outbox_len().await.unwrap(), 2);
}

pub(crate) async fn a_key_enters_the_outbox_once(store: Arc<dyn Store>) {
    let batch = Batch {
        outbox: vec![item(1), item(2), item(1)],
        ..Batch::default()
    };
    let positions = store.commit(batch).await.unwrap().positions;
    assert_eq!(positions[0], positions[2]);
    assert_eq!(store.outbox_len().await.unwrap(), 2);
}

pub(crate) async fn finds_holes(store: Arc<dyn Store>) {
    let conversation = message(1, 1).conversation;
    arrive(
        &store,
        [3, 4, 7].map(|seq| arrival(message(seq, seq))).into(),
    )
    .await;
    let holes = |first, last, limit| store.missing(conversation, first, last, limit);
    assert_eq!(holes(1, 10, 9).await.unwrap(), [(1, 2), (5, 6), (8, 10)]);
    assert_eq!(holes(1, 10, 1).await.unwrap(), [(1, 2)]);
    assert_eq!(holes(3, 4, 9).await.unwrap(), []);
    assert_eq!(holes(3, 7, 9).await.unwrap(), [(5, 6)]);
    assert_eq!(holes(5, 4, 9).await.unwrap(), []);
}

pub(crate) async fn erases_bodies(store: Arc<dyn Store>) {
    let shown = Message {
        fallback_text: "shown".to_owned(),
        ..message(1, 1)
    };
    arrive(&store, vec![arrival(shown)]).await;
    let erased = Message {
        body: Bytes::new(),
        fallback_text: String::new(),
        tombstone: true,
        ..message(1, 0)
    };
    let looked_up = Arrival {
        message: erased,
        echo: false,
        presented: false,
    };
    assert_eq!(
        arrive(&store, vec![looked_up]).await,
        [ArrivalOutcome::Duplicate]
    );
    let left = store.latest(message(1, 1).conversation, 1).await.unwrap();
    assert!(left[0].tombstone && left[0].body.is_empty());
    assert_eq!(left[0].fallback_text, "");
}

fn crowd(backlog: Backlog, name: &str) -> ConversationRecord {
    ConversationRecord {
        conversation: ConversationId::from([CONVERSATION; 16]),
        kind: ConversationKind::Group,
        name: name.to_owned(),
        conv_seq: 5,
        visible_from: 1,
        visible_through: 0,
        role: Role::Owner,
        peer: None,
        time_ms: 1,
        members: 3,
        fan_out: eim_codec::payload::FanOut::Write,
        backlog,
    }
}

async fn put(store: &dyn Store, record: ConversationRecord) {
    let conversations = vec![record];
    let batch = Batch {
        conversations,
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
}

async fn complete(store: &dyn Store, through: u64) {
    let completed = vec![(crowd(Backlog::None, "").conversation, through)];
    let batch = Batch {
        completed,
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
}

pub(crate) async fn backlogs_are_raised_and_completed(store: Arc<dyn Store>) {
    put(&*store, crowd(Backlog::Replaced, "a")).await;
    put(&*store, crowd(Backlog::None, "b")).await;
    let kept = [crowd(Backlog::Replaced, "b")];
    assert_eq!(store.conversations().await.unwrap(), kept);
    // Another program of this device has heard of more than this one has read.
    complete(&*store, 4).await;
    assert_eq!(store.conversations().await.unwrap(), kept);
    let older = ConversationRecord {
        conv_seq: 3,
        ..crowd(Backlog::None, "c")
    };
    put(&*store, older.clone()).await;
    complete(&*store, 4).await;
    let left = ConversationRecord {
        backlog: Backlog::Replaced,
        ..older.clone()
    };
    assert_eq!(store.conversations().await.unwrap(), [left]);
    complete(&*store, 5).await;
    assert_eq!(store.conversations().await.unwrap(), [older]);
}

pub(crate) async fn backlogs_reach_no_further_than_logs(store: Arc<dyn Store>) {
    let id = crowd(Backlog::None, "").conversation;
    put(&*store, crowd(Backlog::Holes, "a")).await;
    let lost = Batch {
        truncate: vec![(id, 2)],
        ..Batch::default()
    };
    store.commit(lost).await.unwrap();
    complete(&*store, 1).await;
    let kept = [crowd(Backlog::Holes, "a")];
    assert_eq!(store.conversations().await.unwrap(), kept);
    complete(&*store, 2).await;
    let done = [crowd(Backlog::None, "a")];
    assert_eq!(store.conversations().await.unwrap(), done);
    put(&*store, crowd(Backlog::Holes, "b")).await;
    let lost = Batch {
        truncate_others: true,
        ..Batch::default()
    };
    store.commit(lost).await.unwrap();
    complete(&*store, 0).await;
    let done = [crowd(Backlog::None, "b")];
    assert_eq!(store.conversations().await.unwrap(), done);
}

pub(crate) async fn checkpoints_and_users_are_kept(store: Arc<dyn Store>) {
    assert_eq!(store.checkpoint("a").await.unwrap(), None);
    for place in [3, 9] {
        let checkpoints = vec![Checkpoint {
            source: "a".to_owned(),
            place,
        }];
        store
            .commit(Batch {
                checkpoints,
                ..Batch::default()
            })
            .await
            .unwrap();
        assert_eq!(store.checkpoint("a").await.unwrap(), Some(place));
    }
    let user = UserRecord {
        user: [1; 16].into(),
        name: "ada".to_owned(),
        display_name: "Ada".to_owned(),
    };
    store
        .commit(Batch {
            users: vec![user.clone()],
            ..Batch::default()
        })
        .await
        .unwrap();
    assert_eq!(store.user_by_name("ada").await.unwrap(), Some(user.clone()));
    assert_eq!(store.user(user.user).await.unwrap(), Some(user));
    assert_eq!(store.user_by_name("bob").await.unwrap(), None);
}
