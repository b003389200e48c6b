//! A real server connection and a peer that is mostly right: frames with good headers and any
//! payload, well-formed frames with odd numbers, octets, time, and calls of the application in any
//! order. After every operation the invariants of [`crate::half`] hold, and those of events here.
//!
//! The input: a configuration of one octet, then operations of one octet and their arguments.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::server::{Accept, ServerConnection, ServerSession};
use eim_codec::connection::{
    Endpoint, Lane, Queue, SendError, ServerConfig, ServerEvent, WindowSize, binding,
};
use eim_codec::id::{SessionId, UserId};
use eim_codec::payload::{self, AttachMode, ErrorInfo};
use eim_codec::registry::{Direction, ErrorCode, FrameType};
use eim_codec::time::Timestamp;
use eim_codec::{Decoded, Decoder, DecoderLimits, Frame, encode_frame};
use prost::Message;

use crate::bodies::{SIZES, body};
use crate::half::{Half, Hand, pass, rest};
use crate::input::{Input, trace};
use crate::wire::fire;

/// Most operations of one input.
const OPERATIONS: usize = 1_000;
/// Octets that a server connection may keep, whatever was done to it here: twice what it may queue,
/// keep and put together, and what one reading and its answers take.
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
    server: Option<ServerConnection>,
    session: Option<ServerSession>,
    config: Arc<ServerConfig>,
    half: Half,
    hand: Hand,
    now: Timestamp,
    app: App,
    /// Octets that arrived while the server does not read.
    waiting: VecDeque<Bytes>,
    blocked: bool,
    pieces: usize,
    hello: Bytes,
    binding: [u8; 32],
    connections: u8,
}

/// What the application was told.
#[derive(Default)]
struct App {
    ordinals: Vec<u64>,
    last_ordinal: u64,
    requests: Vec<Bytes>,
    pings: Vec<u64>,
    closed: bool,
    /// Answers everything at once.
    eager: bool,
    opens: bool,
    cursor: (u64, u64),
}

