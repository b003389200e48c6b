//! `authenticate`, `serve` and `answer_requests`: the authentication as the server, and the whole handshake.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::accept::Accept;
use super::handshake::{ReadHello, Welcome};
use super::{overlay, send};
use crate::client::answers::{Answers, responder};
use crate::client::stage::{Exchange, stage};
use crate::client::world::Session;
use crate::live::clock;
use crate::live::context::Context;
use crate::live::outcome::Stop;
use crate::live::state::{Due, Seen, Window};
use crate::live::step::{Step, Verb, plain};
use crate::live::steps::connect::AutoSpec;
use crate::live::steps::expect;
use crate::wire::hex;
use crate::wire::json::octets;
use crate::wire::scram::{First, Server, server_final};

/// The steps of this file.
pub const VERBS: &[Verb] = &[
    ("authenticate", plain::<Authenticate>),
    ("serve", plain::<Serve>),
    ("answer_requests", plain::<AnswerRequests>),
];

/// Least time for a message of the authentication.
const DERIVING: Duration = Duration::from_secs(3);

/// Where an authentication stops on purpose, to go on with the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    /// The first AUTH is read.
    First,
    /// The challenge is sent.
    Challenge,
    /// The last AUTH is read and right.
    Proof,
}

/// `authenticate`: SCRAM or EIM-RESUME, up to AUTH_OK.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authenticate {
    /// Connection.
    pub authenticate: String,
    /// Fields of AUTH_OK that replace the defaults.
    #[serde(default)]
    pub auth_ok: Map<String, Value>,
    /// Matchers of the first AUTH.
    #[serde(default, rename = "where")]
    pub matching: Map<String, Value>,
    /// Captures from the first AUTH.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
    /// Iterations of the challenge.
    pub iterations: Option<u32>,
    /// GS2 flag that the client has to send, with what follows it.
    pub flag: Option<String>,
    /// The user name as SCRAM has it.
    pub name: Option<String>,
    /// The part of the exchange that is done.
    pub until: Option<Until>,
}

#[async_trait]
impl Step for Authenticate {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let conn = &self.authenticate;
        loop {
            let under_way = stage(cx)?.exchanges.remove(conn);
            let (next, reached) = match under_way {
                None => (self.first(cx).await?, Until::First),
                Some(Exchange::First {
                    auth,
                    server,
                    first,
                }) => {
                    let data = hex::encode(&server.first(&first));
                    send(cx, conn, "AUTH_CHALLENGE", json!({ "data": data }))?;
                    let challenged = Exchange::Challenged {
                        auth,
                        server,
                        first,
                    };
                    (challenged, Until::Challenge)
                }
                Some(Exchange::Challenged {
                    auth,
                    server,
                    first,
                }) => (self.proof(cx, auth, &server, &first).await?, Until::Proof),
                Some(Exchange::Proven { auth, data }) => return self.accepted(cx, &auth, &data),
            };
            let done = self.until == Some(reached);
            stage(cx)?.exchanges.insert(conn.clone(), next);
            if done {
                return Ok(());
            }
        }
    }
}

