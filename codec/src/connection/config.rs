//! What either side is configured with. Defaults come from the registry of limits.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::policy::CompressionPolicy;
use crate::registry::{Capability, Compression, limits};

/// Credit that a side grants beyond what it has consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// Sequenced frames.
    pub frames: u32,
    /// Octets of sequenced frames, headers included; raised to one maximal frame if less.
    pub octets: u32,
}

/// Bound of the queue of messages that were given but not yet transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Messages.
    pub messages: u32,
    /// Octets of their payloads.
    pub octets: u32,
    /// Octets of transmitted frames kept for resuming; beyond it the oldest are let go, and a peer
    /// that misses them gets a fresh session.
    pub retained_octets: u32,
}

/// Bounds on fragmented messages of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reassembly {
    /// Fragmented messages open at once.
    pub messages: u32,
    /// Octets they may reserve together; beyond it a new one fails alone.
    pub octets: u32,
}

/// Configuration of a client connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Name and version of the implementation, for the server's logs.
    pub implementation: String,
    /// Algorithms this client decompresses, most preferred first; those not built in are left out.
    pub compressions: Vec<Compression>,
    /// Capabilities offered.
    pub capabilities: Vec<Capability>,
    /// Largest payload accepted, in octets.
    pub max_frame_octets: u32,
    /// Credit for the server's pushes.
    pub window: WindowSize,
    /// Bound of the outbound queue.
    pub queue: Queue,
    /// Bounds on the server's fragmented pushes.
    pub reassembly: Reassembly,
    /// Requests in flight; more wait in the queue.
    pub requests_in_flight: u32,
    /// Requests waiting or in flight.
    pub requests_queued: u32,
    /// What is compressed when the server can decompress it.
    pub compression: CompressionPolicy,
    /// Longest handshake.
    pub handshake: Duration,
    /// How long to read on after the end.
    pub linger: Duration,
    /// Offer and send GREASE values, which conforming peers ignore.
    pub grease: bool,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            implementation: String::from(concat!("eim-codec/", env!("CARGO_PKG_VERSION"))),
            compressions: default_compressions(),
            capabilities: default_capabilities(),
            max_frame_octets: limits::FRAME_OCTETS.default,
            window: WindowSize {
                frames: 1024,
                octets: 4 * limits::WINDOW_OCTETS.default,
            },
            queue: Queue::default(),
            reassembly: Reassembly::default(),
            requests_in_flight: limits::REQUESTS_IN_FLIGHT.default,
            requests_queued: 256,
            compression: CompressionPolicy::default(),
            handshake: Duration::from_millis(limits::HANDSHAKE_MS.default),
            linger: Duration::from_millis(limits::LINGER_MS.default),
            grease: false,
        }
    }
}

/// Configuration of a server connection; shared by all connections of a listener behind an `Arc`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Name and version of the implementation, for the client's logs.
    pub implementation: String,
    /// SASL mechanisms, most preferred first. EIM-RESUME and EIM-TOKEN are offered on confidential transports only.
    pub mechanisms: Vec<String>,
    /// The transport is TLS or loopback: resume tokens may cross it.
    pub confidential: bool,
    /// Algorithms this server decompresses and uses, most preferred first; those not built in are
    /// left out.
    pub compressions: Vec<Compression>,
    /// Capabilities selected when offered.
    pub capabilities: Vec<Capability>,
    /// Largest payload accepted, in octets.
    pub max_frame_octets: u32,
    /// Heartbeat interval announced.
    pub heartbeat: Duration,
    /// Longest silence a device in the background may ask for.
    pub background: Duration,
    /// First credit for the client's messages; see
    /// [`grow_window`](super::server::ServerConnection::grow_window).
    pub window: WindowSize,
    /// Bound of the outbound queue.
    pub queue: Queue,
    /// Bounds on the client's fragmented messages.
    pub reassembly: Reassembly,
    /// Messages whose results are not settled; credit is not granted beyond.
    pub unsettled_results: u32,
    /// Requests in flight; one more closes.
    pub requests_in_flight: u32,
    /// Unsequenced frames a client may send per second, sustained.
    pub control_frames_per_s: u32,
    /// What is compressed when the client can decompress it.
    pub compression: CompressionPolicy,
    /// Longest handshake.
    pub handshake: Duration,
    /// How long to read on after the end.
    pub linger: Duration,
    /// Send GREASE values, which conforming peers ignore.
    pub grease: bool,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let window = WindowSize {
            frames: limits::WINDOW_FRAMES.default,
            octets: limits::WINDOW_OCTETS.default,
        };
        Self {
            implementation: String::from(concat!("eim-codec/", env!("CARGO_PKG_VERSION"))),
            mechanisms: Vec::new(),
            confidential: false,
            compressions: default_compressions(),
            capabilities: server_capabilities(),
            max_frame_octets: limits::FRAME_OCTETS.default,
            heartbeat: Duration::from_millis(limits::HEARTBEAT_MS.default),
            background: Duration::from_millis(limits::BACKGROUND_MS.default),
            window,
            queue: Queue::default(),
            reassembly: Reassembly::default(),
            unsettled_results: limits::UNSETTLED_RESULTS.default,
            requests_in_flight: limits::REQUESTS_IN_FLIGHT.default,
            control_frames_per_s: limits::CONTROL_FRAMES_PER_S.default,
            compression: CompressionPolicy::default(),
            handshake: Duration::from_millis(limits::HANDSHAKE_MS.default),
            linger: Duration::from_millis(limits::LINGER_MS.default),
            grease: false,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            messages: 1024,
            octets: 4 << 20,
            retained_octets: 4 << 20,
        }
    }
}

impl Default for Reassembly {
    fn default() -> Self {
        Self {
            messages: limits::FRAGMENTED_MESSAGES.default,
            octets: limits::REASSEMBLY_OCTETS.default,
        }
    }
}

fn default_compressions() -> Vec<Compression> {
    [
        Compression::ZSTD_DICT_1,
        Compression::ZSTD,
        Compression::LZ4,
        Compression::SNAPPY,
    ]
    .into()
}

/// A client says by some that its user wants them.
fn server_capabilities() -> Vec<Capability> {
    let mut all = default_capabilities();
    all.push(Capability::CALLS);
    all
}

fn default_capabilities() -> Vec<Capability> {
    [
        Capability::RESUME,
        Capability::FRAGMENTS,
        Capability::GROUPS,
        Capability::SEND_ONLY,
        Capability::MARKS,
        Capability::GROUP_POLICY,
        Capability::CONTACTS,
        Capability::DIRECTORY,
        Capability::PRESENCE,
        Capability::BLOBS,
        Capability::NOTIFICATIONS,
    ]
    .into()
}
