//! `barrier`, `quiet`, `pass_ms`: what has not come, and time.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::live::clock;
use crate::live::context::{Context, ending};
use crate::live::log::described;
use crate::live::look::Look;
use crate::live::outcome::Stop;
use crate::live::state::{Seen, State};
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::send::{FrameSpec, build};

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("barrier", plain::<Barrier>),
    ("quiet", plain::<Quiet>),
    ("pass_ms", plain::<Pass>),
];

/// `barrier`: PING and its PONG, and what has not come before it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// Connection.
    pub barrier: String,
    /// What must not have come; default everything that was not expected.
    pub none: Option<Vec<String>>,
}

#[async_trait]
impl Step for Barrier {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let conn = &self.barrier;
        let token = u64::from_be_bytes(cx.random.octets()) >> 1;
        let frame = build(cx, conn, &FrameSpec::of("PING", json!({ "token": token })))?;
        cx.connection(conn)?.send(&frame, None);
        let limits = cx.limits(conn, None, None)?;
        let pick = |state: &mut State| {
            let pong = state.protocol.frame_number(&"PONG".into());
            let ours = |seen: &Seen| {
                Ok(seen.frame.kind) == pong && seen.view.get("token") == Some(&json!(token))
            };
            let index = state.control.iter().position(ours);
            match index.and_then(|index| state.control.remove(index)) {
                Some(seen) => Look::Found((seen.clone(), seen.at)),
                None => Look::Wait,
            }
        };
        let expected = format!("PONG with token {token} (EIM-HBT-009)");
        let pong = cx.look(conn, &expected, limits, pick).await?;
        let state = cx.connection(conn)?.state();
        let found = unexpected(&state, self.none.as_deref(), pong.index);
        found.map_or(Ok(()), |found| {
            let what = match &self.none {
                None => "nothing".into(),
                Some(none) => format!("none of {}", none.join(", ")),
            };
            Err(Stop::failed(format!("{what} before PONG"), found))
        })
    }
}

/// Something that came before an index although it must not have.
fn unexpected(state: &State, none: Option<&[String]>, before: u64) -> Option<String> {
    let listed = |name: &str| none.is_none_or(|none| none.iter().any(|n| n == name));
    let early = |seen: &&Seen| seen.index <= before;
    let show = |seen: &Seen| described(&state.protocol, &seen.frame, &seen.view);
    if listed("result")
        && let Some(seen) = state.results.iter().find(early)
    {
        return Some(format!("a result {}", crate::wire::json::prune(&seen.view)));
    }
    if listed("push")
        && let Some(seen) = state.pushes.iter().find(early)
    {
        return Some(show(seen));
    }
    if listed("error")
        && let Some(ending) = ending(state)
    {
        return Some(ending);
    }
    let wanted = |seen: &&Seen| {
        let name = state.protocol.frame_name(seen.frame.kind);
        match none {
            None => !state.passes(seen.frame.kind),
            Some(none) => none.contains(&name),
        }
    };
    state.control.iter().filter(early).find(wanted).map(show)
}

/// `quiet`: nothing arrives for a while.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quiet {
    quiet: String,
    ms: Value,
}

#[async_trait]
impl Step for Quiet {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        timing(cx)?;
        let ms = cx.number(&self.ms)?;
        let connection = cx.connection(&self.quiet)?;
        let before = connection.state().arrived;
        let deadline = clock::now() + Duration::from_millis(ms);
        let came = connection
            .wait(deadline, |state| {
                let new = |seen: &&Seen| seen.index > before;
                let passed = state.control.iter().filter(new);
                let passed = passed.filter(|seen| state.quiet(seen.frame.kind)).count() as u64;
                (state.arrived != before + passed).then_some(())
            })
            .await;
        match came {
            None => Ok(()),
            Some(()) => {
                let state = connection.state();
                let came = ending(&state).unwrap_or_else(|| crate::live::context::inboxes(&state));
                Err(Stop::failed(format!("nothing for {ms} ms"), came))
            }
        }
    }
}

/// `pass_ms`: time passes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pass {
    pass_ms: Value,
}

#[async_trait]
impl Step for Pass {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        timing(cx)?;
        let ms = cx.number(&self.pass_ms)?;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(())
    }
}

fn timing(cx: &Context) -> Result<(), Stop> {
    if cx.timing {
        Ok(())
    } else {
        Err(Stop::script(
            "time passes in cases of the kind `timing` only",
        ))
    }
}
