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

/// Types of the extension and private ranges that were negotiated.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExtensionTypes {
    known: [u32; 3],
    compressible: [u32; 3],
}

impl ExtensionTypes {
    /// None.
    pub const NONE: Self = Self {
        known: [0; 3],
        compressible: [0; 3],
    };

    /// This set and `frame_type`, whose definition says whether it may be compressed. A type of another
    /// range is left out.
    #[must_use]
    pub fn with(mut self, frame_type: FrameType, compressible: bool) -> Self {
        put(&mut self.known, frame_type);
        if compressible {
            put(&mut self.compressible, frame_type);
        }
        self
    }

    /// Whether the set holds `frame_type`.
    #[must_use]
    pub fn contains(self, frame_type: FrameType) -> bool {
        holds(&self.known, frame_type)
    }

    /// Whether `frame_type` may be compressed.
    #[must_use]
    pub fn is_compressible(self, frame_type: FrameType) -> bool {
        holds(&self.compressible, frame_type)
    }
}

/// Word and bit of a type of the two ranges, 0x80 to 0xDF.
fn place(frame_type: FrameType) -> Option<(usize, u32)> {
    if !frame_type.is_negotiable() {
        return None;
    }
    let place = frame_type.0.checked_sub(0x80)?;
    Some((usize::from(place / 32), 1 << (place % 32)))
}

fn put(words: &mut [u32; 3], frame_type: FrameType) {
    if let Some((word, bit)) = place(frame_type)
        && let Some(word) = words.get_mut(word)
    {
        *word |= bit;
    }
}

fn holds(words: &[u32; 3], frame_type: FrameType) -> bool {
    place(frame_type).is_some_and(|(word, bit)| words.get(word).is_some_and(|word| word & bit != 0))
}

impl fmt::Debug for ExtensionTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = (0..=u8::MAX).map(FrameType).filter(|it| self.contains(*it));
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
    /// Types of the extension and private ranges to hand over; all others of them are rejected.
    pub extensions: ExtensionTypes,
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
            extensions: ExtensionTypes::NONE,
        }
    }

    /// After AUTH_OK: `max_payload` as this side announced it, `compressions` as WELCOME listed.
    #[must_use]
    pub const fn open(max_payload: u32, compressions: CompressionSet) -> Self {
        Self {
            version: VERSION,
            max_payload,
            compressions,
            extensions: ExtensionTypes::NONE,
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

    /// Whether the type is of the extension or the private range, which take part in a connection only
    /// where they were negotiated.
    #[must_use]
    pub fn is_negotiable(self) -> bool {
        matches!(self.range().name, "extension" | "private")
    }

    /// Whether the compression octet may be non-zero. Of extensions their definition says it:
    /// [`ExtensionTypes`].
    #[must_use]
    pub fn is_compressible(self) -> bool {
        match (self.info(), self.range().unknown) {
            (Some(info), _) => info.compression,
            (None, unknown) => unknown == Unknown::Unsupported,
        }
    }
}
