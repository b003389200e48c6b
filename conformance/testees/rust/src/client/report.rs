//! What the client tells, as events of the protocol.

use std::fmt::Write as _;

use eim_client::store::Message;
use eim_client::{ConnectionState, Disconnected, Event, text_of};
use eim_codec::connection::ClosedBy;
use eim_codec::id::ClientMsgId;
use serde_json::{Value, json};

use super::refs::Refs;

/// The line for an event; `None` for those that the protocol does not have.
pub(super) fn event(event: &Event, refs: &Refs) -> Option<Value> {
    let name = |id: ClientMsgId| refs.name(id).unwrap_or_default();
    Some(match event {
        Event::State(ConnectionState::Open { resumed }) => {
            json!({"event": "open", "outcome": if *resumed { "RESUMED" } else { "FRESH" }})
        }
        Event::Disconnected(ended) => closed(ended),
        Event::Message(message) => {
            let mut shown = entry(message);
            shown["event"] = "message".into();
            shown["conversation"] = message.conversation.to_string().into();
            shown["log_epoch"] = message.log_epoch.to_string().into();
            shown
        }
        Event::Settled(settled) => {
            let mut result = json!({
                "event": "result", "ref": name(settled.item.client_msg_id), "final": true,
            });
            match &settled.outcome {
                Ok(sent) => result["conv_seq"] = sent.conv_seq.to_string().into(),
                Err(refused) => result["code"] = refused.code.to_string().into(),
            }
            result
        }
        Event::Postponed(postponed) => json!({
            "event": "result", "ref": name(postponed.client_msg_id), "final": false,
            "code": postponed.refused.code.to_string(),
        }),
        _ => return None,
    })
}

fn closed(ended: &Disconnected) -> Value {
    let by = match ended.by {
        ClosedBy::Peer => "peer",
        ClosedBy::Transport => "transport",
        ClosedBy::Local | ClosedBy::Timeout => "local",
    };
    let mut closed = json!({"event": "closed", "by": by, "reconnects": ended.reconnects});
    if let Some(code) = ended.code {
        closed["code"] = code.to_string().into();
    }
    if !ended.detail.is_empty() {
        closed["detail"] = ended.detail.clone().into();
    }
    closed
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string does not fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// An entry as the device holds it.
pub(super) fn entry(message: &Message) -> Value {
    let mut entry = json!({
        "conv_seq": message.conv_seq.to_string(),
        "type": message.frame_type.0,
        "sender": message.sender.map(|sender| sender.to_string()).unwrap_or_default(),
    });
    if let Some(text) = text_of(message) {
        entry["text"] = text.into();
    }
    let text = text_of(message).is_some();
    if !text && !message.body.is_empty() {
        entry["body"] = hex(&message.body).into();
    }
    if !message.fallback_text.is_empty() {
        entry["fallback"] = message.fallback_text.clone().into();
    }
    if message.tombstone {
        entry["tombstone"] = true.into();
    }
    entry
}
