//! The real store over a disk in memory against a naive model of it: every answer, every page, what
//! is announced, and what is found after crashes and reopenings.
//!
//! The input: options, then operations of one octet and its arguments. Users, keys and bodies come
//! from small sets, so that operations meet.

mod act;
mod check;
mod govern;
mod groups;
mod model;
mod operations;
mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use eim_codec::id::{DeviceId, UserId};
use eim_codec::registry::ErrorCode;
use eim_server::store::kv::{Environment, KvStore, Options, raise_log_epoch};
use eim_server::store::memory::open_engine;
use eim_server::store::{
    Accounts, Append, Appended, Change, Changed, Origin, Refused, ScramVerifier, Store, StoreError,
    TenantId, UserRecord,
};

use self::model::{Announced, Model};
use self::outside::{Crash, Disk, FixedRandom, Listener, StandingClock};
use crate::input::{Input, trace};

/// Most operations of one input.
const OPERATIONS: usize = 400;
const START_MS: u64 = 1_800_000_000_000;
const TENANTS: [TenantId; 2] = [TenantId(7), TenantId(300)];
/// Users 0 to 3 exist from the beginning, the others may be created.
const USERS: u8 = 6;

/// See the module.
pub fn run(octets: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play(octets));
}

async fn play(octets: &[u8]) {
    let mut input = Input::new(octets);
    let mut world = World::new(options(&mut input)).await;
    for _ in 0..OPERATIONS {
        if input.is_empty() {
            break;
        }
        world.act(&mut input).await;
    }
    world.settle().await;
    world.check_all().await;
    world.reopen().await;
    world.check_all().await;
}

/// Few bits: small caches, small batches, small groups, short memory, few operations.
fn options(input: &mut Input<'_>) -> Options {
    let bits = input.octet();
    let few = Options::default();
    let few = if bits & 128 == 0 {
        few
    } else {
        Options {
            message_edits: 2,
            message_reactions: 2,
            user_reactions: 1,
            conversation_pins: 1,
            edit_ms: 3_600_000,
            recall_ms: 7_200_000,
            ..few
        }
    };
    Options {
        cached: if bits & 1 == 0 { 65_536 } else { 1 },
        batch_octets: if bits & 2 == 0 { 4 << 20 } else { 1 },
        group_members: if bits & 4 == 0 { 500 } else { 3 },
        group_name_octets: if bits & 8 == 0 { 256 } else { 2 },
        timeline_ms: if bits & 16 == 0 { 7 } else { 2 } * 24 * 3_600_000,
        write_fanout_members: if bits & 64 == 0 { 500 } else { 2 },
        queue: if bits & 32 == 0 { 1_024 } else { 1 },
        ..few
    }
}

/// One write of a user, for the commit loop.
#[derive(Clone, Debug)]
enum Write {
    Append(Origin, Vec<Append>),
    Change(Change),
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Append(Vec<Result<Appended, ErrorCode>>),
    Change(Result<Changed, ErrorCode>),
}

struct World {
    disk: Disk,
    store: Arc<KvStore>,
    clock: Arc<StandingClock>,
    random: Arc<FixedRandom>,
    listener: Arc<Listener>,
    model: Model,
    secret: [u8; 32],
}

impl World {
    async fn new(options: Options) -> Self {
        let disk = Disk::default();
        let clock = Arc::new(StandingClock::default());
        clock.0.store(START_MS, Ordering::Relaxed);
        let random = Arc::new(FixedRandom::default());
        let listener = Arc::new(Listener::default());
        let environment = Environment {
            clock: clock.clone(),
            random: random.clone(),
        };
        let sink = listener.clone();
        let store = open_engine(Arc::new(disk.clone()), options, environment, sink);
        let store = Arc::new(store.await.expect("a new store"));
        let model = Model {
            options,
            tenants: BTreeMap::new(),
            now_ms: START_MS,
            log_epoch: store.log_epoch(),
            commit: 0,
            announced: Vec::new(),
            erasable: BTreeSet::new(),
        };
        let secret = store.derive_secret("test");
        let mut world = Self {
            disk,
            store,
            clock,
            random,
            listener,
            model,
            secret,
        };
        for tenant in TENANTS {
            let users: Vec<_> = (0..4).map(account).collect();
            world.create_users(tenant, users).await;
        }
        world
    }