impl Authenticate {
    /// The first AUTH, with what every one has to keep.
    async fn first(&self, cx: &mut Context) -> Result<Exchange, Stop> {
        let conn = &self.authenticate;
        let seen = auth_frame(cx, conn).await?;
        let auth = seen.view;
        {
            let connection = cx.connection_mut(conn)?;
            connection.facts.device = auth["device"].clone();
            connection.facts.mode = auth["mode"].clone();
            let window = Window::of(&auth["window"]);
            connection.state().numbers.credit = window;
        }
        expect::compare(cx, "AUTH", &self.matching, &auth)?;
        self.complete(cx, &auth)?;
        cx.capture(&self.capture, &auth)?;
        let octets_of = |name: &str| octets(&auth[name]).map_err(Stop::Script);
        let mechanism = auth["mechanism"].as_str().unwrap_or_default();
        if mechanism == "EIM-RESUME" {
            let (id, token) = (&auth["session_id"], &auth["data"]);
            let (id, token) = (
                id.as_str().unwrap_or_default(),
                token.as_str().unwrap_or_default(),
            );
            if stage(cx)?.world().session(id, token).is_none() {
                let expected = "the token of the session it was given for (EIM-AUT-035)";
                return Err(Stop::failed(
                    expected,
                    format!("session {id}, data {token}"),
                ));
            }
            let data = Vec::new();
            return Ok(Exchange::Proven { auth, data });
        }
        if !mechanism.starts_with("SCRAM-SHA-256") {
            let expected = "a mechanism that WELCOME listed";
            return Err(Stop::failed(expected, mechanism.to_owned()));
        }
        let first = First::read(&octets_of("data")?)
            .map_err(|why| Stop::failed("the first message of SCRAM", why))?;
        self.check_first(&first, mechanism)?;
        let server = Server {
            salt: cx.random.octets::<16>().to_vec(),
            iterations: self.iterations.unwrap_or(4096),
            nonce: cx.random.nonce(),
            keys: cx.environment.keys.clone(),
        };
        Ok(Exchange::First {
            auth,
            server,
            first,
        })
    }

    fn check_first(&self, first: &First, mechanism: &str) -> Result<(), Stop> {
        let bound = mechanism == "SCRAM-SHA-256-PLUS";
        if bound != first.flag.starts_with("p=") || (bound && first.flag != "p=eim-exporter") {
            let expected = format!("the GS2 flag of {mechanism} (EIM-AUT-015)");
            return Err(Stop::failed(expected, first.flag.clone()));
        }
        for (what, wanted, actual) in [
            ("GS2 flag", &self.flag, &first.flag),
            ("user name", &self.name, &first.name),
        ] {
            if wanted.as_ref().is_some_and(|wanted| wanted != actual) {
                let expected = format!("the {what} {}", wanted.clone().unwrap_or_default());
                return Err(Stop::failed(expected, actual.clone()));
            }
        }
        Ok(())
    }

    /// What every first AUTH has to have (EIM-AUT-001, EIM-AUT-010, EIM-WIN-006).
    fn complete(&self, cx: &Context, auth: &Value) -> Result<(), Stop> {
        let state = cx.connection(&self.authenticate)?.state();
        let binding = state.binding().map(|binding| hex::encode(&binding));
        if auth["binding"].as_str() != binding.as_deref() {
            let expected = "the SHA-256 of HELLO and WELCOME in `binding` (EIM-AUT-010)";
            return Err(Stop::failed(expected, auth["binding"].to_string()));
        }
        let device = auth["device"]["device_id"].as_str().unwrap_or_default();
        if device.len() != 32 {
            return Err(Stop::failed(
                "a device_id of 16 octets (EIM-AUT-001)",
                device,
            ));
        }
        Ok(())
    }

    async fn proof(
        &self,
        cx: &mut Context,
        auth: Value,
        server: &Server,
        first: &First,
    ) -> Result<Exchange, Stop> {
        let conn = &self.authenticate;
        let seen = auth_frame(cx, conn).await?;
        let mut more = seen.view.clone();
        if let Some(fields) = more.as_object_mut() {
            fields.remove("data");
        }
        if crate::wire::json::prune(&more) != json!({}) {
            let expected = "nothing but `data` in a later AUTH (EIM-AUT-003)";
            return Err(Stop::failed(expected, more.to_string()));
        }
        let data = octets(&seen.view["data"]).map_err(Stop::Script)?;
        let connection = cx.connection(conn)?;
        let binding = connection.state().binding().unwrap_or_default();
        let binding = match connection.exporter(b"EXPORTER-EIM-v1", &binding) {
            Some(exported) => exported.map_err(Stop::Testee)?,
            None => binding,
        };
        let password = cx.user("alice")?.password.clone();
        let signature = server
            .verify(first, &password, &binding, &data)
            .map_err(|why| Stop::failed("a proof of the password", why))?;
        let data = server_final(&signature);
        Ok(Exchange::Proven { auth, data })
    }

