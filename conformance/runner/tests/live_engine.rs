//! The engine of live scripts against a server that a test plays: what it has to notice, and how it
//! says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use eim_conformance::data::Data;
use eim_conformance::live::case::{self, Stopped};
use eim_conformance::live::clock::{self, Patience};
use eim_conformance::live::context::{Account, Context, Endpoints, Environment};
use eim_conformance::live::faults::Fault;
use eim_conformance::live::log::Log;
use eim_conformance::live::outcome::Stop;
use eim_conformance::live::random::Random;
use eim_conformance::results::Status;
use eim_conformance::wire::frame::Frame;
use eim_conformance::wire::json::{encode, octets, show};
use eim_conformance::wire::protocol::Protocol;
use eim_conformance::wire::scram::{self, First, Keys, hash};
use eim_conformance::wire::{Side, hex};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const USER: &str = "00112233445566778899aabbccddeeff";

/// What the played server does when it gets TEXT.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// ACK, and nothing else.
    Accept,
    /// ERROR, then FIN.
    Refuse,
    /// ERROR, then a reset.
    Reset,
    /// ERROR, and the connection stays.
    Stay,
    /// ERROR with the scope of another code.
    OtherScope,
    /// A push with a number that is not the next.
    Gap,
    /// FIN without a word.
    Silent,
    /// ACK, when the suite has asked whether the server has its turns.
    Late,
}

/// The suite has asked.
static PROBED: Notify = Notify::const_new();

struct Played {
    stream: TcpStream,
    protocol: Arc<Protocol>,
    act: Act,
    handshake: Vec<u8>,
    first: Option<First>,
}

impl Played {
    async fn send(&mut self, name: &str, fields: Value, sequence: u32) -> Frame {
        let kind = self.protocol.frame_number(&name.into()).unwrap();
        let payload = encode(&self.protocol, kind, Side::Server, &fields).unwrap();
        let mut frame = Frame::new(kind, payload);
        frame.sequence = sequence;
        self.stream.write_all(&frame.encode()).await.unwrap();
        frame
    }

    /// Reads until the peer goes; false from a step ends it.
    async fn serve(mut self) {
        let mut buffer = BytesMut::new();
        while let Ok(1..) = self.stream.read_buf(&mut buffer).await {
            while let Some(frame) = Frame::take(&mut buffer).unwrap() {
                if !self.frame(&frame).await {
                    return;
                }
            }
        }
    }

    async fn frame(&mut self, frame: &Frame) -> bool {
        let name = self.protocol.frame_name(frame.kind);
        let view = show(&self.protocol, frame.kind, Side::Client, &frame.payload).unwrap();
        match name.as_str() {
            "HELLO" => {
                let fields = json!({"version": 1, "compressions": [1], "capabilities": [1],
                    "max_frame_octets": 65536, "mechanisms": ["SCRAM-SHA-256-PLUS"],
                    "heartbeat_ms": 45000, "nonce": "00".repeat(32)});
                let welcome = self.send("WELCOME", fields, 0).await;
                self.handshake = [frame.encode(), welcome.encode()].concat();
            }
            "AUTH" => self.auth(&view).await,
            "PING" => {
                let fields = json!({"token": view["token"]});
                self.send("PONG", fields, 0).await;
            }
            "TEXT" => return self.text().await,
            _ => {}
        }
        true
    }

    async fn auth(&mut self, view: &Value) {
        let data = octets(&view["data"]).unwrap();
        let server = scram::Server {
            salt: vec![7; 16],
            iterations: 4096,
            nonce: "server".into(),
            keys: Keys::default(),
        };
        let Some(first) = self.first.take() else {
            let first = First::read(&data).unwrap();
            let challenge = server.first(&first);
            self.first = Some(first);
            let fields = json!({"data": hex::encode(&challenge)});
            self.send("AUTH_CHALLENGE", fields, 0).await;
            return;
        };
        let signature = server
            .verify(&first, "secret", &hash(&self.handshake), &data)
            .unwrap();
        let last = hex::encode(&scram::server_final(&signature));
        let fields = json!({"outcome": "SESSION_OUTCOME_FRESH", "session_id": "11".repeat(16),
            "user_id": USER, "data": last, "window": {"frames": 64, "octets": 1048576},
            "log_epoch": 1, "user_seq": 5, "server_time_ms": 1, "connection_generation": 1,
            "user_name": "alice"});
        self.send("AUTH_OK", fields, 0).await;
    }

