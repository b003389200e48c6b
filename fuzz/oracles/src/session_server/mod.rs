//! A real server connection and a peer that is mostly right: frames with good headers and any
//! payload, well-formed frames with odd numbers, octets, time, and calls of the application in any
//! order. After every operation the invariants of `half` hold, and those of events here.
//!
//! The input: a configuration of one octet, then operations of one octet and their arguments.

mod app;
mod peer;

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

use self::app::{App, bind, success};
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
        // What had arrived is looked at first, as fast as the application makes room.
        while !self.app.closed {
            match server.poll_event() {
                Some(event) => self
                    .app
                    .on_event(&mut server, &mut self.session, event, salt),
                None => {
                    let ordinal = self.app.ordinals.pop().expect("paused for nothing");
                    server.result(success(ordinal));
                }
            }
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
