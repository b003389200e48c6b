//! Records to store.

use std::sync::Arc;

use bytes::Bytes;
use eim_client::store::{
    Arrival, ArrivalOutcome, Batch, Identity, Message, OutboxItem, Store, Target,
};
use eim_codec::id::ClientMsgId;
use eim_codec::registry::FrameType;

pub(crate) const CONVERSATION: u8 = 7;
pub(crate) const DEVICE: u8 = 9;

pub(crate) fn message(conv_seq: u64, user_seq: u64) -> Message {
    Message {
        conversation: [CONVERSATION; 16].into(),
        log_epoch: 1,
        conv_seq,
        frame_type: FrameType::TEXT,
        sender: Some([1; 16].into()),
        sender_device: Some([2; 16].into()),
        client_msg_id: Some(key(conv_seq)),
        time_ms: 1000 + conv_seq,
        user_seq,
        body: Bytes::from(format!("body {conv_seq}")),
        fallback_text: String::new(),
        tombstone: false,
    }
}

pub(crate) fn key(number: u64) -> ClientMsgId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id.into()
}

pub(crate) fn arrival(message: Message) -> Arrival {
    Arrival {
        message,
        echo: false,
        presented: true,
    }
}

pub(crate) fn item(number: u64) -> OutboxItem {
    OutboxItem {
        position: 0,
        client_msg_id: key(number),
        target: Target::Conversation([CONVERSATION; 16].into()),
        frame_type: FrameType::TEXT,
        body: Bytes::from(format!("body {number}")),
        fallback_text: format!("fallback {number}"),
        first_sent_at_ms: 0,
    }
}

pub(crate) fn identity() -> Identity {
    Identity {
        device: [DEVICE; 16].into(),
        user: Some([1; 16].into()),
        user_name: "u".to_owned(),
    }
}

pub(crate) async fn arrive(store: &Arc<dyn Store>, arrivals: Vec<Arrival>) -> Vec<ArrivalOutcome> {
    store
        .commit(Batch {
            arrivals,
            ..Batch::default()
        })
        .await
        .unwrap()
        .arrivals
}
