//! The server's application: what it accepted, committed and pushed, and where its session is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::server::{Accept, ServerConnection, ServerSession};
use eim_codec::connection::{AuthAttempt, Endpoint, Lane, SendError, SendId, ServerEvent};
use eim_codec::id::{SessionId, UserId};
use eim_codec::payload::{self, ErrorInfo, SessionOutcome};
use eim_codec::registry::{ErrorCode, FrameType};
use prost::Message as _;

use super::World;
use super::client::{State, id, number_of};
use crate::bodies::body;
use crate::input::trace;

/// A push; its place in the list, from 1, is its `user_seq`.
#[derive(Clone, Debug)]
pub(super) struct Pushed {
    serial: u32,
    lane: Option<u8>,
    frame_type: FrameType,
    size: usize,
    noise: bool,
    arrived: bool,
}

/// A message that has no result yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    serial: u32,
    ordinal: u64,
    number: usize,
}

/// Where the newest session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Live {
    Nowhere,
    Connected,
    Stale,
    Detached,
}

#[derive(Debug)]
pub(super) struct Server {
    pub(super) connection: Option<ServerConnection>,
    /// An older connection that has not noticed its end.
    pub(super) stale: Option<ServerConnection>,
    detached: Option<ServerSession>,
    pub(super) live: Live,
    /// Number of the newest session.
    pub(super) serial: u32,
    session_id: Option<SessionId>,
    pub(super) committed: BTreeMap<usize, u64>,
    pub(super) refused: BTreeSet<usize>,
    pub(super) pending: Vec<Pending>,
    /// What the newest session accepted, by the id under which it was given.
    accepted: BTreeMap<SendId, usize>,
    last_ordinal: u64,
    pub(super) pushes: Vec<Pushed>,
    /// Of the newest session.
    pub(super) dropped: usize,
    pub(super) lost: usize,
    pub(super) requests: Vec<Bytes>,
    /// Answers at once.
    pub(super) eager: bool,
    pub(super) challenges: u8,
    pub(super) cursor: u64,
    /// What the client was told on this connection.
    pub(super) lagged: Option<u64>,
    lag_owed: bool,
    pub(super) events: u32,
    closed: bool,
    stale_closed: bool,
}

impl Server {
    pub(super) const fn new() -> Self {
        Self {
            connection: None,
            stale: None,
            detached: None,
            live: Live::Nowhere,
            serial: 0,
            session_id: None,
            committed: BTreeMap::new(),
            refused: BTreeSet::new(),
            pending: Vec::new(),
            accepted: BTreeMap::new(),
            last_ordinal: 0,
            pushes: Vec::new(),
            dropped: 0,
            lost: 0,
            requests: Vec::new(),
            eager: true,
            challenges: 0,
            cursor: 0,
            lagged: None,
            lag_owed: false,
            events: 0,
            closed: false,
            stale_closed: false,
        }
    }

    /// All sessions and connections are forgotten; what was accepted may have been lost with them.
    pub(super) fn crash(&mut self, lose_pending: bool) {
        self.connection = None;
        self.stale = None;
        self.detached = None;
        self.live = Live::Nowhere;
        self.closed = false;
        self.stale_closed = false;
        self.requests.clear();
        if lose_pending {
            self.pending.clear();
        }
    }

    /// The session on its way to a new connection: the older one is silenced.
    fn take_session(&mut self) -> Option<ServerSession> {
        if let Some(mut stale) = self.stale.take() {
            stale.close(ErrorCode::REPLACED, "");
            if self.live == Live::Stale {
                self.detached = stale.into_session();
            }
        }
        self.live = Live::Nowhere;
        self.stale_closed = false;
        self.detached.take()
    }

    /// The connection of the last attempt is not the newest any more.
    pub(super) fn set_aside(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if let Some(older) = self.stale.take()
            && self.live == Live::Stale
        {
            self.detached = older.into_session();
            self.live = Live::Detached;
        }
        if self.live == Live::Connected {
            self.live = Live::Stale;
        }
        self.stale = Some(connection);
        self.stale_closed = std::mem::take(&mut self.closed);
        self.requests.clear();
    }