    async fn text(&mut self) -> bool {
        let error = |scope: &str| {
            json!({"info": {"code": "INVALID_VALUE"}, "scope": scope,
            "ordinal": 1})
        };
        match self.act {
            Act::Accept => {
                let result = json!({"ordinal": 1, "conv_seq": 9, "time_ms": 1});
                self.send("ACK", json!({"log_epoch": 1, "results": [result]}), 0)
                    .await;
                return true;
            }
            Act::Refuse => {
                self.send("ERROR", error("ERROR_SCOPE_CONNECTION"), 0).await;
                self.stream.shutdown().await.unwrap();
                self.drain().await;
            }
            Act::Reset => {
                self.send("ERROR", error("ERROR_SCOPE_CONNECTION"), 0).await;
                let socket = socket2::SockRef::from(&self.stream);
                socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
            }
            Act::Stay => {
                self.send("ERROR", error("ERROR_SCOPE_CONNECTION"), 0).await;
                self.drain().await;
            }
            Act::OtherScope => {
                self.send("ERROR", error("ERROR_SCOPE_SESSION"), 0).await;
                self.stream.shutdown().await.unwrap();
                self.drain().await;
            }
            Act::Gap => {
                let entry = json!({"conversation": "22".repeat(16), "conv_seq": 1, "type": "TEXT"});
                self.send("TEXT", json!({"entry": entry, "user_seq": 6}), 2)
                    .await;
                self.drain().await;
            }
            Act::Late => {
                PROBED.notified().await;
                let result = json!({"ordinal": 1, "conv_seq": 9, "time_ms": 1});
                self.send("ACK", json!({"log_epoch": 1, "results": [result]}), 0)
                    .await;
                return true;
            }
            Act::Silent => self.stream.shutdown().await.unwrap(),
        }
        false
    }

    /// Reads on until the peer goes, as 20.5 asks for.
    async fn drain(&mut self) {
        let mut rest = [0; 1024];
        while let Ok(1..) = self.stream.read(&mut rest).await {}
    }
}

/// Runs steps against the played server.
async fn run(act: Act, steps: Value, mutant: Option<Value>) -> Result<(), Stopped> {
    let protocol = Arc::new(Protocol::load(&Data::Embedded).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Arc::clone(&protocol);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let played = Played {
                stream,
                protocol: Arc::clone(&server),
                act,
                handshake: Vec::new(),
                first: None,
            };
            tokio::spawn(played.serve());
        }
    });
    let environment = Environment {
        protocol,
        patience: Patience::SELF_TEST,
        seed: 1,
        keys: Keys::default(),
        verbs: eim_conformance::server::verbs(),
        probe: |_| Box::pin(async { PROBED.notify_one() }),
    };
    let steps = environment.verbs.parse(steps.as_array().unwrap()).unwrap();
    let mut cx = Context {
        environment: Arc::new(environment),
        id: "engine".into(),
        transport: "tcp".into(),
        timing: false,
        endpoints: Endpoints {
            addresses: BTreeMap::from([("tcp".to_owned(), address)]),
            certificate: None,
        },
        control: None,
        users: ["alice", "bob"].map(user).into(),
        limits: BTreeMap::new(),
        connections: BTreeMap::new(),
        variables: BTreeMap::new(),
        loops: Vec::new(),
        log: Log::new(),
        random: Random::new(1, "engine"),
        fault: mutant.map(|mutant| {
            let mutant = serde_json::from_value(mutant).unwrap();
            Arc::new(Mutex::new(Fault::new(mutant)))
        }),
        step_began: clock::now(),
        before: clock::now(),
        least_before: None,
        least: None,
        mark: None,
        extension: None,
    };
    let outcome = case::run(&mut cx, &steps).await;
    case::leave(&mut cx).await;
    outcome
}

