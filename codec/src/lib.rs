//! The EIM wire protocol, for embedding: octets to frames and back, compression, fragments,
//! typed payloads, and (feature `connection`) the whole protocol as a sans-IO state machine.
//!
//! Nothing here opens a socket, reads a clock or draws a random number; octets and time are
//! arguments. The one exception is the module `tokio` (feature `tokio`), the driver that turns
//! sockets into octets for both sides.
//!
//! - [`Decoder`] turns octets, split anywhere, into [`Frame`]s, slicing payloads out of the
//!   chunks it is fed. *Incomplete*, *rejected* and *frame* are three different outcomes.
//! - [`Encoder`] and [`encode_frame`] write frames.
//! - [`compression`] and [`fragment`] change payloads between wire and message.
//! - [`payload`] holds the Protobuf messages and the checks beyond Protobuf.
//! - [`registry`] holds every number of the protocol, generated from `spec/registry`.
//!
//! The crate is `no_std` with `alloc` unless a feature needs the standard library: `zstd`,
//! `snappy`, `tokio` and `arbitrary` do, `lz4` and `connection` do not.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod compression;
pub mod fragment;
pub mod id;
pub mod payload;
pub mod registry;
pub mod time;

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod decoder;
mod encoder;
mod error;
mod frame;
mod grow;
mod header;
mod limits;

pub use decoder::{Decoded, Decoder};
pub use encoder::Encoder;
pub use error::{EncodeError, Fault, Rejected, Stage};
pub use frame::{Frame, encode_frame};
pub use header::{HEADER_OCTETS, Header};
pub use limits::{
    CompressionSet, DecoderLimits, ExtensionTypes, INVARIANT_VERSION, VERSION, version_octet,
};

#[cfg(feature = "connection")]
pub mod connection;
#[cfg(feature = "tokio")]
pub mod tokio;

// `gen` is a keyword of this edition.
#[path = "gen/mod.rs"]
mod generated;

/// Keeps the example of the README true.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
