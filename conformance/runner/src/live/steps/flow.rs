//! `settle`, `cursor`, `credit`: CURSOR and WINDOW.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::live::clock;
use crate::live::context::Context;
use crate::live::look::Look;
use crate::live::outcome::Stop;
use crate::live::state::State;
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::send::{FrameSpec, build};

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("settle", plain::<Settle>),
    ("cursor", plain::<Cursor>),
    ("credit", plain::<Credit>),
    ("await_credit", plain::<AwaitCredit>),
];

/// `settle`: CURSOR with a new settled_through.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settle {
    settle: String,
    through: Value,
}

#[async_trait]
impl Step for Settle {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let through = cx.number(&self.through)?;
        let user_seq = cx.connection(&self.settle)?.state().numbers.cursor.0;
        cursor(cx, &self.settle, user_seq, through)
    }
}

/// `cursor`: CURSOR with a new user_seq.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    cursor: String,
    user_seq: Value,
    settled_through: Option<Value>,
}

#[async_trait]
impl Step for Cursor {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let user_seq = cx.number(&self.user_seq)?;
        let settled = match &self.settled_through {
            Some(settled) => cx.number(settled)?,
            None => cx.connection(&self.cursor)?.state().numbers.cursor.1,
        };
        cursor(cx, &self.cursor, user_seq, settled)
    }
}

fn cursor(cx: &mut Context, conn: &str, user_seq: u64, settled: u64) -> Result<(), Stop> {
    let epoch = {
        let mut state = cx.connection(conn)?.state();
        state.numbers.cursor = (user_seq, settled);
        state.auth_ok.get("log_epoch").cloned().unwrap_or_default()
    };
    let fields = json!({"log_epoch": epoch, "user_seq": user_seq, "settled_through": settled});
    let frame = build(cx, conn, &FrameSpec::of("CURSOR", fields))?;
    cx.connection(conn)?.send(&frame, None);
    Ok(())
}

/// `credit`: WINDOW.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credit {
    credit: String,
    received_through: Option<Value>,
    frames: Value,
    octets: Value,
}

#[async_trait]
impl Step for Credit {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let received = match &self.received_through {
            Some(received) => cx.number(received)?,
            None => cx.connection(&self.credit)?.state().numbers.received,
        };
        let fields = json!({"received_through": received, "frames": self.frames,
            "octets": self.octets});
        let frame = build(cx, &self.credit, &FrameSpec::of("WINDOW", fields))?;
        cx.connection(&self.credit)?.send(&frame, None);
        Ok(())
    }
}

/// `await_credit`: waits until the testee has granted room for so much more.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AwaitCredit {
    await_credit: String,
    frames: Option<Value>,
    octets: Option<Value>,
    within_ms: Option<u64>,
}

#[async_trait]
impl Step for AwaitCredit {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let frames = self
            .frames
            .as_ref()
            .map_or(Ok(1), |frames| cx.number(frames))?;
        let octets = self
            .octets
            .as_ref()
            .map_or(Ok(0), |octets| cx.number(octets))?;
        let limits = cx.limits(&self.await_credit, self.within_ms, None)?;
        let pick = |state: &mut State| {
            let numbers = &state.numbers;
            let room = numbers.sent + frames <= numbers.credit.frames
                && numbers.sent_octets + octets <= numbers.credit.octets;
            if room {
                Look::Found(((), clock::now()))
            } else {
                Look::Wait
            }
        };
        let expected = format!("credit for {frames} more frames and {octets} more octets");
        cx.look(&self.await_credit, &expected, limits, pick).await
    }
}
