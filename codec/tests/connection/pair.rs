//! The harness: a client and a server connection in memory, with a clock that jumps.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use eim_codec::connection::client::{AuthStart, ClientConnection, ClientSession, Resume};
use eim_codec::connection::server::{Accept, ServerConnection, ServerSession};
use eim_codec::connection::{
    ClientConfig, ClientEvent, CloseReason, Endpoint, SendId, ServerConfig, ServerEvent,
};
use eim_codec::id::{SessionId, UserId};
use eim_codec::payload;
use eim_codec::registry::{Compression, ErrorCode, FrameType};
use eim_codec::time::Timestamp;
use eim_codec::{Frame, encode_frame};
use prost::Message;

pub(crate) use super::wire::{Split, Wire, frames, random};

pub(crate) const NONCES: [[u8; 32]; 2] = [[0x6e; 32], [0x57; 32]];

/// A client, a server, the wire between them, and what both told their applications.
pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
    pub(crate) now: Timestamp,
    pub(crate) to_server: Wire,
    pub(crate) to_client: Wire,
    pub(crate) client_events: Vec<ClientEvent>,
    pub(crate) server_events: Vec<ServerEvent>,
    /// What the client says when it is welcomed.
    pub(crate) start: Option<AuthStart>,
    /// What the server answers to AUTH; with the session it has kept.
    pub(crate) accept: Option<(Accept, Option<ServerSession>)>,
    pub(crate) outcome: payload::SessionOutcome,
    /// The server answers messages at once, the client settles results and consumes pushes.
    pub(crate) obliging: bool,
    /// Neither side reads or writes.
    pub(crate) stalled: bool,
}

pub(crate) fn client_config() -> ClientConfig {
    ClientConfig::default()
}

pub(crate) fn server_config() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.mechanisms = ["SCRAM-SHA-256", "EIM-RESUME"].map(String::from).into();
    config.confidential = true;
    config
}

pub(crate) fn start() -> AuthStart {
    AuthStart {
        mechanism: "SCRAM-SHA-256".into(),
        data: Bytes::from_static(b"n,,n=ann,r=x"),
        device: payload::Device {
            device_id: Bytes::from_static(&[0xd1; 16]),
            class: payload::DeviceClass::Terminal.into(),
            name: "test".into(),
        },
        mode: payload::AttachMode::Full,
        log_epoch: 1,
        user_seq: 0,
        resume: Resume::No,
    }
}

pub(crate) fn accept(session: u8) -> Accept {
    Accept {
        session_id: SessionId::from([session; 16]),
        user_id: UserId::from([0x11; 16]),
        user_name: "ann".into(),
        data: Bytes::from_static(b"v=signature"),
        resume_token: Some([7; 32]),
        resume: Duration::from_secs(300),
        log_epoch: 1,
        user_seq: 0,
        server_time_ms: 1_700_000_000_000,
        connection_generation: 1,
    }
}

impl Pair {
    pub(crate) fn new(client: ClientConfig, server: ServerConfig) -> Self {
        let now = Timestamp::from_micros(1_000_000);
        Self {
            client: ClientConnection::new(client, NONCES[0], now),
            server: ServerConnection::new(server, NONCES[1], now),
            now,
            to_server: Wire::new(),
            to_client: Wire::new(),
            client_events: Vec::new(),
            server_events: Vec::new(),
            start: Some(start()),
            accept: Some((accept(1), None)),
            outcome: payload::SessionOutcome::Unspecified,
            obliging: true,
            stalled: false,
        }
    }

    /// An open connection with default settings.
    pub(crate) fn open() -> Self {
        Self::open_with(client_config(), server_config())
    }

    pub(crate) fn open_with(client: ClientConfig, server: ServerConfig) -> Self {
        let mut pair = Self::new(client, server);
        pair.run();
        assert_eq!(
            pair.outcome,
            payload::SessionOutcome::Fresh,
            "{:?}",
            pair.client_events
        );
        pair.forget();
        pair
    }

    /// Drops what was recorded.
    pub(crate) fn forget(&mut self) {
        self.client_events.clear();
        self.server_events.clear();
        self.to_server.log.clear();
        self.to_client.log.clear();
    }

    /// Lets everything happen that happens without time passing.
    pub(crate) fn run(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the connections never come to rest");
    }

    /// Lets time pass, stopping at every deadline and arrival.
    pub(crate) fn advance(&mut self, duration: Duration) {
        let end = self.now.saturating_add(duration);
        self.run();
        while let Some(next) = self.next_time().filter(|next| *next <= end) {
            assert!(
                next > self.now || self.stalled,
                "a deadline that stays in the past"
            );
            self.now = self.now.max(next);
            self.fire();
            self.run();
        }
        self.now = end;
        self.fire();
        self.run();
    }

