//! `send`, `text`, `request`, `fragments`: frames of the suite.

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::step::{Step, Verb, plain};
use crate::live::value::unsigned;
use crate::wire::fragment::{Fragment, Start};
use crate::wire::frame::{Frame, sequence};
use crate::wire::{compress, hex, json};

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("send", plain::<Send>),
    ("text", plain::<Text>),
    ("request", plain::<Request>),
    ("fragments", plain::<Fragments>),
];

/// A frame as scripts write it; expressions are evaluated when it is built.
#[derive(Clone, Debug, Default)]
pub struct FrameSpec {
    /// Name or number.
    pub kind: Value,
    /// Fields of the payload.
    pub message: Option<Value>,
    /// Octets of the payload.
    pub payload: Option<Value>,
    /// Version octet.
    pub version: Option<Value>,
    /// Sequence; it does not count then.
    pub sequence: Option<Value>,
    /// Compression octet; compresses nothing.
    pub compression: Option<Value>,
    /// Length field.
    pub length: Option<Value>,
    /// Compresses the payload with this algorithm.
    pub compress: Option<String>,
}

impl FrameSpec {
    /// A frame of a type with these fields.
    #[must_use]
    pub fn of(kind: &str, message: Value) -> Self {
        Self {
            kind: kind.into(),
            message: Some(message),
            ..Self::default()
        }
    }
}

/// The number of a compression algorithm.
fn algorithm(cx: &Context, name: &str) -> Result<u8, Stop> {
    let rows = &cx.protocol().registries.compression.algorithm;
    let found = rows.iter().find(|row| row.name == name);
    found
        .and_then(|row| u8::try_from(row.value).ok())
        .ok_or_else(|| Stop::script(format!("no compression {name}")))
}

/// Makes a frame for a connection and counts its ordinal.
///
/// # Errors
/// An error of the script.
pub fn build(cx: &mut Context, conn: &str, spec: &FrameSpec) -> Result<Frame, Stop> {
    let kind = cx.evaluate(&spec.kind)?;
    let kind = cx.protocol().frame_number(&kind).map_err(Stop::Script)?;
    let side = cx.connection(conn)?.state().side;
    let payload = match (&spec.message, &spec.payload) {
        (Some(_), Some(_)) => return Err(Stop::script("`message` and `payload`")),
        (Some(message), None) => {
            let message = cx.evaluate(message)?;
            json::encode(cx.protocol(), kind, side, &message).map_err(Stop::Script)?
        }
        (None, Some(payload)) => json::octets(&cx.evaluate(payload)?).map_err(Stop::Script)?,
        (None, None) => Bytes::new(),
    };
    let mut frame = Frame::new(kind, payload);
    if let Some(name) = &spec.compress {
        frame.compression = algorithm(cx, name)?;
        let packed = compress::compress(frame.compression, &frame.payload);
        frame.set_payload(packed.map_err(Stop::Script)?);
    }
    let numbers = [
        &spec.version,
        &spec.sequence,
        &spec.compression,
        &spec.length,
    ];
    let mut values = [None; 4];
    for (value, number) in values.iter_mut().zip(numbers) {
        *value = number
            .as_ref()
            .map(|number| cx.number(number))
            .transpose()?;
    }
    let [version, given, compression, length] = values;
    let connection = cx.connection(conn)?;
    let mut state = connection.state();
    let name = state.protocol.frame_name(kind);
    if !matches!(name.as_str(), "HELLO" | "WELCOME" | "ERROR") {
        frame.version = state.version;
    }
    let octet = |number: u64| u8::try_from(number).map_err(|e| Stop::script(e.to_string()));
    let long = |number: u64| u32::try_from(number).map_err(|e| Stop::script(e.to_string()));
    if let Some(version) = version {
        frame.version = octet(version)?;
    }
    if let Some(compression) = compression {
        frame.compression = octet(compression)?;
    }
    if let Some(length) = length {
        frame.length = long(length)?;
    }
    frame.sequence = match given {
        Some(given) => long(given)?,
        None if state.protocol.sequenced(kind) => state.next_sequence(),
        None => 0,
    };
    Ok(frame)
}

