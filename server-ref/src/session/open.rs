//! An open session.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use eim_codec::connection::{CloseReason, SendError, ServerEvent, WindowSize};
use eim_codec::id::ConversationId;
use eim_codec::payload::{self, DetachedEntry, GoAway, Lagged, Pong};
use eim_codec::registry::{ErrorCode, FrameType};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use metrics::counter;
use prost::Message as _;

use super::detached::Detached;
use super::handshake::{Opened, ServerDriver};
use super::inflight::{Committed, InFlight, Sent};
use super::order::Held;
use super::rate::Rate;
use super::shared::{QUEUED_FRAMES, QUEUED_OCTETS, Shared};
use super::slots::Turn;
use super::{PUT_AWAY, finish, push};
use crate::hub::{Delivery, Mail, Mailbox, Room, Signal};
use crate::metrics::names;
use crate::service::messaging::{self, Checked, Fault};
use crate::service::{Answer, Caller, Refusal, error_info, is_retryable};
use crate::store::{Append, Origin, StoreError};

/// Most messages handed to the store at once.
const BATCH_MESSAGES: usize = 512;
/// Most PINGs whose answer waits for the store.
const PINGS: usize = 16;

/// Something that was asked for and is ready.
enum Done {
    Answer(Box<Answer>),
    /// Head and floor of the timeline; with the PING that asked for it.
    Head { ping: Option<u64>, head: Result<(u64, u64), StoreError> },
}

type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What woke the session.
enum Woken {
    Event(Option<ServerEvent>),
    Committed(Committed),
    Done(Done),
    Mail(Mail),
}

