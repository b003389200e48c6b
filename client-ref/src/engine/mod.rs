//! The engine: one task that owns the connection, the outbox and the place in the timeline.
//!
//! Everything it learns goes through one [`Staging`] into the store, and what depends on it
//! (credit, CURSOR, settling, events) follows when the commit has returned. While one batch is
//! being committed the next one gathers, so batches grow under load by themselves.

mod answers;
mod applied;
mod asked;
pub(crate) mod blobs;
mod calls;
mod closing;
pub(crate) mod command;
mod incoming;
mod large;
mod login;
mod marks;
mod online;
mod postponed;
mod presence;
mod pull;
mod requests;
mod sending;
mod staging;
mod waiting;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use eim_codec::connection::client::ClientSession;
use eim_codec::connection::{ClientConfig, ClientEvent, CloseReason};
use eim_codec::id::{ClientMsgId, ConversationId, RequestId};
use eim_codec::registry::{Capability, ErrorCode};
use eim_codec::time::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Sleep, sleep};

use self::closing::Closing;
use self::command::{Command, Outgoing};
use self::online::Online;
use self::requests::Requests;
use self::staging::{FollowUp, Staging, Waiter};
use crate::environment::Ticks;
use crate::error::RequestError;
use crate::event::{ConnectionState, Disconnected, End, Event, EventSink};
use crate::link::{ClientLink, Connector, LinkError};
use crate::options::{Attach, Options};
use crate::outbox::Outbox;
use crate::reconnect::Backoff;
use crate::store::{
    Applied, ConversationRecord, Cursor, Identity, Loaded, MarkRecord, ResumeCredential, StoreError,
};
use crate::sync::{Backlogs, Marks, Timeline};

pub(crate) use self::requests::history as history_request;

/// Told when the server knows of a mark.
type MarkWaiter = oneshot::Sender<Result<MarkRecord, RequestError>>;

type Future<T> = Pin<Box<dyn std::future::Future<Output = T> + Send>>;

/// Ranges of numbers that the store lacks.
type Holes = Result<Vec<(u64, u64)>, StoreError>;

/// Events taken from the connection before the store is looked at again.
const EVENTS_AT_ONCE: usize = 512;

/// The engine. [`run`](Self::run) is its task.
pub(crate) struct Engine {
    options: Options,
    connector: Arc<dyn Connector>,
    config: Arc<ClientConfig>,
    ticks: Ticks,
    events: EventSink,
    state: watch::Sender<ConnectionState>,
    commands: mpsc::Receiver<Command>,
    messages: mpsc::Receiver<Box<Outgoing>>,

    identity: Identity,
    resume: Option<ResumeCredential>,
    session: Option<ClientSession>,
    /// Refused tokens since the last login.
    refused_tokens: u32,
    /// Counts sessions: ordinals and sends of an earlier one mean nothing any more.
    session_number: u64,
    /// Server time in milliseconds, as of a tick.
    server_time: Option<(u64, Timestamp)>,

    outbox: Outbox,
    timeline: Timeline,
    /// The cursor that is durable; that of the timeline may be on its way into the store.
    stored: Cursor,
    backlogs: Backlogs,
    records: BTreeMap<ConversationId, ConversationRecord>,
    /// Own messages whose bodies are to be read from history.
    hollow: Vec<(ConversationId, u64)>,
    waiters: BTreeMap<ClientMsgId, Waiter>,
    requests: Requests,
    marks: Marks,
    /// Who waits until the server knows of a mark.
    mark_waiters: Vec<(ConversationId, MarkWaiter)>,
    reach: presence::Reach,
    waiting: waiting::Waiting,
    phone: calls::Phone,
    transfers: blobs::Transfers,
    heads: Option<pull::HeadsWalk>,
    /// Nothing is asked before this time: something failed that may pass.
    pull_after: Timestamp,

    staging: Staging,
    committing: Option<Committing>,
    looking: Option<Future<Holes>>,
    /// Whose holes the store is asked for.
    hole_of: Option<ConversationId>,
    /// What follows commits that returned while there was no connection.
    deferred: Vec<FollowUp>,
    /// Pushes whose credit waits until the application has caught up.
    withheld: Vec<u64>,

    phase: Phase,
    backoff: Backoff,
    /// The server asked to stay away for up to this time.
    jitter: Duration,
    /// The server asked to stay away for at least this time.
    stay_away: Duration,
    /// When the connection at hand opened.
    opened_at: Option<Timestamp>,
    heartbeat: Duration,
    /// The application says that there is a network.
    network: bool,
    /// Longest silence the application has announced; zero in the foreground.
    background: Duration,
    closing: Option<Closing>,
    /// How the last connection ended, told when everything is durable.
    last_end: Option<Disconnected>,
    end: Option<End>,
}

/// A commit under way.
struct Committing {
    work: Future<Result<Applied, StoreError>>,
    follow: FollowUp,
}

enum Phase {
    /// There is no network.
    Offline,
    Waiting(Pin<Box<Sleep>>),
    Dialling(Future<Dialled>),
    Online(Box<Online>),
    Over,
}

