//! Looking for texts, in every store.

use std::sync::Arc;

use eim_client::search::{Hits, Search, search};
use eim_client::store::{Batch, MemoryStore, Message, Store};
use eim_codec::payload::{EditBody, RecallBody, TextBody};
use eim_codec::registry::FrameType;
use prost::Message as _;

use crate::fixtures::{arrival, message};

fn text(conversation: u8, conv_seq: u64, time_ms: u64, text: &str) -> Message {
    Message {
        conversation: [conversation; 16].into(),
        body: TextBody::encode_text(text),
        time_ms,
        client_msg_id: None,
        ..message(conv_seq, 0)
    }
}

fn operation(conv_seq: u64, frame_type: FrameType, body: Vec<u8>) -> Message {
    Message {
        frame_type,
        body: body.into(),
        ..text(1, conv_seq, 1000 * conv_seq, "")
    }
}

async fn store_all(store: &dyn Store, messages: Vec<Message>) {
    let batch = Batch {
        arrivals: messages.into_iter().map(arrival).collect(),
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
}

fn shape(hits: &Hits) -> Vec<(u8, u64)> {
    let of = |message: &Message| (message.conversation.as_bytes()[0], message.conv_seq);
    hits.hits.iter().map(|hit| of(&hit.message)).collect()
}

async fn find(store: &dyn Store, words: &str) -> Vec<(u8, u64)> {
    let hits = search(store, &Search::new(words)).await.unwrap();
    assert!(hits.complete, "{words}");
    shape(&hits)
}

#[tokio::test]
async fn texts_are_found_as_they_are_now() {
    let (on_disk, _folder) = crate::sqlite();
    let in_memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for store in [in_memory, on_disk] {
        finds_texts_as_they_are_now(store).await;
    }
}

#[tokio::test]
async fn the_newest_are_found_first_within_reach() {
    let (on_disk, _folder) = crate::sqlite();
    let in_memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    for store in [in_memory, on_disk] {
        finds_the_newest_first_within_reach(store).await;
    }
}

async fn finds_texts_as_they_are_now(store: Arc<dyn Store>) {
    let edit = EditBody {
        target: 2,
        text: Some(TextBody::new("three green BOTTLES")),
    };
    let messages = vec![
        text(1, 1, 1000, "ten green bottles"),
        text(1, 2, 2000, "nine red cans"),
        text(1, 3, 3000, "green is recalled"),
        operation(4, FrameType::EDIT, edit.encode_to_vec()),
        operation(
            5,
            FrameType::RECALL,
            RecallBody { target: 3 }.encode_to_vec(),
        ),
        text(2, 1, 1500, "Grünes Glas, green glass"),
    ];
    store_all(&*store, messages).await;
    assert_eq!(find(&*store, "green").await, [(1, 2), (2, 1), (1, 1)]);
    assert_eq!(find(&*store, "bottle green").await, [(1, 2), (1, 1)]);
    assert_eq!(find(&*store, "GRÜNES").await, [(2, 1)]);
    for nothing in ["cans", "recalled", ""] {
        assert!(find(&*store, nothing).await.is_empty(), "{nothing}");
    }
    let one = Search {
        conversation: Some([2; 16].into()),
        ..Search::new("green")
    };
    assert_eq!(shape(&search(&*store, &one).await.unwrap()), [(2, 1)]);
}

async fn finds_the_newest_first_within_reach(store: Arc<dyn Store>) {
    let mut messages = Vec::new();
    for conv_seq in 1..=2000 {
        // Two conversations in turn, the second one a little later.
        messages.push(text(1, conv_seq, 10 * conv_seq, "word"));
        messages.push(text(2, conv_seq, 10 * conv_seq + 5, "word"));
    }
    store_all(&*store, messages).await;
    let few = Search {
        limit: 3,
        ..Search::new("word")
    };
    let found = search(&*store, &few).await.unwrap();
    assert_eq!(shape(&found), [(2, 2000), (1, 2000), (2, 1999)]);
    assert!(!found.complete);
    let near = Search {
        limit: 10_000,
        reach: 1500,
        ..Search::new("word")
    };
    let found = search(&*store, &near).await.unwrap();
    assert!(!found.complete && found.hits.len() < 3000);
    let times: Vec<_> = found.hits.iter().map(|it| it.message.time_ms).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    let all = Search {
        limit: 10_000,
        ..Search::new("word")
    };
    let found = search(&*store, &all).await.unwrap();
    assert_eq!((found.hits.len(), found.complete), (4000, true));
}
