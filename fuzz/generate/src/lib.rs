//! Inputs for the fuzz targets: seeds made from the conformance vectors, the dictionary made from
//! the registry, and those kept in `fuzz/seeds` and `fuzz/regressions`.
//!
//! Seeds that follow from vectors are never committed: they are made when they are needed, always the same.

#![forbid(unsafe_code)]

pub mod committed;
pub mod dictionary;
pub mod seeds;
pub mod soak;
mod values;
pub mod vectors;

/// Octets and where they come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Id of the vector, or name of the file.
    pub name: String,
    /// What the target is given.
    pub octets: Vec<u8>,
}
