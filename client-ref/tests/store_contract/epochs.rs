//! What a new epoch and a shorter log do to what is stored.

use std::sync::Arc;

use bytes::Bytes;
use eim_client::store::{
    ArrivalOutcome, Backlog, Batch, ConversationRecord, Message, Store, Target,
};
use eim_codec::id::DeviceId;
use eim_codec::payload::{ConversationKind, Role};

use crate::fixtures::{DEVICE, arrival, arrive, identity, message};

/// Stores numbers 1 to 4 of epoch 1, of which 3 was sent by this device.
async fn four_entries(store: &Arc<dyn Store>) -> Message {
    store
        .commit(Batch {
            identity: Some(identity()),
            ..Batch::default()
        })
        .await
        .unwrap();
    let own = Message {
        sender_device: Some(DeviceId::from([DEVICE; 16])),
        ..message(3, 3)
    };
    let entries = vec![message(1, 1), message(2, 2), own.clone(), message(4, 4)];
    arrive(store, entries.into_iter().map(arrival).collect()).await;
    own
}

pub(crate) async fn a_new_epoch_replaces_and_sends_again(store: Arc<dyn Store>) {
    let own = four_entries(&store).await;
    let newer = Message {
        log_epoch: 2,
        body: Bytes::from_static(b"newer"),
        ..message(3, 3)
    };
    let batch = Batch {
        arrivals: vec![arrival(newer.clone())],
        ..Batch::default()
    };
    let applied = store.commit(batch).await.unwrap();
    assert_eq!(applied.arrivals, [ArrivalOutcome::New(newer.clone())]);
    assert_eq!(applied.requeued.len(), 1);
    assert_eq!(applied.requeued[0].body, own.body);
    assert_eq!(applied.requeued[0].first_sent_at_ms, own.time_ms);
    assert_eq!(store.load(true).await.unwrap().outbox, applied.requeued);
    let left = store.messages(own.conversation, 1, 99, 99).await.unwrap();
    assert_eq!(left, [message(1, 1), message(2, 2), newer]);
    // An entry of the old epoch does not come back.
    assert_eq!(
        arrive(&store, vec![arrival(own)]).await,
        [ArrivalOutcome::Duplicate]
    );
}

pub(crate) async fn cuts_beyond_the_head(store: Arc<dyn Store>) {
    let own = four_entries(&store).await;
    let batch = Batch {
        truncate: vec![(own.conversation, 2)],
        ..Batch::default()
    };
    let applied = store.commit(batch).await.unwrap();
    assert_eq!(applied.requeued.len(), 1);
    assert_eq!(store.latest(own.conversation, 9).await.unwrap().len(), 2);
}

pub(crate) async fn removes_conversations_that_are_gone(store: Arc<dyn Store>) {
    let own = four_entries(&store).await;
    let elsewhere = Message {
        conversation: [9; 16].into(),
        ..message(1, 5)
    };
    arrive(&store, vec![arrival(elsewhere.clone())]).await;
    let peer = [8; 16].into();
    let direct = ConversationRecord {
        conversation: own.conversation,
        kind: ConversationKind::Direct,
        name: String::new(),
        conv_seq: 4,
        visible_from: 1,
        visible_through: 0,
        role: Role::Member,
        peer: Some(peer),
        time_ms: 1,
        members: 2,
        fan_out: eim_codec::payload::FanOut::Write,
        backlog: Backlog::None,
    };
    let known = Batch {
        conversations: vec![direct],
        ..Batch::default()
    };
    store.commit(known).await.unwrap();
    let anew = Batch {
        truncate: vec![(elsewhere.conversation, 1)],
        truncate_others: true,
        ..Batch::default()
    };
    let applied = store.commit(anew).await.unwrap();
    assert_eq!(store.latest(own.conversation, 9).await.unwrap(), []);
    assert_eq!(
        store.latest(elsewhere.conversation, 9).await.unwrap().len(),
        1
    );
    assert_eq!(applied.requeued.len(), 1);
    assert_eq!(applied.requeued[0].target, Target::User(peer));
}
