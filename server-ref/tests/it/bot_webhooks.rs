//! Webhooks of bots that may be dead.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use eim_codec::id::{ClientMsgId, UserId};
use eim_codec::payload::Target;
use eim_server::clock::Clock;
use eim_server::outbox::{Http, HttpError, Post, Reply, Secret};
use eim_server::server::{self, TENANT};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::bots::robo;
use crate::kit::{Kit, direct, now, user_id};

/// Takes what webhooks are told, or does not.
#[derive(Debug, Default)]
struct Hook {
    dead: Mutex<bool>,
    secret: Mutex<String>,
    /// All attempts: id and body.
    tried: Mutex<Vec<(String, Value)>>,
    taken: Mutex<Vec<(String, Value)>>,
    came: Notify,
}

#[async_trait]
impl Http for Hook {
    async fn post(&self, post: Post) -> Result<Reply, HttpError> {
        let header = |name: &str| {
            let found = post.headers.iter().find(|(header, _)| *header == name);
            found.unwrap().1.clone()
        };
        let id = header("webhook-id");
        let key = Secret::from(&**self.secret.lock().unwrap()).key().unwrap();
        let time = header("webhook-timestamp").parse().unwrap();
        assert!(key.verify(&id, time, &post.body, &header("webhook-signature")));
        let told = (id, serde_json::from_slice(&post.body).unwrap());
        self.tried.lock().unwrap().push(told.clone());
        self.came.notify_one();
        if *self.dead.lock().unwrap() {
            return Err(HttpError("nobody there".to_owned()));
        }
        self.taken.lock().unwrap().push(told);
        Ok(Reply {
            status: 204,
            ..Reply::default()
        })
    }
}

impl Hook {
    async fn has(&self, count: usize, of: &Mutex<Vec<(String, Value)>>) {
        while of.lock().unwrap().len() < count {
            self.came.notified().await;
        }
    }

    fn texts(&self) -> Vec<String> {
        let taken = self.taken.lock().unwrap();
        let text = |(_, body): &(String, Value)| body["data"]["text"].as_str().unwrap().to_owned();
        taken.iter().map(text).collect()
    }
}

/// The runtime's time as a wall clock.
#[derive(Debug)]
struct Flowing(tokio::time::Instant);

impl Clock for Flowing {
    fn now_ms(&self) -> u64 {
        1_800_000_000_000 + u64::try_from(now().duration_since(self.0).as_millis()).unwrap()
    }
}

fn tell(kit: &Kit, hook: &Arc<Hook>) -> CancellationToken {
    let clock = Arc::new(Flowing(now()));
    let feed = server::feed(&kit.config, &kit.shared, Arc::clone(hook) as _, clock);
    let stopping = CancellationToken::new();
    tokio::spawn(feed.run(stopping.clone()));
    stopping
}

