//! `counted` and `closes_by`: numbers of frames, and ends by a deadline that the testee has named.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::live::context::{Context, ending};
use crate::live::look::{Limits, Look};
use crate::live::outcome::Stop;
use crate::live::state::{Seen, State};
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::expect;
use crate::wire::link::End;

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("counted", plain::<Counted>),
    ("closes_by", plain::<ClosesBy>),
    ("await_cursor", plain::<AwaitCursor>),
    ("raw_end", plain::<RawEnd>),
];

/// `counted`: how many control frames of a type have come and were not expected, and what each of
/// them says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted {
    counted: String,
    #[serde(rename = "type")]
    kind: Value,
    /// Most of them; default: what the bucket for control frames allows in the time (20.8).
    at_most: Option<usize>,
    #[serde(default)]
    at_least: usize,
    #[serde(default)]
    each: Map<String, Value>,
}

#[async_trait]
impl Step for Counted {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let kind = cx
            .protocol()
            .frame_number(&self.kind)
            .map_err(Stop::Script)?;
        let name = cx.protocol().frame_name(kind);
        let mut state = cx.connection(&self.counted)?.state();
        let (all, others): (Vec<Seen>, Vec<Seen>) = state
            .control
            .drain(..)
            .partition(|seen| seen.frame.kind == kind);
        state.control = others.into();
        let times: Vec<Instant> = all.iter().map(|seen| seen.at).collect();
        let at_most = self.at_most.unwrap_or_else(|| allowed(&state, &times));
        drop(state);
        for seen in &all {
            expect::compare(cx, &name, &self.each, &seen.view)?;
        }
        if (self.at_least..=at_most).contains(&times.len()) {
            return Ok(());
        }
        let expected = format!("{} to {at_most} {name}", self.at_least);
        Err(Stop::failed(expected, times.len().to_string()))
    }
}

/// What a full bucket gives, and what flows in between the first frame and the last.
fn allowed(state: &State, times: &[Instant]) -> usize {
    let rate = state.protocol.limit("control_frames_per_s").unwrap_or(128);
    let rate = usize::try_from(rate).unwrap_or(usize::MAX);
    let time = match (times.first(), times.last()) {
        (Some(first), Some(last)) => last.saturating_duration_since(*first),
        _ => Duration::ZERO,
    };
    let seconds = usize::try_from(time.as_secs()).unwrap_or(usize::MAX);
    rate.saturating_mul(seconds.saturating_add(5))
}

/// `await_cursor`: a CURSOR that has come this far; those before it are passed over.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AwaitCursor {
    await_cursor: String,
    #[serde(default)]
    user_seq: Option<Value>,
    #[serde(default)]
    settled_through: Option<Value>,
}

#[async_trait]
impl Step for AwaitCursor {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let mut least = [0; 2];
        let wanted = [&self.user_seq, &self.settled_through];
        for (least, wanted) in least.iter_mut().zip(wanted) {
            if let Some(wanted) = wanted {
                *least = cx.number(wanted)?;
            }
        }
        let limits = cx.limits(&self.await_cursor, None, None)?;
        let pick = |state: &mut State| {
            let far = |seen: &Seen| {
                let field = |name: &str| seen.view.get(name).and_then(Value::as_u64).unwrap_or(0);
                state.protocol.frame_name(seen.frame.kind) == "CURSOR"
                    && field("user_seq") >= least[0]
                    && field("settled_through") >= least[1]
            };
            match state
                .control
                .iter()
                .position(far)
                .and_then(|at| state.control.remove(at))
            {
                Some(seen) => Look::Found(((), seen.at)),
                None => Look::Wait,
            }
        };
        let [user_seq, settled] = least;
        let expected = format!("CURSOR with user_seq {user_seq}, settled_through {settled}");
        cx.look(&self.await_cursor, &expected, limits, pick).await
    }
}

/// `raw_end`: the testee gives up a transport that carries no frames.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnd {
    raw_end: String,
}

#[async_trait]
impl Step for RawEnd {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let limits = cx.limits(&self.raw_end, None, None)?;
        let pick = |state: &mut State| match &state.end {
            Some((_, at)) => Look::Found(((), *at)),
            None => Look::Wait,
        };
        cx.look(&self.raw_end, "the testee to give up", limits, pick)
            .await?;
        cx.connection_mut(&self.raw_end)?.close().await;
        Ok(())
    }
}

/// `closes_by`: an orderly end at most `deadline_ms` and a second after the step before.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClosesBy {
    closes_by: String,
    deadline_ms: Value,
}

#[async_trait]
impl Step for ClosesBy {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let deadline = cx.number(&self.deadline_ms)?;
        let limits = Limits {
            earliest: None,
            deadline: cx.before + Duration::from_millis(deadline + 1000),
        };
        let pick = |state: &mut State| match (&state.error, &state.end) {
            (None, Some((End::Orderly, at))) => Look::Found(((), *at)),
            (None, None) => Look::Wait,
            _ => Look::Wrong(ending(state).unwrap_or_default()),
        };
        let expected = format!("an orderly end within {deadline} ms");
        cx.look(&self.closes_by, &expected, limits, pick).await?;
        cx.connection_mut(&self.closes_by)?.close().await;
        Ok(())
    }
}