fn user(role: &str) -> (String, Account) {
    let account = Account {
        name: role.to_owned(),
        password: "secret".into(),
        user_id: if role == "alice" {
            USER.into()
        } else {
            "33".repeat(16)
        },
    };
    (role.to_owned(), account)
}

/// Steps that send TEXT and then do `rest`.
fn text_then(rest: Value) -> Value {
    let mut steps = vec![
        json!({"open": "a", "user": "alice"}),
        json!({"text": "a", "to": "bob", "body": "hi", "as": "m1"}),
    ];
    steps.extend(rest.as_array().unwrap().clone());
    Value::Array(steps)
}

fn refused() -> Value {
    text_then(json!([{"expect_error": "a", "code": "INVALID_VALUE", "where": {"ordinal": 1}}]))
}

fn accepted() -> Value {
    text_then(json!([
        {"expect_result": "a", "of": "m1", "where": {"conv_seq": 9}, "capture": {"n": "conv_seq"}},
        {"check": {"add": ["$n", "$a.user_seq"]}, "is": 14},
        {"barrier": "a"}
    ]))
}

/// Why steps failed: expected, actual, and the step.
async fn failure(act: Act, steps: Value, mutant: Option<Value>) -> (Status, String, String) {
    let stopped = run(act, steps, mutant).await.unwrap_err();
    match stopped.why {
        Stop::Failed(failure) => (
            failure.status,
            format!("{} {}", stopped.step, failure.expected),
            failure.actual,
        ),
        other => panic!("no verdict: {other}"),
    }
}

#[tokio::test]
async fn what_is_right_passes() {
    assert_eq!(run(Act::Accept, accepted(), None).await, Ok(()));
    assert_eq!(run(Act::Refuse, refused(), None).await, Ok(()));
    let closed = text_then(json!([{"expect_close": "a"}]));
    assert_eq!(run(Act::Silent, closed, None).await, Ok(()));
}

#[tokio::test]
async fn a_limit_is_not_over_before_the_testee_had_its_turn() {
    let late = text_then(json!([{"expect_result": "a", "of": "m1", "within_ms": 1}]));
    assert_eq!(run(Act::Late, late.clone(), None).await, Ok(()));
    let (status, _, actual) = failure(Act::Stay, late, None).await;
    assert_ne!(status, Status::Passed, "{actual}");
}

#[tokio::test]
async fn the_least_time_counts_from_a_cause() {
    let early = json!([{"expect_result": "a", "of": "m1", "not_before_ms": 60_000}]);
    let (_, _, actual) = failure(Act::Accept, text_then(early), None).await;
    assert!(actual.contains("too early"), "{actual}");
    let mut marked = vec![json!({"mark": true})];
    let rest = json!([{"expect_result": "a", "of": "m1", "not_before_ms": 0}]);
    marked.extend(text_then(rest).as_array().unwrap().clone());
    assert_eq!(run(Act::Accept, Value::Array(marked), None).await, Ok(()));
}

#[tokio::test]
async fn what_is_corked_leaves_when_it_is_let_go() {
    let steps = json!([
        {"open": "a", "user": "alice"},
        {"cork": "a"},
        {"text": "a", "to": "bob", "body": "hi", "as": "m1"},
        {"uncork": "a"},
        {"expect_result": "a", "of": "m1"}
    ]);
    assert_eq!(run(Act::Accept, steps, None).await, Ok(()));
}

#[tokio::test]
async fn an_error_has_to_be_followed_by_an_orderly_end() {
    let (_, expected, actual) = failure(Act::Reset, refused(), None).await;
    assert!(
        expected.contains("orderly end") || expected.contains("ERROR"),
        "{expected}"
    );
    assert!(actual.contains("reset"), "{actual}");
    let (status, _, actual) = failure(Act::Stay, refused(), None).await;
    assert_eq!(
        (status, actual.as_str()),
        (Status::TimedOut, "the transport is still open")
    );
    let (_, expected, actual) = failure(Act::Silent, refused(), None).await;
    assert!(expected.starts_with("2 ERROR"), "{expected}");
    assert!(actual.contains("without ERROR"), "{actual}");
}

