//! Why octets are rejected. This is the layer of malformed octets: errors of the connection, of
//! local misuse and of the environment live with what can cause them.

use crate::compression::DecompressError;
use crate::fragment::FragmentError;
use crate::header::Header;
use crate::registry::{Compression, ErrorCode, FrameType};

/// How far a frame got before it was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The version or the type octet.
    Header,
    /// The length octets.
    Length,
    /// The compression octet, or the compressed payload.
    Compression,
    /// The payload does not parse.
    Payload,
    /// The payload parses but says what the protocol forbids.
    Semantic,
}

impl Stage {
    /// The name in vectors and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Length => "length",
            Self::Compression => "compression",
            Self::Payload => "payload",
            Self::Semantic => "semantic",
        }
    }
}

/// What is wrong with the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The version octet is not the one this connection uses.
    #[error("version {got} where {expected} is in use")]
    Version {
        /// Version octet.
        got: u8,
        /// The version in use for this type.
        expected: u8,
    },
    /// The type is invalid, or unknown in a range that closes.
    #[error("invalid frame type {0}")]
    Type(FrameType),
    /// The type belongs to an extension or to private use, and none was negotiated.
    #[error("frame type {0} was not negotiated")]
    Extension(FrameType),
    /// The compression octet is unknown or not negotiated, or the type is never compressed.
    #[error("compression {compression} in a frame of type {frame_type}")]
    Compression {
        /// Type octet.
        frame_type: FrameType,
        /// Compression octet.
        compression: Compression,
    },
    /// The declared length exceeds the frame limit or the cap of the type.
    #[error("{length} octets of payload where at most {max} are allowed")]
    Length {
        /// Declared length in octets.
        length: u32,
        /// Largest length allowed, in octets.
        max: u32,
    },
    /// The payload cannot be decompressed.
    #[error(transparent)]
    Decompress(#[from] DecompressError),
    /// A fragment contradicts itself or those before it.
    #[error(transparent)]
    Fragment(#[from] FragmentError),
    /// A message of a message-based transport ended inside a frame.
    #[error("a message ends inside a frame")]
    SplitFrame,
    /// A text message of a message-based transport.
    #[error("a text message")]
    TextMessage,
    /// The payload does not parse as the payload of its type.
    #[error("malformed payload of type {0}")]
    Payload(FrameType),
}

impl Fault {
    /// How far the frame got.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::Version { .. } | Self::Type(_) | Self::Extension(_) => Stage::Header,
            Self::Length { .. } => Stage::Length,
            Self::Compression { .. } | Self::Decompress(_) => Stage::Compression,
            Self::Payload(_) => Stage::Payload,
            Self::Fragment(error) => error.stage(),
            Self::SplitFrame | Self::TextMessage => Stage::Semantic,
        }
    }

    /// The code that ERROR reports.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Version { .. } => ErrorCode::UNSUPPORTED_VERSION,
            Self::Type(_) => ErrorCode::INVALID_TYPE,
            Self::Extension(_) => ErrorCode::EXTENSION_NOT_NEGOTIATED,
            Self::Compression { .. } => ErrorCode::UNKNOWN_COMPRESSION,
            Self::Length { .. } => ErrorCode::PAYLOAD_TOO_LARGE,
            Self::Decompress(error) => error.code(),
            Self::Fragment(error) => error.code(),
            Self::SplitFrame | Self::TextMessage => ErrorCode::SPLIT_FRAME,
            Self::Payload(_) => ErrorCode::MALFORMED_PAYLOAD,
        }
    }
}

/// A rejection: the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rejected at the {} stage with {code}: {fault}", stage.name())]
#[non_exhaustive]
pub struct Rejected {
    /// How far the frame got.
    pub stage: Stage,
    /// The code that ERROR reports.
    pub code: ErrorCode,
    /// What is wrong.
    pub fault: Fault,
    /// Header of the rejected frame, when the rejection is about one frame.
    pub header: Option<Header>,
}

impl Rejected {
    pub(crate) const fn new(fault: Fault, header: Option<Header>) -> Self {
        Self {
            stage: fault.stage(),
            code: fault.code(),
            fault,
            header,
        }
    }
}

impl From<Fault> for Rejected {
    fn from(fault: Fault) -> Self {
        Self::new(fault, None)
    }
}

/// A frame that this side must not write: local misuse, nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The payload exceeds what the peer accepts.
    #[error("{octets} octets of payload where at most {max} are allowed")]
    TooLarge {
        /// Octets of the payload.
        octets: usize,
        /// Largest payload allowed, in octets.
        max: u32,
    },
}
