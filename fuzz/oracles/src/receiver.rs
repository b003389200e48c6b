//! A receiver, as the first octets of an input describe it.
//!
//! Layout: flags, selected version, largest payload (u32, network order), how many types of the
//! extension and private ranges were negotiated (modulo 8), these types; then what it receives.

use eim_codec::registry::{Compression, FrameType, limits};
use eim_codec::{CompressionSet, DecoderLimits, ExtensionTypes};

/// How far a receiver goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Octets to frames.
    Decode,
    /// Then decompress.
    Open,
    /// Then parse as Protobuf.
    Message,
    /// Open, with fragments put together.
    Reassemble,
}

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// A client, or else a server.
    pub client: bool,
    /// Before AUTH_OK, or else after.
    pub handshake: bool,
    /// Numbers of the algorithms that were negotiated, of 1, 2 and 3.
    pub compressions: Vec<u8>,
    /// How far it goes.
    pub depth: Depth,
    /// The octets come one by one.
    pub octet_by_octet: bool,
    /// The selected version.
    pub version: u8,
    /// Largest payload on the wire after AUTH_OK.
    pub max_payload: u32,
    /// Types of the extension and private ranges that were negotiated; seven at most.
    pub negotiated: Vec<u8>,
}

/// Largest payload that a receiver may announce; more would only make a fuzzer slow.
const MOST: u32 = limits::FRAME_OCTETS.maximum;

impl Receiver {
    /// The receiver and the octets for it; `None` when the input is too short to say.
    #[must_use]
    pub fn read(input: &[u8]) -> Option<(Self, &[u8])> {
        let ([flags, version, a, b, c, d, count], rest) = input.split_first_chunk::<7>()?;
        let (negotiated, octets) = rest.split_at_checked(usize::from(count % 8))?;
        let receiver = Self {
            client: flags & 1 != 0,
            handshake: flags & 2 != 0,
            compressions: (1..=3).filter(|it| flags & (2 << it) != 0).collect(),
            depth: match flags >> 5 & 3 {
                0 => Depth::Decode,
                1 => Depth::Open,
                2 => Depth::Message,
                _ => Depth::Reassemble,
            },
            octet_by_octet: flags & 0x80 != 0,
            version: *version,
            max_payload: u32::from_be_bytes([*a, *b, *c, *d]).min(MOST),
            negotiated: negotiated.to_vec(),
        };
        Some((receiver, octets))
    }

    /// The octets that [`read`](Self::read) reads, without any for the receiver.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let depth = match self.depth {
            Depth::Decode => 0,
            Depth::Open => 1,
            Depth::Message => 2,
            Depth::Reassemble => 3,
        };
        let compressions = self
            .compressions
            .iter()
            .filter(|number| (1..=3).contains(*number))
            .fold(0, |flags, number| flags | 2_u8 << number);
        let flags = u8::from(self.client)
            | u8::from(self.handshake) << 1
            | compressions
            | depth << 5
            | u8::from(self.octet_by_octet) << 7;
        let negotiated = self.negotiated.get(..7).unwrap_or(&self.negotiated);
        let mut octets = vec![flags, self.version];
        octets.extend(self.max_payload.to_be_bytes());
        octets.push(negotiated.len() as u8);
        octets.extend(negotiated);
        octets
    }

    /// What the codec's decoder is told.
    #[must_use]
    pub fn limits(&self) -> DecoderLimits {
        let mut limits = if self.handshake {
            DecoderLimits::handshake()
        } else {
            DecoderLimits::open(self.max_payload, self.compression_set())
        };
        limits.version = self.version;
        limits.extensions = self
            .negotiated
            .iter()
            .fold(ExtensionTypes::NONE, |types, it| {
                types.with(FrameType(*it), false)
            });
        limits
    }

    /// What was negotiated, as the codec takes it.
    #[must_use]
    pub fn compression_set(&self) -> CompressionSet {
        self.compressions.iter().copied().map(Compression).collect()
    }
}