/// What an attempt to connect came to.
struct Dialled {
    link: Result<ClientLink, LinkError>,
    /// The credential as it was right before.
    resume: Result<Option<ResumeCredential>, StoreError>,
}

/// What woke the engine.
enum Wake {
    Committed(Result<Applied, StoreError>),
    Looked(Holes),
    Dialled(Dialled),
    Event(Option<ClientEvent>),
    Redial,
    Command(Option<Command>),
    Message(Option<Box<Outgoing>>),
    Again,
}

/// Where events and states go, and where commands and messages come from.
type Ends = (
    EventSink,
    watch::Sender<ConnectionState>,
    (mpsc::Receiver<Command>, mpsc::Receiver<Box<Outgoing>>),
);

impl Engine {
    pub(crate) fn new(
        options: Options,
        connector: Arc<dyn Connector>,
        loaded: Loaded,
        identity: Identity,
        ends: Ends,
    ) -> Self {
        let (events, state, (commands, messages)) = ends;
        let mut config = ClientConfig::default();
        config.implementation = concat!("eim-client/", env!("CARGO_PKG_VERSION")).to_owned();
        if options.calls {
            config.capabilities.push(Capability::CALLS);
        }
        let mut outbox = Outbox::default();
        if let Some(me) = identity.user {
            outbox.identify(me);
        }
        for item in loaded.outbox {
            let attempted = item.first_sent_at_ms != 0;
            outbox.add(item, attempted);
        }
        Self {
            connector,
            config: Arc::new(config),
            ticks: Ticks::default(),
            events,
            state,
            commands,
            messages,
            identity,
            resume: loaded.resume,
            session: None,
            refused_tokens: 0,
            session_number: 0,
            server_time: None,
            outbox,
            timeline: Timeline::new(loaded.cursor),
            stored: loaded.cursor,
            backlogs: Backlogs::default(),
            records: BTreeMap::new(),
            hollow: loaded.hollow,
            waiters: BTreeMap::new(),
            requests: Requests::default(),
            marks: Marks::new(loaded.cursor.log_epoch),
            mark_waiters: Vec::new(),
            reach: presence::Reach::default(),
            waiting: waiting::Waiting::default(),
            phone: calls::Phone::default(),
            transfers: blobs::Transfers::default(),
            heads: None,
            pull_after: Timestamp::ZERO,
            staging: Staging::default(),
            committing: None,
            looking: None,
            hole_of: None,
            deferred: Vec::new(),
            withheld: Vec::new(),
            phase: Phase::Waiting(Box::pin(sleep(Duration::ZERO))),
            backoff: Backoff::default(),
            jitter: Duration::ZERO,
            stay_away: Duration::ZERO,
            opened_at: None,
            heartbeat: Duration::ZERO,
            network: true,
            background: Duration::ZERO,
            closing: None,
            last_end: None,
            end: None,
            options,
        }
    }

    /// Knows conversations of earlier runs; those that are behind are looked into.
    pub(crate) fn remember(&mut self, records: Vec<ConversationRecord>) {
        for record in records {
            self.backlogs.add(&record);
            self.records.insert(record.conversation, record);
        }
    }

    /// Knows marks of earlier runs; what the server has not heard of is told.
    pub(crate) fn remember_marks(&mut self, marks: &[MarkRecord]) {
        for mark in marks {
            self.marks.merge(mark);
        }
    }

    /// Runs until the end.
    pub(crate) async fn run(mut self) {
        loop {
            self.advance();
            if matches!(self.phase, Phase::Over) && self.committing.is_none() {
                break;
            }
            let wake = self.wait().await;
            self.handle(wake);
        }
        let end = self.end.take().unwrap_or(End::Requested);
        let closed = ConnectionState::Closed(end);
        // Whoever is told that nothing follows looks at the state next, and may start another
        // client on the same store: this one is through with it.
        self.state.send_replace(closed.clone());
        if let Some(last) = self.last_end.take() {
            self.events.emit(Event::Disconnected(last));
        }
        self.show(closed);
        for told in self.closing.into_iter().flat_map(|closing| closing.told) {
            // Whoever asked may have gone away.
            let _ = told.send(());
        }
    }

    async fn wait(&mut self) -> Wake {
        let throttled = self.events.is_full();
        let (listens, accepts) = (self.closing.is_none(), self.accepts_messages());
        let timer = self.next_timer();
        tokio::select! {
            biased;
            applied = commit(&mut self.committing) => Wake::Committed(applied),
            holes = look(&mut self.looking) => Wake::Looked(holes),
            wake = phase(&mut self.phase) => wake,
            command = self.commands.recv(), if listens => Wake::Command(command),
            outgoing = self.messages.recv(), if accepts => Wake::Message(outgoing),
            () = self.events.fewer(), if throttled => Wake::Again,
            () = pause(timer) => Wake::Again,
        }
    }

