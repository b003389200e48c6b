//! Messages to octets.

use bytes::{BufMut, BytesMut};
use prost::Message;

use crate::error::EncodeError;
use crate::header::{HEADER_OCTETS, Header};
use crate::limits::{VERSION, version_octet};
use crate::registry::{Compression, FrameType, limits};

/// Writes frames for a peer that announced a frame limit, under the selected version.
#[derive(Clone, Copy, Debug)]
pub struct Encoder {
    version: u8,
    max_payload: u32,
}

/// For the handshake: the default limit of that phase.
impl Default for Encoder {
    fn default() -> Self {
        Self::new(VERSION, limits::HANDSHAKE_FRAME_OCTETS.default)
    }
}

impl Encoder {
    /// Writes version `version`, and payloads of at most `max_payload` octets on the wire.
    #[must_use]
    pub const fn new(version: u8, max_payload: u32) -> Self {
        Self {
            version,
            max_payload,
        }
    }

    /// Appends a frame whose payload is `payload` as it is.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`]; nothing is written.
    pub fn frame(
        &self,
        frame_type: FrameType,
        sequence: u32,
        compression: Compression,
        payload: &[u8],
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        self.header(frame_type, sequence, compression, payload.len(), out)?;
        out.put_slice(payload);
        Ok(())
    }

    /// Appends an uncompressed frame whose payload is `message`, without an intermediate buffer.
    ///
    /// # Errors
    /// [`EncodeError::TooLarge`]; nothing is written.
    // impl[EIM-CNV-002]
    pub fn message(
        &self,
        frame_type: FrameType,
        sequence: u32,
        message: &impl Message,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        self.header(
            frame_type,
            sequence,
            Compression::NONE,
            message.encoded_len(),
            out,
        )?;
        message.encode_raw(out);
        Ok(())
    }

    // impl[EIM-FRM-001, EIM-FRM-019, EIM-FRM-020]
    fn header(
        &self,
        frame_type: FrameType,
        sequence: u32,
        compression: Compression,
        octets: usize,
        out: &mut BytesMut,
    ) -> Result<(), EncodeError> {
        let max = self.max_payload.min(frame_type.max_octets());
        let length = u32::try_from(octets).ok().filter(|length| *length <= max);
        let length = length.ok_or(EncodeError::TooLarge { octets, max })?;
        let version = version_octet(frame_type, self.version);
        let header = Header {
            version,
            frame_type,
            sequence,
            compression,
            length,
        };
        out.reserve(HEADER_OCTETS.saturating_add(octets));
        out.put_slice(&header.to_bytes());
        Ok(())
    }
}
