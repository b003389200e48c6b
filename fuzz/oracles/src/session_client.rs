//! A real client connection and a server that is mostly right: the counterpart of
//! [`crate::session_server`]. Besides the invariants of [`crate::half`]: one result for one message,
//! and no message is forgotten without a word.
//!
//! The input: a configuration of one octet, then operations of one octet and their arguments.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::client::{AuthStart, ClientConnection, ClientSession, Resume};
use eim_codec::connection::{
    Cancelled, ClientConfig, ClientEvent, CloseReason, Endpoint, Lane, Queue, SendId, WindowSize,
};
use eim_codec::id::SessionId;
use eim_codec::payload::{self, AttachMode, ErrorInfo, SessionOutcome};
use eim_codec::registry::{Direction, ErrorCode, FrameType};
use eim_codec::time::Timestamp;
use prost::Message;

use crate::bodies::{SIZES, body};
use crate::half::{Half, Hand, pass, rest};
use crate::input::{Input, trace};
use crate::wire::fire;

/// Most operations of one input.
const OPERATIONS: usize = 1_000;
/// Octets that a client connection may keep; see `session_server`.
const KEPT: usize = 24 << 20;

/// See the module.
pub fn run(octets: &[u8]) {
    let mut input = Input::new(octets);
    let mut world = World::new(&mut input);
    for _ in 0..OPERATIONS {
        if input.is_empty() {
            break;
        }
        world.act(&mut input);
        world.rest();
    }
    world.end();
}

struct World {
    client: Option<ClientConnection>,
    config: Arc<ClientConfig>,
    half: Half,
    hand: Hand,
    now: Timestamp,
    app: App,
    waiting: VecDeque<Bytes>,
    blocked: bool,
    pieces: usize,
    sessions: u8,
}

/// What the application gave and was told.
#[derive(Default)]
struct App {
    session: Option<ClientSession>,
    start: u8,
    given: BTreeSet<SendId>,
    ordinals: Vec<u64>,
    last_push: u64,
    requests: BTreeSet<u8>,
    /// A session must not be lost without a word.
    holds: bool,
    forgotten_due: bool,
    closed: Option<CloseReason>,
    eager: bool,
}

