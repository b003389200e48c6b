//! A message as one canonical line, for comparing devices octet by octet.

use eim_codec::payload::TextBody;
use eim_codec::registry::FrameType;
use prost::Message as _;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::store::Message;

/// A message as every device of every member stores it: fields in this order, nothing that
/// differs between devices (no place in a timeline).
#[derive(Debug, Serialize)]
pub struct Line {
    conversation: String,
    log_epoch: u64,
    conv_seq: u64,
    r#type: u8,
    sender: Option<String>,
    sender_device: Option<String>,
    client_msg_id: Option<String>,
    time_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// SHA-256 of the body's octets.
    sha256: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    fallback_text: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    tombstone: bool,
}

impl From<&Message> for Line {
    fn from(message: &Message) -> Self {
        Self {
            conversation: message.conversation.to_string(),
            log_epoch: message.log_epoch,
            conv_seq: message.conv_seq,
            r#type: message.frame_type.0,
            sender: message.sender.map(|id| id.to_string()),
            sender_device: message.sender_device.map(|id| id.to_string()),
            client_msg_id: message.client_msg_id.map(|id| id.to_string()),
            time_ms: message.time_ms,
            text: text_of(message),
            sha256: body_digest(&message.body),
            fallback_text: message.fallback_text.clone(),
            tombstone: message.tombstone,
        }
    }
}

/// The text of a TEXT message; `None` for other types and for bodies that are none.
#[must_use]
pub fn text_of(message: &Message) -> Option<String> {
    if message.frame_type != FrameType::TEXT || message.tombstone {
        return None;
    }
    TextBody::decode(message.body.clone())
        .ok()
        .map(|body| body.text)
}

/// SHA-256 of a body, in lower hexadecimal.
#[must_use]
pub fn body_digest(body: &[u8]) -> String {
    use std::fmt::Write;

    Sha256::digest(body)
        .iter()
        .fold(String::with_capacity(64), |mut text, octet| {
            // Writing into a string does not fail.
            let _ = write!(text, "{octet:02x}");
            text
        })
}