    fn fire(&mut self) {
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
    }

    fn next_time(&self) -> Option<Timestamp> {
        let wires = [
            (&self.to_server, self.server.wants_read()),
            (&self.to_client, self.client.wants_read()),
        ];
        let arrivals = wires.map(|(wire, reads)| {
            let next = wire.in_flight.front().filter(|_| reads);
            next.map(|(at, _)| *at)
        });
        let times = [self.client.poll_timeout(), self.server.poll_timeout()];
        arrivals
            .into_iter()
            .filter(|_| !self.stalled)
            .chain(times)
            .flatten()
            .min()
    }

    /// One round; `false` when nothing happened.
    pub(crate) fn step(&mut self) -> bool {
        let mut progress = false;
        while let Some(event) = self.client.poll_event() {
            self.on_client_event(event);
            progress = true;
        }
        while let Some(event) = self.server.poll_event() {
            self.on_server_event(event);
            progress = true;
        }
        if self.stalled {
            return progress;
        }
        while let Some(chunk) = self.client.poll_transmit(self.now) {
            self.to_server.send(self.now, chunk);
            progress = true;
        }
        while let Some(chunk) = self.server.poll_transmit(self.now) {
            self.to_client.send(self.now, chunk);
            progress = true;
        }
        for (wire, closed) in [
            (&mut self.to_server, self.server.is_closed()),
            (&mut self.to_client, self.client.is_closed()),
        ] {
            if closed {
                wire.cut(0);
            }
        }
        if self.server.wants_read()
            && let Some(octets) = self.to_server.arrive(self.now)
        {
            self.server.receive(self.now, octets);
            progress = true;
        }
        if self.client.wants_read()
            && let Some(octets) = self.to_client.arrive(self.now)
        {
            self.client.receive(self.now, octets);
            progress = true;
        }
        progress
    }

    fn on_client_event(&mut self, event: ClientEvent) {
        match &event {
            ClientEvent::Welcome(_) => {
                if let Some(start) = self.start.take() {
                    self.client.authenticate(start);
                }
            }
            ClientEvent::Result { send, .. } if self.obliging => self.client.settle(*send),
            ClientEvent::Push { ordinal, .. } if self.obliging => self.client.consumed(*ordinal),
            _ => {}
        }
        self.client_events.push(event);
    }

    fn on_server_event(&mut self, event: ServerEvent) {
        match &event {
            ServerEvent::Auth(_) => {
                if let Some((accept, session)) = self.accept.take() {
                    self.outcome = self.server.accept(accept, session);
                }
            }
            ServerEvent::Ping { token } => {
                self.server.pong(payload::Pong {
                    token: *token,
                    ..Default::default()
                });
            }
            ServerEvent::Message { ordinal, .. } if self.obliging => {
                self.server.result(success(*ordinal));
            }
            _ => {}
        }
        self.server_events.push(event);
    }

    /// Octets straight to the server, as if the client had sent them.
    pub(crate) fn inject(&mut self, octets: impl Into<Bytes>) {
        self.server.receive(self.now, octets.into());
        self.run();
    }

    /// Octets straight to the client, as if the server had sent them.
    pub(crate) fn inject_to_client(&mut self, octets: impl Into<Bytes>) {
        self.client.receive(self.now, octets.into());
        self.run();
    }

    pub(crate) fn send(&mut self, text: &str) -> SendId {
        self.client.send(FrameType::TEXT, send(text)).unwrap()
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.server.push(FrameType::TEXT, push(text)).unwrap();
    }

    /// Payloads of the messages the server got.
    pub(crate) fn messages(&self) -> Vec<String> {
        let events = self.server_events.iter();
        let payloads = events.filter_map(|event| match event {
            ServerEvent::Message { payload, .. } => Some(text_of(payload)),
            _ => None,
        });
        payloads.collect()
    }

    /// Payloads of the pushes the client got.
    pub(crate) fn pushes(&self) -> Vec<String> {
        let events = self.client_events.iter();
        let payloads = events.filter_map(|event| match event {
            ClientEvent::Push { payload, .. } => {
                let push = payload::Push::decode(payload.clone()).unwrap();
                Some(String::from_utf8(push.entry.unwrap().body.to_vec()).unwrap())
            }
            _ => None,
        });
        payloads.collect()
    }

    /// Messages with their results, in the order these came.
    pub(crate) fn results(&self) -> Vec<(SendId, payload::Result)> {
        let events = self.client_events.iter();
        let results = events.filter_map(|event| match event {
            ClientEvent::Result { send, result, .. } => Some((*send, result.clone())),
            _ => None,
        });
        results.collect()
    }