/// Remembers a frame under the name of `as`.
///
/// # Errors
/// There is no such connection.
pub fn remember(
    cx: &mut Context,
    conn: &str,
    name: Option<&String>,
    frame: &Frame,
    more: Value,
) -> Result<(), Stop> {
    let Some(name) = name else {
        return Ok(());
    };
    let mut fields = json!({"octets": frame.octets(), "sequence": frame.sequence,
        "hex": hex::encode(&frame.encode()), "payload": hex::encode(&frame.payload)});
    let connection = cx.connection(conn)?;
    let (sent, side) = {
        let state = connection.state();
        (state.numbers.sent, state.side)
    };
    let view = json::show(cx.protocol(), frame.kind, side, &frame.payload);
    if let Some(fields) = fields.as_object_mut() {
        if frame.sequence != 0 && frame.sequence == sequence(sent) {
            fields.insert("ordinal".into(), json!(sent));
        }
        if let (0, Ok(Value::Object(view))) = (frame.compression, view) {
            for key in ["client_msg_id", "request_id", "operation", "token", "id"] {
                if let Some(value) = view.get(key) {
                    fields.insert(key.into(), value.clone());
                }
            }
        }
        if let Value::Object(more) = more {
            fields.extend(more);
        }
    }
    cx.variables.insert(name.clone(), fields);
    Ok(())
}

/// `send`: one frame.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    send: String,
    #[serde(rename = "type")]
    kind: Value,
    message: Option<Value>,
    payload: Option<Value>,
    version: Option<Value>,
    sequence: Option<Value>,
    compression: Option<Value>,
    length: Option<Value>,
    compress: Option<String>,
    cut: Option<Value>,
    #[serde(rename = "as")]
    name: Option<String>,
}

#[async_trait]
impl Step for Send {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let spec = FrameSpec {
            kind: self.kind.clone(),
            message: self
                .message
                .as_ref()
                .map(|message| cx.evaluate(message))
                .transpose()?,
            payload: self.payload.clone(),
            version: self.version.clone(),
            sequence: self.sequence.clone(),
            compression: self.compression.clone(),
            length: self.length.clone(),
            compress: self.compress.clone(),
        };
        let cut = self.cut.as_ref().map(|cut| cx.number(cut)).transpose()?;
        let cut = cut.map(|cut| usize::try_from(cut).unwrap_or(usize::MAX));
        let frame = build(cx, &self.send, &spec)?;
        cx.connection(&self.send)?.send(&frame, cut);
        let message = spec.message.unwrap_or_default();
        let mut ids = Map::new();
        for key in ["client_msg_id", "request_id"] {
            if let Some(value) = message.get(key) {
                ids.insert(key.into(), value.clone());
            }
        }
        remember(
            cx,
            &self.send,
            self.name.as_ref(),
            &frame,
            Value::Object(ids),
        )
    }
}

/// `text`: TEXT with a new client_msg_id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
    to: Option<String>,
    conversation: Option<Value>,
    body: Value,
    #[serde(rename = "as")]
    name: Option<String>,
    #[serde(default)]
    with: Map<String, Value>,
    compress: Option<String>,
}

#[async_trait]
impl Step for Text {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let mut message = json!({"client_msg_id": "$uuid", "body": {"text": self.body}});
        if let Some(fields) = message.as_object_mut() {
            match (&self.to, &self.conversation) {
                (Some(user), None) => {
                    let user = user.trim_start_matches('$');
                    fields.insert("direct_to".into(), format!("${user}").into());
                }
                (None, Some(id)) => {
                    fields.insert("conversation".into(), id.clone());
                }
                _ => return Err(Stop::script("`to` or `conversation`")),
            }
            fields.extend(self.with.clone());
        }
        let message = cx.evaluate(&message)?;
        let mut spec = FrameSpec::of("TEXT", message.clone());
        spec.compress.clone_from(&self.compress);
        let frame = build(cx, &self.text, &spec)?;
        cx.connection(&self.text)?.send(&frame, None);
        let ids = json!({ "client_msg_id": message.get("client_msg_id") });
        remember(cx, &self.text, self.name.as_ref(), &frame, ids)
    }
}

/// `request`: REQUEST with a new request_id.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    request: String,
    operation: Value,
    message: Option<Value>,
    max_octets: Option<Value>,
    #[serde(default)]
    with: Map<String, Value>,
    #[serde(rename = "as")]
    name: Option<String>,
}

