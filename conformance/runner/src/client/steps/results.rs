//! Messages and requests of the testee, and what the suite answers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{overlay, send};
use crate::client::stage::stage;
use crate::live::clock;
use crate::live::context::Context;
use crate::live::look::Look;
use crate::live::outcome::Stop;
use crate::live::state::State;
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::expect;
use crate::wire::Side;
use crate::wire::json::show;

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("expect_message", plain::<ExpectMessage>),
    ("expect_request", plain::<ExpectRequest>),
    ("result", plain::<Answered>),
    ("respond", plain::<Respond>),
];

/// `expect_message`: the next message of the testee.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectMessage {
    expect_message: String,
    #[serde(rename = "type")]
    kind: Option<Value>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    /// Header fields.
    #[serde(default)]
    header: Map<String, Value>,
    #[serde(rename = "as")]
    name: Option<String>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
    /// It comes in fragments, which are put together.
    #[serde(default)]
    fragmented: bool,
}

#[async_trait]
impl Step for ExpectMessage {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let conn = &self.expect_message;
        let kind = self.kind.clone().unwrap_or_else(|| "TEXT".into());
        let kind = cx.protocol().frame_number(&kind).map_err(Stop::Script)?;
        let name = cx.protocol().frame_name(kind);
        let limits = cx.limits(conn, self.within_ms, self.not_before_ms)?;
        let seen = if self.fragmented {
            crate::live::steps::replies::reassembled(cx, conn, limits).await?
        } else {
            expect::take(cx, conn, kind, &name, limits).await?
        };
        if seen.frame.kind != kind {
            let actual = cx.protocol().frame_name(seen.frame.kind);
            return Err(Stop::failed(name, actual));
        }
        let frame = &seen.frame;
        let header = json!({"version": frame.version, "sequence": frame.sequence,
            "compression": frame.compression, "length": frame.length});
        expect::compare_any(cx, "a header", &self.header, &header)?;
        expect::compare_any(cx, &name, &self.matching, &seen.view)?;
        cx.capture(&self.capture, &seen.view)?;
        // What is in the inbox behind it has later ordinals.
        let state = cx.connection(conn)?.state();
        let behind = u64::try_from(state.pushes.len()).unwrap_or(0);
        let ordinal = state.numbers.received - behind;
        drop(state);
        let mut view = seen.view.clone();
        view["ordinal"] = ordinal.into();
        view["type"] = name.into();
        if let Some(name) = &self.name {
            cx.variables.insert(name.clone(), view);
        }
        Ok(())
    }
}

/// `expect_request`: the next request of the testee.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectRequest {
    expect_request: String,
    operation: Value,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    #[serde(rename = "as")]
    name: Option<String>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
}

#[async_trait]
impl Step for ExpectRequest {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let conn = &self.expect_request;
        let kind = cx
            .protocol()
            .frame_number(&"REQUEST".into())
            .map_err(Stop::Script)?;
        let limits = cx.limits(conn, self.within_ms, self.not_before_ms)?;
        let seen = expect::take(cx, conn, kind, "REQUEST", limits).await?;
        let mut matching = self.matching.clone();
        matching.insert("operation".into(), self.operation.clone());
        expect::compare(cx, "REQUEST", &matching, &seen.view)?;
        cx.capture(&self.capture, &seen.view)?;
        if let Some(name) = &self.name {
            cx.variables.insert(name.clone(), seen.view);
        }
        Ok(())
    }
}

/// `result`: ACK with one result.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answered {
    result: String,
    of: String,
    #[serde(default)]
    message: Map<String, Value>,
    code: Option<Value>,
    /// Fields of the error beside its code.
    #[serde(default)]
    error: Map<String, Value>,
}

#[async_trait]
impl Step for Answered {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let message = cx.evaluate(&format!("${}", self.of).into())?;
        let mut result = match &self.code {
            Some(code) => {
                let info = error_info(cx, code, &self.error)?;
                json!({ "error": info })
            }
            None => committed(cx, &message)?,
        };
        result["ordinal"] = message["ordinal"].clone();
        let result = overlay(cx, result, &self.message)?;
        let log_epoch = stage(cx)?.world().log_epoch;
        let ack = json!({"log_epoch": log_epoch, "results": [result]});
        send(cx, &self.result, "ACK", ack)
    }
}

