//! The frame header: 11 octets, the same in every version of the protocol.

use nom::number::streaming::{be_u8, be_u32};
use nom::{IResult, Parser};

use crate::error::Fault;
use crate::limits::{DecoderLimits, version_octet};
use crate::registry::{Compression, FrameType, Unknown};

/// Octets of a header.
pub const HEADER_OCTETS: usize = 11;

/// The header of a frame, in the order of its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Version octet.
    pub version: u8,
    /// Type octet.
    pub frame_type: FrameType,
    /// Sequence; 0 in unsequenced frames.
    pub sequence: u32,
    /// Compression octet.
    pub compression: Compression,
    /// Octets of payload on the wire.
    pub length: u32,
}

impl Header {
    /// The header at the beginning of `octets`, unchecked; `None` when there are fewer than 11.
    #[inline(always)]
    pub(crate) fn parse(octets: &[u8]) -> Option<Self> {
        fields(octets).ok().map(|(_payload, header)| header)
    }

    /// The octets of the header, in network byte order.
    // impl[EIM-FRM-001, EIM-FRM-002]
    #[inline]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; HEADER_OCTETS] {
        let [s0, s1, s2, s3] = self.sequence.to_be_bytes();
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [
            self.version,
            self.frame_type.0,
            s0,
            s1,
            s2,
            s3,
            self.compression.0,
            l0,
            l1,
            l2,
            l3,
        ]
    }

    /// Everything that can be said about a frame before its payload arrives: version, type,
    /// compression, length, in this order. Whether the sequence is right is for the connection.
    // impl[EIM-FRM-008, EIM-FRM-012, EIM-FRM-013, EIM-FRM-016, EIM-CMP-006, EIM-CMP-007]
    #[inline(always)]
    pub(crate) fn check(&self, limits: &DecoderLimits) -> Result<(), Fault> {
        let expected = version_octet(self.frame_type, limits.version);
        if self.version != expected {
            return Err(Fault::Version {
                got: self.version,
                expected,
            });
        }
        let rules = Rules::of(self.frame_type, limits)?;
        if self.compression != Compression::NONE
            && !(rules.compressible && limits.compressions.contains(self.compression))
        {
            return Err(Fault::Compression {
                frame_type: self.frame_type,
                compression: self.compression,
            });
        }
        let max = rules.max_octets.min(limits.max_payload);
        if self.length > max {
            return Err(Fault::Length {
                length: self.length,
                max,
            });
        }
        Ok(())
    }
}

// Kept in registers: a header stored octet by octet and read back as words stalls on every frame.
#[inline(always)]
fn fields(octets: &[u8]) -> IResult<&[u8], Header> {
    (be_u8, be_u8, be_u32, be_u8, be_u32)
        .map(
            |(version, frame_type, sequence, compression, length)| Header {
                version,
                frame_type: FrameType(frame_type),
                sequence,
                compression: Compression(compression),
                length,
            },
        )
        .parse(octets)
}

/// What a type asks of its header.
struct Rules {
    compressible: bool,
    max_octets: u32,
}

impl Rules {
    #[inline]
    fn of(frame_type: FrameType, limits: &DecoderLimits) -> Result<Self, Fault> {
        if let Some(info) = frame_type.info() {
            return Ok(Self {
                compressible: info.compression,
                max_octets: info.max_octets,
            });
        }
        Self::of_unknown(frame_type, limits)
    }

    // impl[EIM-FRM-009, EIM-FRM-010, EIM-FRM-011, EIM-FRM-015, EIM-FRM-021, EIM-FRM-022,
    // EIM-FRM-024, EIM-EXT-016]
    #[cold]
    fn of_unknown(frame_type: FrameType, limits: &DecoderLimits) -> Result<Self, Fault> {
        let negotiated = limits.extensions.contains(frame_type);
        if frame_type.range().unknown == Unknown::Close && !negotiated {
            return Err(if frame_type.is_negotiable() {
                Fault::Extension(frame_type)
            } else {
                Fault::Type(frame_type)
            });
        }
        Ok(Self {
            compressible: frame_type.is_compressible()
                || limits.extensions.is_compressible(frame_type),
            max_octets: frame_type.max_octets(),
        })
    }
}
