//! Steps below the frames: octets, WebSocket messages, and the ends of a transport.

use async_trait::async_trait;
use bytes::BytesMut;
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::live::context::Context;
use crate::live::look::Look;
use crate::live::outcome::Stop;
use crate::live::state::State;
use crate::live::step::{Step, Verb, plain};
use crate::wire::json::octets;
use crate::wire::link::End;

/// The steps of this family.
pub const VERBS: &[Verb] = &[
    ("octets", plain::<Octets>),
    ("websocket", plain::<WebSocket>),
    ("expect_websocket_pong", plain::<ExpectPong>),
    ("close", plain::<Close>),
    ("reset", plain::<Reset>),
    ("half_close", plain::<HalfClose>),
    ("pause", plain::<Pause>),
    ("unpause", plain::<Unpause>),
    ("cork", plain::<Cork>),
    ("uncork", plain::<Uncork>),
];

/// `octets`: as they are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Octets {
    octets: String,
    parts: Vec<Value>,
}

#[async_trait]
impl Step for Octets {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let mut all = BytesMut::new();
        for part in &self.parts {
            let part = cx.evaluate(part)?;
            all.extend_from_slice(&octets(&part).map_err(Stop::Script)?);
        }
        cx.connection(&self.octets)?.octets("octets", all.freeze());
        Ok(())
    }
}

/// `websocket`: one message as it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WebSocket {
    websocket: String,
    text: Option<Value>,
    binary: Option<Value>,
    ping: Option<Value>,
}

#[async_trait]
impl Step for WebSocket {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let message = match (&self.text, &self.binary, &self.ping) {
            (Some(text), None, None) => {
                let text = cx.evaluate(text)?;
                Message::text(crate::wire::json::text(&text).map_err(Stop::Script)?)
            }
            (None, Some(hex), None) => {
                Message::Binary(octets(&cx.evaluate(hex)?).map_err(Stop::Script)?)
            }
            (None, None, Some(hex)) => {
                Message::Ping(octets(&cx.evaluate(hex)?).map_err(Stop::Script)?)
            }
            _ => return Err(Stop::script("one of `text`, `binary`, `ping`")),
        };
        cx.connection(&self.websocket)?.message(message);
        Ok(())
    }
}

/// `expect_websocket_pong`: the pong of a WebSocket ping, with the same octets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectPong {
    expect_websocket_pong: String,
    octets: Value,
}

#[async_trait]
impl Step for ExpectPong {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let expected = octets(&cx.evaluate(&self.octets)?).map_err(Stop::Script)?;
        let limits = cx.limits(&self.expect_websocket_pong, None, None)?;
        let pick = |state: &mut State| match state.websocket_pongs.pop_front() {
            Some(pong) if pong == expected => Look::Found(((), crate::live::clock::now())),
            Some(pong) => Look::Wrong(format!("a pong with {pong:?}")),
            None => Look::Wait,
        };
        cx.look(
            &self.expect_websocket_pong,
            "a WebSocket pong (EIM-TRN-031)",
            limits,
            pick,
        )
        .await
    }
}

/// `close`: our end, in order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Close {
    close: String,
}

#[async_trait]
impl Step for Close {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        judge(cx, &self.close)?;
        cx.connection_mut(&self.close)?.close().await;
        Ok(())
    }
}

/// What went wrong on a connection and was not expected, before it is left.
///
/// # Errors
/// A rule of all frames that is broken, an ERROR or an end of the transport.
pub fn judge(cx: &Context, conn: &str) -> Result<(), Stop> {
    let state = cx.connection(conn)?.state();
    if let Some(violation) = &state.violation {
        let text = format!("{}: {}", violation.requirement, violation.text);
        return Err(Stop::failed(
            format!("a connection {conn} without faults"),
            text,
        ));
    }
    let left = state.leaving.is_some() && state.error.is_none();
    if left && matches!(state.end, Some((End::Orderly, _))) {
        return Ok(());
    }
    crate::live::context::ending(&state).map_or(Ok(()), |ending| {
        Err(Stop::failed(
            format!("connection {conn} still open"),
            ending,
        ))
    })
}

/// `reset`: our end, with a reset.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    reset: String,
}

#[async_trait]
impl Step for Reset {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.connection_mut(&self.reset)?.reset().await;
        Ok(())
    }
}

/// `half_close`: our direction only.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HalfClose {
    half_close: String,
}

#[async_trait]
impl Step for HalfClose {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.connection(&self.half_close)?.half_close().await;
        Ok(())
    }
}

/// `pause`: stops reading.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    pause: String,
}

#[async_trait]
impl Step for Pause {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.connection(&self.pause)?.pause(true);
        Ok(())
    }
}

/// `unpause`: reads again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unpause {
    unpause: String,
}

#[async_trait]
impl Step for Unpause {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.connection(&self.unpause)?.pause(false);
        Ok(())
    }
}

/// `cork`: what is sent waits, to leave in one write.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cork {
    cork: String,
}

#[async_trait]
impl Step for Cork {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.connection(&self.cork)?.cork(true);
        Ok(())
    }
}

/// `uncork`: now it leaves.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Uncork {
    uncork: String,
}

#[async_trait]
impl Step for Uncork {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.connection(&self.uncork)?.cork(false);
        Ok(())
    }
}
