//! Fragments: messages larger than a frame.
//!
//! A payload is compressed whole, then cut into FRAGMENT frames. Network order throughout:
//! `id u32 | offset u32 | when offset is 0: inner_type u8, compression u8, total u32,
//! uncompressed u32 | data`. The last fragment is the one that reaches `total`.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::Stage;
use crate::registry::{Compression, ErrorCode, FrameType};

mod reassembler;
mod splitter;

pub use reassembler::{Assembled, Reassembler, ReassemblerLimits, Reassembly};
pub use splitter::{SplitError, Splitter};

/// Octets before the data of any fragment but the first.
pub const HEAD_OCTETS: usize = 8;

/// Octets before the data of the first fragment.
pub const FIRST_HEAD_OCTETS: usize = 18;

/// The payload of a FRAGMENT frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Names the message while it is open.
    pub id: u32,
    /// Place of the data in the inner payload, in octets.
    pub offset: u32,
    /// What the message is; present exactly when `offset` is 0.
    pub first: Option<First>,
    /// At least one octet of the inner payload.
    pub data: Bytes,
}

/// What the first fragment says about the whole message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct First {
    /// Frame type of the message.
    pub inner_type: FrameType,
    /// Compression of the inner payload.
    pub compression: Compression,
    /// Octets of the inner payload as on the wire.
    pub total: u32,
    /// Octets of the inner payload after decompression.
    pub uncompressed: u32,
}

/// Why a fragment is rejected: the connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FragmentError {
    /// Too short to hold one octet of data.
    #[error("a fragment of {octets} octets has no data")]
    Truncated {
        /// Octets of the fragment.
        octets: usize,
    },
    /// A first fragment for a message that is open.
    #[error("fragmented message {id} is open already")]
    Open {
        /// Id of the message.
        id: u32,
    },
    /// A later fragment, or CANCEL, for a message that is not open.
    #[error("fragmented message {id} is not open")]
    NotOpen {
        /// Id of the message.
        id: u32,
    },
    /// Not the next octets of the message.
    #[error("fragment at {got} where {expected} is next")]
    Offset {
        /// Offset of the fragment.
        got: u32,
        /// Octets received so far.
        expected: u32,
    },
    /// Data beyond the total.
    #[error("fragments of {got} octets in a message of {total}")]
    Beyond {
        /// Offset plus data.
        got: u64,
        /// Total of the message.
        total: u32,
    },
    /// A type that is never fragmented.
    #[error("type {0} is never fragmented")]
    InnerType(FrameType),
    /// A type that this sender does not send.
    #[error("{0} may not come from this side")]
    Direction(FrameType),
    /// A compression that was not negotiated, or that the inner type does not allow.
    #[error("compression {compression} in a fragmented message of type {inner_type}")]
    Compression {
        /// Inner type.
        inner_type: FrameType,
        /// Inner compression.
        compression: Compression,
    },
    /// An uncompressed message whose two sizes differ.
    #[error("{total} octets in total but {uncompressed} uncompressed without compression")]
    Sizes {
        /// Total of the message.
        total: u32,
        /// Its uncompressed size.
        uncompressed: u32,
    },
    /// The inner payload does not begin with the uncompressed size that was declared.
    #[error("the inner payload does not begin with the declared size {uncompressed}")]
    DeclaredSize {
        /// The declared uncompressed size.
        uncompressed: u32,
    },
    /// More messages open at once than permitted.
    #[error("more than {max} fragmented messages are open")]
    TooMany {
        /// Messages permitted.
        max: u32,
    },
}

impl FragmentError {
    /// How far the frame got.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::Compression { .. } | Self::DeclaredSize { .. } => Stage::Compression,
            Self::Direction(_) => Stage::Header,
            Self::TooMany { .. } => Stage::Semantic,
            _ => Stage::Payload,
        }
    }

    /// The code that ERROR reports.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::Compression { .. } => ErrorCode::UNKNOWN_COMPRESSION,
            Self::DeclaredSize { .. } => ErrorCode::DECOMPRESSION_FAILED,
            Self::Direction(_) => ErrorCode::UNEXPECTED_FRAME,
            Self::TooMany { .. } => ErrorCode::TOO_MANY_FRAGMENTS,
            _ => ErrorCode::MALFORMED_FRAGMENT,
        }
    }
}

impl Fragment {
    /// Reads the payload of a FRAGMENT frame; the data is a slice of it.
    ///
    /// # Errors
    /// [`FragmentError::Truncated`].
    // impl[EIM-FRG-008]
    pub fn decode(mut payload: Bytes) -> Result<Self, FragmentError> {
        let truncated = FragmentError::Truncated {
            octets: payload.len(),
        };
        let mut read = || {
            let (id, offset) = (payload.try_get_u32()?, payload.try_get_u32()?);
            let first = if offset == 0 {
                Some(First::decode(&mut payload)?)
            } else {
                None
            };
            let data = core::mem::take(&mut payload);
            Ok::<_, bytes::TryGetError>(Self {
                id,
                offset,
                first,
                data,
            })
        };
        read()
            .ok()
            .filter(|fragment| !fragment.data.is_empty())
            .ok_or(truncated)
    }

    /// Octets that [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let head = if self.first.is_some() {
            FIRST_HEAD_OCTETS
        } else {
            HEAD_OCTETS
        };
        head.saturating_add(self.data.len())
    }

    /// Appends the payload of the FRAGMENT frame.
    // impl[EIM-FRG-001]
    pub fn encode(&self, out: &mut BytesMut) {
        out.reserve(self.encoded_len());
        out.put_u32(self.id);
        out.put_u32(self.offset);
        if let Some(first) = &self.first {
            out.put_u8(first.inner_type.0);
            out.put_u8(first.compression.0);
            out.put_u32(first.total);
            out.put_u32(first.uncompressed);
        }
        out.put_slice(&self.data);
    }
}

impl First {
    fn decode(octets: &mut Bytes) -> Result<Self, bytes::TryGetError> {
        Ok(Self {
            inner_type: FrameType(octets.try_get_u8()?),
            compression: Compression(octets.try_get_u8()?),
            total: octets.try_get_u32()?,
            uncompressed: octets.try_get_u32()?,
        })
    }
}
