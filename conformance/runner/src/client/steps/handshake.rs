//! `read_hello` and `send_welcome`: the first two frames, as the server.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{overlay, send};
use crate::live::clock;
use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::expect;
use crate::live::value::integer;

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("read_hello", plain::<ReadHello>),
    ("send_welcome", plain::<Welcome>),
];

/// What the suite has of each list in HELLO.
const OFFERS: [(&str, &[u64]); 2] = [
    ("compressions", &[1, 2, 3]),
    ("capabilities", &[1, 2, 3, 4, 5, 23, 72, 80, 88, 112, 120]),
];

/// `read_hello`: HELLO.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadHello {
    /// Connection.
    pub read_hello: String,
    /// Matchers.
    #[serde(default, rename = "where")]
    pub matching: Map<String, Value>,
    /// Captures.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

#[async_trait]
impl Step for ReadHello {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let hello = expect::next(cx, &self.read_hello, "HELLO").await?;
        let connection = cx.connection_mut(&self.read_hello)?;
        connection.facts.hello = hello.view.clone();
        expect::compare(cx, "HELLO", &self.matching, &hello.view)?;
        cx.capture(&self.capture, &hello.view)
    }
}

/// `send_welcome`: WELCOME that fits HELLO, with fields replaced.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// Connection.
    pub send_welcome: String,
    /// Fields that replace the defaults.
    #[serde(default)]
    pub message: Map<String, Value>,
}

#[async_trait]
impl Step for Welcome {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let nonce = cx.evaluate(&json!("$random32"))?;
        let mut view = json!({
            "version": 1,
            "max_frame_octets": 65536,
            "mechanisms": ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "EIM-RESUME"],
            "heartbeat_ms": 45000,
            "implementation": "eim-conformance",
            "nonce": nonce,
        });
        let hello = cx.connection(&self.send_welcome)?.facts.hello.clone();
        for (name, ours) in OFFERS {
            let offered = hello
                .get(name)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let both = offered.into_iter().filter(|number| {
                integer(number).is_ok_and(|n| ours.iter().any(|our| i128::from(*our) == n))
            });
            if let Some(view) = view.as_object_mut() {
                view.insert(name.into(), both.collect());
            }
        }
        let view = overlay(cx, view, &self.message)?;
        let began = clock::now();
        send(cx, &self.send_welcome, "WELCOME", view)?;
        // The round trip is known when AUTH is there.
        cx.connection_mut(&self.send_welcome)?.facts.round_trip = began.elapsed();
        Ok(())
    }
}
