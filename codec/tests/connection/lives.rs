//! Sessions with random cuts.

use std::time::Duration;

use eim_codec::connection::{ClientConfig, ClientEvent, SendId, ServerConfig, WindowSize};
use eim_codec::payload::{Cursor, SessionOutcome};
use eim_codec::registry::FrameType;
use prost::Message;

use super::pair::{Pair, Split, client_config, push, random, send, server_config};

/// Octets that do not compress, different for each number.
fn body(number: u64, octets: u64) -> String {
    let mut seed = number + 1;
    let mut text = format!("{number}:");
    while u64::try_from(text.len()).unwrap() < octets {
        text.push_str(&format!("{:x}", random(&mut seed)));
    }
    text
}

/// One session with random cuts: both directions, small and fragmented, any split.
struct Life {
    seed: u64,
    state: u64,
    pair: Pair,
    sent: Vec<String>,
    pushed: Vec<String>,
    ids: Vec<SendId>,
}

impl Life {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            pair: Pair::open_with(Self::client(), Self::server()),
            sent: Vec::new(),
            pushed: Vec::new(),
            ids: Vec::new(),
        }
    }

    fn server() -> ServerConfig {
        let mut config = server_config();
        config.window = WindowSize {
            frames: 8,
            octets: 0,
        };
        config
    }

    fn client() -> ClientConfig {
        let mut config = client_config();
        config.window = WindowSize {
            frames: 5,
            octets: 0,
        };
        config
    }

    fn next(&mut self, below: u64) -> u64 {
        random(&mut self.state) % below
    }

    fn few(&mut self) -> usize {
        usize::try_from(self.next(3)).unwrap()
    }

    fn body(&mut self, number: usize) -> String {
        let octets = if self.next(5) == 0 {
            70_000 + self.next(60_000)
        } else {
            self.next(200)
        };
        body(u64::try_from(number).unwrap(), octets)
    }

    /// One connection: traffic, then a cut, then the beginning of the next.
    fn connection(mut self, round: u64) -> Self {
        self.pair.to_server.split = Split::Random(self.seed + round + 1);
        if self.next(2) == 0 {
            self.pair.to_client.split = Split::Random(self.seed + 99);
        }
        // What is refused was given while the handshake was under way.
        for _ in 0..self.next(6) {
            let text = self.body(self.sent.len());
            if let Ok(id) = self.pair.client.send(FrameType::CUSTOM, send(&text)) {
                self.ids.push(id);
                self.sent.push(text);
            }
        }
        for _ in 0..self.next(6) {
            let text = self.body(self.pushed.len());
            if self
                .pair
                .server
                .push(FrameType::CUSTOM, push(&text))
                .is_ok()
            {
                self.pushed.push(text);
            }
        }
        for _ in 0..self.next(400) {
            self.pair.step();
        }
        let (up, down) = (self.few(), self.few());
        let pair = &mut self.pair;
        pair.to_server.cut(up);
        pair.to_client.cut(down);
        while pair.to_server.in_flight() + pair.to_client.in_flight() > 0 && pair.step() {}
        self.pair = Pair::again(Self::client(), Self::server(), self.pair.lose());
        self
    }

    /// After the last cut everything arrives.
    fn end(self) {
        let Self {
            seed,
            mut pair,
            sent,
            pushed,
            ids,
            ..
        } = self;
        pair.advance(Duration::from_secs(2));
        assert_eq!(pair.client_closed(), None, "seed {seed}");
        assert_eq!(pair.outcome, SessionOutcome::Resumed, "seed {seed}");
        let forgotten = |event: &ClientEvent| matches!(event, ClientEvent::Forgotten(_));
        assert!(
            !pair.client_events.iter().any(forgotten),
            "seed {seed}: never fresh"
        );
        assert!(
            pair.messages() == sent,
            "seed {seed}: messages lost, doubled or misplaced"
        );
        assert!(
            pair.pushes() == pushed,
            "seed {seed}: pushes lost, doubled or misplaced"
        );
        let answered: Vec<SendId> = pair.results().iter().map(|(send, _)| *send).collect();
        assert_eq!(answered, ids, "seed {seed}: results");
        let frames = pair.to_server.frames();
        let cursors = frames
            .iter()
            .filter(|frame| frame.frame_type == FrameType::CURSOR);
        if let Some(cursor) = cursors.last() {
            let cursor = Cursor::decode(cursor.payload.clone()).unwrap();
            let last = pair
                .results()
                .last()
                .map_or(0, |(_, result)| result.ordinal);
            assert_eq!(cursor.settled_through, last, "seed {seed}");
        }
    }
}

fn life(seed: u64) {
    (0..12).fold(Life::new(seed), Life::connection).end();
}

#[test]
fn sessions_survive_cuts_anywhere() {
    let first = std::env::var("EIM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    match first {
        Some(seed) => life(seed),
        None => (1..=200).for_each(life),
    }
}
