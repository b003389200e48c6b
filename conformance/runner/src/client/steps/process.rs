//! Steps about the process of a testee: start, kill, commands, events.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::client::person::Person;
use crate::client::stage::{Actor, Stage, stage};
use crate::client::testee::Testee;
use crate::live::clock;
use crate::live::context::Context;
use crate::live::look::Overtime;
use crate::live::outcome::Stop;
use crate::live::step::{Step, Verb, Verbs, plain};
use crate::live::steps::expect::compare_any;
use crate::results::Status;

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("start", plain::<Start>),
    ("kill", plain::<Kill>),
    ("command", command),
    ("answer", plain::<Answer>),
    ("dial", plain::<Dial>),
    ("event", plain::<Event>),
    ("no_event", plain::<NoEvent>),
];

/// How long the round trip of an event may take beside the patience of the case: the testee writes
/// to its disk first.
fn patience(cx: &Context, within_ms: Option<u64>) -> Duration {
    within_ms.map_or_else(
        || cx.environment.patience.limit(Duration::ZERO),
        Duration::from_millis,
    )
}

/// `{"start": "c", "user": "alice"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    start: String,
    user: Option<String>,
}

#[async_trait]
impl Step for Start {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let (name, log) = (&self.start, cx.log.clone());
        let stage = stage(cx)?;
        let fault = stage.event_fault.clone();
        let (process, _) = Testee::start(name, &stage.launch, fault, log).await?;
        let user = self.user.clone();
        let actor = stage.actors.entry(name.clone()).or_insert_with(|| Actor {
            process: None,
            user: "alice".to_owned(),
            data: stage.folder.path().join(name),
            unanswered: Vec::new(),
        });
        if let Some(user) = user {
            actor.user = user;
        }
        if actor.process.replace(process).is_some() {
            return Err(Stop::script(format!("{name} runs already")));
        }
        Ok(())
    }
}

/// `{"kill": "c"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    kill: String,
}

#[async_trait]
impl Step for Kill {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        cx.log.note(&self.kill, "is killed");
        let actor = stage(cx)?.actors.get_mut(&self.kill);
        let actor = actor.ok_or_else(|| Stop::script(format!("no testee {}", self.kill)))?;
        actor.unanswered.clear();
        match actor.process.take() {
            Some(mut process) => {
                process.kill().await;
                stage(cx)?.listeners.forget();
                Ok(())
            }
            None => Err(Stop::script(format!("{} does not run", self.kill))),
        }
    }
}

/// `{"command": "c", "op": "send", …, "where"?, "capture"?, "error"?, "no_wait"?}`.
#[derive(Debug)]
struct Command {
    testee: String,
    op: String,
    fields: Map<String, Value>,
    check: Check,
    no_wait: bool,
}

/// What an answer has to be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Check {
    #[serde(rename = "where")]
    matching: Map<String, Value>,
    capture: BTreeMap<String, String>,
    error: bool,
}

fn command(raw: &Value, _: &Verbs) -> Result<Box<dyn Step>, String> {
    let mut fields = raw.as_object().cloned().unwrap_or_default();
    let mut text = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(format!("`{name}` is not a string")),
    };
    let (testee, op) = (text("command")?, text("op")?);
    let check = serde_json::from_value(raw.clone()).map_err(|error| error.to_string())?;
    let no_wait = raw.get("no_wait").is_some_and(|value| value == true);
    for option in ["where", "capture", "error", "no_wait"] {
        fields.remove(option);
    }
    Ok(Box::new(Command {
        testee,
        op,
        fields,
        check,
        no_wait,
    }))
}

#[async_trait]
impl Step for Command {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let fields = cx.object(&self.fields)?;
        let stage = stage(cx)?;
        if self.no_wait {
            let id = stage.testee(&self.testee)?.give(&self.op, fields).await?;
            if let Some(actor) = stage.actors.get_mut(&self.testee) {
                actor.unanswered.push(id);
            }
            return Ok(());
        }
        let answer = stage
            .testee(&self.testee)?
            .command(&self.op, fields)
            .await?;
        self.check.judge(cx, &self.op, &answer)
    }
}

impl Check {
    fn judge(&self, cx: &mut Context, op: &str, answer: &Value) -> Result<(), Stop> {
        if answer["unsupported"] == true {
            let text = format!("the testee lacks the command {op}");
            return Err(Stop::NotApplicable(text));
        }
        let failed = answer.get("error").is_some();
        if failed != self.error || (!failed && answer["ok"] != true) {
            let expected = if self.error { "an error" } else { "ok" };
            return Err(Stop::failed(
                format!("{expected} for {op}"),
                answer.to_string(),
            ));
        }
        compare_any(cx, &format!("an answer to {op}"), &self.matching, answer)?;
        cx.capture(&self.capture, answer)
    }
}

/// `{"answer": "c", …}`: the answer of the oldest command with `no_wait`.
#[derive(Debug, Deserialize)]
struct Answer {
    answer: String,
    #[serde(flatten)]
    check: Check,
}

#[async_trait]
impl Step for Answer {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let stage = stage(cx)?;
        let actor = stage.actors.get_mut(&self.answer);
        let id = actor
            .filter(|actor| !actor.unanswered.is_empty())
            .map(|actor| actor.unanswered.remove(0))
            .ok_or_else(|| Stop::script("no command waits for its answer"))?;
        let answer = stage.testee(&self.answer)?.answer(id).await?;
        self.check.judge(cx, "a command", &answer)
    }
}