    fn environment(&self) -> Environment {
        Environment {
            clock: self.clock.clone(),
            random: self.random.clone(),
        }
    }

    fn set_time(&mut self, now_ms: u64) {
        self.clock.0.store(now_ms, Ordering::Relaxed);
        self.model.now_ms = now_ms;
    }

    /// Closes the store and opens it again: nothing is lost, moved cursors neither.
    async fn reopen(&mut self) {
        trace!("reopen");
        self.store.close().await;
        assert!(matches!(
            self.store.timeline_head(TENANTS[0], user(0)).await,
            Err(StoreError::Closed)
        ));
        self.check_announced();
        self.written_cursors();
        self.open().await;
    }

    async fn open(&mut self) {
        let disk = Arc::new(self.disk.clone());
        let (options, environment) = (self.model.options, self.environment());
        let sink = self.listener.clone();
        let store = open_engine(disk, options, environment, sink);
        self.store = Arc::new(store.await.expect("the store opens again"));
        assert_eq!(self.store.log_epoch(), self.model.log_epoch);
        assert_eq!(self.store.derive_secret("test"), self.secret);
    }

    /// As after a restore: the epoch rises, numbers go on.
    async fn raise_epoch(&mut self) {
        self.store.close().await;
        self.written_cursors();
        let epoch = raise_log_epoch(&self.disk, &self.environment()).await;
        let epoch = epoch.expect("it can be raised");
        assert!(epoch > self.model.log_epoch, "an epoch rises");
        self.model.log_epoch = epoch;
        self.open().await;
    }

    /// Moved cursors are written when enough time has passed.
    async fn settle(&mut self) {
        tokio::time::sleep(Duration::from_secs(3)).await;
        self.written_cursors();
    }

    /// Submits writes at the same time, in this order, and compares what became of them.
    async fn write(&mut self, writes: Vec<Write>) {
        self.model.commit += 1;
        let found = self.submit(&writes).await;
        assert!(!self.disk.repair());
        for (write, found) in writes.iter().zip(found) {
            if self.model.options.batch_octets == 1 {
                self.model.commit += 1;
            }
            let found = found.expect("the store works");
            let expected = self.expect(write, Some(&found));
            assert_eq!(found, expected, "{write:?}");
        }
        self.check_announced();
    }

    /// The same, with a crash in the middle: whole batches are there or not.
    async fn crash(&mut self, mut writes: Vec<Write>, commits: u8, crash: Crash) {
        if self.model.options.queue == 1 {
            // Where callers wait in line, nobody knows which writes share a batch.
            writes.truncate(1);
        }
        self.model.commit += 1;
        self.disk.arm(commits, crash);
        let found = self.submit(&writes).await;
        let crashed = self.disk.repair();
        trace!("crashed: {crashed}");
        if crashed {
            let closed = self.store.timeline_head(TENANTS[0], user(0)).await;
            drop(closed);
            self.lost_cursors();
            self.open().await;
        }
        let one_by_one = self.model.options.batch_octets == 1;
        let mut over = false;
        for (write, found) in writes.iter().zip(found) {
            if one_by_one {
                self.model.commit += 1;
            }
            match found {
                Ok(found) => {
                    assert!(!over, "an answer after the crash");
                    let expected = self.expect(write, Some(&found));
                    assert_eq!(found, expected, "{write:?}");
                }
                Err(_) => {
                    assert!(crashed, "only a crash keeps an answer back");
                    if over || (!one_by_one && crash == Crash::Lost) {
                        continue;
                    }
                    let before = self.model.announced.len();
                    let kept = self.model.clone();
                    let again = self.again(write, crash).await;
                    self.expect(write, again.as_ref());
                    let wrote = self.model.tenants != kept.tenants;
                    if one_by_one && wrote {
                        over = true;
                        if crash == Crash::Lost {
                            self.model = kept;
                        }
                    }
                    // Nobody was told.
                    self.model.announced.truncate(before);
                }
            }
        }
        self.check_announced();
        self.check_all().await;
    }

