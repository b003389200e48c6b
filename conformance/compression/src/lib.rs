//! What compression is worth: text like that of an office, written by a seeded generator from lists of our own, the
//! training of the dictionary `zstd-dict-1` from one half of it, and measurements on the other.

pub mod corpus;
pub mod dice;
pub mod measure;
pub mod payloads;
pub mod table;
pub mod train;
