//! Vectors: octets and the verdict a receiver comes to, as data.
//!
//! - [`model`]: the form of a file, both ways, strict.
//! - [`octets`]: hexadecimal, fields and repetitions to octets.
//! - [`mod@load`]: all files of the suite.
//! - [`lint`]: what must hold for them beyond their form.
//! - [`generate`]: the files that are computed.
//! - [`manifest`]: what they are, with hashes.

pub mod generate;
pub mod lint;
pub mod load;
pub mod manifest;
pub mod model;
pub mod octets;
mod wire_form;

pub use load::{Loaded, load};
pub use model::{Case, File, Test};
