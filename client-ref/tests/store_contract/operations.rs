//! Operations on messages: stories that every store must pass.

use std::sync::Arc;

use bytes::Bytes;
use eim_client::modified::{Modified, modified};
use eim_client::store::{Arrival, ArrivalOutcome, Batch, Message, Modifier, Store};
use eim_codec::id::ConversationId;
use eim_codec::payload::{EditBody, EntryState, ReactionBody, RecallBody, TextBody};
use eim_codec::registry::FrameType;
use prost::Message as _;

use crate::fixtures::{self, arrival, message};

fn id() -> ConversationId {
    [fixtures::CONVERSATION; 16].into()
}

fn entry(conv_seq: u64, frame_type: FrameType, body: Vec<u8>) -> Message {
    Message {
        frame_type,
        body: Bytes::from(body),
        ..message(conv_seq, conv_seq)
    }
}

fn edit(conv_seq: u64, target: u64, text: &str) -> Message {
    let text = Some(TextBody::new(text));
    let body = EditBody { target, text }.encode_to_vec();
    entry(conv_seq, FrameType::EDIT, body)
}

fn recall(conv_seq: u64, target: u64) -> Message {
    let body = RecallBody { target }.encode_to_vec();
    entry(conv_seq, FrameType::RECALL, body)
}

async fn store_all(store: &dyn Store, messages: impl IntoIterator<Item = Message>) {
    let arrivals = messages.into_iter().map(arrival);
    let batch = Batch {
        arrivals: arrivals.collect(),
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
}

async fn of(store: &dyn Store, conv_seq: u64) -> Modified {
    let mut all = modified(store, id(), 1, 100).await.unwrap();
    all.remove(&conv_seq).unwrap_or_default()
}

async fn contents(store: &dyn Store) -> Vec<(u64, bool, bool)> {
    let all = store.messages(id(), 1, 100, 100).await.unwrap();
    let shape = |it: &Message| (it.conv_seq, it.tombstone, it.body.is_empty());
    all.iter().map(shape).collect()
}

pub(crate) async fn the_last_edit_counts_whenever_it_comes(store: Arc<dyn Store>) {
    let text = async |conv_seq| of(&*store, conv_seq).await.edit.map(|edit| edit.body.text);
    store_all(&*store, [edit(9, 1, "last")]).await;
    assert_eq!(text(1).await.unwrap(), "last");
    store_all(&*store, [edit(7, 1, "first"), message(1, 1)]).await;
    assert_eq!(text(1).await.unwrap(), "last");
    assert_eq!(of(&*store, 9).await, Modified::default());
    let react = |conv_seq, remove| {
        let body = ReactionBody {
            target: 1,
            reaction: "x".to_owned(),
            remove,
        };
        entry(conv_seq, FrameType::REACTION, body.encode_to_vec())
    };
    store_all(&*store, [react(12, false), react(11, true)]).await;
    assert_eq!(of(&*store, 1).await.reactions["x"].len(), 1);
    store_all(&*store, [react(13, true)]).await;
    assert!(of(&*store, 1).await.reactions.is_empty());
}

pub(crate) async fn a_recall_erases_what_is_here_and_what_comes(store: Arc<dyn Store>) {
    store_all(&*store, [message(1, 1), edit(2, 1, "changed")]).await;
    store_all(&*store, [recall(4, 1)]).await;
    let gone = [(1, true, true), (2, true, true), (4, false, false)];
    assert_eq!(contents(&*store).await, gone);
    assert!(of(&*store, 1).await.recall.is_some());
    assert_eq!(of(&*store, 1).await.edit, None);
    store_all(&*store, [edit(3, 1, "late")]).await;
    assert_eq!(contents(&*store).await[2], (3, true, true));
    // The recall comes first.
    store_all(&*store, [recall(9, 5)]).await;
    let batch = Batch {
        arrivals: vec![arrival(message(5, 5))],
        ..Batch::default()
    };
    let applied = store.commit(batch).await.unwrap();
    let ArrivalOutcome::New(shown) = &applied.arrivals[0] else {
        panic!("{applied:?}")
    };
    assert!(shown.tombstone && shown.body.is_empty());
    assert!(contents(&*store).await.contains(&(5, true, true)));
    assert_eq!(store.modifiers(id(), 1, 1).await.unwrap().len(), 1);
}

pub(crate) async fn what_was_taken_back_has_no_body_left_in_the_outbox(store: Arc<dyn Store>) {
    let batch = Batch {
        outbox: vec![fixtures::item(1)],
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let echo = |message| Arrival {
        echo: true,
        ..arrival(message)
    };
    let mut erased = message(1, 1);
    erased.erase();
    // The second one is known to be taken back before its echo, and is not in the outbox.
    store_all(&*store, [recall(9, 5)]).await;
    let batch = Batch {
        arrivals: vec![echo(erased), echo(message(5, 5))],
        ..Batch::default()
    };
    let applied = store.commit(batch).await.unwrap();
    for outcome in &applied.arrivals {
        let ArrivalOutcome::New(shown) = outcome else {
            panic!("{applied:?}")
        };
        assert!(shown.tombstone && shown.body.is_empty() && shown.fallback_text.is_empty());
    }
    let gone = [(1, true, true), (5, true, true), (9, false, false)];
    assert_eq!(contents(&*store).await, gone);
    assert_eq!(store.load(true).await.unwrap().hollow, []);
}

pub(crate) async fn states_in_history_are_operations_too(store: Arc<dyn Store>) {
    let first = message(1, 1);
    let state = EntryState {
        edit_seq: 8,
        edit_time_ms: 5,
        edit_body: edit(8, 1, "told").body,
        pin_seq: 9,
        ..EntryState::default()
    };
    let told = |state: &EntryState| Batch {
        arrivals: vec![arrival(first.clone())],
        modifiers: Modifier::of_state(&first, state),
        ..Batch::default()
    };
    store.commit(told(&state)).await.unwrap();
    let shown = of(&*store, 1).await;
    assert_eq!(shown.edit.unwrap().body.text, "told");
    assert!(shown.pinned);
    store_all(&*store, [edit(7, 1, "earlier"), edit(8, 1, "told")]).await;
    assert_eq!(of(&*store, 1).await.edit.unwrap().conv_seq, 8);
    let state = EntryState {
        recall_seq: 10,
        ..state
    };
    store.commit(told(&state)).await.unwrap();
    assert_eq!(contents(&*store).await[0], (1, true, true));
    assert_eq!(of(&*store, 1).await.edit, None);
}

pub(crate) async fn a_new_epoch_takes_operations_along(store: Arc<dyn Store>) {
    store_all(&*store, [message(1, 1), edit(2, 1, "changed")]).await;
    let batch = Batch {
        truncate: vec![(id(), 1)],
        ..Batch::default()
    };
    let applied = store.commit(batch).await.unwrap();
    assert_eq!(applied.requeued, []);
    assert_eq!(of(&*store, 1).await, Modified::default());
}
