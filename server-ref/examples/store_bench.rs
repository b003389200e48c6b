//! How much the embedded store takes when nothing stands before it: the figure that servers on
//! top of it are compared with.
//!
//! Senders in pairs write one-to-one messages through the same `Store::append`, and so with the
//! same batches, records and syncs, as sessions do. Each sender has its share of the outstanding
//! messages in flight as one batch and sends the next when it is durable.
//!
//! ```text
//! cargo run --release -p eim-server --example store_bench -- --messages 1000000 --seconds 60
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use eim_codec::id::{ClientMsgId, DeviceId, UserId};
use eim_codec::registry::FrameType;
use eim_server::random::{Random, SystemRandom};
use eim_server::store::embedded::{self, EmbeddedOptions};
use eim_server::store::kv::{Environment, Options};
use eim_server::store::{
    Append, CommitSink, Committed, LoggedOut, Marked, Origin, ScramVerifier, Store, Target,
    TenantId, UserRecord,
};

const TENANT: TenantId = TenantId(1);

/// Measures the embedded store by itself.
#[derive(Clone, Debug, Parser)]
struct Args {
    /// Messages stored before the measurement begins.
    #[arg(long, default_value_t = 0)]
    messages: u64,
    /// Seconds to measure.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Messages in flight, over all senders.
    #[arg(long, default_value_t = 1024)]
    outstanding: usize,
    /// Senders at once.
    #[arg(long, default_value_t = 64)]
    senders: usize,
    /// Users; each batch is of another one when there are more than senders. Each user writes to
    /// the next one.
    #[arg(long, default_value_t = 64)]
    users: usize,
    /// Octets of a body.
    #[arg(long, default_value_t = 200)]
    payload: usize,
    /// Folder of the store; it is created, and kept.
    #[arg(long)]
    dir: PathBuf,
    /// Threads that write out and merge tables.
    #[arg(long)]
    workers: Option<usize>,
    /// MiB of writes of one space held in memory.
    #[arg(long)]
    memtable: Option<u64>,
    /// Answers without syncing: shows what durability costs, and loses messages.
    #[cfg(feature = "negative-control")]
    #[arg(long)]
    no_sync: bool,
}

/// Counts what was committed and to whom it would be pushed.
#[derive(Debug, Default)]
struct Counting {
    entries: AtomicU64,
    recipients: AtomicU64,
    commits: AtomicU64,
}

