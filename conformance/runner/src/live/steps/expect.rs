//! `expect`, `expect_push`, `expect_error`, `expect_close`: what the testee has to send.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::live::context::{Context, ending};
use crate::live::log::described;
use crate::live::look::{Limits, Look};
use crate::live::matcher::{check_all, known_path};
use crate::live::outcome::Stop;
use crate::live::state::{Seen, State};
use crate::live::step::{Step, Verb, plain};
use crate::wire::Side;
use crate::wire::link::End;
use crate::wire::protocol::Payload;

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("expect", plain::<Expect>),
    ("expect_push", plain::<ExpectPush>),
    ("expect_error", plain::<ExpectError>),
    ("expect_close", plain::<ExpectClose>),
];

/// Waits for the next control frame, which has to be of this type.
///
/// # Errors
/// Something else came, or nothing.
pub async fn next(cx: &mut Context, conn: &str, name: &str) -> Result<Seen, Stop> {
    let kind = cx
        .protocol()
        .frame_number(&name.into())
        .map_err(Stop::Script)?;
    let limits = cx.limits(conn, None, None)?;
    take(cx, conn, kind, name, limits).await
}

/// Waits for the next frame of the inbox of a type.
///
/// # Errors
/// Something else came, or nothing.
pub async fn take(
    cx: &mut Context,
    conn: &str,
    kind: u8,
    expected: &str,
    limits: Limits,
) -> Result<Seen, Stop> {
    let pick = |state: &mut State| {
        if state.protocol.sequenced(kind) {
            return first(state, kind);
        }
        let wanted = |seen: &Seen| seen.frame.kind == kind;
        let index = state
            .control
            .iter()
            .position(|seen| wanted(seen) || !state.overlooks(seen.frame.kind));
        let Some(index) = index else {
            return Look::Wait;
        };
        match state.control.get(index) {
            Some(seen) if !wanted(seen) => Look::Wrong(shown(state, seen)),
            _ => match state.control.remove(index) {
                Some(seen) => Look::Found((seen.clone(), seen.at)),
                None => Look::Wait,
            },
        }
    };
    cx.look(conn, expected, limits, pick).await
}

fn first(state: &mut State, kind: u8) -> Look<(Seen, std::time::Instant)> {
    match state.pushes.front() {
        None => Look::Wait,
        Some(seen) if seen.frame.kind != kind => Look::Wrong(shown(state, seen)),
        Some(_) => match state.pushes.pop_front() {
            Some(seen) => Look::Found((seen.clone(), seen.at)),
            None => Look::Wait,
        },
    }
}

fn shown(state: &State, seen: &Seen) -> String {
    described(&state.protocol, &seen.frame, &seen.view)
}

/// Compares the fields of a frame with the matchers of a script.
///
/// # Errors
/// A path that cannot exist is an error of the script; everything else a failure.
pub fn compare(
    cx: &mut Context,
    name: &str,
    matching: &Map<String, Value>,
    view: &Value,
) -> Result<(), Stop> {
    let kind = cx
        .protocol()
        .frame_number(&name.into())
        .map_err(Stop::Script)?;
    let unknown = |side: Side| {
        let Payload::Message(descriptor) = cx.protocol().payload(kind, side) else {
            return None;
        };
        let unknown = |path: &String| known_path(cx.protocol(), &descriptor, path).err();
        matching
            .keys()
            .filter(|path| !path.is_empty())
            .find_map(unknown)
    };
    if let (Some(why), Some(_)) = (unknown(Side::Server), unknown(Side::Client)) {
        return Err(Stop::Script(why));
    }
    compare_any(cx, name, matching, view)
}

/// Compares fields whose names nobody knows beforehand.
///
/// # Errors
/// What differs.
pub fn compare_any(
    cx: &mut Context,
    name: &str,
    matching: &Map<String, Value>,
    view: &Value,
) -> Result<(), Stop> {
    let matching = cx.object(matching)?;
    check_all(cx.protocol(), &matching, view).map_err(|why| {
        let shown = crate::wire::json::prune(view).to_string();
        let shown = crate::live::log::shorten(&shown);
        let expected = format!("{name} with {}", Value::Object(matching));
        Stop::failed(expected, format!("{why} in {shown}"))
    })
}

