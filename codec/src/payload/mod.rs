//! Protobuf payloads, and the checks that Protobuf cannot express.
//!
//! The messages are generated from `spec/proto/eim/v1`; `bytes` fields are [`bytes::Bytes`], so
//! decoding from a frame's payload copies no bulk octets.

use bytes::Bytes;
use prost::Message;

use crate::error::{Fault, Rejected};
use crate::registry::FrameType;

pub use crate::generated::eim_v1::*;

mod bodies;
mod checked_send;
mod content;
mod enums;
mod log_entry;
mod media;
mod modifier;
mod text;

pub use checked_send::{CheckedSend, InvalidSend, Target};
pub use content::{Content, summary};
pub use media::describes_blob;
pub use modifier::{Act, Modifier, is_modifier};

/// Parses the plain payload of a frame.
///
/// # Errors
/// [`Rejected`] with MALFORMED_PAYLOAD.
// impl[EIM-FRM-029, EIM-CMP-024, EIM-CNV-003, EIM-CNV-004, EIM-CNV-005, EIM-CNV-006, EIM-CNV-007,
// EIM-CNV-008, EIM-EXT-001]
pub fn decode<M: Message + Default>(
    frame_type: FrameType,
    payload: Bytes,
) -> core::result::Result<M, Rejected> {
    M::decode(payload).map_err(|_| Rejected::from(Fault::Payload(frame_type)))
}