fn config(bits: u8) -> ClientConfig {
    let mut config = ClientConfig::default();
    config.grease = bits & 1 != 0;
    if bits & 2 != 0 {
        config.capabilities.clear();
    }
    if bits & 4 != 0 {
        config.window = WindowSize {
            frames: 3,
            octets: 0,
        };
    }
    if bits & 8 != 0 {
        config.queue = Queue {
            messages: 2,
            octets: 20_000,
            retained_octets: 30_000,
        };
        config.reassembly.octets = 65_536;
        config.requests_in_flight = 2;
        config.requests_queued = 4;
    }
    if bits & 16 != 0 {
        config.max_frame_octets = 16_384;
    }
    if bits & 32 != 0 {
        config.compressions.clear();
    }
    config
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let bits = input.octet();
        let config = Arc::new(config(bits));
        let now = Timestamp::from_micros(1_000_000);
        let mut world = Self {
            client: Some(ClientConnection::new(config.clone(), [0x6e; 32], now)),
            config,
            half: Half::new(Direction::Client),
            hand: Hand::default(),
            now,
            app: App {
                eager: true,
                ..App::default()
            },
            waiting: VecDeque::new(),
            blocked: false,
            pieces: usize::MAX,
            sessions: 0,
        };
        world.rest();
        if bits & 128 == 0 {
            world.welcome(0);
            world.rest();
            world.auth_ok(0);
            world.rest();
        }
        world
    }

    fn rest(&mut self) {
        self.flush();
        let Some(client) = &mut self.client else {
            return;
        };
        let app = &mut self.app;
        let on_event = |client: &mut ClientConnection, event| app.on_event(client, event);
        rest(client, &mut self.half, self.now, self.blocked, on_event);
        let (messages, octets) = client.queued();
        let most = &self.config.queue;
        assert!(messages <= most.messages as usize + 1, "{messages} queued");
        assert!(
            octets <= (most.octets as usize).max(1 << 21),
            "{octets} octets queued"
        );
        assert_eq!(
            client.is_closed(),
            self.app.closed.is_some(),
            "an end is announced"
        );
    }

    /// Feeds what the hand wrote, in pieces, as long as the client reads.
    fn flush(&mut self) {
        let mut octets = self.hand.take();
        while !octets.is_empty() {
            let piece = octets.split_to(octets.len().min(self.pieces));
            self.waiting.push_back(piece);
        }
        let Some(client) = &mut self.client else {
            return self.waiting.clear();
        };
        while client.wants_read()
            && let Some(octets) = self.waiting.pop_front()
        {
            self.half.feed(&octets);
            client.receive(self.now, octets);
            while let Some(event) = client.poll_event() {
                self.app.on_event(client, event);
            }
        }
    }

    fn act(&mut self, input: &mut Input<'_>) {
        let operation = input.octet() % 32;
        trace!("operation {operation}");
        match operation {
            0..=3 => self.hand.any(input),
            4..=6 => self.push(input),
            7..=9 => self.control(input),
            10 => {
                let count = usize::from(input.octet());
                self.hand.raw(input.take(count));
            }
            11 => self.pieces = [usize::MAX, 1, 5, 11, 300][usize::from(input.octet() % 5)],
            12 => self.welcome(input.octet()),
            13 => self.auth_ok(input.octet()),
            14 | 15 => self.time(input),
            16 => {
                let bits = input.octet();
                self.app.eager = bits & 1 == 0;
                self.blocked = bits & 4 != 0;
            }
            17..=20 => self.send(input),
            21..=23 => self.local(input),
            24 => self.lose(input),
            25 => {
                for number in 0..input.octet() {
                    self.hand.control(
                        FrameType::PING,
                        &payload::Ping {
                            token: number.into(),
                        },
                    );
                }
            }
            26 => self.boundary(input),
            _ => self.ending(input),
        }
    }

    fn welcome(&mut self, how: u8) {
        let some = |list: Vec<u32>, bit: u8| if how & bit == 0 { list } else { Vec::new() };
        let algorithms = if self.config.compressions.is_empty() {
            vec![]
        } else {
            vec![1, 2, 3]
        };
        let known = if self.config.capabilities.is_empty() {
            vec![]
        } else {
            vec![1, 2, 3, 4]
        };
        self.hand.control(
            FrameType::WELCOME,
            &payload::Welcome {
                version: if how & 1 == 0 { 1 } else { 9 },
                compressions: some(algorithms, 2),
                capabilities: some(known, 4),
                max_frame_octets: [65_536, 16_384, 1, u32::MAX][usize::from(how >> 3 & 3)],
                mechanisms: vec!["SCRAM-SHA-256".into(), "EIM-RESUME".into()],
                heartbeat_ms: [45_000, 1_000, 999, 55_001][usize::from(how >> 5 & 3)],
                implementation: String::new(),
                nonce: vec![0x57; if how >> 7 == 0 { 32 } else { 31 }].into(),
            },
        );
    }

    fn auth_ok(&mut self, how: u8) {
        let resumed = how & 1 != 0;
        if !resumed {
            self.sessions = self.sessions.wrapping_add(1);
            self.hand.begin(0);
        }
        let last = self.half.last();
        let credit = self.half.credit();
        let (received_through, frames, octets) = match (resumed, how >> 1 & 3) {
            (false, 3) => (0, 1, 65_546),
            (false, how) => (0, [64, 1, 1_000][usize::from(how)], 1_048_587),
            (true, 0 | 1) => (last, credit.0 + 5, credit.1 + 100_000),
            (true, 2) => (last / 2, credit.0, credit.1),
            (true, _) => (last + 1, 0, 0),
        };
        self.hand.control(
            FrameType::AUTH_OK,
            &payload::AuthOk {
                outcome: (if resumed {
                    SessionOutcome::Resumed
                } else {
                    SessionOutcome::Fresh
                })
                .into(),
                session_id: vec![self.sessions; if how & 0x80 == 0 { 16 } else { 15 }].into(),
                user_id: vec![0x11; 16].into(),
                window: Some(payload::Window {
                    received_through,
                    frames,
                    octets,
                }),
                log_epoch: 1,
                ..payload::AuthOk::default()
            },
        );
    }

    /// A push of any size, in one frame or in fragments.
    fn push(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::CUSTOM,
            FrameType::ENTRY,
            FrameType(0x3E),
        ];
        let frame_type = input.pick(&types);
        let push = payload::Push {
            entry: Some(payload::Entry {
                body: body(u64::from(how), size.min(20_000), how & 8 != 0),
                ..payload::Entry::default()
            }),
            ..payload::Push::default()
        };
        self.hand
            .message(frame_type, &push.encode_to_vec().into(), how);
    }

    /// A control frame whose numbers are near what they should be.
    fn control(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let last = self.half.last();
        let near = |number: u64| number.wrapping_add(u64::from(by % 4)).wrapping_sub(3);
        let hand = &mut self.hand;
        match kind % 12 {
            0..=2 => hand.control(
                FrameType::ACK,
                &payload::Ack {
                    log_epoch: 1,
                    results: (0..=by >> 5).map(|back| result(near(last), back)).collect(),
                },
            ),
            3 | 4 => {
                let credit = self.half.credit();
                hand.control(
                    FrameType::WINDOW,
                    &payload::Window {
                        received_through: near(last),
                        frames: credit.0.saturating_add(u64::from(kind >> 4)),
                        octets: credit.1.saturating_add(u64::from(by) * 1_000),
                    },
                );
            }
            5 => hand.control(FrameType::PING, &payload::Ping { token: by.into() }),
            6 => hand.control(
                FrameType::PONG,
                &payload::Pong {
                    token: u64::from(by % 4),
                    last_sequence_sent: hand_written(hand, by),
                    ..payload::Pong::default()
                },
            ),
            7 => hand.control(
                FrameType::RESPONSE,
                &payload::Response {
                    request_id: vec![by % 8; 16].into(),
                    operation: 1,
                    error: (kind & 16 == 0).then(ErrorInfo::default),
                    ..payload::Response::default()
                },
            ),
            8 => hand.control(FrameType::LAGGED, &payload::Lagged::default()),
            9 => hand.control(FrameType::EVENT, &payload::Event::default()),
            10 => hand.control(
                FrameType::AUTH_CHALLENGE,
                &payload::AuthChallenge::default(),
            ),
            _ => hand.numbered(
                FrameType::CANCEL,
                eim_codec::registry::Compression::NONE,
                payload::Cancel {
                    fragment_id: u32::from(by % 4),
                }
                .encode_to_vec()
                .into(),
            ),
        }
    }

    fn ending(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        match kind % 8 {
            0 => self.hand.control(
                FrameType::GOAWAY,
                &payload::GoAway {
                    accept_through: (self.half.last() + 1).saturating_sub(u64::from(by % 4)),
                    deadline_ms: u64::from(by) * 200,
                    ..payload::GoAway::default()
                },
            ),
            1 => self.hand.control(
                FrameType::ERROR,
                &payload::Error {
                    info: Some(ErrorInfo {
                        code: u32::from(by),
                        ..ErrorInfo::default()
                    }),
                    scope: i32::from(kind >> 5),
                    ..payload::Error::default()
                },
            ),
            2 => {
                if let Some(client) = &mut self.client {
                    client.transport_closed(self.now);
                }
            }
            3 => {
                if let Some(client) = &mut self.client {
                    client.close(ErrorCode(u16::from(by) << 8 | 1), "on purpose");
                }
            }
            4 => {
                if let Some(client) = &mut self.client {
                    client.goaway(Duration::from_millis(u64::from(by) * 200));
                }
            }
            _ => {}
        }
    }

    fn time(&mut self, input: &mut Input<'_>) {
        let step = [1, 17, 300, 5_000, 46_000, 400_000][usize::from(input.octet() % 6)];
        let until = self.now.saturating_add(Duration::from_millis(step));
        for _ in 0..2_000 {
            let Some(client) = &mut self.client else {
                return;
            };
            if !pass(client, &mut self.now, until) {
                return;
            }
            self.rest();
        }
        panic!("time does not pass");
    }

    fn boundary(&mut self, input: &mut Input<'_>) {
        self.flush();
        if let Some(client) = &mut self.client
            && client.wants_read()
        {
            if input.octet() == 9 {
                client.receive_text(self.now);
            } else {
                client.receive_boundary(self.now);
            }
        }
    }

    fn send(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::ENCRYPTED,
            FrameType::CUSTOM,
            FrameType::NOTICE,
        ];
        let frame_type = input.pick(&types);
        let payload: Bytes = payload::Send {
            body: body(u64::from(how), size, how & 8 != 0),
            ..payload::Send::default()
        }
        .encode_to_vec()
        .into();
        if let Some(client) = &mut self.client {
            for _ in 0..=how >> 5 {
                let sent = match how & 7 {
                    0 => client.send(frame_type, payload.clone()),
                    lane => client.send_in(Lane(u64::from(lane % 3)), frame_type, payload.clone()),
                };
                if let Ok(send) = sent {
                    assert!(
                        self.app.given.last().is_none_or(|last| *last < send),
                        "ids rise"
                    );
                    self.app.given.insert(send);
                }
            }
        }
    }

    /// The application does what it may do at any time, sensible or not.
    fn local(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let Some(client) = &mut self.client else {
            return;
        };
        let app = &mut self.app;
        match kind % 9 {
            0 => {
                let place = usize::from(by).checked_rem(app.given.len());
                let given = place.and_then(|place| app.given.iter().nth(place).copied());
                if let Some(send) = given
                    && client.cancel(send) == Cancelled::Removed
                {
                    app.given.remove(&send);
                }
            }
            1 => client.settle(SendId(by.into())),
            2 => client.consumed(match app.ordinals.len() {
                0 => u64::from(by),
                length => app.ordinals.remove(usize::from(by) % length),
            }),
            3 => {
                let request = payload::Request {
                    request_id: vec![by % 8; 16].into(),
                    operation: 1,
                    ..payload::Request::default()
                };
                // The id of a request in flight is not to be used again.
                if !app.requests.contains(&(by % 8)) && client.request(&request).is_ok() {
                    app.requests.insert(by % 8);
                }
            }
            4 => client.cursor(u64::from(kind >> 6), u64::from(by)),
            5 => (0..=by >> 1).for_each(|_| client.background(u64::from(kind) * 5_000)),
            6 => client.respond(vec![by; usize::from(by) * 70].into()),
            7 => app.start = by,
            _ => {
                // WELCOME was answered at once: this does nothing.
                client.authenticate(start("SCRAM-SHA-256", Resume::No));
            }
        }
    }

    /// The transport breaks; the next connection may go on with the session.
    fn lose(&mut self, input: &mut Input<'_>) {
        let how = input.octet();
        let Some(mut client) = self.client.take() else {
            return;
        };
        self.waiting.clear();
        self.hand.take();
        client.transport_closed(self.now);
        while let Some(event) = client.poll_event() {
            self.app.on_event(&mut client, event);
        }
        assert!(
            client.poll_transmit(self.now).is_none(),
            "a transport that is gone"
        );
        self.app.retire(client);
        let half = std::mem::replace(&mut self.half, Half::new(Direction::Client));
        self.half = half.again();
        self.client = Some(ClientConnection::new(
            self.config.clone(),
            [0x6e; 32],
            self.now,
        ));
        self.app.start = how >> 1 & 3;
        if how & 0x80 == 0 {
            self.rest();
            self.welcome(0);
            self.rest();
            self.hand.begin(self.app.last_push);
            self.auth_ok(how);
        }
    }

    fn end(mut self) {
        if let Some(client) = &mut self.client {
            fire(client, self.now);
        }
        self.rest();
        let Self {
            client,
            app,
            half,
            hand,
            waiting,
            ..
        } = self;
        let App { session, given, .. } = app;
        drop((half, hand, waiting, given));
        let kept = crate::meter::given_back(|| drop((client, session)));
        assert!(kept <= KEPT, "a connection kept {kept} octets");
    }
}

