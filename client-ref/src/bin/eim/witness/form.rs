//! The lines of a history.

use eim_client::body_digest;
use eim_client::store::Message;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Header<'a> {
    pub(super) history: u32,
    pub(super) writer: &'a str,
    pub(super) started_us: u64,
}

#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) at_us: u64,
    pub(super) process: &'a str,
    #[serde(flatten)]
    pub(super) op: Op,
}

#[derive(Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Op {
    Start {
        user: String,
        device: String,
        outbox: String,
    },
    End,
    Send {
        key: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        conversation: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to_user: Option<String>,
        #[serde(rename = "type")]
        frame_type: u8,
        sha256: String,
    },
    Ack {
        key: String,
        conversation: String,
        log_epoch: u64,
        conv_seq: u64,
    },
    Fail {
        key: String,
        code: String,
    },
    Deliver {
        conversation: String,
        #[serde(flatten)]
        entry: Entry,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        past: bool,
    },
    Read {
        conversation: String,
        from: u64,
        through: u64,
        complete: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        more: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        visible_through: Option<u64>,
        entries: Vec<Entry>,
    },
    Mark {
        conversation: String,
        log_epoch: u64,
        read: u64,
    },
    Unread {
        conversation: String,
        log_epoch: u64,
        from: u64,
        read: u64,
        unread: u64,
    },
}

#[derive(Serialize)]
pub(super) struct Entry {
    log_epoch: u64,
    conv_seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_device: Option<String>,
    #[serde(rename = "type")]
    frame_type: u8,
    sha256: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tombstone: bool,
}

impl Entry {
    pub(super) fn new(message: &Message) -> Self {
        Self {
            log_epoch: message.log_epoch,
            conv_seq: message.conv_seq,
            key: message.client_msg_id.map(|id| id.to_string()),
            sender: message.sender.map(|id| id.to_string()),
            sender_device: message.sender_device.map(|id| id.to_string()),
            frame_type: message.frame_type.0,
            sha256: body_digest(&message.body),
            tombstone: message.tombstone,
        }
    }
}
