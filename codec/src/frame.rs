//! A frame.

use bytes::{BufMut, Bytes, BytesMut};

use crate::compression;
use crate::error::{EncodeError, Fault, Rejected};
use crate::header::{HEADER_OCTETS, Header};
use crate::registry::{Compression, FrameType};

/// A frame as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Frame {
    /// Version octet.
    pub version: u8,
    /// Type octet.
    pub frame_type: FrameType,
    /// Sequence; 0 in unsequenced frames.
    pub sequence: u32,
    /// Compression octet.
    pub compression: Compression,
    /// Payload on the wire, compressed or not.
    #[cfg_attr(feature = "arbitrary", arbitrary(with = crate::arbitrary::bytes))]
    pub payload: Bytes,
}

impl Frame {
    /// Octets on the wire, header included.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        HEADER_OCTETS.saturating_add(self.payload.len())
    }

    /// The payload without compression. An uncompressed payload is returned as it is, without a
    /// copy; a compressed one needs at most the cap of the frame's type.
    ///
    /// # Errors
    /// [`Rejected`] at the compression stage.
    // impl[EIM-CMP-014, EIM-CMP-015]
    pub fn content(&self) -> Result<Bytes, Rejected> {
        let max = usize::try_from(self.frame_type.max_octets()).unwrap_or(usize::MAX);
        compression::decompress(self.compression, self.payload.clone(), max)
            .map_err(|error| Rejected::new(Fault::Decompress(error), self.header()))
    }

    /// The header; `None` when the payload is longer than a length can say.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        Some(Header {
            version: self.version,
            frame_type: self.frame_type,
            sequence: self.sequence,
            compression: self.compression,
            length: u32::try_from(self.payload.len()).ok()?,
        })
    }
}

/// Appends `frame` to `out`: exactly [`Frame::encoded_len`] octets.
///
/// # Errors
/// [`EncodeError::TooLarge`] when the payload is longer than a length can say; nothing is written.
// impl[EIM-FRM-001, EIM-FRM-003]
pub fn encode_frame(frame: &Frame, out: &mut BytesMut) -> Result<(), EncodeError> {
    let too_large = EncodeError::TooLarge {
        octets: frame.payload.len(),
        max: u32::MAX,
    };
    let header = frame.header().ok_or(too_large)?;
    out.reserve(frame.encoded_len());
    out.put_slice(&header.to_bytes());
    out.put_slice(&frame.payload);
    Ok(())
}
