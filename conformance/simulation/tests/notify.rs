//! Notifications in virtual time: their receiver is dead for ten minutes, the server crashes again
//! and again, its disk loses what was not synced, and nobody may wait in vain.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, UserId};
use eim_codec::payload::TextBody;
use eim_codec::registry::FrameType;
use eim_server::config::Config;
use eim_server::outbox::{Http, HttpError, Post, Reply};
use eim_server::server::TENANT;
use eim_server::session::Shared;
use eim_server::store::{
    Append, FlagChange, MarkChange, NotifyChange, NotifyTarget, Origin, Service, Target,
};
use eim_simulation::disk::Disk;
use eim_simulation::plan::{DiskConfig, Range, UserNumber};
use eim_simulation::run::Nobody;
use eim_simulation::seed::Dice;
use eim_simulation::server::{ServerNode, user_id};
use eim_simulation::world::{Point, Recorder, Trigger, WallClock, ms, now};
use serde_json::Value;
use tokio::time::sleep;

const USERS: u8 = 4;
/// When the receiver dies, and when it is back, in virtual minutes.
const DEAD: std::ops::Range<u64> = 2..12;
/// After so much virtual time everything that is owed must have been told: the longest pause of a
/// breaker and of a retry, and what a crash adds.
const PATIENCE: Duration = Duration::from_secs(900);

const SETTINGS: &str = "
[notifications.webhook]
url = \"http://127.0.0.1:1/\"
secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"
";

/// Takes notifications, unless it is dead: the newest entry of which each device was told.
#[derive(Debug, Default)]
struct Receiver {
    dead: Mutex<bool>,
    told: Mutex<BTreeMap<(String, String), u64>>,
    tried: Mutex<u64>,
}

#[async_trait]
impl Http for Receiver {
    async fn post(&self, post: Post) -> Result<Reply, HttpError> {
        *self.tried.lock().unwrap() += 1;
        sleep(ms(30)).await;
        if *self.dead.lock().unwrap() {
            return Err(HttpError("dead".to_owned()));
        }
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        let word = |name: &str| body["data"][name].as_str().unwrap().to_owned();
        let number = body["data"]["conv_seq"].as_u64().unwrap();
        let mut told = self.told.lock().unwrap();
        let newest = told
            .entry((word("device"), word("conversation")))
            .or_insert(0);
        *newest = number.max(*newest);
        Ok(Reply {
            status: 200,
            ..Reply::default()
        })
    }
}

fn user(number: u8) -> UserId {
    user_id(UserNumber(number))
}

fn origin(number: u8) -> Origin {
    Origin {
        tenant: TENANT,
        user: user(number),
        device: DeviceId::from([number; 16]),
        generation: None,
    }
}

