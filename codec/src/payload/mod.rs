//! Protobuf payloads, and the checks that Protobuf cannot express.
//!
//! The messages are generated from `spec/proto/eim/v1`; `bytes` fields are [`bytes::Bytes`], so
//! decoding from a frame's payload copies no bulk octets.

pub use crate::generated::eim_v1::*;
