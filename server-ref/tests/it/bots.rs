//! Bots: EIM-TOKEN and HTTP.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use eim_codec::id::{ClientMsgId, UserId};
use eim_codec::payload::{AttachMode, TextBody};
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::bots::{Bots, Doors, Entrance, Sent, router};
use eim_server::clock::Clock;
use eim_server::server::TENANT;
use eim_server::service::accounts::Accounts;
use eim_server::service::bots::{BotSecrets, NewBot};
use eim_server::store::engine::{Order, Reader as _, Space};
use eim_server::store::kv::{Environment, Options};
use eim_server::store::memory::{MemoryEngine, open_engine};
use prost::Message as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::kit::{Client, Kit, Login, user_id};

fn accounts(kit: &Kit) -> Accounts {
    let shared = &kit.shared;
    Accounts::new(
        Arc::clone(&shared.store),
        Arc::clone(&shared.clock),
        Arc::clone(&shared.random),
        4096,
        TENANT,
    )
}

pub(crate) async fn robo(kit: &Kit, webhook: &str) -> (UserId, BotSecrets) {
    let new = NewBot {
        name: "robo".to_owned(),
        display_name: "Robo".to_owned(),
        owner: "alice".to_owned(),
        webhook: webhook.to_owned(),
    };
    let secrets = accounts(kit).create_bot(new).await.unwrap();
    (secrets.user.parse().unwrap(), secrets)
}

/// Logs a bot in by its token from an address.
async fn come(kit: &Kit, from: &str, token: &str) -> Client<tokio::io::DuplexStream> {
    let pipe = kit.pipe_from(from.parse().unwrap(), 1 << 20);
    let mut client = Client::new(pipe);
    client.welcome().await;
    let login = Login {
        mode: AttachMode::Full,
        ..Login::of(1, 9)
    };
    client.start(
        &login,
        "EIM-TOKEN",
        Bytes::copy_from_slice(token.as_bytes()),
    );
    client
}

// test[EIM-BOT-007]
#[tokio::test(start_paused = true)]
async fn a_token_is_nowhere_in_the_store() {
    let kit = Kit::new("").await;
    let engine = MemoryEngine::default();
    let environment = Environment {
        clock: Arc::clone(&kit.shared.clock),
        random: Arc::clone(&kit.shared.random),
    };
    let shared = Arc::new(engine.clone());
    let store = open_engine(shared, Options::default(), environment, kit.hub.clone()).await;
    let (clock, random) = (kit.shared.clock.clone(), kit.shared.random.clone());
    let accounts = Accounts::new(Arc::new(store.unwrap()), clock, random, 4096, TENANT);
    let new = NewBot {
        name: "robo".to_owned(),
        display_name: String::new(),
        owner: String::new(),
        webhook: String::new(),
    };
    let token = accounts.create_bot(new).await.unwrap().token.unwrap();
    let secret = token.strip_prefix("eimbot_").unwrap();
    let hash = Sha256::digest(&token);
    let mut octets = Vec::new();
    for space in Space::ALL {
        let visit = &mut |key: &[u8], value: &[u8]| {
            octets.extend_from_slice(key);
            octets.extend_from_slice(value);
            Ok(ControlFlow::Continue(()))
        };
        let (from, to) = (&[][..], &[0xff; 64][..]);
        engine
            .scan(space, from, to, Order::Ascending, visit)
            .unwrap();
    }
    let has = |part: &[u8]| octets.windows(part.len()).any(|window| window == part);
    assert!(has(&hash[..16]) && has(&hash[16..]));
    assert!(!has(secret.as_bytes()));
    assert!(!has(&URL_SAFE_NO_PAD.decode(secret).unwrap()));
}

// test[EIM-BOT-002]
#[tokio::test(start_paused = true)]
async fn a_token_does_not_cross_a_network_in_the_clear() {
    let kit = Kit::new("").await;
    let (_, secrets) = robo(&kit, "").await;
    let token = secrets.token.unwrap();
    let mut client = come(&kit, "192.0.2.1:1", &token).await;
    let code = client.closed().await.code;
    assert_eq!(code, Some(ErrorCode::CONFIDENTIALITY_REQUIRED));
    let mut client = come(&kit, "127.0.0.1:1", &token).await;
    let opened = client
        .until(|event| match event {
            eim_codec::connection::ClientEvent::Open(ok) => Ok(*ok),
            other => Err(other),
        })
        .await;
    assert_eq!(opened.user_name, "robo");
    assert!(opened.resume_token.is_empty());
}

// test[EIM-BOT-026]
#[tokio::test(start_paused = true)]
async fn what_is_told_does_not_cross_a_network_in_the_clear() {
    let kit = Kit::new("").await;
    robo(&kit, "").await;
    let accounts = accounts(&kit);
    for (url, works) in [
        ("https://hook.example/", true),
        ("http://127.0.0.1:8080/", true),
        ("http://hook.example/", false),
        ("http://127.0.0.1@hook.example/", false),
        ("ftp://127.0.0.1/", false),
        ("https://hook.example/ x", false),
        ("", true),
    ] {
        let set = accounts.set_bot_webhook("robo", url).await;
        assert_eq!(set.is_ok(), works, "{url}");
    }
}