/// `expect`: the next frame of its inbox.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    expect: String,
    #[serde(rename = "type")]
    kind: Value,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    #[serde(default)]
    header: Map<String, Value>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
    /// Frames of this type that differ may come before it.
    #[serde(default)]
    pass_over: bool,
}

#[async_trait]
impl Step for Expect {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let kind = cx
            .protocol()
            .frame_number(&self.kind)
            .map_err(Stop::Script)?;
        let name = cx.protocol().frame_name(kind);
        let limits = cx.limits(&self.expect, self.within_ms, self.not_before_ms)?;
        let seen = if name == "ERROR" {
            let seen = error(cx, &self.expect, limits).await?;
            cx.connection(&self.expect)?.state().error_read = true;
            seen
        } else if name == "ACK" {
            ack(cx, &self.expect, limits).await?
        } else {
            take(cx, &self.expect, kind, &name, limits).await?
        };
        let mut seen = seen;
        header(cx, &seen, &self.header)?;
        while let Err(why) = compare(cx, &name, &self.matching, &seen.view) {
            if !self.pass_over || matches!(why, Stop::Script(_)) {
                return Err(why);
            }
            seen = take(cx, &self.expect, kind, &name, limits).await?;
        }
        cx.capture(&self.capture, &seen.view)
    }
}

/// Takes the next ACK whole, and its results with it.
async fn ack(cx: &mut Context, conn: &str, limits: Limits) -> Result<Seen, Stop> {
    let pick = |state: &mut State| match state.acks.pop_front() {
        None => Look::Wait,
        Some(seen) => {
            state.results.retain(|result| result.index != seen.index);
            Look::Found((seen.clone(), seen.at))
        }
    };
    cx.look(conn, "ACK", limits, pick).await
}

/// Compares the header of a frame.
fn header(cx: &mut Context, seen: &Seen, matching: &Map<String, Value>) -> Result<(), Stop> {
    let frame = &seen.frame;
    let view = json!({"version": frame.version, "type": frame.kind, "sequence": frame.sequence,
        "compression": frame.compression, "length": frame.length});
    if let Some(unknown) = matching.keys().find(|key| view.get(*key).is_none()) {
        return Err(Stop::script(format!("a header has no {unknown}")));
    }
    compare_any(cx, "a header", matching, &view)
}

/// `expect_push`: the next push.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectPush {
    expect_push: String,
    #[serde(rename = "type")]
    kind: Option<Value>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    #[serde(default)]
    header: Map<String, Value>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
    /// It comes in fragments, which are put together.
    #[serde(default)]
    fragmented: bool,
}

#[async_trait]
impl Step for ExpectPush {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let kind = self
            .kind
            .as_ref()
            .map(|kind| cx.protocol().frame_number(kind));
        let kind = kind.transpose().map_err(Stop::Script)?;
        let expected = match kind {
            None => "a push".into(),
            Some(kind) => cx.protocol().frame_name(kind),
        };
        let limits = cx.limits(&self.expect_push, self.within_ms, self.not_before_ms)?;
        let seen = if self.fragmented {
            let whole = super::replies::reassembled(cx, &self.expect_push, limits).await?;
            if kind.is_some_and(|kind| kind != whole.frame.kind) {
                let name = cx.protocol().frame_name(whole.frame.kind);
                return Err(Stop::failed(expected, name));
            }
            whole
        } else {
            let pick = |state: &mut State| match (kind, state.pushes.front()) {
                (_, None) => Look::Wait,
                (Some(kind), Some(_)) => first(state, kind),
                (None, Some(seen)) => {
                    let kind = seen.frame.kind;
                    first(state, kind)
                }
            };
            cx.look(&self.expect_push, &expected, limits, pick).await?
        };
        header(cx, &seen, &self.header)?;
        let name = cx.protocol().frame_name(seen.frame.kind);
        if cx.protocol().frame(seen.frame.kind).is_some() {
            compare(cx, &name, &self.matching, &seen.view)?;
        } else {
            compare(cx, "TEXT", &self.matching, &seen.view)?;
        }
        cx.capture(&self.capture, &seen.view)
    }
}