// test[EIM-BOT-019, EIM-BOT-020, EIM-BOT-021]
#[tokio::test(start_paused = true)]
async fn a_webhook_is_told_every_entry_in_order() {
    let kit = Kit::new("").await;
    let (bot, secrets) = robo(&kit, "https://hook.example/").await;
    let hook = Arc::new(Hook::default());
    *hook.secret.lock().unwrap() = secrets.webhook_secret.unwrap();
    let _stopping = tell(&kit, &hook);
    let mut alice = kit.login(1, 1).await;
    for text in ["one", "two", "three"] {
        let key = ClientMsgId::from(*UserId::from([text.len() as u8; 16]).as_bytes());
        let mut octets = *key.as_bytes();
        octets[0] = text.as_bytes()[1];
        let send = alice.send_to(Target::DirectTo(bot), text, octets.into(), false);
        alice.result(send).await;
    }
    hook.has(3, &hook.taken).await;
    assert_eq!(hook.texts(), ["one", "two", "three"]);
    let taken = hook.taken.lock().unwrap();
    let (id, body) = &taken[0];
    assert_eq!(*id, format!("{bot}-{:x}-1", kit.shared.store.log_epoch()));
    assert_eq!(body["type"], "bot.entry");
    let data = &body["data"];
    assert_eq!(data["bot"], bot.to_string());
    assert_eq!(
        (&data["user_seq"], &data["conv_seq"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(data["entry"], "TEXT");
    assert_eq!(data["sender"], user_id(1).to_string());
    assert_eq!(data["sender_bot"], false);
    assert_ne!(data["conversation"], direct(1, 2).to_string());
    let ids: BTreeSet<_> = taken.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids.len(), 3);
}

// test[EIM-BOT-020, EIM-BOT-022]
#[tokio::test(start_paused = true)]
async fn a_dead_webhook_loses_nothing_and_nobody_waits_for_it() {
    let kit = Kit::new("[bots]\nretry_max_ms = 60000").await;
    let (bot, secrets) = robo(&kit, "https://hook.example/").await;
    let hook = Arc::new(Hook::default());
    *hook.secret.lock().unwrap() = secrets.webhook_secret.unwrap();
    *hook.dead.lock().unwrap() = true;
    let stopping = tell(&kit, &hook);
    let mut alice = kit.login(1, 1).await;
    for number in 0..40_u8 {
        let key = ClientMsgId::from([number + 1; 16]);
        let text = number.to_string();
        let send = alice.send_to(Target::DirectTo(bot), &text, key, false);
        alice.result(send).await;
    }
    let begun = now();
    hook.has(5, &hook.tried).await;
    // 1, 2, 4, 8 s and their jitter between five attempts, all at the first entry.
    let passed = begun.elapsed();
    assert!(passed >= Duration::from_secs(14), "{passed:?}");
    let first: BTreeSet<_> = hook
        .tried
        .lock()
        .unwrap()
        .iter()
        .map(|it| it.0.clone())
        .collect();
    assert_eq!(first.len(), 1);
    // The server dies; the next one finds the webhook alive again.
    stopping.cancel();
    tokio::task::yield_now().await;
    *hook.dead.lock().unwrap() = false;
    let stopping = tell(&kit, &hook);
    hook.has(20, &hook.taken).await;
    stopping.cancel();
    tokio::task::yield_now().await;
    let _stopping = tell(&kit, &hook);
    let seen = |hook: &Hook| {
        let taken = hook.taken.lock().unwrap();
        taken
            .iter()
            .map(|it| it.0.clone())
            .collect::<BTreeSet<_>>()
            .len()
    };
    while seen(&hook) < 40 {
        hook.came.notified().await;
        tokio::task::yield_now().await;
    }
    let mut texts = hook.texts();
    texts.dedup();
    let expected: Vec<_> = (0..40).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected, "at least once, in order");
}

// test[EIM-BOT-023]
#[tokio::test(start_paused = true)]
async fn a_webhook_that_was_dead_for_too_long_is_told_so() {
    let kit = Kit::new("").await;
    let (bot, secrets) = robo(&kit, "https://hook.example/").await;
    let mut alice = kit.login(1, 1).await;
    for number in 1..=3_u8 {
        let send = alice.send_to(Target::DirectTo(bot), "old", [number; 16].into(), false);
        alice.result(send).await;
    }
    let weeks = 21 * 24 * 60 * 60 * 1000;
    kit.clock.advance(weeks);
    while kit
        .shared
        .store
        .sweep(TENANT, kit.clock.now_ms(), 100)
        .await
        .unwrap()
        .more
    {}
    let send = alice.send_to(Target::DirectTo(bot), "new", [4; 16].into(), false);
    alice.result(send).await;
    let hook = Arc::new(Hook::default());
    *hook.secret.lock().unwrap() = secrets.webhook_secret.unwrap();
    let _stopping = tell(&kit, &hook);
    hook.has(2, &hook.taken).await;
    let taken = hook.taken.lock().unwrap();
    let gap = &taken[0].1;
    assert_eq!(gap["type"], "bot.gap");
    assert_eq!(
        (&gap["data"]["from"], &gap["data"]["through"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(taken[1].1["data"]["user_seq"], 4);
}
