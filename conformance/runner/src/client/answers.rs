//! What the suite answers to requests by itself: the truth of its [`World`].

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::world::World;
use crate::live::state::{Responder, Seen};
use crate::live::value::unsigned;
use crate::wire::Side;
use crate::wire::frame::Frame;
use crate::wire::json::encode;
use crate::wire::protocol::Protocol;

/// Which requests are answered.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Answers {
    /// HEADS.
    pub heads: bool,
    /// SYNC.
    pub sync: bool,
    /// HISTORY.
    pub history: bool,
    /// USERS and CONVERSATION.
    pub others: bool,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            heads: true,
            sync: true,
            history: true,
            others: true,
        }
    }
}

/// Answers requests of one connection.
#[must_use]
pub fn responder(protocol: Arc<Protocol>, world: Arc<Mutex<World>>, answers: Answers) -> Responder {
    Box::new(move |seen: &Seen| {
        if protocol.frame_name(seen.frame.kind) != "REQUEST" {
            return None;
        }
        let world = world.lock().unwrap_or_else(PoisonError::into_inner);
        let mut response = answer(&world, &seen.view, answers)?;
        response["request_id"] = seen.view["request_id"].clone();
        response["operation"] = seen.view["operation"].clone();
        let frame = response_frame(&protocol, seen.frame.version, &response)?;
        Some(vec![frame.encode()])
    })
}

/// RESPONSE with these fields.
#[must_use]
pub fn response_frame(protocol: &Protocol, version: u8, response: &Value) -> Option<Frame> {
    let kind = protocol.frame_number(&json!("RESPONSE")).ok()?;
    let payload: Bytes = encode(protocol, kind, Side::Server, response).ok()?;
    let mut frame = Frame::new(kind, payload);
    frame.version = version;
    Some(frame)
}

fn answer(world: &World, request: &Value, answers: Answers) -> Option<Value> {
    match request["operation"].as_str()? {
        "HEADS" if answers.heads => Some(json!({"heads": heads(world, request)})),
        "SYNC" if answers.sync => Some(json!({"sync": sync(world, request)})),
        "HISTORY" if answers.history => Some(json!({"history": history(world, request)})),
        "USERS" if answers.others => Some(json!({"users": {"users": users(world, request)}})),
        "CONVERSATION" if answers.others => {
            let asked = &request["conversation"];
            let id = asked["conversation"].as_str().unwrap_or(&world.direct);
            Some(json!({"conversation": {"conversation": world.conversation(id)}}))
        }
        _ => None,
    }
}

fn users(world: &World, request: &Value) -> Vec<Value> {
    let asked = |list: &str, value: &str| {
        let list = request["users"][list].as_array();
        list.is_some_and(|list| list.iter().any(|known| known == value))
    };
    let found = world
        .users
        .iter()
        .filter(|(name, id)| asked("names", name) || asked("ids", id));
    found
        .map(|(name, id)| json!({"user_id": id, "name": name, "display_name": name}))
        .collect()
}

fn heads(world: &World, request: &Value) -> Value {
    let after = request["heads"]["after"].as_str().unwrap_or_default();
    let listed = world.heads.keys().filter(|id| id.as_str() > after);
    json!({
        "log_epoch": world.log_epoch,
        "user_seq": world.user_seq,
        "conversations": listed.map(|id| world.conversation(id)).collect::<Vec<_>>(),
    })
}

fn number(value: &Value) -> u64 {
    unsigned(value).unwrap_or(0)
}

fn sync(world: &World, request: &Value) -> Value {
    let after = number(&request["sync"]["user_seq"]);
    let entries = world.timeline.iter().filter(|(place, _)| *place > after);
    let entries = entries.map(|(place, entry)| json!({"user_seq": place, "entry": entry}));
    json!({
        "log_epoch": world.log_epoch,
        "entries": entries.collect::<Vec<_>>(),
        "user_seq": world.user_seq,
    })
}

fn history(world: &World, request: &Value) -> Value {
    let asked = &request["history"];
    let id = asked["conversation"].as_str().unwrap_or_default();
    let head = world.heads.get(id).copied().unwrap_or(0);
    let first = number(&asked["first"]).max(1);
    let last = match number(&asked["last"]) {
        0 => head,
        last => last.min(head),
    };
    let of = |conv_seq: u64| {
        let found =
            world.timeline.iter().map(|(_, entry)| entry).find(|entry| {
                entry["conversation"] == *id && number(&entry["conv_seq"]) == conv_seq
            });
        found.map_or_else(
            || {
                let reason = "UNAVAILABLE_REASON_RETENTION";
                json!({"unavailable": {"first": conv_seq, "last": conv_seq, "reason": reason}})
            },
            |entry| json!({ "entry": entry }),
        )
    };
    let mut items: Vec<Value> = (first..=last).map(of).collect();
    if asked["newest_first"] == true {
        items.reverse();
    }
    json!({"log_epoch": world.log_epoch, "items": items, "conv_seq": head})
}