    /// The id of a group that was created without an answer is learned by asking again.
    async fn again(&self, write: &Write, crash: Crash) -> Option<Outcome> {
        match write {
            Write::Change(change @ Change::CreateGroup { .. }) if crash == Crash::Kept => {
                let found = self.store.change(change.clone()).await.expect("it works");
                Some(Outcome::Change(found.map_err(code)))
            }
            _ => None,
        }
    }

    fn expect(&mut self, write: &Write, found: Option<&Outcome>) -> Outcome {
        match write {
            Write::Append(origin, batch) => {
                let found = |place: usize| match found {
                    Some(Outcome::Append(all)) => all.get(place),
                    _ => None,
                };
                Outcome::Append(self.model.append_in_order(origin, batch, found))
            }
            Write::Change(change) => {
                let found = match found {
                    Some(Outcome::Change(found)) => Some(found),
                    _ => None,
                };
                Outcome::Change(self.model.change(change, found))
            }
        }
    }

    async fn submit(&self, writes: &[Write]) -> Vec<Result<Outcome, StoreError>> {
        let mut tasks = Vec::with_capacity(writes.len());
        for write in writes.iter().cloned() {
            trace!("  {write:?}");
            let store = self.store.clone();
            // One thread: tasks run in the order in which they are spawned.
            tasks.push(tokio::spawn(async move {
                Ok(match write {
                    Write::Append(origin, batch) => {
                        let all = store.append(origin, batch).await?;
                        Outcome::Append(all.into_iter().map(|it| it.map_err(code)).collect())
                    }
                    Write::Change(change) => {
                        Outcome::Change(store.change(change).await?.map_err(code))
                    }
                })
            }));
        }
        let mut found = Vec::with_capacity(tasks.len());
        for task in tasks {
            let outcome = task.await.expect("a write does not panic");
            trace!("  {outcome:?}");
            found.push(outcome);
        }
        found
    }

    /// What was announced is what was written, in order, once.
    fn check_announced(&mut self) {
        let heard = self.listener.taken();
        let expected: Vec<Announced> = std::mem::take(&mut self.model.announced);
        assert_eq!(heard.len(), expected.len(), "commits announced");
        let erasable = std::mem::take(&mut self.model.erasable);
        for (heard, (tenant, mut entry, places)) in heard.into_iter().zip(expected) {
            // Taken back in the batch that brought it, or in a later one.
            let place = (tenant, entry.conversation, entry.conv_seq);
            if heard.entry.tombstone && erasable.contains(&place) {
                operations::erase(&mut entry);
            }
            assert_eq!((heard.tenant, &*heard.entry), (tenant, &entry));
            let recipients: BTreeMap<UserId, u64> = heard.recipients.iter().copied().collect();
            assert_eq!(
                recipients.len(),
                heard.recipients.len(),
                "a recipient twice"
            );
            assert_eq!(recipients, places, "recipients of {entry:?}");
        }
    }

    async fn create_users(&mut self, tenant: TenantId, users: Vec<UserRecord>) {
        let found = self.store.create_users(tenant, users.clone()).await;
        let found = found.expect("the store works");
        let known = self.model.tenant(tenant);
        for (user, found) in users.into_iter().zip(found) {
            let taken = known.users.values().any(|it| it.name == user.name);
            let expected = if taken || known.users.contains_key(&user.user) {
                Err(ErrorCode::ALREADY_EXISTS)
            } else {
                known.users.insert(user.user, user);
                Ok(())
            };
            assert_eq!(found.map_err(code), expected);
        }
    }
}

fn code(refused: Refused) -> ErrorCode {
    refused.code
}

fn user(number: u8) -> UserId {
    UserId::from([number + 1; 16])
}

fn device(number: u8) -> DeviceId {
    DeviceId::from([0xD0 | number; 16])
}

fn account(number: u8) -> UserRecord {
    UserRecord {
        user: user(number),
        name: format!("user{number}"),
        display_name: format!("User {number}"),
        disabled: false,
        verifier: ScramVerifier {
            iterations: 4_096,
            salt: vec![number],
            stored_key: vec![1; 32],
            server_key: vec![2; 32],
        },
        created_ms: START_MS,
        token_generation: 0,
    }
}
