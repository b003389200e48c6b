//! The receiver that a request describes.

use eim_codec::connection::gate::{Admitted, Refusal, admit};
use eim_codec::registry::{Compression, Direction, FrameType, Phase};
use eim_codec::{CompressionSet, DecoderLimits, ExtensionTypes};
use serde::Deserialize;

use super::decode::Reject;

/// Which side receives.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Server,
    Client,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum When {
    Handshake,
    Open,
}

/// The receiver.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    pub(super) role: Role,
    phase: When,
    pub(super) version: u8,
    pub(super) max_payload: u32,
    compressions: Vec<u8>,
    negotiated_types: Vec<u8>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            role: Role::Server,
            phase: When::Open,
            version: eim_codec::VERSION,
            max_payload: eim_codec::registry::limits::FRAME_OCTETS.default,
            compressions: vec![0, 1, 2, 3],
            negotiated_types: Vec::new(),
        }
    }
}

impl Config {
    /// What its decoder accepts.
    pub(super) fn limits(&self) -> DecoderLimits {
        let mut limits = match self.phase {
            When::Handshake => DecoderLimits::handshake(),
            When::Open => DecoderLimits::open(self.max_payload, self.compressions()),
        };
        limits.version = self.version;
        let negotiated = self.negotiated_types.iter().copied().map(FrameType);
        limits.extensions =
            negotiated.fold(ExtensionTypes::NONE, |types, it| types.with(it, false));
        limits
    }

    /// What was negotiated.
    pub(super) fn compressions(&self) -> CompressionSet {
        self.compressions.iter().copied().map(Compression).collect()
    }

    /// The other side.
    pub(super) fn peer(&self) -> Self {
        Self {
            role: match self.role {
                Role::Server => Role::Client,
                Role::Client => Role::Server,
            },
            ..self.clone()
        }
    }

    /// The side that the octets come from.
    pub(super) const fn sender(&self) -> Direction {
        match self.role {
            Role::Server => Direction::Client,
            Role::Client => Direction::Server,
        }
    }

    /// Whether the receiver lets a frame with an accepted header through, its payload there or not.
    pub(super) fn admit(&self, frame_type: FrameType, sequence: u32) -> Result<Admitted, Reject> {
        let sender = self.sender();
        let admit = |phase| admit(frame_type, sequence, sender, phase, true);
        let admitted = match self.phase {
            When::Handshake => {
                // What may come in one of the two phases has come in that one.
                match admit(Phase::Hello) {
                    Err(Refusal::Unexpected(_)) => admit(Phase::Auth),
                    outcome => outcome,
                }
            }
            When::Open => admit(Phase::Open),
        };
        let admitted = admitted.map_err(|refusal| Reject::header(refusal.code()))?;
        if admitted == Admitted::Sequenced && sequence == 0 {
            // No ordinal has it.
            let code = eim_codec::registry::ErrorCode::BAD_SEQUENCE;
            return Err(Reject::header(code));
        }
        Ok(admitted)
    }
}
