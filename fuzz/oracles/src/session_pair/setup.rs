//! Configurations of both sides, from the first octets of an input. Zeros are the defaults.

use std::sync::Arc;
use std::time::Duration;

use eim_codec::connection::{ClientConfig, Queue, Reassembly, ServerConfig, WindowSize};
use eim_codec::registry::{Capability, Compression};

use crate::input::Input;

/// What both sides are configured with.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
}

impl Setup {
    pub(super) fn read(input: &mut Input<'_>) -> Self {
        let shared = Shared::read(input);
        let mut client = ClientConfig::default();
        client.window = window(input);
        client.max_frame_octets = max_frame(input);
        client.queue = queue(input);
        client.reassembly = reassembly(input);
        client.requests_in_flight = shared.requests;
        client.requests_queued = 20;
        client.compressions.rotate_left(shared.algorithm % 3);
        let mut server = ServerConfig::default();
        server.window = window(input);
        server.max_frame_octets = max_frame(input);
        server.queue = queue(input);
        server.reassembly = reassembly(input);
        server.mechanisms = ["SCRAM-SHA-256", "EIM-RESUME"].map(String::from).into();
        server.confidential = true;
        server.requests_in_flight = shared.requests;
        server.unsettled_results = shared.unsettled;
        server.heartbeat = shared.heartbeat;
        if shared.algorithm == 3 {
            client.compressions = Vec::new();
        } else {
            client.compressions.extend([Compression(0x77)]);
        }
        if !shared.fragments {
            server
                .capabilities
                .retain(|it| *it != Capability::FRAGMENTS);
        }
        for (policy, grease) in [
            (&mut client.compression, &mut client.grease),
            (&mut server.compression, &mut server.grease),
        ] {
            policy.from_octets = shared.compress_from;
            policy.dictionary_from_octets = shared.compress_from / 4;
            *grease = shared.grease;
        }
        Self {
            client: Arc::new(client),
            server: Arc::new(server),
        }
    }
}

struct Shared {
    fragments: bool,
    grease: bool,
    algorithm: usize,
    compress_from: u32,
    unsettled: u32,
    requests: u32,
    heartbeat: Duration,
}

impl Shared {
    fn read(input: &mut Input<'_>) -> Self {
        let bits = input.octet();
        Self {
            fragments: bits & 1 == 0,
            grease: bits & 2 != 0,
            compress_from: if bits & 4 == 0 { 1_024 } else { 16 },
            unsettled: if bits & 8 == 0 { 4_096 } else { 64 },
            requests: if bits & 16 == 0 { 16 } else { 1 },
            heartbeat: Duration::from_secs(if bits & 32 == 0 { 45 } else { 1 }),
            algorithm: usize::from(bits >> 6),
        }
    }
}

fn window(input: &mut Input<'_>) -> WindowSize {
    WindowSize {
        frames: input.pick(&[64, 1, 2, 3, 8, 1_024]),
        octets: input.pick(&[1 << 20, 0, 80_000, 200_000]),
    }
}

fn max_frame(input: &mut Input<'_>) -> u32 {
    input.pick(&[65_536, 16_384, 20_000, 1 << 20])
}

fn queue(input: &mut Input<'_>) -> Queue {
    Queue {
        messages: input.pick(&[1_024, 1, 2, 5]),
        octets: input.pick(&[4 << 20, 1, 30_000]),
        retained_octets: input.pick(&[4 << 20, 0, 40_000]),
    }
}

fn reassembly(input: &mut Input<'_>) -> Reassembly {
    Reassembly {
        messages: input.pick(&[4, 1]),
        octets: input.pick(&[2_228_224, 65_536]),
    }
}
