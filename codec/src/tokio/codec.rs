//! Frames for `tokio_util::codec`: for tools and proxies that want frames without a connection.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec;

use crate::decoder::{Decoded, Decoder};
use crate::error::{EncodeError, Rejected};
use crate::frame::{Frame, encode_frame};
use crate::limits::DecoderLimits;

/// Frames over a byte stream, for `tokio_util::codec::Framed`.
#[derive(Debug)]
pub struct FrameCodec {
    decoder: Decoder,
}

/// Why frames cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameCodecError {
    /// The octets are rejected.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The frame cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The transport broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FrameCodec {
    /// Decodes within `limits`.
    #[must_use]
    pub const fn new(limits: DecoderLimits) -> Self {
        Self {
            decoder: Decoder::new(limits),
        }
    }

    /// Changes what is accepted, for every frame whose header has not been accepted yet.
    pub const fn set_limits(&mut self, limits: DecoderLimits) {
        self.decoder.set_limits(limits);
    }
}

impl codec::Decoder for FrameCodec {
    type Item = Frame;
    type Error = FrameCodecError;

    fn decode(&mut self, octets: &mut BytesMut) -> Result<Option<Frame>, FrameCodecError> {
        if !octets.is_empty() {
            self.decoder.feed(octets.split().freeze());
        }
        match self.decoder.next()? {
            Decoded::Frame(frame) => Ok(Some(frame)),
            Decoded::Incomplete { .. } => Ok(None),
        }
    }

    fn decode_eof(&mut self, octets: &mut BytesMut) -> Result<Option<Frame>, FrameCodecError> {
        match self.decode(octets)? {
            None if !self.decoder.is_at_boundary() => {
                Err(FrameCodecError::Io(io::ErrorKind::UnexpectedEof.into()))
            }
            frame => Ok(frame),
        }
    }
}

impl codec::Encoder<Frame> for FrameCodec {
    type Error = FrameCodecError;

    fn encode(&mut self, frame: Frame, out: &mut BytesMut) -> Result<(), FrameCodecError> {
        Ok(encode_frame(&frame, out)?)
    }
}

/// Octets that are ready, such as several frames encoded together.
impl codec::Encoder<Bytes> for FrameCodec {
    type Error = FrameCodecError;

    fn encode(&mut self, octets: Bytes, out: &mut BytesMut) -> Result<(), FrameCodecError> {
        out.extend_from_slice(&octets);
        Ok(())
    }
}
