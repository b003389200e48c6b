//! What the client tells, as events of the protocol.

use std::fmt::Write as _;

use eim_client::modified::{Modified, current_text};
use eim_client::store::Message;
use eim_client::{ConnectionState, Disconnected, Event, text_of};
use eim_codec::connection::ClosedBy;
use eim_codec::id::ClientMsgId;
use serde_json::{Value, json};

use super::reach;
use super::refs::Refs;

/// The line for an event; `None` for those that the protocol does not have.
pub(super) fn event(event: &Event, refs: &Refs) -> Option<Value> {
    let name = |id: ClientMsgId| refs.name(id).unwrap_or_default();
    Some(match event {
        Event::State(ConnectionState::Open { resumed, .. }) => {
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
        Event::Presence(presences) => {
            json!({"event": "presence", "presences": reach::list(presences)})
        }
        Event::Typing {
            conversation,
            user,
            typing,
        } => json!({
            "event": "typing", "conversation": conversation.to_string(),
            "user": user.to_string(), "typing": typing,
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

/// A message as a person sees it.
pub(super) fn shown(message: Option<&Message>, modified: Option<&Modified>) -> Value {
    let mut shown = json!({"stored": message.is_some()});
    if let Some(text) = message.and_then(|message| current_text(message, modified)) {
        shown["text"] = text.into();
    }
    let recalled = modified.is_some_and(|modified| modified.recall.is_some());
    if recalled || message.is_some_and(|message| message.tombstone) {
        shown["recalled"] = true.into();
    }
    let Some(modified) = modified else {
        return shown;
    };
    if modified.edit.is_some() {
        shown["edited"] = true.into();
    }
    if modified.pinned {
        shown["pinned"] = true.into();
    }
    if !modified.reactions.is_empty() {
        let reaction =
            |(reaction, users): (&String, &std::collections::BTreeSet<eim_codec::id::UserId>)| {
                let users: Vec<String> = users.iter().map(ToString::to_string).collect();
                json!({"reaction": reaction, "users": users})
            };
        let reactions: Vec<Value> = modified.reactions.iter().map(reaction).collect();
        shown["reactions"] = reactions.into();
    }
    shown
}
