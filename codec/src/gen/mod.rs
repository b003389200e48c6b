//! Generated from `spec/` and committed, never edited. `codec/tests/generated` regenerates the
//! files and fails when they differ; with `EIM_BLESS=1` it overwrites them.

#[rustfmt::skip]
pub(crate) mod registry;

/// Protobuf messages of `spec/proto/eim/v1`.
#[allow(
    missing_docs,
    clippy::all,
    reason = "generated; comments are those of the .proto files"
)]
pub(crate) mod eim_v1 {
    include!("eim.v1.rs");
}