    /// AUTH_OK: a session begins, or goes on.
    fn accepted(&self, cx: &mut Context, auth: &Value, data: &[u8]) -> Result<(), Stop> {
        let conn = &self.authenticate;
        let (fresh, token) = (cx.random.octets::<16>(), cx.random.octets::<32>());
        let (fresh, token) = (hex::encode(&fresh), hex::encode(&token));
        let user = cx.user("alice")?.clone();
        let forced = self.auth_ok.get("outcome").cloned();
        // A client without the state of the session leaves its window empty (EIM-RSM-006).
        let stateful = Window::of(&auth["window"]) != Window::default();
        let resuming = auth["mechanism"] == "EIM-RESUME"
            && stateful
            && forced.is_none_or(|outcome| outcome == "SESSION_OUTCOME_RESUMED");
        let asked = auth["session_id"].as_str().unwrap_or_default().to_owned();
        let (old, mut view) = {
            let mut world = stage(cx)?.world();
            world.generation += 1;
            let data_hex = hex::encode(data);
            let view = json!({
                "outcome": "SESSION_OUTCOME_FRESH", "session_id": fresh, "user_id": user.user_id,
                "data": data_hex, "window": {"frames": 64, "octets": 4_194_304},
                "resume_token": token, "resume_ms": 60000, "log_epoch": world.log_epoch,
                "user_seq": world.user_seq, "server_time_ms": clock::ms(clock::unix()),
                "connection_generation": world.generation, "user_name": user.name,
            });
            let old = world
                .sessions
                .iter()
                .find(|session| session.id == asked)
                .cloned();
            (old.filter(|_| resuming), view)
        };
        let repeated = match &old {
            Some(old) => self.continued(cx, old, auth, &mut view)?,
            None => Vec::new(),
        };
        let view = overlay(cx, view, &self.auth_ok)?;
        if auth["mechanism"] == "EIM-RESUME" {
            let mut state = cx.connection(conn)?.state();
            let cursor = state.numbers.cursor;
            if old.is_none() {
                // What AUTH said was about the session that is over.
                state.numbers.credit = Window::default();
            }
            state.due = match &old {
                None => Some(Due::Window),
                Some(_) => (cursor != (0, 0)).then_some(Due::Cursor),
            };
        }
        if old.is_some() {
            // What the suite says it has not received has to come again.
            let received = Window::of(&view["window"]).received_through;
            let mut state = cx.connection(conn)?.state();
            let numbers = &mut state.numbers;
            if received < numbers.received {
                numbers.received = received;
                numbers.received_octets = numbers.past.octets(received);
            }
        }
        self.note_session(cx, &view)?;
        send(cx, conn, "AUTH_OK", view)?;
        for octets in repeated {
            cx.connection(conn)?
                .octets("sent again after RESUMED", octets);
        }
        Ok(())
    }

    /// The numbers of a session go on; gives the frames that the client says it lacks.
    fn continued(
        &self,
        cx: &Context,
        old: &Session,
        auth: &Value,
        view: &mut Value,
    ) -> Result<Vec<Bytes>, Stop> {
        let numbers = cx.connection(&old.connection)?.state().numbers.clone();
        let received = Window::of(&auth["window"]);
        let granted = numbers.granted;
        view["outcome"] = "SESSION_OUTCOME_RESUMED".into();
        view["session_id"] = old.id.clone().into();
        view["window"] = json!({"received_through": numbers.received,
            "frames": granted.frames.max(numbers.received + 64),
            "octets": granted.octets.max(numbers.received_octets + 4_194_304)});
        let mut state = cx.connection(&self.authenticate)?.state();
        state.numbers = numbers;
        state.numbers.credit = received;
        state.forget(received.received_through);
        let kept = state.numbers.kept.iter();
        Ok(kept.map(|(_, octets)| octets.clone()).collect())
    }