#[async_trait]
impl Step for Request {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let mut message = json!({"request_id": "$uuid", "operation": self.operation});
        if let Some(fields) = message.as_object_mut() {
            if let Some(operation) = self.operation.as_str() {
                let body = self.message.clone().unwrap_or_else(|| json!({}));
                fields.insert(operation.to_lowercase(), body);
            } else if self.message.is_some() {
                return Err(Stop::script("`message` needs the name of an operation"));
            }
            if let Some(max) = &self.max_octets {
                fields.insert("max_octets".into(), max.clone());
            }
            fields.extend(self.with.clone());
        }
        let message = cx.evaluate(&message)?;
        let ids = json!({"request_id": message.get("request_id"), "operation": self.operation});
        let frame = build(cx, &self.request, &FrameSpec::of("REQUEST", message))?;
        cx.connection(&self.request)?.send(&frame, None);
        remember(cx, &self.request, self.name.as_ref(), &frame, ids)
    }
}

/// `fragments`: one message in FRAGMENT frames.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fragments {
    fragments: String,
    #[serde(rename = "type")]
    kind: Value,
    message: Option<Value>,
    payload: Option<Value>,
    sizes: Vec<Value>,
    compress: Option<String>,
    id: Option<Value>,
    total: Option<Value>,
    uncompressed: Option<Value>,
    #[serde(rename = "as")]
    name: Option<String>,
}

#[async_trait]
impl Step for Fragments {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let message = self.message.as_ref().map(|m| cx.evaluate(m)).transpose()?;
        let kind = cx.evaluate(&self.kind)?;
        let kind = cx.protocol().frame_number(&kind).map_err(Stop::Script)?;
        let side = cx.connection(&self.fragments)?.state().side;
        let payload = match (&message, &self.payload) {
            (Some(message), None) => json::encode(cx.protocol(), kind, side, message),
            (None, Some(payload)) => json::octets(&cx.evaluate(payload)?),
            _ => Err("`message` or `payload`".into()),
        };
        let payload = payload.map_err(Stop::Script)?;
        let compression = match &self.compress {
            Some(name) => algorithm(cx, name)?,
            None => 0,
        };
        let inner = match compression {
            0 => payload.clone(),
            other => compress::compress(other, &payload).map_err(Stop::Script)?,
        };
        let octets = |bytes: &Bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut start = Start {
            inner_type: kind,
            compression,
            total: octets(&inner),
            uncompressed: octets(&payload),
        };
        if let Some(total) = self.narrow(cx, self.total.as_ref())? {
            start.total = total;
        }
        if let Some(uncompressed) = self.narrow(cx, self.uncompressed.as_ref())? {
            start.uncompressed = uncompressed;
        }
        let next = cx.connection(&self.fragments)?.state().numbers.sent + 1;
        let id = self.narrow(cx, self.id.as_ref())?;
        let id = id.unwrap_or_else(|| sequence(next));
        let mut sizes = Vec::new();
        for size in &self.sizes {
            sizes.push(usize::try_from(cx.number(size)?).unwrap_or(usize::MAX));
        }
        let mut last = None;
        for fragment in Fragment::split(id, start, &inner, &sizes) {
            let payload = hex::encode(&fragment.encode());
            let spec = FrameSpec {
                kind: "FRAGMENT".into(),
                payload: Some(payload.into()),
                ..FrameSpec::default()
            };
            let frame = build(cx, &self.fragments, &spec)?;
            cx.connection(&self.fragments)?.send(&frame, None);
            last = Some(frame);
        }
        let frame = last.ok_or_else(|| Stop::script("no `sizes`"))?;
        let message = message.unwrap_or_default();
        let ids = json!({"id": id, "client_msg_id": message.get("client_msg_id")});
        remember(cx, &self.fragments, self.name.as_ref(), &frame, ids)
    }
}

impl Fragments {
    fn narrow(&self, cx: &mut Context, value: Option<&Value>) -> Result<Option<u32>, Stop> {
        let value = value.map(|value| cx.evaluate(value)).transpose()?;
        let number = value
            .map(|value| unsigned(&value).map_err(Stop::Script))
            .transpose()?;
        let narrow =
            number.map(|number| u32::try_from(number).map_err(|e| Stop::script(e.to_string())));
        narrow.transpose()
    }
}