/// An open session on its connection.
pub(super) struct Session {
    shared: Arc<Shared>,
    driver: ServerDriver,
    mailbox: Arc<Mailbox>,
    /// `None` for a send-only session.
    turn: Option<Turn>,
    origin: Origin,
    held: Held,
    rate: Option<Rate>,
    /// Highest user_seq given to the connection.
    pushed: u64,
    /// Highest known number of the timeline.
    head: u64,
    /// The peer said GOAWAY: nothing new is pushed.
    leaving: bool,
    /// Messages read together, not handed to the store yet.
    sent: Vec<Sent>,
    batch: Vec<Append>,
    inflight: InFlight,
    /// Empty unless a request is in flight.
    work: Option<Box<FuturesUnordered<Work>>>,
    /// ENTRY frames that wait for room.
    entries: VecDeque<Bytes>,
    window: WindowSize,
    /// Credit taken from the common budget.
    borrowed: usize,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, driver: ServerDriver, opened: Opened) -> Self {
        let Opened { origin, mailbox, turn, held, pushed, head } = opened;
        let rate = Rate::new(shared.options.messages_per_s, driver.now());
        let window = shared.options.window;
        Self {
            shared,
            driver,
            mailbox,
            turn,
            origin,
            held,
            rate,
            pushed,
            head,
            leaving: false,
            sent: Vec::new(),
            batch: Vec::new(),
            inflight: InFlight::default(),
            work: None,
            entries: VecDeque::new(),
            window,
            borrowed: 0,
        }
    }

    /// Runs until the connection ends.
    pub(super) async fn run(mut self: Box<Self>) {
        if self.shared.stopping.is_cancelled() {
            self.signal(Signal::Drain);
        }
        let reason = loop {
            let ended = match poll_fn(|cx| self.poll(cx)).await {
                Woken::Event(Some(event)) => self.events(event),
                Woken::Event(None) => Some(None),
                Woken::Committed(committed) => {
                    self.committed(committed);
                    None
                }
                Woken::Done(done) => {
                    self.done(done);
                    None
                }
                Woken::Mail(mail) => {
                    self.mail(mail);
                    None
                }
            };
            if let Some(reason) = ended {
                break reason;
            }
        };
        self.end(reason).await;
    }

    /// In this order, so that what is ready leaves in one write: results, answers, pushes, and
    /// then the connection itself, which flushes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Woken> {
        loop {
            if let Poll::Ready(committed) = self.inflight.poll(cx) {
                return Poll::Ready(Woken::Committed(committed));
            }
            if let Some(done) = self.poll_work(cx) {
                return Poll::Ready(Woken::Done(done));
            }
            let room = self.room();
            if let Poll::Ready(mail) = self.mailbox.poll(cx, room) {
                return Poll::Ready(Woken::Mail(mail));
            }
            if let Poll::Ready(event) = self.driver.poll_next(cx) {
                return Poll::Ready(Woken::Event(event));
            }
            // The driver may have sent what filled the connection's queue.
            if room.frames > 0 || self.room().frames == 0 {
                return Poll::Pending;
            }
        }
    }

    fn poll_work(&mut self, cx: &mut Context<'_>) -> Option<Done> {
        match self.work.as_mut()?.poll_next_unpin(cx) {
            Poll::Ready(Some(done)) => Some(done),
            Poll::Ready(None) => {
                self.work = None;
                None
            }
            Poll::Pending => None,
        }
    }

    /// What the connection's own queue can take.
    fn room(&self) -> Room {
        if self.leaving || !self.entries.is_empty() {
            return Room { frames: 0, octets: 0 };
        }
        let (frames, octets) = self.driver.endpoint().queued();
        Room {
            frames: QUEUED_FRAMES.saturating_sub(frames),
            octets: QUEUED_OCTETS.saturating_sub(octets),
        }
    }

    /// Handles an event and those that were read with it; messages go to the store together.
    fn events(&mut self, event: ServerEvent) -> Option<Option<CloseReason>> {
        let mut next = Some(event);
        while let Some(event) = next {
            if let ServerEvent::Closed(reason) = event {
                self.submit();
                return Some(Some(reason));
            }
            self.event(event);
            next = self.driver.try_next();
        }
        self.submit();
        None
    }

    fn event(&mut self, event: ServerEvent) {
        match event {
            ServerEvent::Message { ordinal, frame_type, payload } => {
                self.message(ordinal, frame_type, payload);
            }
            ServerEvent::Request(request) => {
                let shared = Arc::clone(&self.shared);
                let caller = Caller { origin: self.origin };
                let frame_octets = self.driver.endpoint().peer_max_frame_octets().unwrap_or(u32::MAX);
                self.start(async move {
                    let answer = shared.requests.answer(caller, *request, frame_octets).await;
                    Done::Answer(Box::new(answer))
                });
            }
            ServerEvent::Cursor { log_epoch, user_seq } => self.cursor(log_epoch, user_seq),
            ServerEvent::Ping { token } => self.ping(token),
            // impl[EIM-CON-036]: results still leave, pushes do not.
            ServerEvent::GoAway(_) => self.leaving = true,
            ServerEvent::Writable => self.push_entries(),
            // BACKGROUND is the connection's business; nothing else concerns an open session.
            _ => {}
        }
    }

    fn message(&mut self, ordinal: u64, frame_type: FrameType, payload: Bytes) {
        let Checked { conversation, after_failed, append } =
            match messaging::check(self.origin.user, frame_type, payload) {
                Ok(checked) => checked,
                Err(Fault::Message(refusal)) => return self.refused(ordinal, refusal, 0),
                Err(Fault::Malformed) => {
                    return self.close(ErrorCode::MALFORMED_PAYLOAD, "not a Send");
                }
            };
        if !self.held.passes(conversation, after_failed) {
            let detail = "an earlier message of this conversation failed";
            let refusal = Refusal::new(ErrorCode::PREDECESSOR_FAILED, detail);
            return self.refused(ordinal, refusal, 0);
        }
        let now = self.driver.now();
        if let Some(rate) = &mut self.rate
            && let Err(wait) = rate.take(now)
        {
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            self.hold(conversation);
            let refusal = Refusal::new(ErrorCode::RATE_LIMITED, "too many messages");
            return self.refused(ordinal, refusal, wait_ms);
        }
        self.sent.push(Sent { ordinal, conversation });
        self.batch.push(append);
        if self.batch.len() >= BATCH_MESSAGES {
            self.submit();
        }
    }

    fn hold(&mut self, conversation: ConversationId) {
        if !self.held.hold(conversation) {
            self.close(ErrorCode::CONTROL_FLOOD, "too many conversations wait for after_failed");
        }
    }

    /// Hands the messages read so far to the store.
    fn submit(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        self.grow();
        let (sent, batch) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.batch));
        self.inflight.push(&self.shared.store, self.origin, sent, batch);
    }

    /// Doubles the credit of a session that uses half of it at once, while the budget lasts.
    // impl[EIM-WIN-017]
    fn grow(&mut self) {
        let (now, most) = (self.window, self.shared.options.window_max);
        let octets: usize = self.batch.iter().map(|append| append.body.len()).sum();
        let busy = self.batch.len() * 2 >= usize_of(now.frames) || octets * 2 >= usize_of(now.octets);
        let next = WindowSize {
            frames: now.frames.saturating_mul(2).min(most.frames),
            octets: now.octets.saturating_mul(2).min(most.octets),
        };
        if !busy || next == now {
            return;
        }
        let more = usize_of(next.octets - now.octets);
        if self.shared.windows.take(more) {
            self.borrowed += more;
            self.window = next;
            self.driver.endpoint_mut().grow_window(next);
        }
    }

    fn committed(&mut self, Committed { sent, outcome }: Committed) {
        let outcomes = match outcome {
            Ok(outcomes) => outcomes,
            // impl[EIM-MSG-003]
            Err(StoreError::Closed) => {
                return self.close(ErrorCode::SHUTTING_DOWN, "the server is stopping");
            }
            Err(error) => {
                tracing::error!(%error, "append failed");
                return self.close(ErrorCode::STORE_FAILED, "the store failed");
            }
        };
        for (Sent { ordinal, conversation }, outcome) in sent.into_iter().zip(outcomes) {
            match outcome {
                // impl[EIM-RES-003] impl[EIM-TML-008]
                Ok(appended) => self.driver.endpoint_mut().result(payload::Result {
                    ordinal,
                    conv_seq: appended.conv_seq,
                    time_ms: appended.time_ms,
                    user_seq: appended.user_seq,
                    error: None,
                }),
                Err(refused) if refused.code == ErrorCode::REPLACED => {
                    return self.close(ErrorCode::REPLACED, "a newer connection took over");
                }
                Err(refused) => {
                    if is_retryable(refused.code) {
                        self.hold(conversation);
                    }
                    self.refused(ordinal, refused.into(), 0);
                }
            }
        }
    }

    fn refused(&mut self, ordinal: u64, refusal: Refusal, retry_after_ms: u64) {
        counter!(names::MESSAGES_REFUSED, "code" => refusal.code.to_string()).increment(1);
        let error = Some(error_info(refusal.code, refusal.detail, retry_after_ms));
        let result = payload::Result { ordinal, error, ..payload::Result::default() };
        self.driver.endpoint_mut().result(result);
    }

    fn start(&mut self, work: impl Future<Output = Done> + Send + 'static) {
        self.work.get_or_insert_default().push(Box::pin(work));
    }

    // impl[EIM-CUR-002] impl[EIM-CUR-008] impl[EIM-SYN-018] impl[EIM-SYN-019]
    fn cursor(&mut self, log_epoch: u64, user_seq: u64) {
        if self.turn.is_none() || user_seq == 0 || log_epoch != self.shared.store.log_epoch() {
            return;
        }
        let Origin { tenant, user, device, .. } = self.origin;
        if user_seq <= self.head {
            return self.shared.store.move_cursor(tenant, user, device, log_epoch, user_seq);
        }
        // Entries of others that this session has not seen yet: ask the store, which is rare.
        let shared = Arc::clone(&self.shared);
        self.start(async move {
            let head = shared.store.timeline_head(tenant, user).await;
            match &head {
                Ok((head, _)) if user_seq <= *head => {
                    shared.store.move_cursor(tenant, user, device, log_epoch, user_seq);
                }
                Ok((head, _)) => {
                    tracing::error!(%user, %device, user_seq, head, "a device has stored more than \
                        the server: durable data is gone");
                }
                Err(_) => {}
            }
            Done::Head { ping: None, head }
        });
    }

    // impl[EIM-HBT-009] impl[EIM-HBT-012]
    fn ping(&mut self, token: u64) {
        if self.work.as_ref().is_some_and(|work| work.len() >= PINGS) {
            return self.pong(token);
        }
        let shared = Arc::clone(&self.shared);
        let Origin { tenant, user, .. } = self.origin;
        self.start(async move {
            let head = shared.store.timeline_head(tenant, user).await;
            Done::Head { ping: Some(token), head }
        });
    }

    fn pong(&mut self, token: u64) {
        let pong = Pong {
            token,
            log_epoch: self.shared.store.log_epoch(),
            user_seq: self.head,
            server_time_ms: self.shared.clock.now_ms(),
            ..Pong::default()
        };
        self.driver.endpoint_mut().pong(pong);
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Head { ping, head } => {
                if let Ok((head, _)) = head {
                    self.head = self.head.max(head);
                }
                if let Some(token) = ping {
                    self.pong(token);
                }
            }
            Done::Answer(answer) => self.answer(*answer),
        }
    }

    fn answer(&mut self, answer: Answer) {
        let Answer { response, detached } = answer;
        counter!(names::REQUESTS, "operation" => response.operation.to_string()).increment(1);
        if let Err(SendError::TooLarge { got, max }) = self.driver.endpoint_mut().respond(&response)
        {
            let detail = format!("the answer has {got} octets, the client accepts {max}");
            let error = Some(error_info(ErrorCode::INVALID_REQUEST, detail, 0));
            let short = payload::Response { error, body: None, ..response };
            let _too_small_to_fail = self.driver.endpoint_mut().respond(&short);
            return;
        }
        // impl[EIM-SYN-028]
        let frames = detached.iter().map(DetachedEntry::encode_to_vec).map(Bytes::from);
        self.entries.extend(frames);
        self.push_entries();
    }

    /// ENTRY frames go out as room comes; until then no request is answered out of order with them.
    fn push_entries(&mut self) {
        while let Some(entry) = self.entries.front() {
            match self.driver.endpoint_mut().push(FrameType::ENTRY, entry.clone()) {
                Err(SendError::QueueFull) => return,
                Ok(()) | Err(_) => {
                    self.entries.pop_front();
                }
            }
        }
        self.entries = VecDeque::new();
    }

    fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Signal(signal) => self.signal(signal),
            Mail::Lagged(head) => self.lagged(head),
            Mail::Pushes(pushes) => self.pushes(pushes),
        }
    }

    // impl[EIM-MSG-057] impl[EIM-MSG-058]
    fn pushes(&mut self, pushes: VecDeque<Delivery>) {
        let last = pushes.back().map_or(0, |delivery| delivery.user_seq);
        for Delivery { entry, user_seq, echo } in pushes {
            // Known to the client by the head of AUTH_OK.
            if user_seq <= self.pushed {
                continue;
            }
            let payload = push::encode(&entry, user_seq, echo);
            match self.driver.endpoint_mut().push(entry.frame_type, payload) {
                Ok(()) => self.pushed = user_seq,
                Err(SendError::QueueFull) => {
                    self.mailbox.overflow(last);
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "an entry cannot be pushed to this client");
                    self.mailbox.overflow(last);
                    break;
                }
            }
        }
        self.head = self.head.max(last);
    }

    // impl[EIM-SYN-048] impl[EIM-SYN-049]
    fn lagged(&mut self, head: u64) {
        let dropped = self.driver.endpoint_mut().drop_queued_pushes();
        tracing::debug!(user = %self.origin.user, dropped, head, "session lags");
        self.pushed = self.pushed.max(head);
        self.head = self.head.max(head);
        let lagged = Lagged { log_epoch: self.shared.store.log_epoch(), user_seq: self.pushed };
        self.driver.endpoint_mut().lagged(lagged);
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            // impl[EIM-CON-033]
            Signal::Drain => {
                let code = ErrorCode::SHUTTING_DOWN;
                let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(0);
                self.driver.endpoint_mut().goaway(GoAway {
                    deadline_ms: ms(self.shared.options.drain),
                    reconnect_jitter_ms: ms(self.shared.options.jitter),
                    reason: Some(error_info(code, "the server is stopping", 0)),
                    ..GoAway::default()
                });
            }
            Signal::Stop => self.close(ErrorCode::SHUTTING_DOWN, "the server is stopping"),
            Signal::Replaced => {
                self.close(ErrorCode::REPLACED, "a newer connection of this device took over");
            }
            Signal::Disabled => {
                self.close(ErrorCode::ACCOUNT_DISABLED, "the account was disabled");
            }
        }
    }

    fn close(&mut self, code: ErrorCode, detail: &str) {
        self.driver.endpoint_mut().close(code, detail);
    }

    /// The connection is over: what is on its way is finished, the session put away or forgotten.
    // impl[EIM-RSM-010]
    async fn end(self: Box<Self>, reason: Option<CloseReason>) {
        let Self { shared, mut driver, mailbox, turn, origin, held, pushed, mut inflight, borrowed, .. } =
            *self;
        let code = reason.as_ref().and_then(|reason| reason.code);
        let name = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        counter!(names::CONNECTIONS_CLOSED, "code" => name).increment(1);
        mailbox.set_attached(false);
        shared.windows.give(borrowed);
        let lost = reason.as_ref().is_none_or(|reason| reason.session_lost)
            || turn.is_none()
            || code == Some(ErrorCode::ACCOUNT_DISABLED)
            || shared.stopping.is_cancelled();
        if lost {
            shared.hub.unregister(&mailbox);
            while !inflight.is_empty() {
                let _nobody_waits = poll_fn(|cx| inflight.poll(cx)).await;
            }
            drop(turn);
            finish(&mut driver).await;
            return;
        }
        // A resume may be waiting already: the last octets get a moment, not the whole linger.
        let _flushed = tokio::time::timeout(PUT_AWAY, finish(&mut driver)).await;
        let session = driver.into_endpoint().into_session();
        put_away(&shared, origin, mailbox, session, held, pushed, inflight).await;
        drop(turn);
    }
}

