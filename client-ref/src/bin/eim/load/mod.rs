//! `eim load`: a load generator that verifies what it measures.
//!
//! It drives connections directly, without store and outbox, so that it costs little beside the
//! server on the same machine. Every message carries its sender, its number and its time;
//! receivers check that each sender's numbers come without a hole, without a repetition and in
//! order, and that everything the server acknowledged arrives.

mod account;
mod again;
mod idle;
mod kept;
mod report;
mod session;
mod stamp;
mod stats;
mod track;
mod worker;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clap::{Args, ValueEnum};
use eim_client::environment::Ticks;
use eim_client::options::{ServerUrl, Trust};
use eim_codec::id::UserId;
use eim_codec::payload::AttachMode;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use self::account::{Account, accounts};
use self::kept::Kept;
use self::report::Report;
use self::session::Opener;
use self::stats::Stats;
use self::worker::{Plan, Worker};
use crate::exit::{Exit, Failure};
use crate::profile::{Globals, parse_fingerprint};

/// Longest wait for results and deliveries after the last message.
const DRAIN: Duration = Duration::from_secs(60);

/// Arguments of `eim load`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    /// tcp://host:port, tls://host:port, ws://host:port or wss://host:port/eim
    #[arg(long, value_name = "URL")]
    server: ServerUrl,
    /// SHA-256 of the server's certificate, in hexadecimal.
    #[arg(long, value_name = "HEX", conflicts_with = "ca")]
    fingerprint: Option<String>,
    /// PEM file of authorities that may sign the server's certificate.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File of accounts, a line each: name,password or name,display name,password
    #[arg(long, value_name = "CSV", required_unless_present = "users_prefix")]
    accounts: Option<PathBuf>,
    /// Accounts are this prefix with a number from 0; their password is EIM_PASSWORD or that of
    /// --password-file.
    #[arg(long, value_name = "PREFIX", conflicts_with = "accounts")]
    users_prefix: Option<String>,
    /// Pairs of one sender and one receiver; with --group-size, groups.
    #[arg(long, alias = "connections", value_name = "N", default_value_t = 64)]
    pairs: usize,
    /// Members of each group; all of them send and receive. 0 means pairs.
    #[arg(long, value_name = "N", default_value_t = 0)]
    group_size: usize,
    /// Of each group, how many are connected; 0 means all. The others are members all the same.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "group_size")]
    online: usize,
    /// Of each group, how many send; 0 means all who are connected.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "group_size")]
    senders: usize,
    /// Messages without a result, for each sender.
    #[arg(long, value_name = "N", default_value_t = 16)]
    window: usize,
    /// Messages a second, all senders together; 0 means as fast as possible.
    #[arg(long, value_name = "N", default_value_t = 0)]
    rate: u64,
    /// Octets of text in each message.
    #[arg(long, value_name = "OCTETS", default_value_t = 200)]
    payload: usize,
    /// Seconds to measure.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    duration: u64,
    /// Seconds before that.
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    warmup: u64,
    /// Ends after this many messages instead, all senders together.
    #[arg(long, value_name = "N")]
    messages: Option<u64>,
    /// How senders of pairs attach: full senders also get an echo of each message.
    #[arg(long, value_enum, default_value_t = SenderMode::SendOnly)]
    sender_mode: SenderMode,
    /// Sends again what is refused for a time, when that has passed.
    #[arg(long)]
    again: bool,
    /// Opens this many connections, holds them for --duration and sends nothing.
    #[arg(long, value_name = "N")]
    idle: Option<usize>,
    /// First of the loopback addresses that idle connections come from, 2,000 from each.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.2")]
    idle_source: IpAddr,
    /// JSON instead of text.
    #[arg(long)]
    json: bool,
    /// Threads of the generator.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,
}

/// How senders attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SenderMode {
    /// Results only.
    SendOnly,
    /// Results and echoes.
    Full,
}

/// What all workers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Sends, measures nothing.
    Warmup,
    /// Sends and measures.
    Measure,
    /// Sends nothing; results and deliveries still come.
    Drain,
    /// Over.
    End,
}

