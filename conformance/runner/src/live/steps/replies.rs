//! `expect_result`, `expect_response`: answers, which may come in any order; and pushes in
//! fragments.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::live::context::Context;
use crate::live::look::{Limits, Look};
use crate::live::matcher::{check_all, known_path};
use crate::live::outcome::Stop;
use crate::live::state::{Seen, State};
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::expect::{compare_any, take};
use crate::wire::fragment::Fragment;
use crate::wire::json::{is_default, prune, show};
use crate::wire::{compress, hex};

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("expect_result", plain::<ExpectResult>),
    ("expect_response", plain::<ExpectResponse>),
];

/// `expect_result`: the result of a message.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectResult {
    expect_result: String,
    of: String,
    /// Success or failure, whichever.
    #[serde(default)]
    any: bool,
    code: Option<Value>,
    any_of: Option<Vec<Value>>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
}

#[async_trait]
impl Step for ExpectResult {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let ordinal = cx.number(&format!("${}.ordinal", self.of.trim_start_matches('$')).into())?;
        let limits = cx.limits(&self.expect_result, self.within_ms, self.not_before_ms)?;
        let expected = format!("a result for {} (ordinal {ordinal})", self.of);
        let pick = |state: &mut State| {
            let of =
                |seen: &Seen| seen.view.get("ordinal").and_then(Value::as_u64) == Some(ordinal);
            let index = state.results.iter().position(of);
            match index.and_then(|index| state.results.remove(index)) {
                Some(seen) => Look::Found((seen.clone(), seen.at)),
                None => Look::Wait,
            }
        };
        let seen = cx
            .look(&self.expect_result, &expected, limits, pick)
            .await?;
        let result = &seen.view;
        let code = match (&self.code, &self.any_of) {
            (Some(code), _) => Some(code.clone()),
            (None, Some(codes)) => Some(json!({ "any_of": codes })),
            (None, None) => None,
        };
        match code {
            None if self.any => {}
            None => {
                let fields = json!({"error": {"absent": true}, "conv_seq": {"ge": 1}});
                whole(cx, &expected, &fields, result, "EIM-RES-003")?;
            }
            Some(code) => {
                let fields = json!({"error.code": code, "conv_seq": 0});
                whole(cx, &expected, &fields, result, "EIM-RES-003")?;
                let error = result.get("error").cloned().unwrap_or_default();
                retryable(cx, &expected, &error)?;
            }
        }
        let mut known = self.matching.clone();
        known.remove("log_epoch");
        paths(cx, "Result", &known)?;
        compare_any(cx, &expected, &self.matching, result)?;
        cx.capture(&self.capture, result)
    }
}

fn whole(
    cx: &Context,
    expected: &str,
    fields: &Value,
    view: &Value,
    requirement: &str,
) -> Result<(), Stop> {
    let fields = fields.as_object().cloned().unwrap_or_default();
    check_all(cx.protocol(), &fields, view).map_err(|why| {
        let fields = Value::Object(fields.clone());
        Stop::failed(
            format!("{expected} with {fields} ({requirement})"),
            format!("{why} in {}", prune(view)),
        )
    })
}

/// `retryable` as the registry says (EIM-ERR-006).
fn retryable(cx: &Context, expected: &str, error: &Value) -> Result<(), Stop> {
    let code = error
        .get("code")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let rows = &cx.protocol().registries.errors.error;
    let Some(row) = rows.iter().find(|row| row.name == code) else {
        let expected = format!("{expected} with a code of the registry (EIM-ERR-006)");
        return Err(Stop::failed(expected, error.to_string()));
    };
    let fields = json!({ "retryable": row.retryable });
    whole(cx, expected, &fields, error, "EIM-ERR-006")
}

/// Paths that cannot exist are errors of the script.
fn paths(cx: &Context, message: &str, matching: &Map<String, Value>) -> Result<(), Stop> {
    let descriptor = cx.protocol().message(message).map_err(Stop::Script)?;
    for path in matching.keys().filter(|path| !path.is_empty()) {
        known_path(cx.protocol(), &descriptor, path).map_err(Stop::Script)?;
    }
    Ok(())
}

/// A failure has no body (EIM-SYN-006).
fn bodiless(expected: &str, view: &Value) -> Result<(), Stop> {
    let fields = view.as_object().into_iter().flat_map(Map::keys);
    let mut others =
        fields.filter(|key| !matches!(key.as_str(), "request_id" | "operation" | "error"));
    match others.next() {
        None => Ok(()),
        Some(body) => Err(Stop::failed(
            format!("{expected} without a body (EIM-SYN-006)"),
            body.as_str(),
        )),
    }
}

