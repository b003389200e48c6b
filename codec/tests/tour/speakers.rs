//! A client and a server with fixed nonces and a virtual clock, and what they say.

use std::time::Duration;

use bytes::Bytes;
use eim_codec::connection::client::ClientConnection;
use eim_codec::connection::server::ServerConnection;
use eim_codec::connection::{ClientConfig, ClientEvent, Endpoint, ServerConfig, ServerEvent};
use eim_codec::registry::{Capability, Compression};
use eim_codec::time::Timestamp;
use eim_codec::{Decoded, Decoder, DecoderLimits, Frame};

/// Both sides, and the frames said since the last look.
pub(crate) struct Speakers {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
    pub(crate) client_events: Vec<ClientEvent>,
    pub(crate) server_events: Vec<ServerEvent>,
    /// Frames in the order they left; true when the client said it.
    said: Vec<(bool, Frame)>,
    now: Timestamp,
}

impl Speakers {
    pub(crate) fn new() -> Self {
        let mut client = ClientConfig::default();
        client.implementation = "tour-client/1".into();
        client.compressions = vec![Compression::ZSTD];
        client.capabilities = vec![Capability::RESUME, Capability::FRAGMENTS];
        let mut server = ServerConfig::default();
        server.implementation = "tour-server/1".into();
        server.mechanisms = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "EIM-RESUME"]
            .map(String::from)
            .into();
        server.confidential = true;
        server.compressions = vec![Compression::ZSTD];
        let now = Timestamp::ZERO;
        let nonces = [0xc0, 0x50].map(|first: u8| std::array::from_fn(|place| first + nth(place)));
        Self {
            client: ClientConnection::new(client, nonces[0], now),
            server: ServerConnection::new(server, nonces[1], now),
            client_events: Vec::new(),
            server_events: Vec::new(),
            said: Vec::new(),
            now,
        }
    }

    /// Frames said since the last call.
    pub(crate) fn listen(&mut self) -> Vec<(bool, Frame)> {
        self.run();
        std::mem::take(&mut self.said)
    }

    /// Lets octets flow until both are silent, without answering events.
    pub(crate) fn run(&mut self) {
        loop {
            let before = self.said.len();
            self.client_events
                .extend(std::iter::from_fn(|| self.client.poll_event()));
            self.server_events
                .extend(std::iter::from_fn(|| self.server.poll_event()));
            while let Some(chunk) = self.client.poll_transmit(self.now) {
                self.said
                    .extend(frames(&chunk).into_iter().map(|frame| (true, frame)));
                self.server.receive(self.now, chunk);
            }
            while let Some(chunk) = self.server.poll_transmit(self.now) {
                self.said
                    .extend(frames(&chunk).into_iter().map(|frame| (false, frame)));
                self.client.receive(self.now, chunk);
            }
            if self.said.len() == before {
                return;
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, duration: Duration) {
        self.run();
        self.now = self.now.saturating_add(duration);
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        self.run();
    }
}

fn nth(place: usize) -> u8 {
    u8::try_from(place).expect("a nonce has 32 octets")
}

fn frames(octets: &Bytes) -> Vec<Frame> {
    let mut decoder = Decoder::new(DecoderLimits::default());
    decoder.feed(octets.clone());
    let mut frames = Vec::new();
    while let Decoded::Frame(frame) = decoder.next().expect("connections say frames") {
        frames.push(frame);
    }
    frames
}
