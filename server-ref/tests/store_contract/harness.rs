//! Stores to test, with a clock and randomness that the test decides.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use eim_codec::id::{ClientMsgId, ConversationId, DeviceId, RequestId, UserId};
use eim_codec::payload::MembershipChange;
use eim_codec::registry::{ErrorCode, FrameType};
use eim_server::clock::Clock;
use eim_server::random::Random;
use eim_server::store::embedded::{self, EmbeddedOptions, Fatal};
use eim_server::store::engine::Engine;
use eim_server::store::kv::{Environment, KvStore, Options, raise_log_epoch};
use eim_server::store::memory::{self, MemoryEngine};
use eim_server::store::{
    Accounts, Append, Appended, Change, Changed, CommitSink, Committed, Entry, HistoryPage,
    LoggedOut, Marked, Origin, Refused, ScramVerifier, Store, Target, TenantId, TimelineItem,
    TimelinePage, UserRecord,
};
use tokio::sync::Notify;

pub(crate) const TENANT: TenantId = TenantId(7);
/// When the fake clock starts, in Unix milliseconds.
pub(crate) const START_MS: u64 = 1_800_000_000_000;
pub(crate) const ALL: usize = 100_000;

/// A clock that stands until the test moves it.
#[derive(Debug, Default)]
pub(crate) struct FakeClock(AtomicU64);

