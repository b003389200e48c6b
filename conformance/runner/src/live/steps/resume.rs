//! `resume`: a new connection with the token of an older one (chapter 26).

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::state::{Numbers, Window};
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::connect::{AutoSpec, Connect, Hello};
use crate::live::steps::expect;
use crate::live::steps::login::{Until, opened};
use crate::live::steps::send::{FrameSpec, build};
use crate::wire::hex;

/// The steps of this family.
pub const VERBS: &[Verb] = &[("resume", plain::<Resume>)];

/// `resume`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    resume: String,
    from: String,
    transport: Option<String>,
    #[serde(default)]
    auto: AutoSpec,
    window: Option<Value>,
    #[serde(default)]
    auth: Map<String, Value>,
    hello: Option<Map<String, Value>>,
    outcome: Option<String>,
    until: Option<Until>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    /// After RESUMED: CURSOR with the present numbers, if there are any.
    cursor: Option<bool>,
    /// After RESUMED: the frames again that the server has not received.
    resend: Option<bool>,
}

#[async_trait]
impl Step for Resume {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let old = cx.connection(&self.from)?;
        let facts = old.facts.clone();
        let (numbers, ok) = {
            let state = old.state();
            (state.numbers.clone(), state.auth_ok.clone())
        };
        let connect = Connect {
            connect: self.resume.clone(),
            transport: Some(self.transport.clone().unwrap_or(facts.transport)),
            auto: self.auto,
            ..Connect::default()
        };
        connect.run(cx).await?;
        let same = facts.hello.as_object().cloned().unwrap_or_default();
        let hello = Hello {
            hello: self.resume.clone(),
            message: self.hello.clone().unwrap_or(same),
            ..Hello::default()
        };
        hello.run(cx).await?;
        let binding = cx.connection(&self.resume)?.state().binding();
        let binding = binding.ok_or_else(|| Stop::script("no WELCOME"))?;
        let window = Window {
            received_through: numbers.received,
            ..numbers.granted
        };
        let mut fields = json!({"mechanism": "EIM-RESUME", "data": ok.get("resume_token"),
            "binding": hex::encode(&binding), "device": facts.device, "mode": facts.mode,
            "window": self.window.clone().unwrap_or_else(|| window.view()),
            "session_id": ok.get("session_id"), "log_epoch": ok.get("log_epoch"),
            "user_seq": numbers.cursor.0});
        if let Some(fields) = fields.as_object_mut() {
            fields.extend(self.auth.clone());
        }
        let fields = cx.evaluate(&fields)?;
        let frame = build(cx, &self.resume, &FrameSpec::of("AUTH", fields.clone()))?;
        self.begin(cx, &fields, &numbers)?;
        cx.connection(&self.resume)?.send(&frame, None);
        if self.until.is_some() {
            return Ok(());
        }
        let ok = expect::next(cx, &self.resume, "AUTH_OK").await?;
        opened(cx, &self.resume, &facts.user, &ok.view)?;
        if let Some(outcome) = &self.outcome {
            let matching = json!({ "outcome": format!("SESSION_OUTCOME_{outcome}") });
            let matching = matching.as_object().cloned().unwrap_or_default();
            expect::compare(cx, "AUTH_OK", &matching, &ok.view)?;
        }
        expect::compare(cx, "AUTH_OK", &self.matching, &ok.view)?;
        cx.capture(&self.capture, &ok.view)?;
        if ok.view.get("outcome") == Some(&json!("SESSION_OUTCOME_RESUMED")) {
            self.go_on(cx, &ok.view)?;
        }
        Ok(())
    }
}

impl Resume {
    fn begin(&self, cx: &mut Context, fields: &Value, numbers: &Numbers) -> Result<(), Stop> {
        let connection = cx.connection_mut(&self.resume)?;
        connection.facts.device = fields.get("device").cloned().unwrap_or_default();
        connection.facts.mode = fields.get("mode").cloned().unwrap_or_default();
        let mut numbers = numbers.clone();
        // A client that says it has received less than it has gets the rest again.
        let said = fields
            .get("window")
            .map_or(0, |window| Window::of(window).received_through);
        if said < numbers.received {
            numbers.received = said;
            numbers.received_octets = numbers.past.octets(said);
        }
        let mut state = connection.state();
        state.resuming = Some(numbers);
        Ok(())
    }

    /// Steps 5 to 7 of 26.2.
    fn go_on(&self, cx: &mut Context, ok: &Value) -> Result<(), Stop> {
        let window = Window::of(ok.get("window").unwrap_or(&Value::Null));
        let (cursor, kept) = {
            let mut state = cx.connection(&self.resume)?.state();
            if window.received_through > state.numbers.sent {
                let expected = format!("received_through of at most {}", state.numbers.sent);
                return Err(Stop::failed(expected, format!("{window:?}")));
            }
            state.forget(window.received_through);
            (state.numbers.cursor, state.numbers.kept.clone())
        };
        if cursor != (0, 0) && self.cursor != Some(false) {
            let fields = json!({"log_epoch": ok.get("log_epoch"), "user_seq": cursor.0,
                "settled_through": cursor.1});
            let frame = build(cx, &self.resume, &FrameSpec::of("CURSOR", fields))?;
            cx.connection(&self.resume)?.send(&frame, None);
        }
        if self.resend != Some(false) {
            for (ordinal, octets) in kept {
                let text = format!("ordinal {ordinal} again");
                cx.connection(&self.resume)?.octets(&text, octets);
            }
        }
        Ok(())
    }
}