/// A server with a door for bots.
struct Door {
    kit: Kit,
    address: std::net::SocketAddr,
    stopping: CancellationToken,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// What was answered: status, headers as text, body.
struct Answered {
    status: u16,
    head: String,
    body: Value,
}

impl Door {
    async fn new(settings: &str) -> Self {
        let kit = Kit::new(&format!("[bots]\n{settings}")).await;
        let bots = Arc::new(Bots::new(&kit.config, Arc::clone(&kit.shared)));
        let stopping = CancellationToken::new();
        let entrance = Entrance {
            tls: None,
            seats: Arc::new(Semaphore::new(kit.config.bots.connections)),
            patience: Duration::from_millis(kit.config.bots.request_ms),
        };
        let address = "127.0.0.1:0".parse().unwrap();
        let doors = Doors::open(address, entrance, stopping.clone())
            .await
            .unwrap();
        let address = doors.address;
        let served = axum::serve(doors, router(bots));
        let served = served.with_graceful_shutdown(stopping.clone().cancelled_owned());
        tokio::spawn(async move { served.await.unwrap() });
        Self {
            kit,
            address,
            stopping,
        }
    }

    async fn ask(&self, request: String) -> Answered {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        let mut octets = Vec::new();
        // Whoever is refused early may meet a reset behind the answer.
        let _ = stream.read_to_end(&mut octets).await;
        let answer = String::from_utf8(octets).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        Answered {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: serde_json::from_str(body).unwrap(),
        }
    }

