//! `counted` and `closes_by`: numbers of frames, and ends by a deadline that the testee has named.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;

use crate::live::context::{Context, Limits, Look, ending};
use crate::live::outcome::Stop;
use crate::live::state::State;
use crate::live::step::{Step, Verb, plain};
use crate::wire::link::End;

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("counted", plain::<Counted>),
    ("closes_by", plain::<ClosesBy>),
];

/// `counted`: how many control frames of a type have come and were not expected.
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
}

#[async_trait]
impl Step for Counted {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let kind = cx.protocol().frame_number(&self.kind).map_err(Stop::Script)?;
        let name = cx.protocol().frame_name(kind);
        let mut state = cx.connection(&self.counted)?.state();
        let times: Vec<Instant> = state
            .control
            .iter()
            .filter(|seen| seen.frame.kind == kind)
            .map(|seen| seen.at)
            .collect();
        state.control.retain(|seen| seen.frame.kind != kind);
        let at_most = self.at_most.unwrap_or_else(|| allowed(&state, &times));
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
