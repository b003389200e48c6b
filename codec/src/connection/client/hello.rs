//! The client before WELCOME.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::{Bytes, BytesMut};

use super::auth::Welcomed;
use crate::connection::ClientConfig;
use crate::connection::agreed::{Agreed, Capabilities, algorithm, own_max, pick, usable};
use crate::connection::binding;
use crate::connection::line::Line;
use crate::connection::live::decode;
use crate::connection::policy::Algorithms;
use crate::connection::violation::Violation;
use crate::encoder::Encoder;
use crate::frame::{Frame, encode_frame};
use crate::limits::{CompressionSet, VERSION};
use crate::payload::{Hello, Welcome};
use crate::registry::{Capability, Compression, FrameType, limits};
use crate::time::Timestamp;

/// HELLO was queued, WELCOME has not come.
#[derive(Debug)]
pub(super) struct AwaitWelcome {
    hello: Hello,
    pub(super) deadline: Timestamp,
}

impl AwaitWelcome {
    /// Queues HELLO.
    // impl[EIM-CON-001, EIM-CON-005, EIM-CON-007, EIM-VER-007]
    pub(super) fn start(config: &ClientConfig, nonce: [u8; 32], line: &mut Line) -> Self {
        let mut compressions: Vec<u32> = usable(&config.compressions)
            .map(|compression| u32::from(compression.0))
            .collect();
        let mut capabilities: Vec<u32> = config
            .capabilities
            .iter()
            .map(|capability| capability.0)
            .collect();
        // impl[EIM-EXT-014]
        if config.grease {
            let [first, second, ..] = nonce;
            compressions.extend(pick(Compression::GREASE, first).map(|value| u32::from(value.0)));
            capabilities.extend(pick(Capability::GREASE, second).map(|value| value.0));
        }
        let hello = Hello {
            versions: [u32::from(VERSION)].into(),
            compressions,
            capabilities,
            max_frame_octets: own_max(config.max_frame_octets),
            implementation: String::from(&*config.implementation),
            nonce: Bytes::copy_from_slice(&nonce),
        };
        // Lists of a configuration that do not fit the handshake would be a fault of the program.
        let _ = line.put(FrameType::HELLO, &hello);
        Self {
            hello,
            deadline: line.now.saturating_add(config.handshake),
        }
    }

    /// Takes WELCOME.
    pub(super) fn welcome(
        self,
        frame: &Frame,
        config: &ClientConfig,
        line: &mut Line,
    ) -> Result<(Welcomed, Welcome), Violation> {
        let welcome: Welcome = decode(frame)?;
        self.check(&welcome)?;
        let compressions: CompressionSet = welcome
            .compressions
            .iter()
            .filter_map(|number| algorithm(*number))
            .collect();
        let agreed = Agreed {
            version: VERSION,
            compressions,
            algorithms: Algorithms::first_of(
                usable(&config.compressions).filter(|one| compressions.contains(*one)),
            ),
            capabilities: welcome
                .capabilities
                .iter()
                .copied()
                .map(Capability)
                .collect::<Capabilities>(),
            own_max: own_max(config.max_frame_octets),
            // impl[EIM-CON-009]
            peer_max: welcome.max_frame_octets.min(limits::FRAME_OCTETS.maximum),
            send_only: false,
        };
        let handshake = limits::HANDSHAKE_FRAME_OCTETS.default;
        line.encoder = Encoder::new(agreed.version, agreed.peer_max.min(handshake));
        let welcomed = Welcomed {
            agreed,
            transcript: self.transcript(frame),
            heartbeat: Duration::from_millis(welcome.heartbeat_ms.into()),
            deadline: self.deadline,
        };
        Ok((welcomed, welcome))
    }

    // impl[EIM-CON-006, EIM-CON-008, EIM-VER-012, EIM-VER-017, EIM-VER-018, EIM-HBT-002]
    fn check(&self, welcome: &Welcome) -> Result<(), Violation> {
        let heartbeat = limits::HEARTBEAT_MS;
        let grease = |number: &u32| {
            Compression::GREASE
                .iter()
                .any(|value| u32::from(value.0) == *number)
        };
        let unoffered = |number: &u32| {
            *number != 0 && (!self.hello.compressions.contains(number) || grease(number))
        };
        let unknown = |number: &u32| {
            !self.hello.capabilities.contains(number)
                || Capability::GREASE.iter().any(|value| value.0 == *number)
        };
        let wrong = if !self.hello.versions.contains(&welcome.version) {
            "a version that was not offered"
        } else if welcome.compressions.iter().any(unoffered) {
            "a compression that was not offered"
        } else if welcome.capabilities.iter().any(unknown) {
            "a capability that was not offered"
        } else if welcome.max_frame_octets < limits::FRAME_OCTETS.minimum {
            "a frame limit below the minimum"
        } else if welcome.nonce.len() != self.hello.nonce.len() {
            "a nonce that is not 32 octets"
        } else if !heartbeat.allows(welcome.heartbeat_ms.into()) {
            "a heartbeat interval outside its bounds"
        } else {
            return Ok(());
        };
        Err(Violation::value(alloc::format!("WELCOME has {wrong}")))
    }

    /// The binding of both frames, as sent and received.
    fn transcript(&self, welcome: &Frame) -> [u8; 32] {
        let (mut sent, mut received) = (BytesMut::new(), BytesMut::new());
        // Both were encoded or decoded before with these limits.
        let _ = Encoder::default().message(FrameType::HELLO, 0, &self.hello, &mut sent);
        let _ = encode_frame(welcome, &mut received);
        binding::transcript(&sent, &received)
    }
}