    async fn post(&self, token: &str, body: &str) -> Answered {
        let length = body.len();
        self.ask(format!(
            "POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await
    }

    async fn send(&self, token: &str, body: Value) -> Answered {
        self.post(token, &body.to_string()).await
    }
}

// test[EIM-BOT-012, EIM-BOT-015]
#[tokio::test]
async fn a_message_by_http_is_a_message() {
    let door = Door::new("").await;
    let (bot, secrets) = robo(&door.kit, "").await;
    let token = secrets.token.unwrap();
    let mut alice = door.kit.login(1, 1).await;
    let key = "0123456789abcdef0123456789abcdef";
    let wanted = json!({"to": {"name": "Alice"}, "text": "beep", "client_msg_id": key,
        "mentions": [user_id(1).to_string()]});
    let answered = door.send(&token, wanted.clone()).await;
    assert_eq!(answered.status, 200, "{}", answered.body);
    let sent: Sent = serde_json::from_value(answered.body).unwrap();
    let conversation = eim_codec::id::ConversationId::direct(bot, user_id(1));
    assert_eq!(sent.conversation, conversation.to_string());
    assert_eq!((sent.conv_seq, sent.duplicate), (1, false));
    let (frame_type, push) = alice.push().await;
    let entry = push.entry.unwrap();
    assert_eq!((frame_type, entry.conv_seq), (FrameType::TEXT, 1));
    assert_eq!(entry.sender[..], bot.as_bytes()[..]);
    let body = TextBody::decode(entry.body).unwrap();
    assert_eq!((&*body.text, body.mentions.len()), ("beep", 1));
    // Again, as after an answer that was lost.
    let again = door.send(&token, wanted).await;
    let again: Sent = serde_json::from_value(again.body).unwrap();
    assert_eq!((again.conv_seq, again.time_ms), (1, sent.time_ms));
    assert!(again.duplicate);
    let other = json!({"to": {"user": user_id(1).to_string()}, "text": "boop",
        "client_msg_id": key});
    let other = door.send(&token, other).await;
    assert_eq!(
        (other.status, &other.body["error"]),
        (409, &json!("CONFLICT"))
    );
    // Into the conversation, in answer, without a key.
    let reply = json!({"to": {"conversation": sent.conversation}, "text": "re", "reply_to": 1});
    for expected in [2, 3] {
        let reply = door.send(&token, reply.clone()).await;
        assert_eq!(reply.body["conv_seq"], expected);
        let entry = alice.push().await.1.entry.unwrap();
        let key = ClientMsgId::from_slice(&entry.client_msg_id).unwrap();
        assert_eq!(key.as_bytes()[6] >> 4, 7, "a UUIDv7");
        assert_eq!(TextBody::decode(entry.body).unwrap().reply_to, 1);
    }
}

// test[EIM-BOT-014, EIM-BOT-016]
#[tokio::test]
async fn what_cannot_be_sent_is_told_by_status() {
    let door = Door::new("messages_per_s = 0\nrequest_octets = 70000").await;
    let (_, secrets) = robo(&door.kit, "").await;
    let token = secrets.token.unwrap();
    let alice = json!({"user": user_id(1).to_string()});
    let nobody = json!({"user": "7f".repeat(16)});
    let link = json!({"url": "https://example.org/", "title": "Example"});
    for (wanted, status) in [
        (json!({"to": alice, "link": link}), 200),
        (
            json!({"to": alice, "location": {"latitude": 1.5, "longitude": 2.0}}),
            200,
        ),
        (
            json!({"to": alice, "contact": {"user": user_id(2).to_string()}}),
            200,
        ),
        (
            json!({"to": alice, "custom": {"namespace": "org.example", "data": "AAE="}}),
            200,
        ),
        (json!({"to": alice}), 400),
        (json!({"to": alice, "text": "a", "link": link}), 400),
        (json!({"to": alice, "text": "a", "colour": "red"}), 400),
        (json!({"to": alice, "link": link, "mention_all": true}), 400),
        (
            json!({"to": alice, "link": {"url": "javascript:alert(1)"}}),
            400,
        ),
        (
            json!({"to": alice, "location": {"latitude": 91.0, "longitude": 0.0}}),
            400,
        ),
        (
            json!({"to": alice, "text": "a", "client_msg_id": "xyz"}),
            400,
        ),
        (json!({"to": {"user": "alice"}, "text": "a"}), 400),
        (json!({"to": nobody, "text": "a"}), 404),
        (json!({"to": {"name": "nobody"}, "text": "a"}), 404),
        (
            json!({"to": {"conversation": "7f".repeat(16)}, "text": "a"}),
            404,
        ),
        (json!({"to": alice, "text": "x".repeat(40_000)}), 413),
        (json!({"to": alice, "text": "x".repeat(80_000)}), 413),
    ] {
        let answered = door.send(&token, wanted.clone()).await;
        assert_eq!(answered.status, status, "{wanted} {}", answered.body);
    }
    assert_eq!(door.post(&token, "{").await.status, 400);
    let page = "GET /v2 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(door.ask(page.to_owned()).await.status, 404);
}

// test[EIM-BOT-008, EIM-BOT-009, EIM-BOT-013]
#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let door = Door::new("").await;
    let (bot, secrets) = robo(&door.kit, "").await;
    let token = secrets.token.unwrap();
    let wanted = json!({"to": {"user": user_id(1).to_string()}, "text": "a"});
    for wrong in ["", "eimbot_", "x", &token[1..], &format!("{token}0")] {
        let answered = door.send(wrong, wanted.clone()).await;
        assert_eq!(answered.status, 401, "{wrong}");
        assert!(answered.head.contains("www-authenticate: bearer"));
    }
    let me = format!(
        "GET /v1/me HTTP/1.1\r\nhost: x\r\nauthorization: bearer {token}\r\nconnection: \
         close\r\n\r\n"
    );
    let who = door.ask(me).await;
    assert_eq!((who.status, &who.body["name"]), (200, &json!("robo")));
    assert!(who.head.contains("cache-control: no-store"));
    let accounts = accounts(&door.kit);
    accounts.set_disabled("robo", true).await.unwrap();
    assert_eq!(door.send(&token, wanted.clone()).await.status, 403);
    accounts.set_disabled("robo", false).await.unwrap();
    let short = accounts.bot_token("robo", "short", door.kit.clock.now_ms() + 10);
    let short = short.await.unwrap().token.unwrap();
    assert_eq!(door.send(&short, wanted.clone()).await.status, 200);
    door.kit.clock.advance(10);
    assert_eq!(door.send(&short, wanted.clone()).await.status, 401);
    assert_eq!(door.send(&token, wanted.clone()).await.status, 200);
    accounts.revoke_bot_token("robo", None).await.unwrap();
    assert_eq!(door.send(&token, wanted).await.status, 401);
    let log = door.kit.shared.store.timeline_head(TENANT, bot).await;
    assert_eq!(log.unwrap().0, 2, "two messages, and no more");
}

// test[EIM-BOT-017]
#[tokio::test]
async fn a_bot_that_sends_too_much_waits() {
    let door = Door::new("messages_per_s = 2").await;
    let (_, secrets) = robo(&door.kit, "").await;
    let token = secrets.token.unwrap();
    let wanted = json!({"to": {"user": user_id(1).to_string()}, "text": "a"});
    for status in [200, 200, 429] {
        let answered = door.send(&token, wanted.clone()).await;
        assert_eq!(answered.status, status);
        assert_eq!(answered.head.contains("retry-after: 1"), status == 429);
    }
    door.kit.clock.advance(500);
    assert_eq!(door.send(&token, wanted.clone()).await.status, 200);
    assert_eq!(door.send(&token, wanted).await.status, 429);
}

// test[EIM-BOT-018]
#[tokio::test]
async fn whoever_is_slow_gives_the_seat_away() {
    let door = Door::new("request_ms = 50\nconnections = 1").await;
    let (_, secrets) = robo(&door.kit, "").await;
    let token = secrets.token.unwrap();
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    silent.write_all(b"POST /v1/messages HT").await.unwrap();
    let mut rest = Vec::new();
    // The end, in order or not.
    let _ = silent.read_to_end(&mut rest).await;
    let mut half = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-length: 9\r\n\r\n{{"
    );
    half.write_all(head.as_bytes()).await.unwrap();
    let _ = half.read_to_end(&mut rest).await;
    let wanted = json!({"to": {"user": user_id(1).to_string()}, "text": "a"});
    assert_eq!(door.send(&token, wanted).await.status, 200);
}
