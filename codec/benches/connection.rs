//! What a connection costs for each message, both sides together, without sockets and without a store:
//! send, result and settlement; push and credit.

use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eim_codec::connection::client::{AuthStart, ClientConnection, Resume};
use eim_codec::connection::server::{Accept, ServerConnection};
use eim_codec::connection::{ClientConfig, ClientEvent, Endpoint, ServerConfig, ServerEvent};
use eim_codec::id::{SessionId, UserId};
use eim_codec::payload;
use eim_codec::registry::FrameType;
use eim_codec::time::Timestamp;

/// Messages under way at once.
const BATCH: u64 = 16;

struct Pair {
    client: ClientConnection,
    server: ServerConnection,
    now: Timestamp,
    settled: u64,
    consumed: u64,
}

impl Pair {
    fn open() -> Self {
        let mut config = ServerConfig::default();
        config.mechanisms = vec!["NONE".into()];
        let now = Timestamp::ZERO;
        let client = ClientConnection::new(ClientConfig::default(), [1; 32], now);
        let server = ServerConnection::new(config, [2; 32], now);
        let mut pair = Self {
            client,
            server,
            now,
            settled: 0,
            consumed: 0,
        };
        for _ in 0..8 {
            pair.round();
        }
        pair
    }

    fn round(&mut self) {
        self.now = self.now.saturating_add(Duration::from_micros(500));
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Welcome(_) => self.client.authenticate(start()),
                ClientEvent::Result { send, .. } => {
                    self.client.settle(send);
                    self.settled += 1;
                }
                ClientEvent::Push { ordinal, .. } => {
                    self.client.consumed(ordinal);
                    self.consumed += 1;
                }
                ClientEvent::Closed(reason) => panic!("{reason:?}"),
                _ => {}
            }
        }
        while let Some(event) = self.server.poll_event() {
            match event {
                ServerEvent::Auth(_) => {
                    self.server.accept(accept(), None);
                }
                ServerEvent::Message { ordinal, .. } => self.server.result(payload::Result {
                    ordinal,
                    conv_seq: ordinal,
                    time_ms: 1_767_225_600_000,
                    user_seq: ordinal,
                    error: None,
                }),
                _ => {}
            }
        }
        while let Some(chunk) = self.client.poll_transmit(self.now) {
            self.server.receive(self.now, chunk);
        }
        while let Some(chunk) = self.server.poll_transmit(self.now) {
            self.client.receive(self.now, chunk);
        }
    }
}

fn start() -> AuthStart {
    AuthStart {
        mechanism: "NONE".into(),
        data: Bytes::new(),
        device: payload::Device {
            device_id: vec![1; 16].into(),
            ..Default::default()
        },
        mode: payload::AttachMode::Full,
        log_epoch: 1,
        user_seq: 0,
        resume: Resume::No,
    }
}

fn accept() -> Accept {
    Accept {
        session_id: SessionId::from([1; 16]),
        user_id: UserId::from([2; 16]),
        user_name: "ann".into(),
        data: Bytes::new(),
        resume_token: None,
        resume: Duration::ZERO,
        log_epoch: 1,
        user_seq: 0,
        server_time_ms: 0,
        connection_generation: 1,
    }
}

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("connection");
    group.throughput(Throughput::Elements(BATCH));
    let payload = Bytes::from(vec![7; 200]);
    let mut pair = Pair::open();
    group.bench_function("send, result, settle: 16 x 200 octets", |bencher| {
        bencher.iter(|| {
            let due = pair.settled + BATCH;
            for _ in 0..BATCH {
                pair.client
                    .send(FrameType::TEXT, payload.clone())
                    .expect("there is room");
            }
            while pair.settled < due {
                pair.round();
            }
        });
    });
    let mut pair = Pair::open();
    group.bench_function("push, consume: 16 x 200 octets", |bencher| {
        bencher.iter(|| {
            let due = pair.consumed + BATCH;
            for _ in 0..BATCH {
                pair.server
                    .push(FrameType::TEXT, payload.clone())
                    .expect("there is room");
            }
            while pair.consumed < due {
                pair.round();
            }
        });
    });
    group.finish();
}

criterion_group!(benches, messages);
criterion_main!(benches);
