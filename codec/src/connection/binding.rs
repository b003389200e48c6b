//! What ties authentication to the octets of the handshake.

use sha2::{Digest, Sha256};

/// Label of the TLS exporter (RFC 8446, 7.5) that SCRAM-SHA-256-PLUS binds to; its context is the
/// [`transcript`], its length 32 octets.
pub const EXPORTER_LABEL: &str = "EXPORTER-EIM-v1";

/// The value of `binding` in AUTH: SHA-256 of the HELLO frame and the WELCOME frame, both with their
/// headers, exactly as sent and received.
// impl[EIM-AUT-010]
#[must_use]
pub fn transcript(hello: &[u8], welcome: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(hello)
        .chain_update(welcome)
        .finalize()
        .into()
}

/// The channel binding data of `eim-exporter`: under TLS what was `exported`, else the transcript.
// impl[EIM-AUT-015, EIM-AUT-016]
#[must_use]
pub const fn channel_binding(transcript: [u8; 32], exported: Option<[u8; 32]>) -> [u8; 32] {
    match exported {
        Some(exported) => exported,
        None => transcript,
    }
}