    fn note_session(&self, cx: &mut Context, view: &Value) -> Result<(), Stop> {
        let text = |name: &str| view[name].as_str().unwrap_or_default().to_owned();
        let (id, token) = (text("session_id"), text("resume_token"));
        let mut world = stage(cx)?.world();
        let earlier = world.sessions.iter().position(|session| session.id == id);
        let mut tokens = earlier.map_or_else(Vec::new, |at| world.sessions.remove(at).tokens);
        tokens.push(token);
        // The one before goes on working until its successor was presented (EIM-AUT-038).
        let extra = tokens.len().saturating_sub(2);
        tokens.drain(..extra);
        world.sessions.push(Session {
            connection: self.authenticate.clone(),
            id,
            tokens,
        });
        Ok(())
    }
}

/// The next AUTH. Deriving keys takes a client time, whatever the patience of the run.
async fn auth_frame(cx: &mut Context, conn: &str) -> Result<Seen, Stop> {
    let kind = cx
        .protocol()
        .frame_number(&"AUTH".into())
        .map_err(Stop::Script)?;
    let mut limits = cx.limits(conn, None, None)?;
    limits.deadline = limits.deadline.max(clock::now() + DERIVING);
    expect::take(cx, conn, kind, "AUTH", limits).await
}

/// `serve`: everything from `accept` to AUTH_OK.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Serve {
    serve: String,
    within_ms: Option<u64>,
    not_before_ms: Option<u64>,
    #[serde(default)]
    auto: AutoSpec,
    #[serde(default)]
    answers: Answers,
    /// Matchers of HELLO.
    #[serde(default)]
    hello: Map<String, Value>,
    /// Fields of WELCOME.
    #[serde(default)]
    welcome: Map<String, Value>,
    #[serde(default)]
    auth_ok: Map<String, Value>,
    #[serde(default, rename = "where")]
    matching: Map<String, Value>,
    #[serde(default)]
    capture: BTreeMap<String, String>,
    iterations: Option<u32>,
    flag: Option<String>,
    name: Option<String>,
}

#[async_trait]
impl Step for Serve {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let accept = Accept {
            accept: self.serve.clone(),
            within_ms: self.within_ms,
            not_before_ms: self.not_before_ms,
            auto: self.auto,
            answers: self.answers,
            ..Accept::default()
        };
        accept.run(cx).await?;
        let hello = ReadHello {
            read_hello: self.serve.clone(),
            matching: self.hello.clone(),
            ..ReadHello::default()
        };
        hello.run(cx).await?;
        let welcome = Welcome {
            send_welcome: self.serve.clone(),
            message: self.welcome.clone(),
        };
        welcome.run(cx).await?;
        let authenticate = Authenticate {
            authenticate: self.serve.clone(),
            auth_ok: self.auth_ok.clone(),
            matching: self.matching.clone(),
            capture: self.capture.clone(),
            iterations: self.iterations,
            flag: self.flag.clone(),
            name: self.name.clone(),
            until: None,
        };
        authenticate.run(cx).await
    }
}

/// `answer_requests`: what the suite answers by itself from now on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerRequests {
    answer_requests: String,
    #[serde(default)]
    answers: Answers,
}

#[async_trait]
impl Step for AnswerRequests {
    async fn run(&self, cx: &mut Context) -> Result<(), Stop> {
        let world = Arc::clone(&stage(cx)?.world);
        let protocol = Arc::clone(&cx.environment.protocol);
        let mut state = cx.connection(&self.answer_requests)?.state();
        state.responder = Some(responder(protocol, world, self.answers));
        Ok(())
    }
}