    fn handle(&mut self, wake: Wake) {
        match wake {
            Wake::Committed(applied) => {
                let Some(Committing { follow, .. }) = self.committing.take() else {
                    return;
                };
                match applied {
                    Ok(applied) => self.applied(applied, follow),
                    Err(error) => self.commit_failed(&error),
                }
            }
            Wake::Looked(holes) => {
                self.looking = None;
                match holes {
                    Ok(holes) => self.looked(&holes),
                    Err(error) => self.store_failed(&error),
                }
            }
            Wake::Dialled(Dialled {
                link: Ok(link),
                resume,
            }) => self.dialled(link, resume),
            Wake::Dialled(Dialled {
                link: Err(error), ..
            }) => self.not_dialled(&error),
            Wake::Event(Some(event)) => self.burst(event),
            Wake::Event(None) => self.disconnected(),
            Wake::Redial => self.dial(),
            Wake::Command(Some(command)) => self.commanded(command),
            Wake::Message(Some(outgoing)) => self.sent(*outgoing),
            Wake::Command(None) | Wake::Message(None) => self.close(None),
            Wake::Again => {}
        }
    }

    fn burst(&mut self, first: ClientEvent) {
        self.incoming(first);
        for _ in 1..EVENTS_AT_ONCE {
            let Phase::Online(online) = &mut self.phase else {
                return;
            };
            let Some(event) = online.driver.try_next() else {
                return;
            };
            self.incoming(event);
        }
    }

    /// Everything that can go on without waiting.
    fn advance(&mut self) {
        if self.is_open() {
            self.give_credit();
            self.pull();
            self.tell_marks();
            self.expire_typists();
            self.ask_calls_again();
            self.transmit();
        }
        self.begin_commit();
        self.go_on_closing();
    }

    fn begin_commit(&mut self) {
        if self.committing.is_some() || self.staging.is_empty() {
            return;
        }
        let (batch, follow) = self.staging.take(self.session_number);
        let store = Arc::clone(&self.options.store);
        let work: Future<_> = if batch.is_empty() {
            Box::pin(std::future::ready(Ok(Applied::default())))
        } else {
            Box::pin(async move { store.commit(batch).await })
        };
        self.committing = Some(Committing { work, follow });
    }

    fn show(&mut self, state: ConnectionState) {
        tracing::debug!(?state, "connection");
        self.state.send_replace(state.clone());
        self.events.emit(Event::State(state));
    }

    fn is_open(&self) -> bool {
        matches!(&self.phase, Phase::Online(online) if online.is_open())
    }

    fn is_full_client(&self) -> bool {
        self.options.attach == Attach::Full
    }

    // impl[EIM-GRP-009]
    fn request_id(&self) -> RequestId {
        self.options.environment.uuid_v7().into()
    }

    /// Server time now, in Unix milliseconds; `None` before the first login.
    fn server_time_ms(&self) -> Option<u64> {
        let (time, at) = self.server_time?;
        let since = self.ticks.now().saturating_since(at).as_millis();
        Some(time.saturating_add(u64::try_from(since).unwrap_or(u64::MAX)))
    }

    fn next_timer(&self) -> Option<Duration> {
        if !self.is_open() {
            return None;
        }
        let now = self.ticks.now();
        let release = self.outbox.next_release();
        let pull = (self.pull_after > now).then_some(self.pull_after);
        let marks = self.marks.next_timer(now);
        let typists = self.reach.typists.next_timer();
        let requests = self.requests.next_timer();
        let calls = self.phone.next_timer();
        let others = marks
            .into_iter()
            .chain(typists)
            .chain(requests)
            .chain(calls);
        let at = release.into_iter().chain(pull).chain(others).min()?;
        Some(at.saturating_since(now))
    }

    /// A reason for people.
    fn reason(reason: &CloseReason) -> String {
        match (reason.code, reason.detail.as_str()) {
            (Some(code), "") => code.to_string(),
            (Some(code), detail) => format!("{code}: {detail}"),
            (None, "") => "the connection was lost".to_owned(),
            (None, detail) => detail.to_owned(),
        }
    }

    /// Ends the connection because the server broke a rule.
    fn misbehaved(&mut self, code: ErrorCode, detail: &str) {
        if let Phase::Online(online) = &mut self.phase {
            online.driver.endpoint_mut().close(code, detail);
        }
    }
}

async fn commit(committing: &mut Option<Committing>) -> Result<Applied, StoreError> {
    match committing {
        Some(committing) => committing.work.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn look<T>(looking: &mut Option<Future<T>>) -> T {
    match looking {
        Some(looking) => looking.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn phase(phase: &mut Phase) -> Wake {
    match phase {
        Phase::Waiting(sleep) => {
            sleep.as_mut().await;
            Wake::Redial
        }
        Phase::Dialling(dialling) => Wake::Dialled(dialling.as_mut().await),
        Phase::Online(online) => Wake::Event(online.driver.next().await),
        Phase::Offline | Phase::Over => std::future::pending().await,
    }
}

async fn pause(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}