/// `expect_response`: the answer to a request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectResponse {
    expect_response: String,
    of: String,
    code: Option<Value>,
    any_of: Option<Vec<Value>>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    #[serde(default)]
    header: Map<String, Value>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
}

#[async_trait]
impl Step for ExpectResponse {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let of = self.of.trim_start_matches('$');
        let id = cx.evaluate(&format!("${of}.request_id").into())?;
        let operation = cx.evaluate(&format!("${of}.operation").into())?;
        let limits = cx.limits(&self.expect_response, self.within_ms, self.not_before_ms)?;
        let expected = format!("a RESPONSE to {of} ({operation})");
        let pick = |state: &mut State| {
            let response = state.protocol.frame_number(&"RESPONSE".into());
            let of = |seen: &Seen| {
                Ok(seen.frame.kind) == response && seen.view.get("request_id") == Some(&id)
            };
            let index = state.control.iter().position(of);
            match index.and_then(|index| state.control.remove(index)) {
                Some(seen) => Look::Found((seen.clone(), seen.at)),
                None => Look::Wait,
            }
        };
        let seen = cx
            .look(&self.expect_response, &expected, limits, pick)
            .await?;
        let header = &seen.frame;
        let shown = json!({"sequence": header.sequence, "compression": header.compression,
            "length": header.length, "version": header.version});
        compare_any(cx, "a header", &self.header, &shown)?;
        whole(
            cx,
            &expected,
            &json!({ "operation": operation }),
            &seen.view,
            "EIM-SYN-001",
        )?;
        let code = match (&self.code, &self.any_of) {
            (Some(code), _) => Some(code.clone()),
            (None, Some(codes)) => Some(json!({ "any_of": codes })),
            (None, None) => None,
        };
        let error = seen.view.get("error").cloned().unwrap_or_default();
        let base = match code {
            Some(code) => {
                whole(
                    cx,
                    &expected,
                    &json!({ "code": code }),
                    &error,
                    "EIM-ERR-002",
                )?;
                retryable(cx, &expected, &error)?;
                bodiless(&expected, &seen.view)?;
                paths(cx, "Response", &self.matching)?;
                seen.view
            }
            None if !is_default(&error) => {
                return Err(Stop::failed(expected, format!("error {}", prune(&error))));
            }
            None => {
                let member = body(&seen.view);
                member.ok_or_else(|| Stop::failed(&*expected, "a RESPONSE without a body"))?
            }
        };
        compare_any(cx, &expected, &self.matching, &base)?;
        cx.capture(&self.capture, &base)
    }
}

/// The member of the oneof.
fn body(view: &Value) -> Option<Value> {
    let fields = view.as_object()?;
    let known = ["request_id", "operation", "error"];
    let found = fields
        .iter()
        .find(|(key, _)| !known.contains(&key.as_str()));
    found.map(|(_, body)| body.clone())
}

/// Reads fragments of one message until it is whole, and shows it as one frame of its type.
///
/// # Errors
/// Fragments that contradict each other or chapter 14; nothing in time.
pub async fn reassembled(cx: &mut Context, conn: &str, limits: Limits) -> Result<Seen, Stop> {
    let fragment = cx
        .protocol()
        .frame_number(&"FRAGMENT".into())
        .map_err(Stop::Script)?;
    let expected = "FRAGMENT in order (EIM-FRG-003)";
    let mut whole = BytesMut::new();
    let mut begun: Option<(u32, crate::wire::fragment::Start)> = None;
    loop {
        let mut seen = take(cx, conn, fragment, "FRAGMENT", limits).await?;
        let wrong = |text: String| Stop::failed(expected, text);
        let part = Fragment::decode(seen.frame.payload.clone());
        let part = part.ok_or_else(|| wrong(hex::encode(&seen.frame.payload)))?;
        let (id, start) = match (begun, part.start) {
            (None, Some(start)) => (part.id, start),
            (Some(begun), None) => begun,
            _ => return Err(wrong(format!("{}", seen.view))),
        };
        if part.id != id || part.offset as usize != whole.len() || part.data.is_empty() {
            return Err(wrong(format!("{}", seen.view)));
        }
        begun = Some((id, start));
        whole.extend_from_slice(&part.data);
        if whole.len() < start.total as usize {
            continue;
        }
        let inner: Bytes = whole.freeze();
        let plain = match start.compression {
            0 => Ok(inner),
            other => compress::decompress(other, &inner, u64::from(start.uncompressed)),
        };
        let plain = plain.map_err(|why| wrong(format!("inner payload: {why}")))?;
        let side = cx.connection(conn)?.state().side.other();
        let view = show(cx.protocol(), start.inner_type, side, &plain);
        seen.view = view.map_err(|why| wrong(format!("inner payload: {why}")))?;
        seen.frame.kind = start.inner_type;
        return Ok(seen);
    }
}