/// The message of the testee becomes an entry; the fields of its result.
fn committed(cx: &mut Context, message: &Value) -> Result<Value, Stop> {
    let mut world = stage(cx)?.world();
    let me = world.me.clone();
    let mut fields = Map::new();
    fields.insert("sender".into(), me.into());
    fields.insert("body".into(), message["body"].clone());
    if let Some(conversation) = message.get("conversation") {
        fields.insert("conversation".into(), conversation.clone());
    }
    let id = message["client_msg_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let kind = message["type"].as_str().unwrap_or("TEXT").to_owned();
    // A retry is the same entry.
    let known = world
        .timeline
        .iter()
        .find(|(_, entry)| entry["client_msg_id"] == *id)
        .cloned();
    let (place, entry) = match known {
        Some(known) => known,
        None => {
            let entry = world.entry(&kind, &id, &fields).map_err(Stop::Script)?;
            (world.commit(&entry, None), entry)
        }
    };
    Ok(json!({"conv_seq": entry["conv_seq"], "time_ms": entry["time_ms"], "user_seq": place}))
}

/// `ErrorInfo` as the registry has it.
fn error_info(cx: &mut Context, code: &Value, fields: &Map<String, Value>) -> Result<Value, Stop> {
    let code = cx.evaluate(code)?;
    let errors = &cx.protocol().registries.errors.error;
    let row = errors.iter().find(|row| code == row.name.as_str());
    let retryable = row.is_some_and(|row| row.retryable);
    overlay(cx, json!({"code": code, "retryable": retryable}), fields)
}

/// `respond`: RESPONSE.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Respond {
    respond: String,
    of: String,
    /// The member of the oneof.
    message: Option<Map<String, Value>>,
    code: Option<Value>,
    /// Fields of the error beside its code.
    #[serde(default)]
    error: Map<String, Value>,
    /// Fields of RESPONSE that replace the defaults.
    #[serde(default)]
    with: Map<String, Value>,
}

#[async_trait]
impl Step for Respond {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let request = cx.evaluate(&format!("${}", self.of).into())?;
        let operation = request["operation"].as_str().unwrap_or_default();
        let mut response = json!({"request_id": request["request_id"], "operation": operation});
        if let Some(message) = &self.message {
            let message = cx.object(message)?;
            let member = match operation {
                "GROUP_ADD" | "GROUP_REMOVE" | "GROUP_LEAVE" | "GROUP_SET_ROLE"
                | "GROUP_RENAME" => "group_change".to_owned(),
                other => other.to_lowercase(),
            };
            response[member] = Value::Object(message);
        }
        if let Some(code) = &self.code {
            response["error"] = error_info(cx, code, &self.error)?;
        }
        let response = overlay(cx, response, &self.with)?;
        send(cx, &self.respond, "RESPONSE", response)
    }
}

/// PING and its PONG: everything sent before has been looked at.
///
/// # Errors
/// The PONG does not come.
pub(super) async fn round_trip(cx: &mut Context, conn: &str) -> Result<(), Stop> {
    let token = u64::from_be_bytes(cx.random.octets::<8>()) >> 1;
    send(cx, conn, "PING", json!({ "token": token }))?;
    let limits = cx.limits(conn, None, None)?;
    let kind = cx
        .protocol()
        .frame_number(&"PONG".into())
        .map_err(Stop::Script)?;
    let pick = |state: &mut State| {
        let ours = |seen: &crate::live::state::Seen| {
            let view = show(&state.protocol, kind, Side::Client, &seen.frame.payload);
            seen.frame.kind == kind && view.is_ok_and(|view| view["token"] == token)
        };
        match state.control.iter().position(ours) {
            Some(at) => {
                state.control.remove(at);
                Look::Found(((), clock::now()))
            }
            None => Look::Wait,
        }
    };
    cx.look(conn, "PONG", limits, pick).await
}
