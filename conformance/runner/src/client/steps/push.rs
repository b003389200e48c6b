//! `push`, `commit` and `burst`: entries of logs, and frames in one write.

use async_trait::async_trait;
use bytes::BytesMut;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::client::stage::stage;
use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::step::{Step, Verb, Verbs, plain};
use crate::live::steps::send::{FrameSpec, build, remember};
use crate::live::value::unsigned;
use crate::wire::frame::Frame;

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("push", strict::<Push>),
    ("commit", strict::<Commit>),
    ("burst", plain::<Burst>),
];

/// What a push says, where it differs from the next entry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    /// Type; default TEXT.
    #[serde(rename = "type")]
    kind: Option<Value>,
    /// Fields of the entry.
    entry: Map<String, Value>,
    /// Place in the timeline; 0 for none.
    user_seq: Option<Value>,
    /// The push is an echo.
    echo: bool,
    /// Header fields.
    header: Map<String, Value>,
    /// Compresses the payload.
    compress: Option<String>,
}

/// Options of a push.
const OPTIONS: [&str; 9] = [
    "push", "commit", "type", "entry", "user_seq", "echo", "header", "compress", "as",
];

/// As [`plain`]; a mistake in a key would make a push mean less than it says.
fn strict<T: Step + DeserializeOwned + 'static>(
    raw: &Value,
    verbs: &Verbs,
) -> Result<Box<dyn Step>, String> {
    known_options(raw)?;
    plain::<T>(raw, verbs)
}

fn known_options(raw: &Value) -> Result<(), String> {
    let unknown = |key: &&String| !OPTIONS.contains(&key.as_str());
    let found = raw
        .as_object()
        .and_then(|fields| fields.keys().find(unknown));
    found.map_or(Ok(()), |key| Err(format!("a push has no `{key}`")))
}

/// `push`: the next entry of a conversation.
#[derive(Clone, Debug, Deserialize)]
struct Push {
    push: String,
    #[serde(flatten)]
    spec: Spec,
    #[serde(rename = "as")]
    name: Option<String>,
}

#[async_trait]
impl Step for Push {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let (frame, view) = push(cx, &self.push, &self.spec)?;
        cx.connection(&self.push)?.send(&frame, None);
        remember(cx, &self.push, self.name.as_ref(), &frame, view)
    }
}

/// `commit`: the same without a push: an entry that the testee has to fetch.
#[derive(Clone, Debug, Deserialize)]
struct Commit {
    #[serde(rename = "commit")]
    _conn: String,
    #[serde(flatten)]
    spec: Spec,
    #[serde(rename = "as")]
    name: Option<String>,
}

#[async_trait]
impl Step for Commit {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let view = entry(cx, &self.spec)?;
        if let Some(name) = &self.name {
            cx.variables.insert(name.clone(), view);
        }
        Ok(())
    }
}

/// Takes an entry into the world; gives it with its place.
fn entry(cx: &mut Context, spec: &Spec) -> Result<Value, Stop> {
    let fields = cx.object(&spec.entry)?;
    let uuid = cx.evaluate(&json!("$uuid"))?;
    let kind = match &spec.kind {
        None => "TEXT".to_owned(),
        Some(Value::String(name)) => name.clone(),
        Some(number) => number.to_string(),
    };
    let place = spec
        .user_seq
        .as_ref()
        .map(|place| cx.number(place))
        .transpose()?;
    let mut world = stage(cx)?.world();
    let id = uuid.as_str().unwrap_or_default();
    let entry = world.entry(&kind, id, &fields).map_err(Stop::Script)?;
    let place = world.commit(&entry, place);
    Ok(json!({"entry": entry, "user_seq": place}))
}

fn push(cx: &mut Context, conn: &str, spec: &Spec) -> Result<(Frame, Value), Stop> {
    let mut view = entry(cx, spec)?;
    let kind = view["entry"]["type"].clone();
    if spec.echo {
        view["echo"] = true.into();
        view["entry"]["body"] = Value::Null;
    }
    let header = |name: &str| spec.header.get(name).cloned();
    let frame = FrameSpec {
        kind: header("type").unwrap_or(kind),
        message: Some(view.clone()),
        version: header("version"),
        sequence: header("sequence"),
        compression: header("compression"),
        length: header("length"),
        compress: spec.compress.clone(),
        ..FrameSpec::default()
    };
    Ok((build(cx, conn, &frame)?, view))
}

/// `burst`: frames in one write, so that they arrive together.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Burst {
    burst: String,
    /// Frames as in `send`, or pushes with `"push": true`.
    frames: Vec<Value>,
    /// How often all of them.
    #[serde(default)]
    times: Option<Value>,
}

#[async_trait]
impl Step for Burst {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let times = self
            .times
            .as_ref()
            .map(|times| cx.number(times))
            .transpose()?;
        let mut all = BytesMut::new();
        for _ in 0..times.unwrap_or(1) {
            for raw in &self.frames {
                let frame = self.frame(cx, raw)?;
                all.extend_from_slice(&frame.encode());
            }
        }
        let text = format!("{} octets in one write", all.len());
        cx.connection(&self.burst)?.octets(&text, all.freeze());
        Ok(())
    }
}

impl Burst {
    fn frame(&self, cx: &mut Context, raw: &Value) -> Result<Frame, Stop> {
        if raw.get("push").is_some() {
            known_options(raw).map_err(Stop::Script)?;
            let spec = serde_json::from_value(raw.clone());
            let spec: Spec = spec.map_err(|error| Stop::script(error.to_string()))?;
            return Ok(push(cx, &self.burst, &spec)?.0);
        }
        let field = |name: &str| raw.get(name).cloned();
        let spec = FrameSpec {
            kind: field("type").unwrap_or_default(),
            message: field("message"),
            payload: field("payload"),
            version: field("version"),
            sequence: field("sequence"),
            compression: field("compression"),
            length: field("length"),
            compress: None,
        };
        let frame = build(cx, &self.burst, &spec)?;
        if let Some(cut) = raw.get("cut") {
            unsigned(cut).map_err(Stop::Script)?;
            return Err(Stop::script("a burst has whole frames"));
        }
        Ok(frame)
    }
}
