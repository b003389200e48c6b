//! A real client connection and a server that is mostly right: the counterpart of
//! [`crate::session_server`]. Besides the invariants of `half`: one result for one message,
//! and no message is forgotten without a word.
//!
//! The input: a configuration of one octet, then operations of one octet and their arguments.

mod app;
mod peer;

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

use self::app::App;
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

    /// The transport breaks; the next connection may go on with the session.
    fn lose(&mut self, input: &mut Input<'_>) {
        let how = input.octet();
        let Some(mut client) = self.client.take() else {
            return;
        };
        self.waiting.clear();
        self.hand.take();
        client.transport_closed(self.now);
        // What had arrived is looked at first, as fast as the application makes room.
        while self.app.closed.is_none() {
            match client.poll_event() {
                Some(event) => self.app.on_event(&mut client, event),
                None => client.consumed(self.app.ordinals.pop().expect("paused for nothing")),
            }
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