fn config(bits: u8) -> ServerConfig {
    let mut config = ServerConfig::default();
    config.mechanisms = ["SCRAM-SHA-256", "EIM-RESUME"].map(String::from).into();
    config.confidential = bits & 1 == 0;
    config.grease = bits & 2 != 0;
    if bits & 4 != 0 {
        config.capabilities.clear();
    }
    if bits & 8 != 0 {
        config.window = WindowSize {
            frames: 3,
            octets: 0,
        };
        config.unsettled_results = 64;
    }
    if bits & 16 != 0 {
        config.queue = Queue {
            messages: 2,
            octets: 20_000,
            retained_octets: 30_000,
        };
        config.reassembly.octets = 65_536;
        config.requests_in_flight = 2;
    }
    if bits & 32 != 0 {
        config.max_frame_octets = 16_384;
        config.heartbeat = Duration::from_secs(1);
    }
    if bits & 64 != 0 {
        config.control_frames_per_s = 16;
    }
    config
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let bits = input.octet();
        let config = Arc::new(config(bits));
        let now = Timestamp::from_micros(1_000_000);
        let mut world = Self {
            server: Some(ServerConnection::new(config.clone(), [0x57; 32], now)),
            session: None,
            config,
            half: Half::new(Direction::Server),
            hand: Hand::default(),
            now,
            app: App {
                eager: true,
                opens: true,
                ..App::default()
            },
            waiting: VecDeque::new(),
            blocked: false,
            pieces: usize::MAX,
            hello: Bytes::new(),
            binding: [0; 32],
            connections: 0,
        };
        // Most inputs are about what comes after the handshake.
        if bits & 128 == 0 {
            world.shake_hands(0);
        }
        world
    }

    fn shake_hands(&mut self, how: u8) {
        self.hello(how);
        self.rest();
        self.auth(how);
        self.rest();
    }

    fn rest(&mut self) {
        self.flush();
        let Some(server) = &mut self.server else {
            return;
        };
        let (app, session, salt) = (&mut self.app, &mut self.session, self.connections);
        let on_event = |server: &mut ServerConnection, event: ServerEvent| {
            app.on_event(server, session, event, salt);
        };
        let frames = rest(server, &mut self.half, self.now, self.blocked, on_event);
        for frame in frames {
            if frame.frame_type == FrameType::WELCOME {
                self.binding = bind(&self.hello, &frame);
            }
        }
        self.check();
    }

    fn check(&self) {
        let Some(server) = &self.server else {
            return;
        };
        let (messages, octets) = server.queued();
        let most = &self.config.queue;
        assert!(messages <= most.messages as usize + 1, "{messages} queued");
        assert!(
            octets <= (most.octets as usize).max(1 << 21),
            "{octets} octets queued"
        );
        assert_eq!(server.is_closed(), self.app.closed, "an end is announced");
    }

    /// Feeds what the hand wrote, in pieces, as long as the server reads.
    fn flush(&mut self) {
        let mut octets = self.hand.take();
        while !octets.is_empty() {
            let piece = octets.split_to(octets.len().min(self.pieces));
            self.waiting.push_back(piece);
        }
        let Some(server) = &mut self.server else {
            return self.waiting.clear();
        };
        while server.wants_read()
            && let Some(octets) = self.waiting.pop_front()
        {
            self.half.feed(&octets);
            server.receive(self.now, octets);
            // The order of calls: events first, then the next octets.
            let (app, session, salt) = (&mut self.app, &mut self.session, self.connections);
            while let Some(event) = server.poll_event() {
                app.on_event(server, session, event, salt);
            }
        }
    }

    fn act(&mut self, input: &mut Input<'_>) {
        let operation = input.octet() % 32;
        trace!("operation {operation}");
        match operation {
            0..=3 => self.hand.any(input),
            4..=6 => self.message(input),
            7 | 8 => self.control(input),
            9 => {
                let count = usize::from(input.octet());
                self.hand.raw(input.take(count));
            }
            10 => self.pieces = [usize::MAX, 1, 5, 11, 300][usize::from(input.octet() % 5)],
            11 => self.hello(input.octet()),
            12 => self.auth(input.octet()),
            13 | 14 => self.time(input),
            15 => self.boundary(input),
            16 => {
                let bits = input.octet();
                (self.app.eager, self.app.opens) = (bits & 1 == 0, bits & 2 == 0);
                self.blocked = bits & 4 != 0;
            }
            17..=19 => self.local(input),
            20 => self.push(input),
            21 => self.lose(input),
            22 => self.burst(input),
            _ => self.ending(input),
        }
    }

    fn hello(&mut self, how: u8) {
        let hello = payload::Hello {
            versions: vec![if how & 1 == 0 { 1 } else { 9 }],
            compressions: if how & 2 == 0 {
                vec![1, 2, 3, 0x7777]
            } else {
                vec![]
            },
            capabilities: if how & 4 == 0 {
                vec![1, 2, 3, 4, 99]
            } else {
                vec![]
            },
            max_frame_octets: [65_536, 16_384, 1, u32::MAX][usize::from(how >> 3 & 3)],
            implementation: "x".repeat(usize::from(how >> 5)),
            nonce: vec![0x6e; 32].into(),
        };
        self.hand.control(FrameType::HELLO, &hello);
        let frame = frame(FrameType::HELLO, hello.encode_to_vec().into());
        self.hello = frame;
    }

    fn auth(&mut self, how: u8) {
        let resumes = how & 1 != 0;
        let mechanism = if resumes {
            "EIM-RESUME"
        } else {
            "SCRAM-SHA-256"
        };
        let known = self.session.as_ref().filter(|_| how >> 6 != 3);
        let session_id = known.map_or([how; 16], |it| it.id().into());
        let window = match how >> 1 & 3 {
            0 => payload::Window {
                received_through: if resumes { self.half.last() } else { 0 },
                frames: 1_000,
                octets: 10 << 20,
            },
            1 => payload::Window {
                received_through: 0,
                frames: 1,
                octets: 1_048_587,
            },
            2 => payload::Window::default(),
            _ => payload::Window {
                received_through: self.half.last() / 2,
                frames: u64::MAX,
                octets: u64::MAX,
            },
        };
        let mode = [AttachMode::Full, AttachMode::SendOnly][usize::from(how >> 3 & 1)];
        let auth = payload::Auth {
            mechanism: mechanism.to_owned(),
            data: vec![how; usize::from(how >> 4)].into(),
            binding: self.binding.to_vec().into(),
            device: Some(payload::Device {
                device_id: vec![0xD1; 16].into(),
                ..payload::Device::default()
            }),
            mode: mode.into(),
            window: Some(window),
            session_id: session_id.to_vec().into(),
            log_epoch: 1,
            user_seq: 0,
        };
        self.hand.control(FrameType::AUTH, &auth);
    }

    /// A message of any size, in one frame or in fragments.
    fn message(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::CUSTOM,
            FrameType::ENCRYPTED,
            FrameType(0x3E),
        ];
        let frame_type = input.pick(&types);
        let send = payload::Send {
            client_msg_id: vec![how; 16].into(),
            body: body(u64::from(how), size.min(20_000), how & 8 != 0),
            ..payload::Send::default()
        };
        self.hand
            .message(frame_type, &send.encode_to_vec().into(), how);
    }

    /// A control frame whose numbers are near what they should be.
    fn control(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let near = |number: u64| number.wrapping_add(u64::from(by % 8)).wrapping_sub(3);
        let hand = &mut self.hand;
        match kind % 10 {
            0 | 1 => hand.control(
                FrameType::CURSOR,
                &payload::Cursor {
                    log_epoch: u64::from(kind >> 4 & 1),
                    user_seq: near(self.app.cursor.1),
                    settled_through: near(
                        self.app.last_ordinal.saturating_sub(u64::from(kind >> 6)),
                    ),
                },
            ),
            2 | 3 => {
                let credit = self.half.credit();
                hand.control(
                    FrameType::WINDOW,
                    &payload::Window {
                        received_through: self.half.last().min(near(self.half.last())),
                        frames: credit.0.saturating_add(u64::from(kind >> 4)),
                        octets: credit.1.saturating_add(u64::from(by) * 1_000),
                    },
                );
            }
            4 => hand.control(
                FrameType::PING,
                &payload::Ping {
                    token: u64::from(by),
                },
            ),
            5 => hand.control(
                FrameType::PONG,
                &payload::Pong {
                    token: u64::from(by % 4),
                    ..payload::Pong::default()
                },
            ),
            6 => hand.control(
                FrameType::REQUEST,
                &payload::Request {
                    request_id: vec![by % 32; usize::from(kind >> 4) + 1].into(),
                    operation: 1,
                    ..payload::Request::default()
                },
            ),
            7 => hand.control(
                FrameType::BACKGROUND,
                &payload::Background {
                    next_contact_ms: u64::from(by) * 4_000,
                },
            ),
            8 => hand.control(FrameType::CANCEL, &payload::Cancel::default()),
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
                    accept_through: self.half.last() + u64::from(by % 3),
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
                if let Some(server) = &mut self.server {
                    server.transport_closed(self.now);
                }
            }
            3 => {
                if let Some(server) = &mut self.server {
                    server.close(ErrorCode(u16::from(by) << 8 | 1), "on purpose");
                }
            }
            _ => {}
        }
    }

    fn time(&mut self, input: &mut Input<'_>) {
        let step = [1, 17, 300, 5_000, 46_000, 400_000][usize::from(input.octet() % 6)];
        let until = self.now.saturating_add(Duration::from_millis(step));
        for _ in 0..2_000 {
            let Some(server) = &mut self.server else {
                return;
            };
            if !pass(server, &mut self.now, until) {
                return;
            }
            self.rest();
        }
        panic!("time does not pass");
    }

    fn boundary(&mut self, input: &mut Input<'_>) {
        self.flush();
        let Some(server) = &mut self.server else {
            return;
        };
        if server.wants_read() {
            if input.octet() == 9 {
                server.receive_text(self.now);
            } else {
                server.receive_boundary(self.now);
            }
        }
    }

    /// The application does what it may do at any time, sensible or not.
    fn local(&mut self, input: &mut Input<'_>) {
        let (kind, by) = (input.octet(), input.octet());
        let place = usize::from(by);
        let Some(server) = &mut self.server else {
            return;
        };
        match kind % 12 {
            0..=2 if !self.app.ordinals.is_empty() => {
                let place = place % self.app.ordinals.len();
                server.result(success(self.app.ordinals.remove(place)));
            }
            0..=2 => server.result(success(u64::from(by))),
            3 => {
                let id = match self.app.requests.len() {
                    0 => vec![by; 16].into(),
                    length => self.app.requests.remove(place % length),
                };
                respond(server, id, place * 50);
            }
            4 => {
                let token = self.app.pings.pop().unwrap_or(u64::from(by));
                server.pong(pong(token, place));
            }
            5 => server.lagged(payload::Lagged::default()),
            6 => {
                server.drop_queued_pushes();
            }
            7 => server.grow_window(WindowSize {
                frames: u32::from(by),
                octets: u32::from(by) << 14,
            }),
            8 => server.goaway(payload::GoAway {
                deadline_ms: u64::from(by) * 300,
                alternates: vec!["x".repeat(place); usize::from(kind >> 4)],
                ..payload::GoAway::default()
            }),
            9 => server.event(&payload::Event {
                event: 1,
                body: vec![by; place * 40].into(),
            }),
            10 => server.challenge(vec![by; place * 80].into()),
            _ => {
                let session = self.session.take();
                server.accept(accept(self.connections), session);
            }
        }
    }

    fn push(&mut self, input: &mut Input<'_>) {
        let (how, size) = (input.octet(), input.pick(&SIZES));
        let types = [
            FrameType::TEXT,
            FrameType::ENCRYPTED,
            FrameType::ENTRY,
            FrameType::ACK,
        ];
        let frame_type = input.pick(&types);
        let payload: Bytes = payload::Push {
            entry: Some(payload::Entry {
                body: body(u64::from(how), size, how & 8 != 0),
                ..payload::Entry::default()
            }),
            ..payload::Push::default()
        }
        .encode_to_vec()
        .into();
        if let Some(server) = &mut self.server {
            for _ in 0..how >> 4 {
                let pushed = match how & 7 {
                    0 => server.push(frame_type, payload.clone()),
                    lane => server.push_in(Lane(u64::from(lane % 3)), frame_type, payload.clone()),
                };
                if pushed == Err(SendError::WrongType) {
                    assert_eq!(frame_type, FrameType::ACK);
                }
            }
        }
    }

    fn burst(&mut self, input: &mut Input<'_>) {
        let (kind, count) = (input.octet(), input.octet());
        for number in 0..count {
            match kind % 4 {
                0 => self.hand.control(
                    FrameType::PING,
                    &payload::Ping {
                        token: number.into(),
                    },
                ),
                1 => self.hand.message(FrameType::TEXT, &Bytes::new(), 0),
                2 => self
                    .hand
                    .control(FrameType(0xE5), &payload::Ping::default()),
                _ => self.hand.control(
                    FrameType::REQUEST,
                    &payload::Request {
                        request_id: vec![number; 16].into(),
                        ..payload::Request::default()
                    },
                ),
            }
        }
    }

    /// The transport breaks; the next connection may go on with the session.
    fn lose(&mut self, input: &mut Input<'_>) {
        let how = input.octet();
        let Some(mut server) = self.server.take() else {
            return;
        };
        self.waiting.clear();
        self.hand.take();
        server.transport_closed(self.now);
        let salt = self.connections;
        while let Some(event) = server.poll_event() {
            self.app
                .on_event(&mut server, &mut self.session, event, salt);
        }
        assert!(self.app.closed && server.poll_transmit(self.now).is_none());
        let session = server.into_session();
        let gone_on = session.is_some();
        self.session = session.or_else(|| self.session.take());
        self.app.closed = false;
        self.connections = self.connections.wrapping_add(1);
        self.app.requests.clear();
        self.app.pings.clear();
        let half = std::mem::replace(&mut self.half, Half::new(Direction::Server));
        self.half = half.again();
        self.server = Some(ServerConnection::new(
            self.config.clone(),
            [0x57; 32],
            self.now,
        ));
        if how & 0x80 == 0 {
            // The hand goes on where the server is, if it goes on at all.
            self.hand.begin(if gone_on && how & 1 != 0 {
                self.app.last_ordinal
            } else {
                0
            });
            self.shake_hands(how);
        }
    }

    fn end(mut self) {
        if let Some(server) = &mut self.server {
            fire(server, self.now);
        }
        self.rest();
        let Self {
            server,
            session,
            app,
            half,
            hand,
            waiting,
            ..
        } = self;
        drop((app, half, hand, waiting));
        let kept = crate::meter::given_back(|| drop((server, session)));
        assert!(kept <= KEPT, "a connection kept {kept} octets");
    }
}

