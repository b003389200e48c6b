//! Generated from `spec/` and committed, never edited. `codec/tests/generated` regenerates the
//! files and fails when they differ; with `EIM_BLESS=1` it overwrites them.

#[rustfmt::skip]
pub(crate) mod registry;

/// The dictionary of [`Compression::ZSTD_DICT_1`](crate::registry::Compression::ZSTD_DICT_1), as in `spec/dictionaries`.
#[cfg(feature = "zstd")]
pub(crate) const ZSTD_DICT_1: &[u8] = include_bytes!("zstd-dict-1");

/// Protobuf messages of `spec/proto/eim/v1`.
#[allow(
    missing_docs,
    clippy::all,
    reason = "generated; comments are those of the .proto files"
)]
pub(crate) mod eim_v1 {
    include!("eim.v1.rs");
}