/// Waits for ERROR and takes it.
async fn error(cx: &mut Context, conn: &str, limits: Limits) -> Result<Seen, Stop> {
    let pick = |state: &mut State| {
        if let Some(seen) = &state.error {
            return Look::Found((seen.clone(), seen.at));
        }
        match &state.end {
            Some((end, _)) => Look::Wrong(format!("{end}, without ERROR")),
            None => Look::Wait,
        }
    };
    cx.look(conn, "ERROR", limits, pick).await
}

/// `expect_error`: ERROR, then an orderly end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectError {
    expect_error: String,
    code: Option<Value>,
    any_of: Option<Vec<Value>>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    /// Control frames that nobody has read are of these types, and of no other.
    skip: Option<Vec<Value>>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
}

#[async_trait]
impl Step for ExpectError {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let code = match (&self.code, &self.any_of) {
            (Some(code), None) => code.clone(),
            (None, Some(codes)) => json!({ "any_of": codes }),
            _ => return Err(Stop::script("`code` or `any_of`")),
        };
        known_codes(cx, &code)?;
        let limits = cx.limits(&self.expect_error, self.within_ms, self.not_before_ms)?;
        let expected = format!("ERROR {code}");
        let seen = error(cx, &self.expect_error, limits)
            .await
            .map_err(|stop| match stop {
                Stop::Failed(mut failure) => {
                    failure.expected = expected;
                    Stop::Failed(failure)
                }
                other => other,
            })?;
        let mut matching = Map::new();
        matching.insert("info.code".into(), code);
        compare(cx, "ERROR", &matching, &seen.view)?;
        registered(cx, &seen)?;
        compare(cx, "ERROR", &self.matching, &seen.view)?;
        if let Some(skip) = &self.skip {
            nothing_else(cx, &self.expect_error, skip)?;
        }
        cx.capture(&self.capture, &seen.view)?;
        orderly(
            cx,
            &self.expect_error,
            "an orderly end after ERROR (EIM-CON-023)",
        )
        .await
    }
}

/// No control frame but those of these types waits unread.
fn nothing_else(cx: &Context, conn: &str, skip: &[Value]) -> Result<(), Stop> {
    let kinds = skip.iter().map(|name| cx.protocol().frame_number(name));
    let kinds = kinds.collect::<Result<Vec<_>, _>>().map_err(Stop::Script)?;
    let state = cx.connection(conn)?.state();
    let other = state
        .control
        .iter()
        .find(|seen| !kinds.contains(&seen.frame.kind) && !state.passes(seen.frame.kind));
    match other {
        None => Ok(()),
        Some(seen) => Err(Stop::failed(
            "ERROR and nothing before it",
            shown(&state, seen),
        )),
    }
}

/// A code that the registry does not have is a typing mistake.
fn known_codes(cx: &Context, code: &Value) -> Result<(), Stop> {
    let listed = code.get("any_of").and_then(Value::as_array);
    let codes = match listed {
        None => std::slice::from_ref(code),
        Some(listed) => listed.as_slice(),
    };
    for code in codes {
        let named = code.as_str().is_none_or(|name| {
            name.starts_with('$')
                || cx
                    .protocol()
                    .registries
                    .errors
                    .error
                    .iter()
                    .any(|row| row.name == name)
        });
        if !named {
            return Err(Stop::script(format!("no error code {code}")));
        }
    }
    Ok(())
}