impl App {
    fn on_event(
        &mut self,
        server: &mut ServerConnection,
        session: &mut Option<ServerSession>,
        event: ServerEvent,
        number: u8,
    ) {
        assert!(!self.closed, "{event:?} after the end");
        match event {
            ServerEvent::Auth(_) | ServerEvent::AuthData(_) => {
                if self.opens {
                    let before = session.as_ref().map(ServerSession::id);
                    let outcome = server.accept(accept(number), session.take());
                    if outcome == payload::SessionOutcome::Resumed {
                        assert!(before.is_some(), "nothing to resume");
                    } else {
                        self.ordinals.clear();
                        self.last_ordinal = 0;
                    }
                }
            }
            ServerEvent::Message {
                ordinal,
                frame_type,
                payload,
            } => {
                assert!(ordinal > self.last_ordinal, "ordinals rise");
                self.last_ordinal = ordinal;
                assert!(
                    payload.len() <= frame_type.max_octets() as usize,
                    "beyond the cap"
                );
                if self.eager {
                    server.result(success(ordinal));
                } else {
                    self.ordinals.push(ordinal);
                }
            }
            ServerEvent::Request(request) => {
                if self.eager {
                    respond(server, request.request_id, 5);
                } else {
                    self.requests.push(request.request_id);
                }
            }
            ServerEvent::Ping { token } => {
                if self.eager {
                    server.pong(pong(token, 1));
                } else {
                    self.pings.push(token);
                }
            }
            ServerEvent::Cursor {
                log_epoch,
                user_seq,
            } => {
                self.cursor = (log_epoch, user_seq);
            }
            ServerEvent::Background { next_contact_ms } => {
                assert!(next_contact_ms <= 900_000);
            }
            ServerEvent::Closed(_) => self.closed = true,
            _ => {}
        }
    }
}