    pub(crate) fn client_closed(&self) -> Option<&CloseReason> {
        self.client_events.iter().find_map(|event| match event {
            ClientEvent::Closed(reason) => Some(reason),
            _ => None,
        })
    }

    pub(crate) fn server_closed(&self) -> Option<&CloseReason> {
        self.server_events.iter().find_map(|event| match event {
            ServerEvent::Closed(reason) => Some(reason),
            _ => None,
        })
    }

    /// The code the server closed with; the client was told the same.
    pub(crate) fn assert_server_closes(&self, code: ErrorCode) {
        let reason = self.server_closed().expect("the server closed");
        assert_eq!(reason.code, Some(code), "{reason:?}");
        let last = self.to_client.frames().pop().expect("an ERROR");
        assert_eq!(last.frame_type, FrameType::ERROR);
        let error = payload::Error::decode(last.payload).unwrap();
        assert_eq!(error.info.unwrap().code, u32::from(code.0));
    }

    pub(crate) fn assert_client_closes(&self, code: ErrorCode) {
        let reason = self.client_closed().expect("the client closed");
        assert_eq!(reason.code, Some(code), "{reason:?}");
        let last = self.to_server.frames().pop().expect("an ERROR");
        assert_eq!(last.frame_type, FrameType::ERROR);
    }

    /// Both sides lose the transport: what is left of their sessions.
    pub(crate) fn lose(mut self) -> Parted {
        self.client.transport_closed(self.now);
        self.server.transport_closed(self.now);
        self.stalled = true;
        self.run();
        // A handshake that did not get that far leaves the sessions where they were.
        let unused = self.start.and_then(|start| match start.resume {
            Resume::Session(session) => Some(session),
            _ => None,
        });
        self.client_events
            .retain(|event| !matches!(event, ClientEvent::Closed(_)));
        self.server_events
            .retain(|event| !matches!(event, ServerEvent::Closed(_)));
        Parted {
            client: self.client.into_session().or(unused),
            server: self
                .server
                .into_session()
                .or_else(|| self.accept.and_then(|(_, session)| session)),
            client_events: self.client_events,
            server_events: self.server_events,
        }
    }

    /// The next connection of the session, handshake under way.
    pub(crate) fn again(client: ClientConfig, server: ServerConfig, parted: Parted) -> Self {
        let mut pair = Self::new(client, server);
        pair.start = Some(AuthStart {
            mechanism: "EIM-RESUME".into(),
            resume: parted.client.map_or(Resume::No, Resume::Session),
            ..start()
        });
        pair.accept = Some((accept(2), parted.server));
        pair.client_events = parted.client_events;
        pair.server_events = parted.server_events;
        pair
    }
}

/// What two sides are left with.
pub(crate) struct Parted {
    pub(crate) client: Option<ClientSession>,
    pub(crate) server: Option<ServerSession>,
    pub(crate) client_events: Vec<ClientEvent>,
    pub(crate) server_events: Vec<ServerEvent>,
}

pub(crate) fn send(text: &str) -> Bytes {
    let message = payload::Send {
        body: Bytes::copy_from_slice(text.as_bytes()),
        ..Default::default()
    };
    message.encode_to_vec().into()
}

pub(crate) fn push(text: &str) -> Bytes {
    let body = Bytes::copy_from_slice(text.as_bytes());
    let entry = Some(payload::Entry {
        body,
        ..Default::default()
    });
    payload::Push {
        entry,
        ..Default::default()
    }
    .encode_to_vec()
    .into()
}

fn text_of(payload: &Bytes) -> String {
    let message = payload::Send::decode(payload.clone()).unwrap();
    String::from_utf8(message.body.to_vec()).unwrap()
}

pub(crate) fn success(ordinal: u64) -> payload::Result {
    payload::Result {
        ordinal,
        conv_seq: ordinal,
        time_ms: 1,
        user_seq: ordinal,
        error: None,
    }
}

/// A frame by hand.
pub(crate) fn raw(frame_type: FrameType, sequence: u32, payload: impl Into<Bytes>) -> Bytes {
    let frame = Frame {
        version: 1,
        frame_type,
        sequence,
        compression: Compression::NONE,
        payload: payload.into(),
    };
    let mut octets = BytesMut::new();
    encode_frame(&frame, &mut octets).unwrap();
    octets.freeze()
}

/// A control frame by hand.
pub(crate) fn control(frame_type: FrameType, message: &impl Message) -> Bytes {
    raw(frame_type, 0, message.encode_to_vec())
}