    /// Gives one message its result: a place in the log, or a failure.
    pub(super) fn answer(&mut self, place: usize, failure: bool) {
        if place >= self.pending.len() {
            return;
        }
        let Pending {
            serial,
            ordinal,
            number,
        } = self.pending.remove(place);
        let refuse = failure && !self.committed.contains_key(&number);
        let mut result = payload::Result {
            ordinal,
            ..payload::Result::default()
        };
        if refuse {
            self.refused.insert(number);
            result.error = Some(ErrorInfo {
                code: ErrorCode::UNAVAILABLE.0.into(),
                ..ErrorInfo::default()
            });
        } else {
            let next = self.committed.len() as u64 + 1;
            result.conv_seq = *self.committed.entry(number).or_insert(next);
            result.time_ms = 1;
        }
        if serial != self.serial {
            return;
        }
        match self.live {
            Live::Nowhere => {}
            Live::Connected => self.connection.as_mut().expect("connected").result(result),
            Live::Stale => self.stale.as_mut().expect("stale").result(result),
            Live::Detached => self.detached.as_mut().expect("detached").result(result),
        }
    }

    pub(super) fn push(
        &mut self,
        lane: Option<u8>,
        frame_type: FrameType,
        size: usize,
        noise: bool,
    ) {
        let number = self.pushes.len() as u64 + 1;
        let entry = Some(payload::Entry {
            conversation: id(1),
            body: body(number, size, noise),
            ..payload::Entry::default()
        });
        let octets = if frame_type == FrameType::ENTRY {
            payload::DetachedEntry {
                request_id: id(1),
                entry,
                user_seq: number,
            }
            .encode_to_vec()
        } else {
            payload::Push {
                entry,
                user_seq: number,
                echo: false,
            }
            .encode_to_vec()
        };
        let octets = Bytes::from(octets);
        let pushed = match (self.live, lane) {
            (Live::Nowhere, _) => return,
            (Live::Connected, Some(lane)) => {
                let connection = self.connection.as_mut().expect("connected");
                connection.push_in(Lane(lane.into()), frame_type, octets)
            }
            (Live::Connected, None) => {
                let connection = self.connection.as_mut().expect("connected");
                connection.push(frame_type, octets)
            }
            (Live::Stale, _) => self.stale.as_mut().expect("stale").push(frame_type, octets),
            (Live::Detached, _) => {
                let detached = self.detached.as_mut().expect("detached");
                detached.push(frame_type, octets)
            }
        };
        match pushed {
            Ok(()) => self.pushes.push(Pushed {
                serial: self.serial,
                lane: lane.filter(|_| self.live == Live::Connected),
                frame_type,
                size,
                noise,
                arrived: false,
            }),
            Err(SendError::QueueFull) => self.drop_pushes(),
            Err(SendError::NotOpen | SendError::TooLarge { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// The client is slow: what waits is dropped, and it is told so.
    pub(super) fn drop_pushes(&mut self) {
        let head = self.pushes.len() as u64;
        match self.live {
            Live::Connected => {
                let connection = self.connection.as_mut().expect("connected");
                self.dropped += connection.drop_queued_pushes();
                if !connection.is_closed() {
                    connection.lagged(lagged(head));
                    self.lagged = Some(head);
                }
            }
            Live::Stale => {
                self.dropped += self.stale.as_mut().expect("stale").drop_queued_pushes();
                self.lag_owed = true;
            }
            Live::Detached => {
                let detached = self.detached.as_mut().expect("detached");
                self.dropped += detached.drop_queued_pushes();
                self.lag_owed = true;
            }
            Live::Nowhere => {}
        }
    }

    /// A push reached the client's application.
    pub(super) fn arrived(
        &mut self,
        number: u64,
        frame_type: FrameType,
        octets: &[u8],
        serial: u32,
    ) {
        let index = usize::try_from(number - 1).expect("few pushes");
        let pushed = self.pushes.get_mut(index).expect("somebody pushed it");
        assert!(
            !std::mem::replace(&mut pushed.arrived, true),
            "push {number} twice"
        );
        assert_eq!((pushed.serial, pushed.frame_type), (serial, frame_type));
        assert!(
            octets == body(number, pushed.size, pushed.noise),
            "body of push {number}"
        );
        let pushed = &self.pushes[index];
        let overtaken = |later: &&Pushed| later.serial == serial && later.arrived;
        for later in self.pushes[index + 1..].iter().filter(overtaken) {
            assert!(
                may_pass(later.lane, pushed.lane),
                "push {number} {pushed:?} was overtaken by {later:?}"
            );
        }
    }

    /// Pushes of the newest session that neither arrived nor were dropped or lost.
    pub(super) fn missing(&self) -> usize {
        let ours = self.pushes.iter().filter(|it| it.serial == self.serial);
        ours.filter(|it| !it.arrived).count() - self.dropped - self.lost
    }
}

/// Whether a message of one lane may pass one of another. It may only do so while some message leaves
/// in fragments, but then also past those that wait behind it in its lane.
fn may_pass(passer: Option<u8>, lane: Option<u8>) -> bool {
    passer.is_some() && lane.is_some() && passer != lane
}

fn lagged(user_seq: u64) -> payload::Lagged {
    payload::Lagged {
        log_epoch: 1,
        user_seq,
        ..payload::Lagged::default()
    }
}

impl World {
    pub(super) fn on_server_event(&mut self, event: ServerEvent) {
        trace!("server: {}", short(&event));
        assert!(!self.server.closed, "{event:?} after the end");
        match event {
            ServerEvent::Auth(attempt) => {
                self.server.lagged = None;
                self.attempt = Some(attempt);
                self.go_on();
            }
            ServerEvent::AuthData(_) => self.go_on(),
            ServerEvent::Message {
                ordinal,
                frame_type,
                payload,
            } => {
                self.on_message(ordinal, frame_type, &payload);
            }
            ServerEvent::Request(request) => {
                assert!(!self.server.requests.contains(&request.request_id));
                self.server.requests.push(request.request_id);
                if self.server.eager {
                    self.respond(0, 10);
                }
            }
            ServerEvent::Cursor {
                user_seq,
                log_epoch,
            } => {
                assert!(log_epoch == 1 && user_seq <= self.client.cursor);
                self.server.cursor = self.server.cursor.max(user_seq);
            }
            ServerEvent::Ping { token } => {
                let connection = self.server.connection.as_mut().expect("connected");
                connection.pong(payload::Pong {
                    token,
                    ..payload::Pong::default()
                });
            }
            ServerEvent::Closed(reason) => {
                self.excuse(&reason);
                self.server.closed = true;
            }
            _ => {}
        }
    }

    fn go_on(&mut self) {
        let server = &mut self.server;
        let connection = server.connection.as_mut().expect("connected");
        if server.challenges > 0 {
            server.challenges -= 1;
            connection.challenge(Bytes::from_static(b"r=x"));
            return;
        }
        if let Some(attempt) = self.attempt.take() {
            self.accept(&attempt);
        }
    }

    fn accept(&mut self, attempt: &AuthAttempt) {
        let server = &mut self.server;
        let asked = SessionId::from_slice(&attempt.auth.session_id).ok();
        let resumes = attempt.auth.mechanism == "EIM-RESUME" && asked == server.session_id;
        let earlier = server.take_session().filter(|_| resumes && asked.is_some());
        let number = server.serial + 1;
        let session_id = SessionId::from(u128::from(number).to_be_bytes());
        let accept = Accept {
            session_id,
            user_id: UserId::from([0x11; 16]),
            user_name: "ann".into(),
            data: Bytes::from_static(b"v=x"),
            resume_token: Some([7; 32]),
            resume: Duration::from_secs(300),
            log_epoch: 1,
            user_seq: server.pushes.len() as u64,
            server_time_ms: 1,
            connection_generation: 1,
        };
        let connection = server.connection.as_mut().expect("connected");
        match connection.accept(accept, earlier) {
            SessionOutcome::Fresh => {
                server.serial = number;
                server.session_id = Some(session_id);
                server.accepted.clear();
                server.last_ordinal = 0;
                (server.dropped, server.lost) = (0, 0);
                server.lag_owed = false;
            }
            SessionOutcome::Resumed => {
                if std::mem::take(&mut server.lag_owed) {
                    let head = server.pushes.len() as u64;
                    connection.lagged(lagged(head));
                    server.lagged = Some(head);
                }
            }
            SessionOutcome::Unspecified => panic!("an attempt was to be accepted"),
        }
        server.live = Live::Connected;
    }

    fn on_message(&mut self, ordinal: u64, frame_type: FrameType, payload: &Bytes) {
        let send = payload::Send::decode(payload.clone()).expect("a message");
        let number = usize::try_from(number_of(&send.client_msg_id)).expect("few messages");
        let message = &self.client.outbox[number];
        assert_eq!(message.frame_type, frame_type);
        assert!(
            send.body == body(number as u64, message.size, message.noise),
            "body {number}"
        );
        assert!(
            !message.cancelled,
            "{number} was cancelled before it left entirely"
        );
        let server = &mut self.server;
        assert!(ordinal > server.last_ordinal, "ordinals rise");
        server.last_ordinal = ordinal;
        if let State::Given(send) = message.state
            && self.client.serial == server.serial
        {
            let twice = server.accepted.insert(send, number);
            assert_eq!(twice, None, "{number} twice in one session");
            for (_, later) in server.accepted.range(SendId(send.0 + 1)..) {
                let passer = self.client.outbox[*later].lane;
                assert!(
                    may_pass(passer, message.lane),
                    "message {number} {message:?} was overtaken by {later}"
                );
            }
        }
        server.pending.push(Pending {
            serial: server.serial,
            ordinal,
            number,
        });
        if server.eager {
            server.answer(server.pending.len() - 1, false);
        }
    }

    /// Answers a request with a text of this many octets.
    pub(super) fn respond(&mut self, place: usize, octets: usize) {
        let server = &mut self.server;
        let (Some(connection), true) = (&mut server.connection, place < server.requests.len())
        else {
            return;
        };
        let response = payload::Response {
            request_id: server.requests.remove(place),
            operation: 1,
            error: Some(ErrorInfo {
                code: ErrorCode::UNAVAILABLE.0.into(),
                detail: "x".repeat(octets),
                ..ErrorInfo::default()
            }),
            body: None,
        };
        match connection.respond(&response) {
            Ok(()) | Err(SendError::NotOpen) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// The server's connection is over: its session waits for the client.
    pub(super) fn retire_server(&mut self) {
        let server = &mut self.server;
        let Some(connection) = server.connection.take() else {
            return;
        };
        assert!(connection.poll_timeout().is_none() && !connection.wants_read());
        assert!(std::mem::take(&mut server.closed), "an end is announced");
        server.requests.clear();
        let session = connection.into_session();
        if server.live == Live::Connected {
            server.live = if session.is_some() {
                Live::Detached
            } else {
                Live::Nowhere
            };
            server.detached = session;
        }
    }

    /// The same of a connection that was left behind.
    pub(super) fn tend_stale(&mut self) {
        let now = self.now;
        while let Some(event) = self.server.stale.as_mut().and_then(Endpoint::poll_event) {
            match event {
                ServerEvent::Closed(_) => self.server.stale_closed = true,
                // Accepted is accepted: its result goes to the session.
                ServerEvent::Message {
                    ordinal,
                    frame_type,
                    payload,
                } => {
                    assert_eq!(self.server.live, Live::Stale);
                    self.on_message(ordinal, frame_type, &payload);
                }
                _ => {}
            }
        }
        let Some(stale) = &mut self.server.stale else {
            return;
        };
        while stale.poll_transmit(now).is_some() {}
        if stale.is_closed()
            && let Some(stale) = self.server.stale.take()
        {
            assert!(self.server.stale_closed, "an end is announced");
            let session = stale.into_session();
            if self.server.live == Live::Stale {
                self.server.live = if session.is_some() {
                    Live::Detached
                } else {
                    Live::Nowhere
                };
                self.server.detached = session;
            }
        }
    }
}

/// An event without its octets.
fn short(event: &ServerEvent) -> String {
    match event {
        ServerEvent::Message {
            ordinal,
            frame_type,
            payload,
        } => {
            format!("Message {ordinal} {frame_type:?} {}", payload.len())
        }
        ServerEvent::Auth(auth) => format!("Auth {} {:?}", auth.auth.mechanism, auth.auth.window),
        other => format!("{other:?}"),
    }
}