impl App {
    fn start(&mut self) -> AuthStart {
        let (mechanism, resume) = match (self.session.take(), self.start % 4) {
            (Some(session), 0 | 1) => {
                self.holds = true;
                ("EIM-RESUME", Resume::Session(session))
            }
            (session, how) => {
                self.given.clear();
                match (session, how) {
                    (Some(session), 2) => ("EIM-RESUME", Resume::TokenOnly(session.id())),
                    (None, 2) => ("EIM-RESUME", Resume::TokenOnly(SessionId::from([1; 16]))),
                    _ => ("SCRAM-SHA-256", Resume::No),
                }
            }
        };
        start(mechanism, resume)
    }

    fn on_event(&mut self, client: &mut ClientConnection, event: ClientEvent) {
        assert!(self.closed.is_none(), "{event:?} after the end");
        if self.forgotten_due {
            let is_forgotten = matches!(event, ClientEvent::Forgotten(_));
            assert!(is_forgotten, "{event:?} before what was forgotten");
        }
        match event {
            ClientEvent::Welcome(_) => {
                let start = self.start();
                client.authenticate(start);
            }
            ClientEvent::Challenge(data) => client.respond(data),
            ClientEvent::Open(ok) => {
                self.holds = true;
                if ok.outcome() == SessionOutcome::Fresh {
                    self.forgotten_due = !self.given.is_empty();
                    self.ordinals.clear();
                    self.last_push = 0;
                }
            }
            ClientEvent::Forgotten(sends) => {
                assert!(sends.iter().eq(&self.given), "what was forgotten");
                self.given.clear();
                self.forgotten_due = false;
            }
            ClientEvent::Push {
                ordinal,
                frame_type,
                payload,
            } => {
                assert!(ordinal > self.last_push, "ordinals rise");
                self.last_push = ordinal;
                assert!(
                    payload.len() <= frame_type.max_octets() as usize,
                    "beyond the cap"
                );
                if self.eager {
                    client.consumed(ordinal);
                } else {
                    self.ordinals.push(ordinal);
                }
            }
            ClientEvent::PushLost { ordinal, .. } => {
                assert!(ordinal > self.last_push, "ordinals rise");
                self.last_push = ordinal;
            }
            ClientEvent::Result { send, .. } => {
                assert!(self.given.remove(&send), "{send} has a result already");
                if self.eager {
                    client.settle(send);
                }
            }
            ClientEvent::Response(response) => {
                let id = response.request_id.first().copied().unwrap_or(0xFF);
                assert!(self.requests.remove(&id), "nobody asked {id}");
            }
            ClientEvent::Closed(reason) => self.closed = Some(reason),
            _ => {}
        }
    }