/// What all workers share.
#[derive(Debug)]
struct Common {
    ticks: Ticks,
    /// Messages still to be sent, where they are counted.
    left: Option<AtomicU64>,
    /// Messages acknowledged, and deliveries that are due for them.
    due: AtomicU64,
    /// Deliveries that came.
    delivered: AtomicU64,
    /// Results that came.
    answered: AtomicU64,
    /// Messages sent.
    sent: AtomicU64,
}

impl Load {
    /// Runs the verb.
    pub(crate) async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let accounts = accounts(
            self.accounts.as_deref(),
            self.users_prefix.as_deref(),
            globals.password()?.as_deref(),
            self.account_count(),
        )?;
        let opener = Arc::new(Opener::new(&self.server, self.trust()?.as_ref())?);
        if let Some(connections) = self.idle {
            return idle::run(&self, opener, accounts, connections).await;
        }
        let (stage, stages) = watch::channel(Stage::Warmup);
        let common = Arc::new(Common {
            ticks: Ticks::default(),
            left: self.messages.map(AtomicU64::new),
            due: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        });
        let sessions = self.open(&opener, &accounts).await?;
        let mut ready = Vec::with_capacity(sessions.len());
        for (session, plan) in self.plans(sessions, &accounts).await? {
            let (common, stages) = (Arc::clone(&common), stages.clone());
            ready.push(Worker::new(session.take().await?, plan, common, stages));
        }
        // Nobody sends before everybody counts what comes.
        let mut workers = JoinSet::new();
        for worker in ready {
            workers.spawn(worker.run());
        }
        let report = self.measure(&common, &stage, workers).await?;
        report.print(self.json)?;
        if report.is_sound() {
            Ok(())
        } else {
            Err(Failure::new(Exit::Verification, "verification failed"))
        }
    }

    fn trust(&self) -> Result<Option<Trust>, Failure> {
        Ok(match (&self.fingerprint, &self.ca) {
            (Some(fingerprint), _) => Some(Trust::Pinned(parse_fingerprint(fingerprint)?)),
            (None, Some(file)) => Some(Trust::Authorities(file.clone())),
            (None, None) => None,
        })
    }

    fn account_count(&self) -> usize {
        match (self.idle, self.group_size) {
            (Some(connections), _) => connections.min(64),
            (None, 0) => self.pairs * 2,
            (None, members) => self.pairs * members,
        }
    }

    /// How many of a group are connected.
    fn present(&self) -> usize {
        match self.online {
            0 => self.group_size,
            online => online.min(self.group_size),
        }
    }

    /// How many of a group send.
    fn speaking(&self) -> usize {
        match self.senders {
            0 => self.present(),
            senders => senders.min(self.present()),
        }
    }

    /// How many send altogether.
    fn sender_count(&self) -> usize {
        match self.group_size {
            0 => self.pairs,
            _ => self.pairs * self.speaking(),
        }
    }

    /// Logs everybody in: in pairs, even accounts send and odd ones receive.
    async fn open(&self, opener: &Arc<Opener>, accounts: &[Account]) -> Result<Vec<Kept>, Failure> {
        let mut opening = JoinSet::new();
        let mut sessions: Vec<Option<Kept>> = accounts.iter().map(|_| None).collect();
        for (index, account) in accounts.iter().enumerate() {
            if self.group_size > 0 && index % self.group_size >= self.present() {
                continue;
            }
            let sends_only =
                self.group_size == 0 && index % 2 == 0 && self.sender_mode == SenderMode::SendOnly;
            let mode = if sends_only {
                AttachMode::SendOnly
            } else {
                AttachMode::Full
            };
            let (opener, account) = (Arc::clone(opener), account.clone());
            opening.spawn(async move {
                let session = opener.open(&account, mode, None).await;
                (index, session.map(Kept::new))
            });
            if opening.len() >= 32 {
                place(&mut sessions, opening.join_next().await)?;
            }
        }
        while let Some(opened) = opening.join_next().await {
            place(&mut sessions, Some(opened))?;
        }
        Ok(sessions.into_iter().flatten().collect())
    }

    /// Who sends where.
    async fn plans(
        &self,
        sessions: Vec<Kept>,
        accounts: &[Account],
    ) -> Result<Vec<(Kept, Option<Plan>)>, Failure> {
        let senders = self.sender_count();
        let interval =
            (self.rate > 0).then(|| Duration::from_secs_f64(senders as f64 / self.rate as f64));
        let users: Vec<UserId> = sessions.iter().map(Kept::user).collect();
        let plan = |index: usize, target| Plan {
            sender: index as u32,
            target,
            window: self.window.max(1),
            payload: self.payload,
            interval,
            again: self.again,
            receivers: match self.group_size {
                0 => 1,
                _ => self.present() as u64 - 1,
            },
        };
        let mut plans = Vec::with_capacity(sessions.len());
        let mut group = None;
        for (index, mut session) in sessions.into_iter().enumerate() {
            let target = if self.group_size == 0 {
                (index % 2 == 0)
                    .then(|| users.get(index + 1).copied())
                    .flatten()
                    .map(|peer| session::direct(&peer))
            } else {
                let (number, place) = (index / self.present(), index % self.present());
                if place == 0 {
                    let all = accounts.iter().skip(number * self.group_size);
                    let absent = all.take(self.group_size).skip(self.present());
                    let mut owner = session.take().await?;
                    let mut members = owner.user_ids(absent).await?;
                    members.extend(users.iter().skip(index + 1).take(self.present() - 1));
                    group = Some(owner.create_group(number, &members).await?);
                    session = Kept::new(owner);
                }
                group.clone().filter(|_| place < self.speaking())
            };
            plans.push((session, target.map(|target| plan(index, target))));
        }
        Ok(plans)
    }

    async fn measure(
        &self,
        common: &Common,
        stage: &watch::Sender<Stage>,
        mut workers: JoinSet<Result<Stats, String>>,
    ) -> Result<Report, Failure> {
        use std::sync::atomic::Ordering::Relaxed;

        if self.messages.is_none() {
            step(&mut workers, sleep(Duration::from_secs(self.warmup))).await?;
        }
        stage.send_replace(Stage::Measure);
        let (begin, before) = (common.ticks.now(), common.delivered.load(Relaxed));
        let answered = common.answered.load(Relaxed);
        if let Some(left) = &common.left {
            step(&mut workers, until(|| left.load(Relaxed) == 0)).await?;
        } else {
            step(&mut workers, sleep(Duration::from_secs(self.duration))).await?;
        }
        let elapsed = common.ticks.now().saturating_since(begin);
        let accepted = common.answered.load(Relaxed) - answered;
        let delivered = common.delivered.load(Relaxed) - before;
        stage.send_replace(Stage::Drain);
        let drained = until(|| {
            common.answered.load(Relaxed) >= common.sent.load(Relaxed)
                && common.delivered.load(Relaxed) >= common.due.load(Relaxed)
        });
        // What has not come by then is lost, and the report says so.
        let _ = timeout(DRAIN, step(&mut workers, drained)).await;
        stage.send_replace(Stage::End);
        let mut stats = Stats::new();
        while let Some(done) = workers.join_next().await {
            stats.add(&finished(done)?);
        }
        Ok(Report::new(
            self, &stats, common, elapsed, accepted, delivered,
        ))
    }
}

/// Waits for something, unless a worker fails.
async fn step(
    workers: &mut JoinSet<Result<Stats, String>>,
    wait: impl Future<Output = ()>,
) -> Result<(), Failure> {
    tokio::select! {
        biased;
        Some(done) = workers.join_next() => {
            finished(done)?;
            Err(Failure::connection("a worker ended too early"))
        }
        () = wait => Ok(()),
    }
}

fn finished(done: Result<Result<Stats, String>, tokio::task::JoinError>) -> Result<Stats, Failure> {
    done.map_err(|error| Failure::connection(error.to_string()))?
        .map_err(Failure::connection)
}

async fn until(mut reached: impl FnMut() -> bool) {
    while !reached() {
        sleep(Duration::from_millis(5)).await;
    }
}

type Opened = Result<(usize, Result<Kept, Failure>), tokio::task::JoinError>;

fn place(sessions: &mut [Option<Kept>], opened: Option<Opened>) -> Result<(), Failure> {
    let Some(opened) = opened else { return Ok(()) };
    let (index, session) = opened.map_err(|error| Failure::connection(error.to_string()))?;
    if let Some(place) = sessions.get_mut(index) {
        *place = Some(session?);
    }
    Ok(())
}