impl CommitSink for Counting {
    fn committed(&self, commits: &[Committed]) {
        let recipients: usize = commits.iter().map(|commit| commit.recipients.len()).sum();
        self.entries
            .fetch_add(commits.len() as u64, Ordering::Relaxed);
        self.recipients
            .fetch_add(recipients as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    fn marked(&self, _: &[Marked]) {}

    fn logged_out(&self, _: &[LoggedOut]) {}
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let sink = Arc::new(Counting::default());
    let mut embedded = EmbeddedOptions::default();
    embedded.sizes.workers = args.workers.unwrap_or(embedded.sizes.workers);
    embedded.sizes.memtable = args
        .memtable
        .map_or(embedded.sizes.memtable, |mib| mib << 20);
    #[cfg(feature = "negative-control")]
    if args.no_sync {
        embedded.durability = embedded::Durability::NegativeControlNoSync;
    }
    let opening = now();
    let store: Arc<dyn Store> = Arc::new(embedded::open(
        &args.dir,
        &embedded,
        Options::default(),
        Environment::system(),
        sink.clone(),
    )?);
    println!("opened in {} ms", opening.elapsed().as_millis());
    // Those that exist from an earlier run are refused, which is fine.
    store
        .create_users(
            TENANT,
            (0..args.users.max(args.senders)).map(account).collect(),
        )
        .await?;

    if args.messages > 0 {
        let preload = run(&args, &store, Stop::Messages(args.messages)).await?;
        println!("preload: {}", preload.summary());
    }
    let before = sink.commits.load(Ordering::Relaxed);
    let measured = run(
        &args,
        &store,
        Stop::After(Duration::from_secs(args.seconds)),
    )
    .await?;
    let commits = sink.commits.load(Ordering::Relaxed) - before;
    println!("direct:  {}", measured.summary());
    println!(
        "         {:.1} messages a commit",
        measured.messages as f64 / commits.max(1) as f64
    );
    store.close().await;
    Ok(())
}

#[derive(Clone, Copy)]
enum Stop {
    Messages(u64),
    After(Duration),
}

struct Measured {
    messages: u64,
    seconds: f64,
    cpu_us: f64,
    /// Microseconds from handing a batch in to its durable result, sorted.
    waits: Vec<u32>,
}

impl Measured {
    fn summary(&self) -> String {
        let at = |quantile: f64| {
            let index = (self.waits.len() as f64 * quantile) as usize;
            f64::from(*self.waits.get(index).unwrap_or(&0)) / 1000.0
        };
        format!(
            "{} messages in {:.1} s: {:.0} msg/s, result p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms, CPU {:.2} us/msg",
            self.messages,
            self.seconds,
            self.messages as f64 / self.seconds,
            at(0.50),
            at(0.99),
            at(0.999_999),
            self.cpu_us / self.messages as f64,
        )
    }
}

async fn run(
    args: &Args,
    store: &Arc<dyn Store>,
    stop: Stop,
) -> Result<Measured, Box<dyn std::error::Error>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let left = Arc::new(AtomicU64::new(match stop {
        Stop::Messages(messages) => messages,
        Stop::After(_) => u64::MAX,
    }));
    let (started, cpu) = (now(), cpu_us());
    let burst = (args.outstanding / args.senders).max(1);
    let senders: Vec<_> = (0..args.senders.min(args.outstanding))
        .map(|number| {
            let sender = Sender {
                number,
                burst,
                args: args.clone(),
                store: Arc::clone(store),
            };
            tokio::spawn(sender.send(Arc::clone(&stopped), Arc::clone(&left)))
        })
        .collect();
    if let Stop::After(duration) = stop {
        tokio::time::sleep(duration).await;
        stopped.store(true, Ordering::Relaxed);
    }
    let mut waits = Vec::new();
    let mut messages = 0;
    for sender in senders {
        let (sent, waited) = sender.await?;
        messages += sent;
        waits.extend(waited);
    }
    let seconds = started.elapsed().as_secs_f64();
    waits.sort_unstable();
    Ok(Measured {
        messages,
        seconds,
        cpu_us: cpu_us() - cpu,
        waits,
    })
}

struct Sender {
    number: usize,
    burst: usize,
    args: Args,
    store: Arc<dyn Store>,
}

impl Sender {
    /// Who sends the next batch: always the same user, or one of many.
    fn user(&self, sent: u64) -> usize {
        if self.args.users <= self.args.senders {
            return self.number;
        }
        let mixed = (sent + self.number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        mixed as usize % self.args.users
    }

    async fn send(self, stopped: Arc<AtomicBool>, left: Arc<AtomicU64>) -> (u64, Vec<u32>) {
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        // Incompressible, as encrypted or already compressed bodies are.
        let mut octets = vec![0; self.args.payload + 4096];
        random.fill(&mut octets);
        let octets = Bytes::from(octets);
        let (mut sent, mut waits) = (0, Vec::new());
        let mut ids = Ids::new(&*random);
        while !stopped.load(Ordering::Relaxed) {
            let burst = self.burst as u64;
            let take = |left: u64| left.checked_sub(burst);
            if left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_err()
            {
                break;
            }
            let number = self.user(sent);
            let peer = user((number + 1) % self.args.users.max(self.args.senders));
            let origin = origin(user(number));
            let batch = (0..self.burst).map(|index| {
                let start = (sent as usize + index) % 4096;
                Append {
                    target: Target::Direct(peer),
                    frame_type: FrameType::TEXT,
                    client_msg_id: ids.next(),
                    first_sent_at_ms: 0,
                    after_failed: false,
                    body: octets.slice(start..start + self.args.payload),
                    fallback_text: String::new(),
                    blobs: Vec::new(),
                }
            });
            let started = now();
            let outcomes = self.store.append(origin, batch.collect()).await;
            waits.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
            for outcome in outcomes.expect("the store fails") {
                assert!(!outcome.expect("nothing is refused").duplicate);
            }
            sent += burst;
        }
        (sent, waits)
    }
}

fn origin(user: UserId) -> Origin {
    let device = DeviceId::from(*user.as_bytes());
    Origin {
        tenant: TENANT,
        user,
        device,
        generation: None,
    }
}

/// UUIDv7-like ids: time first, then random.
struct Ids {
    random: u64,
    count: u64,
}

impl Ids {
    fn new(random: &dyn Random) -> Self {
        Self {
            random: u64::from_be_bytes(random.octets()),
            count: 0,
        }
    }

    fn next(&mut self) -> ClientMsgId {
        self.count += 1;
        let ms = eim_server::clock::Clock::now_ms(&eim_server::clock::SystemClock);
        let high = ms << 16 | 0x7000 | self.count & 0xFFF;
        let low = self
            .random
            .wrapping_add(self.count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        ClientMsgId::from((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }
}

fn user(number: usize) -> UserId {
    // Spread as random ids are.
    let high = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    UserId::from((u128::from(high) << 64 | number as u128).to_be_bytes())
}

fn account(number: usize) -> UserRecord {
    UserRecord {
        user: user(number),
        name: format!("bench{number}"),
        display_name: String::new(),
        disabled: false,
        verifier: ScramVerifier {
            iterations: 4096,
            salt: vec![0; 16],
            stored_key: vec![0; 32],
            server_key: vec![0; 32],
        },
        created_ms: 0,
        token_generation: 0,
    }
}

fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "a measurement")]
    Instant::now()
}

/// User and system time of this process, in microseconds; 0 where it cannot be told.
fn cpu_us() -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: f64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks * 1e6 / TICKS_PER_SECOND
}