    /// What is left of a connection.
    fn retire(&mut self, client: ClientConnection) {
        let reason = self.closed.take().expect("an end is announced");
        let session = client.into_session();
        let held = std::mem::take(&mut self.holds);
        assert_eq!(
            session.is_some(),
            held && !reason.session_lost,
            "{reason:?}"
        );
        if held {
            match &session {
                Some(session) => {
                    assert!(session.unanswered().iter().eq(&self.given), "unanswered");
                }
                None => self.given.clear(),
            }
            self.session = session;
        }
        self.requests.clear();
        self.forgotten_due = false;
    }
}

fn start(mechanism: &str, resume: Resume) -> AuthStart {
    AuthStart {
        mechanism: mechanism.into(),
        data: Bytes::new(),
        device: payload::Device {
            device_id: vec![0xD1; 16].into(),
            ..payload::Device::default()
        },
        mode: AttachMode::Full,
        log_epoch: 1,
        user_seq: 0,
        resume,
    }
}

fn hand_written(hand: &Hand, by: u8) -> u64 {
    hand.written + u64::from(by >> 6)
}

fn result(last: u64, back: u8) -> payload::Result {
    payload::Result {
        ordinal: last.wrapping_sub(u64::from(back)),
        conv_seq: 1,
        ..payload::Result::default()
    }
}
