//! What must hold for any input, whichever engine made it: one module a target, which panics when
//! it does not hold. Stable Rust; the fuzz targets are one line each, and `fuzz/generate` replays
//! every seed and every regression through [`TARGETS`] in `cargo test`.

#![forbid(unsafe_code)]

mod bodies;
mod drive;
mod half;
mod input;
mod messages;
pub mod meter;
mod naive;
pub mod receiver;
mod wire;

pub mod codec_diff;
pub mod decompress_limits;
pub mod frame_chunks;
pub mod frame_decode;
pub mod frame_roundtrip;
pub mod payload_semantic;
pub mod session_client;
pub mod session_pair;
pub mod session_server;
#[cfg(feature = "store")]
pub mod store_ops;

/// A target: a name, and what must hold for an input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Name of the module, of the file in `fuzz_targets`, and of the folders of seeds and regressions.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
}

/// All targets, in the order of their names.
pub const TARGETS: &[Target] = &[
    Target {
        name: "codec_diff",
        run: codec_diff::run,
    },
    Target {
        name: "decompress_limits",
        run: decompress_limits::run,
    },
    Target {
        name: "frame_chunks",
        run: frame_chunks::run,
    },
    Target {
        name: "frame_decode",
        run: frame_decode::run,
    },
    Target {
        name: "frame_roundtrip",
        run: frame_roundtrip::run,
    },
    Target {
        name: "payload_semantic",
        run: payload_semantic::run,
    },
    Target {
        name: "session_client",
        run: session_client::run,
    },
    Target {
        name: "session_pair",
        run: session_pair::run,
    },
    Target {
        name: "session_server",
        run: session_server::run,
    },
    #[cfg(feature = "store")]
    Target {
        name: "store_ops",
        run: store_ops::run,
    },
];

/// Names of the messages that `payload_semantic` chooses from, by its first octet.
#[must_use]
pub fn messages() -> Vec<&'static str> {
    messages::MESSAGES.iter().map(|(name, _)| *name).collect()
}

/// Name of the message that a frame of this type carries to a client, or to a server.
#[must_use]
pub fn message_of(frame_type: u8, to_client: bool) -> Option<&'static str> {
    naive::schema::payload(frame_type, to_client)
}

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