/// Finishes what is on its way and keeps the session for a resume.
async fn put_away(
    shared: &Shared,
    origin: Origin,
    mailbox: Arc<Mailbox>,
    session: Option<eim_codec::connection::server::ServerSession>,
    held: Held,
    pushed: u64,
    mut inflight: InFlight,
) {
    let Some(mut session) = session else {
        shared.hub.unregister(&mailbox);
        return;
    };
    while !inflight.is_empty() {
        let Committed { sent, outcome } = poll_fn(|cx| inflight.poll(cx)).await;
        let Ok(outcomes) = outcome else {
            // The client offers its messages again in a fresh session.
            shared.hub.unregister(&mailbox);
            return;
        };
        for (Sent { ordinal, .. }, outcome) in sent.into_iter().zip(outcomes) {
            session.result(match outcome {
                Ok(appended) => payload::Result {
                    ordinal,
                    conv_seq: appended.conv_seq,
                    time_ms: appended.time_ms,
                    user_seq: appended.user_seq,
                    error: None,
                },
                Err(refused) => payload::Result {
                    ordinal,
                    error: Some(error_info(refused.code, refused.detail, 0)),
                    ..payload::Result::default()
                },
            });
        }
    }
    let owner = mailbox.owner;
    debug_assert_eq!(owner.device, origin.device);
    let detached = Detached { session, mailbox, held, pushed };
    shared.detached.keep(owner, detached, shared.clock.now_ms());
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
