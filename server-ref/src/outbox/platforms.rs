//! The services of platforms, against fakes of them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    RSA_PKCS1_2048_8192_SHA256,
};
use serde_json::{Value, json};

use super::apns::{Apns, Identity};
use super::compose::{About, Notification};
use super::fcm::Fcm;
use super::gateway::{Gateway, Http, HttpError, Outcome, Post, Reply};
use super::jwt::{KeyError, Signer, verified};
use super::web_push::WebPush;
use crate::clock::Clock;
use crate::store::{NotifyTarget, Service};

/// Only for these tests.
const RSA: &str = include_str!("platforms/rsa.pem");
const NOW_MS: u64 = 1_800_000_000_000;

/// A service that answers what the test wants, and keeps what it was asked.
#[derive(Debug, Default)]
struct Fake {
    answers: Mutex<Vec<(u16, Value)>>,
    asked: Mutex<Vec<Post>>,
}

impl Fake {
    fn answers(&self, status: u16, body: Value) {
        self.answers.lock().unwrap().push((status, body));
    }

    fn asked(&self) -> Vec<Post> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl Http for Fake {
    async fn post(&self, post: Post) -> Result<Reply, HttpError> {
        self.asked.lock().unwrap().push(post);
        let mut answers = self.answers.lock().unwrap();
        let (status, body) = if answers.is_empty() {
            (200, Value::Null)
        } else {
            answers.remove(0)
        };
        Ok(Reply {
            status,
            retry_after: None,
            body: body.to_string().into(),
        })
    }
}

#[derive(Debug)]
struct At(Mutex<u64>);

impl Clock for At {
    fn now_ms(&self) -> u64 {
        *self.0.lock().unwrap()
    }
}

fn clock() -> Arc<At> {
    Arc::new(At(Mutex::new(NOW_MS)))
}

fn header(post: &Post, name: &str) -> String {
    let found = post.headers.iter().find(|(header, _)| *header == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.clone()
}

fn body(post: &Post) -> Value {
    serde_json::from_slice(&post.body).unwrap()
}

fn notification(service: Service, address: &str) -> Notification {
    Notification {
        id: "ntf_1".to_owned(),
        user: [1; 16].into(),
        device: [2; 16].into(),
        target: NotifyTarget {
            service,
            address: address.to_owned(),
            public_key: bytes::Bytes::new(),
            auth_secret: bytes::Bytes::new(),
        },
        collapse: "c0ffee".to_owned(),
        time_ms: NOW_MS,
        expires_ms: NOW_MS + 60_000,
        unread: 3,
        count: 1,
        mention: false,
        about: Some(About {
            conversation: [3; 16].into(),
            conversation_name: "harbour".to_owned(),
            conv_seq: 7,
            log_epoch: 1,
            sender: [4; 16].into(),
            sender_name: "Ada".to_owned(),
        }),
        preview: Some("the ship is here".to_owned()),
    }
}

/// A new key, in PEM.
fn pem() -> (String, Signer) {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let text = STANDARD.encode(key.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    let signer = Signer::p256(pem.as_bytes()).unwrap();
    (pem, signer)
}

fn apns(fake: &Arc<Fake>, clock: &Arc<At>) -> (Apns, Signer) {
    let (pem, signer) = pem();
    let identity = Identity {
        url: "https://apns.test".to_owned(),
        key_id: "KEY".to_owned(),
        team_id: "TEAM".to_owned(),
        topic: "org.example.eim".to_owned(),
    };
    let (http, clock) = (Arc::clone(fake) as _, Arc::clone(clock) as _);
    (
        Apns::new(http, clock, identity, pem.as_bytes()).unwrap(),
        signer,
    )
}

#[tokio::test]
async fn apple_gets_a_token_that_is_renewed_in_time() {
    let (fake, clock) = (Arc::<Fake>::default(), clock());
    let (apns, signer) = apns(&fake, &clock);
    let told = notification(Service::Apns, "00fc13adff785122");
    assert_eq!(apns.deliver(&told).await, Outcome::Delivered);
    let first = fake.asked().remove(0);
    assert_eq!(first.url, "https://apns.test/3/device/00fc13adff785122");
    assert_eq!(header(&first, "apns-topic"), "org.example.eim");
    assert_eq!(header(&first, "apns-collapse-id"), "c0ffee");
    assert_eq!(header(&first, "apns-expiration"), "1800000060");
    let alert = json!({"title": "harbour", "body": "Ada: the ship is here"});
    assert_eq!(body(&first)["aps"]["alert"], alert);
    assert_eq!(body(&first)["eim"]["conv_seq"], 7);
    let token = header(&first, "authorization");
    let token = token.strip_prefix("bearer ").unwrap();
    let (head, claims) = verified(token, signer.public_key(), &ECDSA_P256_SHA256_FIXED);
    assert_eq!(
        (&head["alg"], &head["kid"]),
        (&json!("ES256"), &json!("KEY"))
    );
    assert_eq!(claims, json!({"iss": "TEAM", "iat": NOW_MS / 1000}));
    // The same token for fifty minutes, then another one.
    *clock.0.lock().unwrap() += 49 * 60_000;
    apns.deliver(&told).await;
    let again = fake.asked().remove(0);
    assert_eq!(
        header(&again, "authorization"),
        header(&first, "authorization")
    );
    *clock.0.lock().unwrap() += 2 * 60_000;
    apns.deliver(&told).await;
    let other = fake.asked().remove(0);
    assert_ne!(
        header(&other, "authorization"),
        header(&first, "authorization")
    );
}

#[tokio::test]
async fn apple_says_what_becomes_of_an_address() {
    let (fake, clock) = (Arc::<Fake>::default(), clock());
    let (apns, _) = apns(&fake, &clock);
    let told = notification(Service::Apns, "00fc13");
    let failed = |outcome: &Outcome, expected: &str| matches!(outcome, Outcome::Failed { reason, .. } if *reason == expected);
    for (status, reason) in [(410, "Unregistered"), (400, "BadDeviceToken")] {
        fake.answers(status, json!({"reason": reason}));
        assert_eq!(apns.deliver(&told).await, Outcome::Gone, "{reason}");
    }
    fake.answers(413, json!({"reason": "PayloadTooLarge"}));
    let outcome = apns.deliver(&told).await;
    assert_eq!(outcome, Outcome::Refused("PayloadTooLarge".to_owned()));
    fake.answers(403, json!({"reason": "ExpiredProviderToken"}));
    assert!(failed(&apns.deliver(&told).await, "credentials"));
    fake.answers(503, json!({"reason": "Shutdown"}));
    assert!(failed(&apns.deliver(&told).await, "server"));
    // An address is no path.
    fake.asked();
    let wrong = notification(Service::Apns, "../../x");
    assert_eq!(apns.deliver(&wrong).await, Outcome::Gone);
    assert!(fake.asked().is_empty());
}

fn fcm(fake: &Arc<Fake>, clock: &Arc<At>) -> Fcm {
    let file = json!({
        "type": "service_account",
        "project_id": "harbour",
        "private_key_id": "KEY",
        "private_key": RSA,
        "client_email": "eim@harbour.test",
        "token_uri": "https://oauth.test/token",
    });
    let (http, clock) = (Arc::clone(fake) as _, Arc::clone(clock) as _);
    Fcm::new(http, clock, "https://fcm.test", file.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn google_gives_access_for_a_while() {
    let (fake, clock) = (Arc::<Fake>::default(), clock());
    let fcm = fcm(&fake, &clock);
    let told = notification(Service::Fcm, "a token");
    fake.answers(200, json!({"access_token": "first", "expires_in": 3599}));
    assert_eq!(fcm.deliver(&told).await, Outcome::Delivered);
    let asked = fake.asked();
    assert_eq!(asked[0].url, "https://oauth.test/token");
    let form = String::from_utf8(asked[0].body.to_vec()).unwrap();
    let (_, assertion) = form.split_once("&assertion=").unwrap();
    let key = Signer::rsa(RSA.as_bytes()).unwrap();
    let (head, claims) = verified(assertion, key.public_key(), &RSA_PKCS1_2048_8192_SHA256);
    assert_eq!(
        (&head["alg"], &head["kid"]),
        (&json!("RS256"), &json!("KEY"))
    );
    assert_eq!(claims["iss"], "eim@harbour.test");
    assert_eq!(claims["aud"], "https://oauth.test/token");
    assert_eq!(claims["exp"], NOW_MS / 1000 + 3600);
    assert_eq!(
        asked[1].url,
        "https://fcm.test/v1/projects/harbour/messages:send"
    );
    assert_eq!(header(&asked[1], "authorization"), "Bearer first");
    let message = &body(&asked[1])["message"];
    assert_eq!(message["token"], "a token");
    assert_eq!(message["notification"]["body"], "Ada: the ship is here");
    assert_eq!(message["android"]["ttl"], "60s");
    assert_eq!(message["data"]["conv_seq"], "7", "data are texts");
    // The same access until it is nearly over, or the service takes it no longer.
    fcm.deliver(&told).await;
    assert_eq!(fake.asked().len(), 1);
    *clock.0.lock().unwrap() += 56 * 60_000;
    fake.answers(200, json!({"access_token": "second", "expires_in": 3599}));
    fake.answers(401, json!({"error": {"status": "UNAUTHENTICATED"}}));
    let outcome = fcm.deliver(&told).await;
    assert!(
        matches!(
            outcome,
            Outcome::Failed {
                reason: "credentials",
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(fake.asked().len(), 2);
    fake.answers(200, json!({"access_token": "third", "expires_in": 3599}));
    fcm.deliver(&told).await;
    assert_eq!(header(&fake.asked()[1], "authorization"), "Bearer third");
}

#[tokio::test]
async fn google_says_what_becomes_of_an_address() {
    let (fake, clock) = (Arc::<Fake>::default(), clock());
    let fcm = fcm(&fake, &clock);
    let told = notification(Service::Fcm, "a token");
    fake.answers(500, Value::Null);
    let outcome = fcm.deliver(&told).await;
    assert!(
        matches!(
            outcome,
            Outcome::Failed {
                reason: "credentials",
                ..
            }
        ),
        "{outcome:?}"
    );
    fake.answers(200, json!({"access_token": "one", "expires_in": 3599}));
    let detail = json!({"errorCode": "UNREGISTERED"});
    fake.answers(
        404,
        json!({"error": {"status": "NOT_FOUND", "details": [detail]}}),
    );
    assert_eq!(fcm.deliver(&told).await, Outcome::Gone);
    fake.answers(400, json!({"error": {"status": "INVALID_ARGUMENT"}}));
    let outcome = fcm.deliver(&told).await;
    assert_eq!(outcome, Outcome::Refused("INVALID_ARGUMENT".to_owned()));
    fake.answers(503, Value::Null);
    let outcome = fcm.deliver(&told).await;
    assert!(
        matches!(
            outcome,
            Outcome::Failed {
                reason: "server",
                ..
            }
        ),
        "{outcome:?}"
    );
}

fn web_push(fake: &Arc<Fake>, clock: &Arc<At>) -> (WebPush, Signer) {
    let (pem, signer) = pem();
    let (http, clock) = (Arc::clone(fake) as _, Arc::clone(clock) as _);
    let (subject, hosts) = (
        "mailto:ops@example.org".to_owned(),
        vec!["push.test".to_owned()],
    );
    let gateway = WebPush::new(http, clock, subject, hosts, pem.as_bytes());
    (gateway.unwrap(), signer)
}

#[tokio::test]
async fn browsers_are_told_in_the_name_of_this_server() {
    let (fake, clock) = (Arc::<Fake>::default(), clock());
    let (gateway, signer) = web_push(&fake, &clock);
    let mut told = notification(Service::WebPush, "https://eu.push.test/abc");
    told.target.public_key = signer.public_key().to_vec().into();
    told.target.auth_secret = vec![7; 16].into();
    fake.answers(201, Value::Null);
    assert_eq!(gateway.deliver(&told).await, Outcome::Delivered);
    let post = fake.asked().remove(0);
    assert_eq!(post.url, "https://eu.push.test/abc");
    assert_eq!(header(&post, "content-encoding"), "aes128gcm");
    assert_eq!(
        (header(&post, "ttl"), header(&post, "topic")),
        ("60".into(), "c0ffee".into())
    );
    let text = String::from_utf8_lossy(&post.body).into_owned();
    assert!(!text.contains("ship"), "it is encrypted");
    let authorization = header(&post, "authorization");
    let (token, key) = authorization
        .strip_prefix("vapid t=")
        .unwrap()
        .split_once(", k=")
        .unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(key).unwrap(), signer.public_key());
    let (_, claims) = verified(token, signer.public_key(), &ECDSA_P256_SHA256_FIXED);
    assert_eq!(claims["aud"], "https://eu.push.test");
    assert_eq!(claims["sub"], "mailto:ops@example.org");
    assert_eq!(claims["exp"], NOW_MS / 1000 + 12 * 3600);
    for status in [404, 410] {
        fake.answers(status, Value::Null);
        assert_eq!(gateway.deliver(&told).await, Outcome::Gone, "{status}");
    }
    fake.answers(413, Value::Null);
    assert!(matches!(gateway.deliver(&told).await, Outcome::Refused(_)));
    fake.answers(429, Value::Null);
    assert!(matches!(
        gateway.deliver(&told).await,
        Outcome::Failed { .. }
    ));
}

#[tokio::test]
async fn users_do_not_say_where_a_server_goes() {
    let (fake, clock) = (Arc::<Fake>::default(), clock());
    let (gateway, _) = web_push(&fake, &clock);
    for address in [
        "https://internal.example/x",
        "https://push.test.example/x",
        "https://evilpush.test/x",
        "https://push.test@internal.example/x",
        "https://push.test:8443/x",
        "http://push.test/x",
    ] {
        let told = notification(Service::WebPush, address);
        assert_eq!(gateway.deliver(&told).await, Outcome::Gone, "{address}");
        assert_eq!(gateway.party(address), "", "{address}");
    }
    assert!(fake.asked().is_empty());
    assert_eq!(gateway.party("https://push.test/x"), "push.test");
    assert_eq!(gateway.party("https://eu.push.test/x"), "eu.push.test");
}

#[test]
fn keys_of_another_kind_are_told_apart() {
    assert_eq!(Signer::p256(b"no key").map(drop), Err(KeyError::Pem));
    assert_eq!(Signer::p256(RSA.as_bytes()).map(drop), Err(KeyError::Kind));
    let (pem, _) = pem();
    assert_eq!(Signer::rsa(pem.as_bytes()).map(drop), Err(KeyError::Kind));
}
