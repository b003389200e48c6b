//! What the bot decides, and what it makes of answers of a model that is a fake.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use eim_client::store::Message;
use eim_codec::id::{ConversationId, UserId};
use eim_codec::payload::TextBody;
use eim_codec::registry::FrameType;
use prost::Message as _;
use serde_json::{Value, json};

use crate::brain::{Decision, Turn, Wish, decide};
use crate::config::Config;
use crate::keys::answer_key;
use crate::language::Language;
use crate::model::Model;

fn config(text: &str) -> Config {
    let needed = "[server]\nurl = \"tcp://127.0.0.1:1\"\n";
    let model = if text.contains("[model]") {
        ""
    } else {
        "[model]\nurl = \"http://127.0.0.1:1\"\n"
    };
    Config::from_toml(&format!("{needed}{model}{text}")).unwrap()
}

fn user(number: u8) -> UserId {
    UserId::from([number; 16])
}

const ME: u8 = 9;

fn message(conv_seq: u64, sender: u8, body: TextBody) -> Message {
    Message {
        conversation: ConversationId::direct(user(ME), user(1)),
        log_epoch: 1,
        conv_seq,
        frame_type: FrameType::TEXT,
        sender: Some(user(sender)),
        sender_device: None,
        client_msg_id: None,
        time_ms: 1_800_000_000_000 + conv_seq * 1000,
        user_seq: conv_seq,
        body: body.encode_to_vec().into(),
        fallback_text: String::new(),
        tombstone: false,
    }
}

fn text(conv_seq: u64, sender: u8, text: &str) -> Message {
    message(conv_seq, sender, TextBody::new(text))
}

fn decided(config: &Config, wish: Wish, before: &[Message], message: &Message) -> Decision {
    decide(&config.answer, user(ME), wish, before, message)
}

#[test]
fn a_question_goes_to_the_model_with_what_was_said_before() {
    let config = config("[answer]\ncontext = 2");
    let before = [
        text(1, 1, "forgotten"),
        text(2, 1, "hi"),
        text(3, ME, "hello"),
    ];
    let decision = decided(&config, Wish::Default, &before, &text(4, 1, " why? "));
    let Decision::Ask(turns) = decision else {
        panic!("{decision:?}")
    };
    let said: Vec<_> = turns
        .iter()
        .map(|turn| (turn.role, &*turn.content))
        .collect();
    assert_eq!(said[0].0, "system");
    assert_eq!(
        said[1..],
        [("user", "hi"), ("assistant", "hello"), ("user", "why?")]
    );
}

#[test]
fn in_a_group_only_whoever_names_the_bot_is_answered() {
    let config = config("");
    let group = |body| Message {
        conversation: ConversationId::from([5; 16]),
        ..message(4, 1, body)
    };
    let plain = group(TextBody::new("hello all"));
    assert_eq!(
        decided(&config, Wish::Default, &[], &plain),
        Decision::Nothing
    );
    let named = group(TextBody {
        mentions: vec![user(ME).to_bytes()],
        ..TextBody::new("robo, hello")
    });
    let decision = decided(&config, Wish::Default, &[], &named);
    assert!(matches!(decision, Decision::Ask(_)));
    let other = Message {
        frame_type: FrameType::IMAGE,
        ..named.clone()
    };
    assert_eq!(
        decided(&config, Wish::Default, &[], &other),
        Decision::Nothing
    );
    let mut recalled = named;
    recalled.erase();
    assert_eq!(
        decided(&config, Wish::Default, &[], &recalled),
        Decision::Nothing
    );
}

#[test]
fn what_a_conversation_wants_is_kept_in_a_number() {
    let config = config("");
    let say =
        |text: &str| match decided(&config, Wish::Default, &[], &super::tests::text(1, 1, text)) {
            Decision::Say(_, wish) => wish,
            other => panic!("{other:?}"),
        };
    for (text, wish) in [
        ("/translate zh", Wish::Translate(Language::Chinese)),
        ("/translate EN", Wish::Translate(Language::English)),
        ("/translate off", Wish::Answers),
        ("/translate klingon", Wish::Default),
    ] {
        assert_eq!(say(text), wish);
        assert_eq!(Wish::of(7 << 2 | wish.number()), wish);
    }
}

#[test]
fn only_other_languages_are_translated() {
    let chinese = Wish::Translate(Language::Chinese);
    for (wish, said, asks) in [
        (chinese, "good morning", true),
        (chinese, "早上好", false),
        (chinese, "我们用 EIM 协议", false),
        (chinese, "12:30 👍", false),
        (Wish::Translate(Language::English), "早上好", true),
        (Wish::Translate(Language::English), "good morning", false),
        (
            Wish::Translate(Language::English),
            "Grüße aus Köln, schöne Straße",
            true,
        ),
    ] {
        let decision = decided(&config(""), wish, &[], &text(1, 1, said));
        assert_eq!(matches!(decision, Decision::Ask(_)), asks, "{said}");
    }
    let translator = config("[answer]\nmode = \"translator\"\nlanguage = \"zh\"");
    let decision = decided(&translator, Wish::Default, &[], &text(1, 1, "good morning"));
    let Decision::Ask(turns) = decision else {
        panic!("{decision:?}")
    };
    assert!(turns[0].content.contains("Simplified Chinese"));
    assert_eq!(turns[1].content, "good morning");
}