/// A server, and what its users were promised.
struct World {
    node: ServerNode,
    receiver: Arc<Receiver>,
    dice: Dice,
    /// Newest message to a user from another one.
    newest: BTreeMap<(u8, u8), u64>,
    /// Newest entry that a user has read or written beside another one.
    read: BTreeMap<(u8, u8), u64>,
    messages: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let recorder = Recorder::new(Box::new(Nobody));
        let disk = DiskConfig {
            sync_us: Range {
                low: 500,
                high: 15_000,
            },
            survives_permille: 500,
            torn_permille: 500,
        };
        let node = ServerNode::new(
            Config::from_toml(SETTINGS).unwrap(),
            (0..USERS).map(UserNumber).collect(),
            Disk::new(disk, dice.fork("disk"), recorder.clone()),
            WallClock::new(now(), 0),
            dice.fork("server"),
            recorder,
        );
        let receiver = Arc::new(Receiver::default());
        node.notify(Arc::clone(&receiver) as _);
        node.keep_running();
        Self {
            node,
            receiver,
            dice: dice.fork("steps"),
            newest: BTreeMap::new(),
            read: BTreeMap::new(),
            messages: 0,
        }
    }

    /// The server, once it runs.
    async fn shared(&self) -> Arc<Shared> {
        loop {
            match self.node.shared() {
                Some((_, shared)) => return shared,
                None => sleep(ms(5)).await,
            }
        }
    }

    async fn register(&self, number: u8) {
        let target = NotifyTarget {
            service: Service::Webhook,
            address: format!("address {number}"),
            public_key: Bytes::new(),
            auth_secret: Bytes::new(),
        };
        loop {
            let store = Arc::clone(&self.shared().await.store);
            let of = origin(number);
            let opened = store.open_device(TENANT, of.user, of.device, 2, String::new());
            if opened.await.is_ok() {
                let change = NotifyChange::Target(Some(target.clone()));
                if let Ok(outcome) = store.notify(of, change).await {
                    outcome.unwrap();
                    return;
                }
            }
            sleep(ms(5)).await;
        }
    }

    /// A message, tried until it has a result.
    async fn say(&mut self, from: u8, to: u8) {
        self.messages += 1;
        let append = Append {
            target: Target::Direct(user(to)),
            frame_type: FrameType::TEXT,
            client_msg_id: ClientMsgId::from(u128::from(self.messages).to_be_bytes()),
            first_sent_at_ms: 0,
            after_failed: false,
            blobs: Vec::new(),
            body: TextBody::encode_text("hello"),
            fallback_text: String::new(),
        };
        let sent = loop {
            let store = Arc::clone(&self.shared().await.store);
            match store.append(origin(from), vec![append.clone()]).await {
                Ok(mut outcomes) => break outcomes.remove(0).unwrap(),
                Err(_) => sleep(ms(5)).await,
            }
        };
        self.newest.insert((to, from), sent.conv_seq);
        let read = self.read.entry((from, to)).or_insert(0);
        *read = sent.conv_seq.max(*read);
    }

    /// A user reads everything of another one.
    async fn reads(&mut self, number: u8, of: u8) {
        let Some(newest) = self.newest.get(&(number, of)).copied() else {
            return;
        };
        let change = MarkChange {
            conversation: ConversationId::direct(user(number), user(of)),
            read: newest,
            flag: FlagChange::Leave,
        };
        loop {
            let store = Arc::clone(&self.shared().await.store);
            let epoch = store.log_epoch();
            if let Ok(outcome) = store.mark(origin(number), epoch, vec![change]).await {
                outcome.unwrap();
                break;
            }
            sleep(ms(5)).await;
        }
        let read = self.read.entry((number, of)).or_insert(0);
        *read = newest.max(*read);
    }

    fn crash(&mut self) {
        let down = ms(self.dice.below(2_000));
        let count = u32::try_from(self.dice.between(1, 4)).unwrap();
        let trigger = if self.dice.chance(500) {
            Trigger::Now
        } else {
            let point = Point::Announced;
            Trigger::At { point, count }
        };
        self.node.crash(trigger, down);
    }

    async fn step(&mut self) {
        let one = u8::try_from(self.dice.below(USERS.into())).unwrap();
        let other = u8::try_from(self.dice.below(u64::from(USERS) - 1)).unwrap();
        let other = if other >= one { other + 1 } else { other };
        match self.dice.below(10) {
            0 => self.crash(),
            1 | 2 => self.reads(one, other).await,
            _ => self.say(one, other).await,
        }
        sleep(ms(self.dice.below(12_000))).await;
    }

    /// What the receiver has to know of, and does not.
    fn missing(&self) -> Vec<(u8, u8, u64)> {
        let told = self.receiver.told.lock().unwrap();
        let is_told = |user_number: u8, of: u8, newest: u64| {
            let id = ConversationId::direct(user(user_number), user(of));
            let device = DeviceId::from([user_number; 16]);
            let known = told.get(&(device.to_string(), id.to_string()));
            known.is_some_and(|known| *known >= newest)
        };
        let newest = self.newest.iter().map(|(of, newest)| (*of, *newest));
        newest
            .filter(|(of, newest)| self.read.get(of).is_none_or(|read| read < newest))
            .filter(|((user, of), newest)| !is_told(*user, *of, *newest))
            .map(|((user, of), newest)| (user, of, newest))
            .collect()
    }
}

async fn run(seed: u64) {
    let mut world = World::new(seed);
    for number in 0..USERS {
        world.register(number).await;
    }
    let beginning = now();
    let minutes = || now().duration_since(beginning).as_secs() / 60;
    while minutes() < DEAD.end {
        *world.receiver.dead.lock().unwrap() = DEAD.contains(&minutes());
        world.step().await;
    }
    let tried = *world.receiver.tried.lock().unwrap();
    assert!(!world.missing().is_empty(), "seed {seed}: nothing was owed");
    *world.receiver.dead.lock().unwrap() = false;
    world.node.heal();
    let back = now();
    loop {
        let missing = world.missing();
        if missing.is_empty() {
            break;
        }
        let waited = now().duration_since(back);
        assert!(
            waited < PATIENCE,
            "seed {seed}: {missing:?} after {tried} attempts"
        );
        sleep(ms(500)).await;
    }
    // Nothing is left behind, and nothing is told without end.
    let store = Arc::clone(&world.shared().await.store);
    let owed = || store.owed_count(TENANT, Service::Webhook, 100);
    let begin = now();
    while owed().await.unwrap().0 > 0 {
        let waited = now().duration_since(begin);
        assert!(waited < PATIENCE, "seed {seed}: {:?}", owed().await);
        sleep(ms(500)).await;
    }
    let tried = *world.receiver.tried.lock().unwrap();
    sleep(PATIENCE).await;
    assert_eq!(*world.receiver.tried.lock().unwrap(), tried, "seed {seed}");
}

// test[EIM-NTF-012, EIM-NTF-017]
#[test]
fn a_receiver_that_is_dead_for_ten_minutes_loses_nothing() {
    for seed in 0..20 {
        println!("seed {seed}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(run(seed));
    }
}