#[tokio::test]
async fn the_registry_says_what_an_error_looks_like() {
    let (_, _, actual) = failure(Act::OtherScope, refused(), None).await;
    assert!(actual.contains("scope"), "{actual}");
}

#[tokio::test]
async fn every_frame_is_looked_at_whatever_the_script_is_about() {
    let steps = text_then(json!([{"expect_push": "a"}]));
    let (_, _, actual) = failure(Act::Gap, steps, None).await;
    assert!(actual.contains("EIM-SEQ-001"), "{actual}");
}

#[tokio::test]
async fn what_nobody_expects_fails_at_the_end() {
    let stopped = run(Act::Refuse, text_then(json!([{"liveness": "alice"}])), None).await;
    let stopped = stopped.unwrap_err();
    assert_eq!(stopped.step, "end");
    assert!(
        stopped.why.to_string().contains("INVALID_VALUE"),
        "{}",
        stopped.why
    );
}

#[tokio::test]
async fn mistakes_of_a_script_are_no_verdicts() {
    for (steps, expected) in [
        (json!([{"barrier": "b"}]), "no connection b"),
        (
            json!([{"check": "$nothing", "is": 1}]),
            "no variable $nothing",
        ),
        (json!([{"pass_ms": 1}]), "timing"),
        (
            json!([{"expect_result": "a", "of": "m1", "where": {"conv_sek": 9}}]),
            "no field conv_sek",
        ),
        (
            json!([{"send": "a", "type": "PING", "message": {"tokn": 1}}]),
            "no field tokn",
        ),
        (
            json!([{"expect_error": "a", "code": "INVALID_VALU"}]),
            "no error code",
        ),
    ] {
        let stopped = run(Act::Accept, text_then(steps), None).await.unwrap_err();
        assert!(matches!(stopped.why, Stop::Script(_)), "{}", stopped.why);
        assert!(
            stopped.why.to_string().contains(expected),
            "{}",
            stopped.why
        );
    }
}

#[tokio::test]
async fn faults_change_what_the_suite_sees() {
    for (mutant, expected) in [
        (json!({"type": "PONG", "drop": true}), "nothing of that"),
        (
            json!({"type": "PONG", "set": {"token": 1}}),
            "nothing of that",
        ),
        (
            json!({"type": "PONG", "header": {"version": 2}}),
            "EIM-VER-002",
        ),
        (json!({"type": "PONG", "close": true}), "orderly end"),
        (json!({"type": "PONG", "reset": true}), "reset"),
        (
            json!({"type": "ACK", "set": {"results[0].conv_seq": 8}}),
            "8 is not 9",
        ),
        (
            json!({"type": "RESULT", "where": {"ordinal": 1}, "duplicate": true}),
            "a result",
        ),
        (
            json!({"type": "ACK", "header": {"sequence": 3}}),
            "EIM-SEQ-003",
        ),
        (
            json!({"type": "WELCOME", "set": {"compressions": [1, 9]}}),
            "EIM-VER-014",
        ),
        (json!({"at_step": 2, "deaf": true}), "nothing of that"),
        (
            json!({"at_step": 4, "insert": {"type": "EVENT", "message": {"event": 3}}}),
            "EVENT",
        ),
    ] {
        let mut whole = json!({"name": "x", "breaks": ["EIM-HBT-009"]});
        let fields = mutant.as_object().unwrap().clone();
        whole.as_object_mut().unwrap().extend(fields);
        let (_, _, actual) = failure(Act::Accept, accepted(), Some(whole)).await;
        assert!(actual.contains(expected), "{mutant}: {actual}");
    }
}

#[tokio::test]
async fn loops_say_in_which_round_they_failed() {
    let steps = json!([
        {"open": "a", "user": "alice"},
        {"repeat": 3, "steps": [{"check": "$i", "is": {"lt": 3}}]}
    ]);
    let (_, expected, _) = failure(Act::Accept, steps, None).await;
    assert!(expected.contains("in round 3"), "{expected}");
}