impl FakeClock {
    pub(crate) fn set(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A fixed sequence of octets (splitmix64).
#[derive(Debug)]
pub(crate) struct FakeRandom(AtomicU64);

impl Random for FakeRandom {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let mut x = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            chunk.copy_from_slice(&(x ^ (x >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Remembers what was committed, in order.
#[derive(Debug, Default)]
pub(crate) struct Recorder(
    Mutex<Vec<Committed>>,
    Mutex<Vec<Marked>>,
    Mutex<Vec<LoggedOut>>,
    Notify,
    Mutex<Vec<DeviceId>>,
);

impl Recorder {
    /// Waits for the next commit that adds to logs, or the last one that nobody waited for.
    pub(crate) async fn heard(&self) {
        self.3.notified().await;
    }

    pub(crate) fn taken(&self) -> Vec<Committed> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(crate) fn marked(&self) -> Vec<Marked> {
        std::mem::take(&mut self.1.lock().unwrap())
    }

    /// These devices have a connection in the foreground, and no others.
    pub(crate) fn attend(&self, devices: &[DeviceId]) {
        *self.4.lock().unwrap() = devices.to_vec();
    }

    pub(crate) fn logged_out(&self) -> Vec<LoggedOut> {
        std::mem::take(&mut self.2.lock().unwrap())
    }
}

impl CommitSink for Recorder {
    fn committed(&self, commits: &[Committed]) {
        self.0.lock().unwrap().extend_from_slice(commits);
        self.3.notify_one();
    }

    fn marked(&self, marked: &[Marked]) {
        self.1.lock().unwrap().extend_from_slice(marked);
    }

    fn logged_out(&self, devices: &[LoggedOut]) {
        self.2.lock().unwrap().extend_from_slice(devices);
    }

    fn attends(&self, _: TenantId, _: UserId, device: DeviceId) -> bool {
        self.4.lock().unwrap().contains(&device)
    }
}

/// Where the octets are; survives a reopening.
pub(crate) enum Disk {
    /// Gives an engine over the same octets, once for each opening.
    Engines(Box<dyn Fn() -> Arc<dyn Engine> + Send + Sync>),
    Embedded(tempfile::TempDir),
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Disk").finish_non_exhaustive()
    }
}

impl Disk {
    pub(crate) fn memory() -> Self {
        let engine = MemoryEngine::default();
        Self::Engines(Box::new(move || Arc::new(engine.clone())))
    }

    pub(crate) fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().unwrap())
    }
}

/// An open store and everything around it.
#[derive(Debug)]
pub(crate) struct Harness {
    pub(crate) store: Arc<KvStore>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) sink: Arc<Recorder>,
    pub(crate) options: Options,
    disk: Disk,
    random: Arc<FakeRandom>,
    ids: AtomicU64,
}

impl Harness {
    pub(crate) async fn new(disk: Disk) -> Self {
        let clock = Arc::new(FakeClock(AtomicU64::new(START_MS)));
        let random = Arc::new(FakeRandom(AtomicU64::new(1)));
        Self::open(disk, Options::default(), clock, random, 1).await
    }

    async fn open(
        disk: Disk,
        options: Options,
        clock: Arc<FakeClock>,
        random: Arc<FakeRandom>,
        ids: u64,
    ) -> Self {
        let sink = Arc::new(Recorder::default());
        let environment = Environment {
            clock: clock.clone(),
            random: random.clone(),
        };
        let store = match &disk {
            Disk::Engines(engine) => {
                memory::open_engine(engine(), options, environment, sink.clone())
                    .await
                    .unwrap()
            }
            Disk::Embedded(folder) => {
                let fatal = Fatal::new(|reason| panic!("the store failed: {reason}"));
                let embedded = EmbeddedOptions {
                    fatal,
                    ..EmbeddedOptions::default()
                };
                embedded::open(folder.path(), &embedded, options, environment, sink.clone())
                    .unwrap()
            }
        };
        let ids = AtomicU64::new(ids);
        Self {
            store: Arc::new(store),
            clock,
            sink,
            options,
            disk,
            random,
            ids,
        }
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(self) -> Self {
        let options = self.options;
        self.reopen_with(options).await
    }

    /// Closes the store, raises its epoch and opens it again.
    pub(crate) async fn reopen_raised(self) -> Self {
        self.store.close().await;
        let (clock, random) = (self.clock.clone(), self.random.clone());
        let environment = Environment { clock, random };
        match &self.disk {
            Disk::Engines(engine) => raise_log_epoch(&*engine(), &environment).await.unwrap(),
            Disk::Embedded(folder) => {
                embedded::raise_log_epoch(folder.path(), &environment).unwrap()
            }
        };
        self.reopen().await
    }

    pub(crate) async fn reopen_with(self, options: Options) -> Self {
        self.store.close().await;
        let ids = self.ids.load(Ordering::SeqCst);
        Self::open(self.disk, options, self.clock, self.random, ids).await
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        match &self.disk {
            Disk::Embedded(folder) => folder.path(),
            Disk::Engines(_) => panic!("there is no folder"),
        }
    }

    /// Sixteen octets that were not used before.
    pub(crate) fn fresh<T: From<[u8; 16]>>(&self) -> T {
        let id = self.ids.fetch_add(1, Ordering::SeqCst);
        T::from(u128::from(id).to_be_bytes())
    }

    /// Creates users with the given numbers.
    pub(crate) async fn users<const N: usize>(&self, numbers: [u8; N]) -> [UserId; N] {
        let records = numbers.iter().map(|number| account(*number)).collect();
        for outcome in self.store.create_users(TENANT, records).await.unwrap() {
            outcome.unwrap();
        }
        numbers.map(user)
    }

    pub(crate) fn text(&self, target: Target, body: &str) -> Append {
        Append {
            target,
            frame_type: FrameType::TEXT,
            client_msg_id: self.fresh::<ClientMsgId>(),
            first_sent_at_ms: 0,
            after_failed: false,
            body: Bytes::copy_from_slice(body.as_bytes()),
            fallback_text: String::new(),
            blobs: Vec::new(),
        }
    }

    pub(crate) async fn append(&self, from: UserId, append: Append) -> Result<Appended, Refused> {
        let mut outcomes = self.store.append(origin(from), vec![append]).await.unwrap();
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    pub(crate) async fn say(&self, from: UserId, target: Target, body: &str) -> Appended {
        self.append(from, self.text(target, body)).await.unwrap()
    }

    pub(crate) async fn create_group(&self, owner: UserId, members: &[UserId]) -> ConversationId {
        let change = Change::CreateGroup {
            origin: origin(owner),
            request: self.fresh::<RequestId>(),
            name: "group".to_owned(),
            members: members.to_vec(),
        };
        self.change(change).await.unwrap().conversation
    }

    pub(crate) async fn change(&self, change: Change) -> Result<Changed, Refused> {
        self.store.change(change).await.unwrap()
    }

    pub(crate) async fn add(
        &self,
        from: UserId,
        conversation: ConversationId,
        users: &[UserId],
    ) -> Result<Changed, Refused> {
        let (origin, request) = (origin(from), self.fresh());
        let users = users.to_vec();
        self.change(Change::AddMembers {
            origin,
            request,
            conversation,
            users,
        })
        .await
    }

    pub(crate) async fn remove(
        &self,
        from: UserId,
        conversation: ConversationId,
        users: &[UserId],
    ) -> Result<Changed, Refused> {
        let change = Change::RemoveMembers {
            origin: origin(from),
            request: self.fresh(),
            conversation,
            users: users.to_vec(),
            change: MembershipChange::Removed,
        };
        self.change(change).await
    }

    pub(crate) async fn leave(
        &self,
        from: UserId,
        conversation: ConversationId,
    ) -> Result<Changed, Refused> {
        let change = Change::RemoveMembers {
            origin: origin(from),
            request: self.fresh(),
            conversation,
            users: vec![from],
            change: MembershipChange::Left,
        };
        self.change(change).await
    }

    /// The whole log.
    pub(crate) async fn log(&self, conversation: ConversationId) -> Vec<Arc<Entry>> {
        self.states(conversation).await.entries
    }

    /// The whole log with what operations have made of it.
    pub(crate) async fn states(&self, conversation: ConversationId) -> HistoryPage {
        let (last, octets) = (u64::MAX, usize::MAX);
        self.store
            .history(TENANT, conversation, 1, last, false, ALL, octets, 0)
            .await
            .unwrap()
    }

    /// Bodies of the whole log.
    pub(crate) async fn bodies(&self, conversation: ConversationId) -> Vec<String> {
        let log = self.log(conversation).await;
        log.iter()
            .map(|entry| String::from_utf8_lossy(&entry.body).into_owned())
            .collect()
    }

    /// The timeline after `cursor`, which must not be too old.
    pub(crate) async fn timeline(&self, user: UserId, cursor: u64) -> Vec<TimelineItem> {
        let epoch = self.store.log_epoch();
        let page = self
            .store
            .timeline(TENANT, user, epoch, cursor, ALL, usize::MAX)
            .await
            .unwrap();
        match page {
            TimelinePage::Entries {
                items, more: false, ..
            } => items,
            page => panic!("not the whole timeline: {page:?}"),
        }
    }

    /// The timeline as (user_seq, conversation, conv_seq).
    pub(crate) async fn references(&self, user: UserId) -> Vec<(u64, ConversationId, u64)> {
        let items = self.timeline(user, 0).await;
        items
            .iter()
            .map(|item| (item.user_seq, item.entry.conversation, item.entry.conv_seq))
            .collect()
    }
}

pub(crate) fn user(number: u8) -> UserId {
    UserId::from([number; 16])
}

/// The first device of a user.
pub(crate) fn device(user: UserId) -> DeviceId {
    DeviceId::from(*user.as_bytes())
}

/// A connection without generation.
pub(crate) fn origin(user: UserId) -> Origin {
    Origin {
        tenant: TENANT,
        user,
        device: device(user),
        generation: None,
    }
}

pub(crate) fn account(number: u8) -> UserRecord {
    UserRecord {
        user: user(number),
        name: format!("user{number:03}"),
        display_name: format!("User {number}"),
        disabled: false,
        verifier: ScramVerifier {
            iterations: 4096,
            salt: vec![number],
            stored_key: vec![1; 32],
            server_key: vec![2; 32],
        },
        created_ms: START_MS,
        token_generation: 0,
    }
}

#[track_caller]
pub(crate) fn refused<T: fmt::Debug>(outcome: Result<T, Refused>) -> ErrorCode {
    outcome.expect_err("should be refused").code
}