/// `retryable`, scope and detail as the registry says (EIM-ERR-006, EIM-ERR-007, EIM-ERR-009).
fn registered(cx: &mut Context, seen: &Seen) -> Result<(), Stop> {
    let code = seen
        .view
        .pointer("/info/code")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let errors = &cx.protocol().registries.errors.error;
    let Some(row) = errors.iter().find(|row| row.name == code) else {
        let expected = "a code of the registry (EIM-ERR-006)";
        return Err(Stop::failed(expected, format!("{}", seen.view)));
    };
    let scope = match row.scope.as_str() {
        "session" => "ERROR_SCOPE_SESSION",
        _ => "ERROR_SCOPE_CONNECTION",
    };
    let limit = cx.protocol().limit("error_detail_octets").unwrap_or(256);
    let detail = seen.view.pointer("/info/detail").and_then(Value::as_str);
    if detail.is_some_and(|detail| detail.len() as u64 > limit) {
        let expected = format!("a detail of at most {limit} octets (EIM-ERR-009)");
        return Err(Stop::failed(expected, detail.unwrap_or_default()));
    }
    let matching = json!({"info.retryable": row.retryable, "scope": scope});
    let matching = matching.as_object().cloned().unwrap_or_default();
    compare(cx, "ERROR", &matching, &seen.view)
}

/// Waits for the orderly end of the transport: at most `linger_ms` after ERROR, and patience.
async fn orderly(cx: &mut Context, conn: &str, expected: &str) -> Result<(), Stop> {
    let limits = cx.limits(conn, None, None)?;
    let linger = cx.protocol().limit("linger_ms").unwrap_or(2000);
    let linger = Duration::from_millis(linger);
    let lingered = linger.saturating_sub(Duration::from_millis(100));
    let limits = Limits {
        earliest: None,
        deadline: limits.deadline + linger,
    };
    let found = cx
        .wait_for(conn, limits.deadline, |state| {
            if let Some(violation) = &state.violation {
                return Some(Err(format!(
                    "{}: {}",
                    violation.requirement, violation.text
                )));
            }
            // Behind ERROR the testee reads on for a while, but not for ever (EIM-CON-023).
            let said = state.error.as_ref().map(|error| error.at);
            state.end.as_ref().map(|(end, at)| match end {
                End::Orderly => Ok(()),
                _ if said.is_some_and(|said| *at >= said + lingered) => Ok(()),
                other => Err(other.to_string()),
            })
        })
        .await?;
    match found {
        Some(Ok(())) => {
            cx.connection_mut(conn)?.close().await;
            Ok(())
        }
        Some(Err(actual)) => Err(Stop::failed(expected, actual)),
        None => Err(Stop::timed_out(expected, "the transport is still open")),
    }
}

/// `expect_close`: an orderly end without ERROR.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectClose {
    expect_close: String,
    /// ERROR with this code may come before it.
    or_error: Option<Value>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
}

#[async_trait]
impl Step for ExpectClose {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let limits = cx.limits(&self.expect_close, self.within_ms, self.not_before_ms)?;
        let allowed = self.or_error.as_ref();
        if allowed.is_some() {
            let ended = |state: &mut State| state.end.is_some().then_some(());
            cx.wait_for(&self.expect_close, limits.deadline, ended)
                .await?;
        }
        let pick = |state: &mut State| match (&state.error, &state.end) {
            (None, Some((End::Orderly, at))) => Look::Found((None, *at)),
            // Who has received ERROR need not read what came behind it, and then its close is a reset.
            (None, Some((_, at))) if state.erred => Look::Found((None, *at)),
            (Some(_), Some((End::Orderly, at))) if state.error_read => Look::Found((None, *at)),
            (Some(_), None) if state.error_read => Look::Wait,
            (Some(error), Some((End::Orderly, at))) if allowed.is_some() => {
                Look::Found((Some(error.clone()), *at))
            }
            (None, None) => Look::Wait,
            _ => Look::Wrong(ending(state).unwrap_or_default()),
        };
        let expected = "an orderly end without ERROR";
        let error = cx.look(&self.expect_close, expected, limits, pick).await?;
        if let (Some(code), Some(error)) = (allowed, error) {
            known_codes(cx, code)?;
            let mut matching = Map::new();
            matching.insert("info.code".into(), code.clone());
            compare(cx, "ERROR", &matching, &error.view)?;
            registered(cx, &error)?;
        }
        cx.connection_mut(&self.expect_close)?.close().await;
        Ok(())
    }
}
