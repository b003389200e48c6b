//! An open session.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use eim_codec::connection::{CloseReason, ServerEvent, WindowSize};
use eim_codec::id::SessionId;
use eim_codec::payload::{DetachedEntry, GoAway};
use eim_codec::registry::ErrorCode;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::attach::Opened;
use super::handshake::ServerDriver;
use super::inflight::{Committed, InFlight};
use super::order::Held;
use super::reach::Reach;
use super::shared::{QUEUED_FRAMES, QUEUED_OCTETS, Shared};
use super::slots::Turn;
use super::transfers::{Step, Transfers};
use crate::hub::{Heads, Mail, Mailbox, Room, Signal};
use crate::limits::Waiting;
use crate::service::{Answer, error_info};
use crate::store::{Append, Origin, StoreError};

/// Something that was asked for and is ready.
pub(super) enum Done {
    Answer(Box<Answer>),
    /// Head and floor of the timeline; with the PING that asked for it.
    Head {
        ping: Option<u64>,
        head: Result<(u64, u64), StoreError>,
    },
    /// A step of a transfer.
    Transferred(Box<Step>),
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
    pub(super) shared: Arc<Shared>,
    pub(super) driver: ServerDriver,
    pub(super) mailbox: Arc<Mailbox>,
    /// `None` for a send-only session.
    pub(super) turn: Option<Turn>,
    /// Boxed: a session is small.
    pub(super) reach: Box<Reach>,
    /// The session, if a token for it was given.
    pub(super) resumable: Option<SessionId>,
    pub(super) origin: Origin,
    pub(super) held: Held,
    /// Highest user_seq given to the connection.
    pub(super) pushed: u64,
    /// Highest known number of the timeline.
    pub(super) head: u64,
    /// Logs outside the timeline that changed since the last PONG.
    pub(super) heads: Heads,
    /// The peer said GOAWAY: nothing new is pushed.
    pub(super) leaving: bool,
    /// Messages read together, not handed to the store yet.
    pub(super) sent: Vec<u64>,
    pub(super) batch: Vec<Append>,
    pub(super) waiting: Option<Box<Waiting>>,
    pub(super) inflight: InFlight,
    /// Empty unless a request is in flight.
    pub(super) work: Option<Box<FuturesUnordered<Work>>>,
    /// ENTRY frames that wait for room.
    pub(super) entries: VecDeque<DetachedEntry>,
    pub(super) window: WindowSize,
    /// Credit taken from the common budget.
    pub(super) borrowed: usize,
    /// Empty unless a blob is transferred.
    pub(super) transfers: Option<Box<Transfers>>,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, driver: ServerDriver, opened: Opened) -> Self {
        let Opened {
            origin,
            mailbox,
            turn,
            resumable,
            held,
            pushed,
            head,
        } = opened;
        let window = shared.options.window;
        let reach = Box::new(Reach::new(&shared, &mailbox, turn.is_some()));
        Self {
            shared,
            driver,
            mailbox,
            turn,
            reach,
            resumable,
            origin,
            held,
            pushed,
            head,
            heads: Heads::default(),
            leaving: false,
            sent: Vec::new(),
            batch: Vec::new(),
            waiting: None,
            inflight: InFlight::default(),
            work: None,
            entries: VecDeque::new(),
            window,
            borrowed: 0,
            transfers: None,
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
        // Boxed: an open session does not carry the state of its end.
        Box::pin(self.end(reason)).await;
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
            let now = self.room();
            let more = now.is_some() && !room.is_some() || now.quiet && !room.quiet;
            if !more {
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
            return Room::NONE;
        }
        let (frames, octets) = self.driver.endpoint().queued();
        Room {
            frames: QUEUED_FRAMES.saturating_sub(frames),
            octets: QUEUED_OCTETS.saturating_sub(octets),
            quiet: frames == 0,
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
            ServerEvent::Message {
                ordinal,
                frame_type,
                payload,
            } => {
                self.message(ordinal, frame_type, payload);
            }
            ServerEvent::Request(request) => self.request(request),
            ServerEvent::Blob(event) => self.blob(event),
            ServerEvent::Cursor {
                log_epoch,
                user_seq,
            } => self.cursor(log_epoch, user_seq),
            ServerEvent::Ping { token } => self.ping(token),
            // impl[EIM-CON-036]: results still leave, pushes do not.
            ServerEvent::GoAway(_) => self.leaving = true,
            ServerEvent::Writable => self.push_entries(),
            ServerEvent::Background { next_contact_ms } => {
                if let Some(attendance) = &self.reach.attendance {
                    attendance.background(next_contact_ms > 0);
                }
            }
            // Nothing else concerns an open session.
            _ => {}
        }
    }

    pub(super) fn start(&mut self, work: impl Future<Output = Done> + Send + 'static) {
        self.work.get_or_insert_default().push(Box::pin(work));
    }

    pub(super) fn signal(&mut self, signal: Signal) {
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
                self.close(
                    ErrorCode::REPLACED,
                    "a newer connection of this device took over",
                );
            }
            Signal::Disabled => {
                self.close(ErrorCode::ACCOUNT_DISABLED, "the account was disabled");
            }
            // impl[EIM-SEC-005]
            Signal::LoggedOut(reason) => {
                self.reach.leave.begin(reason);
                self.leave_if_due();
            }
        }
    }

    /// A device that was logged out goes when it has its answers.
    pub(super) fn leave_if_due(&mut self) {
        let answers = self.work.as_ref().map_or(0, |work| work.len());
        if let Some(reason) = self.reach.leave.due(answers) {
            self.close(ErrorCode::LOGGED_OUT, reason.detail());
        }
    }

    pub(super) fn close(&mut self, code: ErrorCode, detail: &str) {
        self.driver.endpoint_mut().close(code, detail);
    }
}
