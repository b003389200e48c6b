//! The server before HELLO.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use super::auth::AwaitAuth;
use crate::connection::ServerConfig;
use crate::connection::agreed::{Agreed, Capabilities, algorithm, own_max, usable};
use crate::connection::binding;
use crate::connection::line::Line;
use crate::connection::live::decode;
use crate::connection::policy::Algorithms;
use crate::connection::violation::Violation;
use crate::encoder::Encoder;
use crate::frame::{Frame, encode_frame};
use crate::limits::{CompressionSet, VERSION};
use crate::payload::{Hello, Welcome};
use crate::registry::{Capability, Compression, ErrorCode, FrameType, limits};
use crate::time::Timestamp;

/// The mechanism whose message is a resume token.
pub(super) const EIM_RESUME: &str = "EIM-RESUME";
/// The mechanism whose message is the token of a bot.
pub(super) const EIM_TOKEN: &str = "EIM-TOKEN";

/// Octets of a nonce.
const NONCE_OCTETS: usize = 32;

/// The transport is there, HELLO has not come.
#[derive(Debug)]
pub(super) struct AwaitHello {
    pub(super) nonce: [u8; NONCE_OCTETS],
    pub(super) deadline: Timestamp,
    /// Frames received.
    pub(super) frames: u32,
}

impl AwaitHello {
    /// Takes HELLO and queues WELCOME.
    // impl[EIM-CON-003, EIM-VER-008, EIM-VER-009, EIM-VER-014, EIM-VER-015, EIM-VER-016]
    pub(super) fn hello(
        self,
        frame: &Frame,
        config: &ServerConfig,
        line: &mut Line,
    ) -> Result<AwaitAuth, Violation> {
        let hello: Hello = decode(frame)?;
        check(&hello)?;
        let offered: CompressionSet = hello
            .compressions
            .iter()
            .filter_map(|number| algorithm(*number))
            .collect();
        let selected: Vec<Compression> = usable(&config.compressions)
            .filter(|one| offered.contains(*one))
            .collect();
        let capabilities: Vec<Capability> = config
            .capabilities
            .iter()
            .copied()
            .filter(|one| hello.capabilities.contains(&one.0) && !Capability::GREASE.contains(one))
            .collect();
        let preferred = hello
            .compressions
            .iter()
            .filter_map(|number| algorithm(*number));
        let agreed = Agreed {
            version: VERSION,
            compressions: selected.iter().copied().collect(),
            algorithms: Algorithms::first_of(preferred.filter(|one| selected.contains(one))),
            capabilities: capabilities.iter().copied().collect::<Capabilities>(),
            own_max: own_max(config.max_frame_octets),
            // impl[EIM-CON-009]
            peer_max: hello.max_frame_octets.min(limits::FRAME_OCTETS.maximum),
            send_only: false,
        };
        let welcome = Welcome {
            version: VERSION.into(),
            compressions: selected
                .iter()
                .map(|compression| compression.0.into())
                .collect(),
            capabilities: capabilities.iter().map(|capability| capability.0).collect(),
            max_frame_octets: agreed.own_max,
            mechanisms: offered_mechanisms(config, &agreed)
                .map(String::from)
                .collect(),
            heartbeat_ms: heartbeat_ms(config),
            implementation: String::from(&*config.implementation),
            nonce: Bytes::copy_from_slice(&self.nonce),
        };
        // Lists of a configuration that do not fit the handshake would be a fault of the program.
        let _ = line.put(FrameType::WELCOME, &welcome);
        let handshake = limits::HANDSHAKE_FRAME_OCTETS.default;
        line.encoder = Encoder::new(agreed.version, agreed.peer_max.min(handshake));
        let transcript = transcript(frame, &welcome);
        Ok(AwaitAuth::new(
            agreed,
            transcript,
            self.deadline,
            self.frames,
        ))
    }
}

// impl[EIM-CON-006, EIM-CON-008, EIM-VER-010, EIM-VER-011]
fn check(hello: &Hello) -> Result<(), Violation> {
    if !hello.versions.contains(&u32::from(VERSION)) {
        return Err(Violation::new(
            ErrorCode::NO_COMMON_VERSION,
            "no common version",
        ));
    }
    if hello.nonce.len() != NONCE_OCTETS {
        return Err(Violation::value("HELLO has a nonce that is not 32 octets"));
    }
    if hello.max_frame_octets < limits::FRAME_OCTETS.minimum {
        return Err(Violation::value(
            "HELLO has a frame limit below the minimum",
        ));
    }
    Ok(())
}

/// Mechanisms that WELCOME lists.
// impl[EIM-AUT-031, EIM-RSM-003, EIM-BOT-003]
pub(super) fn offered_mechanisms<'a>(
    config: &'a ServerConfig,
    agreed: &Agreed,
) -> impl Iterator<Item = &'a str> {
    let resume = config.confidential && agreed.capabilities.contains(Capability::RESUME);
    let all = config.mechanisms.iter().map(String::as_str);
    all.filter(move |name| match *name {
        EIM_RESUME => resume,
        EIM_TOKEN => config.confidential,
        _ => true,
    })
}

// impl[EIM-HBT-001]
pub(super) fn heartbeat_ms(config: &ServerConfig) -> u32 {
    let bounds = limits::HEARTBEAT_MS;
    let millis = u64::try_from(config.heartbeat.as_millis()).unwrap_or(u64::MAX);
    u32::try_from(millis.clamp(bounds.minimum, bounds.maximum)).unwrap_or(u32::MAX)
}

/// The binding of both frames, as received and sent.
fn transcript(hello: &Frame, welcome: &Welcome) -> [u8; 32] {
    let (mut received, mut sent) = (BytesMut::new(), BytesMut::new());
    // Both were decoded or encoded before with these limits.
    let _ = encode_frame(hello, &mut received);
    let _ = Encoder::default().message(FrameType::WELCOME, 0, welcome, &mut sent);
    binding::transcript(&received, &sent)
}
