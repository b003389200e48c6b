//! A server whose notifications go to a receiver that the test decides.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use eim_codec::payload::NotifyContent;
use eim_server::clock::Clock;
use eim_server::outbox::{Http, HttpError, Post, Reply, Secret};
use eim_server::server::{self, TENANT};
use eim_server::store::{NotifyChange, NotifyMute, NotifySettings, NotifyTarget, Origin, Service};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::kit::{Kit, direct, now, user_id};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How a receiver answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    Throttled(u64),
    Nothing,
}

/// Takes notifications, or does not.
#[derive(Debug)]
pub(crate) struct Receiver {
    answer: Mutex<Answer>,
    /// All attempts, in order: id and body.
    tried: Mutex<Vec<(String, Value)>>,
    /// Those that were taken, by id.
    taken: Mutex<BTreeMap<String, Value>>,
    came: Notify,
}

impl Receiver {
    pub(crate) fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn tried(&self) -> Vec<(String, Value)> {
        self.tried.lock().unwrap().clone()
    }

    pub(crate) fn taken(&self) -> Vec<Value> {
        self.taken.lock().unwrap().values().cloned().collect()
    }

    /// Waits until as many different ones were taken.
    pub(crate) async fn has_taken(&self, count: usize) -> Vec<Value> {
        loop {
            let came = self.came.notified();
            let taken = self.taken();
            if taken.len() >= count {
                return taken;
            }
            came.await;
        }
    }

    /// Waits until there were so many attempts.
    pub(crate) async fn was_tried(&self, count: usize) {
        loop {
            let came = self.came.notified();
            if self.tried.lock().unwrap().len() >= count {
                return;
            }
            came.await;
        }
    }
}

fn header<'a>(post: &'a Post, name: &str) -> &'a str {
    let found = post.headers.iter().find(|(header, _)| *header == name);
    &found.unwrap_or_else(|| panic!("no {name}")).1
}

#[async_trait]
impl Http for Receiver {
    async fn post(&self, post: Post) -> Result<Reply, HttpError> {
        assert_eq!(post.url, "http://127.0.0.1:1/hook");
        let id = header(&post, "webhook-id").to_owned();
        let timestamp = header(&post, "webhook-timestamp").parse().unwrap();
        let signature = header(&post, "webhook-signature");
        let key = Secret::from(SECRET).key().unwrap();
        assert!(key.verify(&id, timestamp, &post.body, signature));
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        self.tried.lock().unwrap().push((id.clone(), body.clone()));
        let answer = *self.answer.lock().unwrap();
        if matches!(answer, Answer::Status(200..=299)) {
            self.taken.lock().unwrap().insert(id, body);
        }
        self.came.notify_one();
        let (status, retry_after) = match answer {
            Answer::Nothing => return Err(HttpError("nobody there".to_owned())),
            Answer::Status(status) => (status, None),
            Answer::Throttled(seconds) => (429, Some(Duration::from_secs(seconds))),
        };
        Ok(Reply {
            status,
            retry_after,
            ..Reply::default()
        })
    }
}

/// The runtime's time as a wall clock.
#[derive(Debug)]
struct Flowing {
    base_ms: u64,
    began: tokio::time::Instant,
}

impl Clock for Flowing {
    fn now_ms(&self) -> u64 {
        let passed = now().duration_since(self.began).as_millis();
        self.base_ms + u64::try_from(passed).unwrap()
    }
}

/// A server with an outbox.
pub(crate) struct Notifying {
    pub(crate) kit: Kit,
    pub(crate) receiver: Arc<Receiver>,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
}

impl Notifying {
    /// With the defaults, but for these keys of `[notifications]`.
    pub(crate) async fn new(keys: &str) -> Self {
        let settings = format!(
            "[notifications]\n{keys}\n[notifications.webhook]\nurl = \"http://127.0.0.1:1/hook\"\n\
             secret = \"{SECRET}\""
        );
        let kit = Kit::new(&settings).await;
        let clock = Arc::new(Flowing {
            base_ms: kit.clock.now_ms(),
            began: now(),
        });
        let receiver = Arc::new(Receiver {
            answer: Mutex::new(Answer::Status(204)),
            tried: Mutex::default(),
            taken: Mutex::default(),
            came: Notify::new(),
        });
        let made = Self {
            kit,
            receiver,
            clock,
            stopping: CancellationToken::new(),
        };
        made.start();
        made
    }

    /// Begins to pass notifications on.
    pub(crate) fn start(&self) {
        let http: Arc<dyn Http> = Arc::clone(&self.receiver) as _;
        let clock = Arc::clone(&self.clock);
        let outbox = server::outbox(&self.kit.config, &self.kit.shared, &http, clock).unwrap();
        tokio::spawn(outbox.run(self.stopping.clone()));
    }

    /// Ends passing notifications on, as if the server had.
    pub(crate) fn stop(&mut self) {
        self.stopping.cancel();
        self.stopping = CancellationToken::new();
    }

    /// The time of the server, and of the tests, moves on.
    pub(crate) async fn pass(&self, time: Duration) {
        let end = now() + time;
        tokio::time::sleep_until(end).await;
        // The store has a clock of its own.
        let behind = self.clock.now_ms() - self.kit.clock.now_ms();
        self.kit.clock.advance(behind);
    }

    pub(crate) fn origin(user: u8, device: u8) -> Origin {
        Origin {
            tenant: TENANT,
            user: user_id(user),
            device: [device; 16].into(),
            generation: None,
        }
    }

    pub(crate) async fn change(&self, user: u8, device: u8, change: NotifyChange) {
        let store = &self.kit.shared.store;
        let outcome = store.notify(Self::origin(user, device), change).await;
        outcome.unwrap().unwrap();
    }

    /// Logs a device in, gives it an address, and goes away.
    pub(crate) async fn register(&self, user: u8, device: u8) {
        let client = self.kit.login(user, device).await;
        drop(client);
        let target = NotifyTarget {
            service: Service::Webhook,
            address: format!("address {device}"),
            public_key: bytes::Bytes::new(),
            auth_secret: bytes::Bytes::new(),
        };
        self.change(user, device, NotifyChange::Target(Some(target)))
            .await;
        self.gone(user).await;
    }

    /// Waits until the user has no connection.
    pub(crate) async fn gone(&self, user: u8) {
        while !self.kit.hub.online(TENANT, user_id(user)).is_empty() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn wants(&self, user: u8, device: u8, content: NotifyContent) {
        let settings = NotifySettings {
            content,
            ..NotifySettings::default()
        };
        self.change(user, device, NotifyChange::Settings(settings))
            .await;
    }

    pub(crate) async fn mute(&self, user: u8, device: u8, with: u8) {
        let mute = NotifyMute {
            conversation: direct(user, with),
            until_ms: u64::MAX,
            mentions: false,
        };
        self.change(user, device, NotifyChange::Mute(mute)).await;
    }

    /// How many are owed.
    pub(crate) async fn owed(&self) -> usize {
        let store = &self.kit.shared.store;
        let counted = store.owed_count(TENANT, Service::Webhook, 1000).await;
        counted.unwrap().0
    }

    /// Waits until nothing is owed.
    pub(crate) async fn settled(&self) {
        while self.owed().await > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