/// `{"dial": "c", "mode"?, "transport"?, "certificate"?}`: the command `connect`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dial {
    dial: String,
    mode: Option<String>,
    transport: Option<String>,
    /// `other`: one that the suite does not present.
    certificate: Option<String>,
    /// Replaces the password.
    password: Option<String>,
    /// Replaces the user name.
    user: Option<String>,
    /// Instead of the listener of the case.
    endpoint: Option<String>,
    /// Name by which the listener is dialled.
    host: Option<String>,
    /// The testee may refuse at once.
    #[serde(default)]
    error: bool,
}

#[async_trait]
impl Step for Dial {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let transport = self
            .transport
            .clone()
            .unwrap_or_else(|| cx.transport.clone());
        let user = {
            let actor = stage(cx)?.actors.get(&self.dial);
            actor.map(|actor| actor.user.clone())
        };
        let user = user.ok_or_else(|| Stop::script(format!("no testee {}", self.dial)))?;
        let account = cx.user(&user)?.clone();
        let other = self.certificate.as_deref() == Some("other");
        let stage = stage(cx)?;
        let fields = fields(stage, &self.dial, &transport, other).await?;
        let mut fields = fields;
        fields.insert(
            "user".into(),
            self.user.clone().unwrap_or(account.name).into(),
        );
        if let (Some(host), Some(Value::String(endpoint))) =
            (&self.host, fields.get_mut("endpoint"))
        {
            *endpoint = endpoint.replace("127.0.0.1", host);
        }
        if let Some(endpoint) = &self.endpoint {
            fields.insert("endpoint".into(), endpoint.clone().into());
        }
        let password = self.password.clone().unwrap_or(account.password);
        fields.insert("password".into(), password.into());
        if let Some(mode) = &self.mode {
            fields.insert("mode".into(), mode.clone().into());
        }
        let answer = stage.testee(&self.dial)?.command("connect", fields).await?;
        let check = Check {
            error: self.error,
            ..Check::default()
        };
        check.judge(cx, "connect", &answer)
    }
}

async fn fields(
    stage: &mut Stage,
    testee: &str,
    transport: &str,
    other: bool,
) -> Result<Map<String, Value>, Stop> {
    let address = stage.listeners.address(transport).await?;
    let path = if transport.starts_with("ws") {
        "/eim"
    } else {
        ""
    };
    let mut fields = Map::new();
    fields.insert(
        "endpoint".into(),
        format!("{transport}://{address}{path}").into(),
    );
    if matches!(transport, "tls" | "wss") {
        let pem = if other {
            crate::client::listen::Identity::new()
                .map_err(Stop::Testee)?
                .certificate
        } else {
            stage.identity.certificate.clone()
        };
        fields.insert("certificate".into(), pem.into());
    }
    if let Some(actor) = stage.actors.get(testee) {
        fields.insert("data".into(), actor.data.display().to_string().into());
    }
    Ok(fields)
}

/// `{"event": "c", "name": "message", "where"?, "capture"?, "within_ms"?, "not_before_ms"?}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    event: String,
    name: String,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
}

#[async_trait]
impl Step for Event {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let began = cx.step_began;
        if let Some(person) = stage(cx)?.testee(&self.event)?.person() {
            let matching = cx.object(&self.matching)?;
            let question = Person::question(&self.name, &matching);
            return person.confirms(&question).await;
        }
        let event = self.next(cx).await?;
        compare_any(
            cx,
            &format!("the event {}", self.name),
            &self.matching,
            &event,
        )?;
        let after = clock::ms(clock::now().saturating_duration_since(began)) + 20;
        if let Some(earliest) = self.not_before_ms.filter(|earliest| after < *earliest) {
            let expected = format!("the event {} after {earliest} ms", self.name);
            return Err(Stop::failed(expected, format!("it came after {after} ms")));
        }
        cx.capture(&self.capture, &event)
    }
}

impl Event {
    async fn next(&self, cx: &mut Context) -> Result<Value, Stop> {
        let mut left = patience(cx, self.within_ms);
        let mut over = Overtime::default();
        loop {
            let testee = stage(cx)?.testee(&self.event)?;
            match testee.event(&self.name, left).await {
                Err(Stop::Failed(late)) if late.status == Status::TimedOut => {
                    let until = cx.overtime(&mut over).await;
                    let until = until.ok_or(Stop::Failed(late))?;
                    left = until.saturating_duration_since(clock::now());
                }
                other => return other,
            }
        }
    }
}

/// `{"no_event": "c", "name": …, "after"?: "s"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoEvent {
    no_event: String,
    name: String,
    #[serde(default)]
    after: Option<String>,
}

#[async_trait]
impl Step for NoEvent {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        if let Some(conn) = &self.after {
            super::results::round_trip(cx, conn).await?;
        }
        if let Some(person) = stage(cx)?.testee(&self.no_event)?.person() {
            let question = format!("is there really no sign of: {}?", self.name);
            return person.confirms(&question).await;
        }
        match stage(cx)?
            .testee(&self.no_event)?
            .pending(&self.name)
            .await?
        {
            None => Ok(()),
            Some(event) => {
                let expected = format!("no event {}", self.name);
                Err(Stop::failed(expected, event.to_string()))
            }
        }
    }
}
