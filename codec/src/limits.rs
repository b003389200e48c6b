//! What a receiver accepts at this moment of a connection.

use core::fmt;

use crate::registry::{Compression, FrameType, Unknown, limits};

/// The version that HELLO, WELCOME and ERROR carry, whatever version was selected.
pub const INVARIANT_VERSION: u8 = 1;

/// The version this crate speaks.
pub const VERSION: u8 = 1;

/// The version octet of a frame on a connection that selected `selected`.
// impl[EIM-VER-001, EIM-VER-002, EIM-VER-003, EIM-VER-004]
#[must_use]
pub const fn version_octet(frame_type: FrameType, selected: u8) -> u8 {
    match frame_type {
        FrameType::HELLO | FrameType::WELCOME | FrameType::ERROR => INVARIANT_VERSION,
        _ => selected,
    }
}

/// A set of compression algorithms; holds numbers below 32, and always [`Compression::NONE`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompressionSet(u32);

impl CompressionSet {
    /// Only [`Compression::NONE`].
    pub const NONE: Self = Self(1);

    /// All algorithms this build can decompress.
    pub const SUPPORTED: Self = {
        let (mut set, mut rest) = (Self::NONE, crate::compression::SUPPORTED);
        while let [compression, tail @ ..] = rest {
            set = set.with(*compression);
            rest = tail;
        }
        set
    };

    /// This set and `compression`; numbers above 31, which no algorithm has, are left out.
    #[must_use]
    pub const fn with(self, compression: Compression) -> Self {
        match 1_u32.checked_shl(compression.0 as u32) {
            Some(bit) => Self(self.0 | bit),
            None => self,
        }
    }

    /// Whether the set holds `compression`.
    #[must_use]
    pub const fn contains(self, compression: Compression) -> bool {
        match 1_u32.checked_shl(compression.0 as u32) {
            Some(bit) => self.0 & bit != 0,
            None => false,
        }
    }
}

impl FromIterator<Compression> for CompressionSet {
    fn from_iter<I: IntoIterator<Item = Compression>>(algorithms: I) -> Self {
        algorithms.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for CompressionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = (0..32)
            .map(Compression)
            .filter(|number| self.contains(*number));
        f.debug_set().entries(held).finish()
    }
}

/// What a [`Decoder`](crate::Decoder) accepts. Changes with the phase of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecoderLimits {
    /// The selected version.
    pub version: u8,
    /// Largest payload on the wire, in octets.
    pub max_payload: u32,
    /// Algorithms that were negotiated.
    pub compressions: CompressionSet,
    /// Hand over types of the extension and private ranges; the caller knows which of them were
    /// negotiated. When false they are rejected.
    pub extensions: bool,
}

impl DecoderLimits {
    /// Before AUTH_OK: no compression, small frames.
    // impl[EIM-FRM-014]
    #[must_use]
    pub const fn handshake() -> Self {
        Self {
            version: VERSION,
            max_payload: limits::HANDSHAKE_FRAME_OCTETS.default,
            compressions: CompressionSet::NONE,
            extensions: false,
        }
    }

    /// After AUTH_OK: `max_payload` as this side announced it, `compressions` as WELCOME listed.
    #[must_use]
    pub const fn open(max_payload: u32, compressions: CompressionSet) -> Self {
        Self {
            version: VERSION,
            max_payload,
            compressions,
            extensions: false,
        }
    }
}

/// The default frame limit and everything this build can decompress.
impl Default for DecoderLimits {
    fn default() -> Self {
        Self::open(limits::FRAME_OCTETS.default, CompressionSet::SUPPORTED)
    }
}

impl FrameType {
    /// Cap on the payload in octets: on the wire, and after decompression and reassembly. Unknown
    /// messages, operations and extensions may be as large as any message.
    // impl[EIM-CMP-015]
    #[must_use]
    pub fn max_octets(self) -> u32 {
        match (self.info(), self.range().unknown) {
            (Some(info), _) => info.max_octets,
            (None, Unknown::Ignore) => limits::IGNORABLE_OCTETS.default,
            (None, _) => limits::MESSAGE_OCTETS.default,
        }
    }

    /// Whether the compression octet may be non-zero.
    #[must_use]
    pub fn is_compressible(self) -> bool {
        match (self.info(), self.range().unknown) {
            (Some(info), _) => info.compression,
            (None, unknown) => unknown != Unknown::Ignore,
        }
    }
}