fn success(ordinal: u64) -> payload::Result {
    payload::Result {
        ordinal,
        conv_seq: 1,
        ..payload::Result::default()
    }
}

fn respond(server: &mut ServerConnection, request_id: Bytes, octets: usize) {
    let response = payload::Response {
        request_id,
        operation: 1,
        error: Some(ErrorInfo {
            detail: "x".repeat(octets),
            ..ErrorInfo::default()
        }),
        body: None,
    };
    // Asking in vain is no harm.
    let _ = server.respond(&response);
}

fn pong(token: u64, heads: usize) -> payload::Pong {
    payload::Pong {
        token,
        heads: vec![payload::ConversationHead::default(); heads % 100],
        ..payload::Pong::default()
    }
}

fn accept(number: u8) -> Accept {
    Accept {
        session_id: SessionId::from([number; 16]),
        user_id: UserId::from([0x11; 16]),
        user_name: "ann".into(),
        data: Bytes::new(),
        resume_token: Some([7; 32]),
        resume: Duration::from_secs(300),
        log_epoch: 1,
        user_seq: 0,
        server_time_ms: 1,
        connection_generation: 1,
    }
}

fn frame(frame_type: FrameType, payload: Bytes) -> Bytes {
    let frame = Frame {
        version: 1,
        frame_type,
        sequence: 0,
        compression: eim_codec::registry::Compression::NONE,
        payload,
    };
    let mut octets = bytes::BytesMut::new();
    encode_frame(&frame, &mut octets).expect("a short frame");
    octets.freeze()
}

/// The binding of the handshake, as a client computes it.
fn bind(hello: &Bytes, welcome: &Frame) -> [u8; 32] {
    let mut octets = bytes::BytesMut::new();
    encode_frame(welcome, &mut octets).expect("a short frame");
    let mut decoder = Decoder::new(DecoderLimits::handshake());
    decoder.feed(octets.clone().freeze());
    assert!(matches!(decoder.next(), Ok(Decoded::Frame(_))));
    binding::transcript(hello, &octets)
}