#[test]
fn a_talk_that_runs_away_is_cut() {
    let config = config("[answer]\nper_minute = 2");
    let own = [text(1, ME, "a"), text(2, ME, "b")];
    assert_eq!(
        decided(&config, Wish::Default, &own, &text(3, 1, "c")),
        Decision::Nothing
    );
    // A minute later it goes on.
    let later = decided(&config, Wish::Default, &own, &text(70, 1, "c"));
    assert!(matches!(later, Decision::Ask(_)));
}

#[test]
fn keys_depend_on_what_is_answered_and_on_nothing_else() {
    let (one, other) = (text(1, 1, "a"), text(2, 1, "a"));
    assert_eq!(
        answer_key(&one, "answer"),
        answer_key(&one.clone(), "answer")
    );
    assert_ne!(answer_key(&one, "answer"), answer_key(&other, "answer"));
    assert_ne!(answer_key(&one, "answer"), answer_key(&one, "away"));
    let key = answer_key(&one, "answer");
    assert_eq!((key.as_bytes()[6] >> 4, key.as_bytes()[8] >> 6), (7, 2));
}

#[test]
fn a_configuration_says_what_is_missing() {
    for (text, wrong) in [
        ("", "server.url"),
        ("[modle]\nurl = \"x\"", "[modle]"),
        ("[model]\nurl = \"x\"\ncolour = 1", "colour"),
    ] {
        let error = Config::from_toml(text).unwrap_err();
        assert!(error.contains(wrong), "{error}");
    }
}

/// A model that says what it is told to, by the number of the request.
struct Fake {
    answer: fn(usize) -> (u16, Value),
    asked: AtomicUsize,
    bodies: std::sync::Mutex<Vec<Value>>,
}

async fn complete(State(fake): State<Arc<Fake>>, request: Request) -> Response {
    assert_eq!(request.uri().path(), "/v1/chat/completions");
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    fake.bodies
        .lock()
        .unwrap()
        .push(serde_json::from_slice(&body).unwrap());
    let (status, body) = (fake.answer)(fake.asked.fetch_add(1, Ordering::SeqCst));
    let mut response = Response::new(Body::from(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

async fn model(answer: fn(usize) -> (u16, Value), more: &str) -> (Model, Arc<Fake>) {
    let fake = Arc::new(Fake {
        answer,
        asked: AtomicUsize::new(0),
        bodies: std::sync::Mutex::default(),
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages = Router::new()
        .fallback(post(complete))
        .with_state(Arc::clone(&fake));
    tokio::spawn(async move { axum::serve(listener, pages).await.unwrap() });
    let config = config(&format!(
        "[model]\nurl = \"http://{address}/v1/\"\nname = \"parrot\"\nretry_ms = 1\n{more}"
    ));
    (Model::new(&config.model).unwrap(), fake)
}

fn said(text: &str) -> Value {
    json!({"choices": [{"message": {"role": "assistant", "content": text}}]})
}

fn question() -> Vec<Turn> {
    vec![Turn {
        role: "user",
        content: "why?".to_owned(),
    }]
}

#[tokio::test]
async fn a_model_is_asked_as_openai_has_it_and_again_when_it_fails() {
    let (model, fake) = model(
        |number| match number {
            0 => (500, json!({})),
            1 => (429, json!({})),
            2 => (200, json!("nonsense")),
            3 => (200, said("  ")),
            _ => (200, said(" because \n")),
        },
        "max_tokens = 7\nbreaker_failures = 100",
    )
    .await;
    assert_eq!(model.ask(&question()).await, Ok("because".to_owned()));
    assert_eq!(fake.asked.load(Ordering::SeqCst), 5);
    let bodies = fake.bodies.lock().unwrap();
    assert_eq!(bodies[0]["model"], "parrot");
    assert_eq!(bodies[0]["max_tokens"], 7);
    let messages = json!([{"role": "user", "content": "why?"}]);
    assert_eq!(bodies[0]["messages"], messages);
}

#[tokio::test]
async fn what_a_model_refuses_is_asked_once() {
    let (model, fake) = model(|_| (400, json!({"error": "too long"})), "").await;
    assert!(model.ask(&question()).await.is_err());
    assert_eq!(fake.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_model_that_fails_again_and_again_is_left_alone() {
    let (model, fake) = model(
        |number| match number {
            0..3 => (503, json!({})),
            _ => (200, said("back")),
        },
        "breaker_failures = 2\nbreaker_ms = 30\nconcurrency = 8",
    )
    .await;
    let model = Arc::new(model);
    let asked = (0..8).map(|_| {
        let model = Arc::clone(&model);
        tokio::spawn(async move { model.ask(&question()).await })
    });
    for answer in asked.collect::<Vec<_>>() {
        let answer = tokio::time::timeout(Duration::from_secs(60), answer);
        assert_eq!(answer.await.unwrap().unwrap(), Ok("back".to_owned()));
    }
    assert!(fake.asked.load(Ordering::SeqCst) >= 8);
}
